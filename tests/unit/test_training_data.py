"""What trainings are made of: images of every kind, targets, and what a restorer takes besides."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight import images
from clearsight.contracts import Batch, Input, Sample, Traits
from clearsight.datasets import Drawings
from clearsight.errors import InvalidArgumentError, RecipeError
from clearsight.images import Picture
from clearsight.metrics import psnr
from clearsight.registry import RESTORERS, Entry
from clearsight.restorers.padding import restored
from clearsight.training import train

pytest.importorskip("lightning")

from clearsight.training.crops import RandomCrops, RandomResizedCrops
from clearsight.training.data import Data, WholeImages
from clearsight.training.fitting import fit
from clearsight.training.patches import Patches
from clearsight.training.restoration import RestorationTask
from stand_ins import rand, seeded

# Patches


def draw(path: Path, seed: int, height: int = 24, width: int = 24, *, dtype: str = "uint8", channels: int = 3) -> None:
    drawn = np.random.default_rng(seed).random((height, width, channels))
    images.write(Picture(pixels=images.from_unit(drawn, dtype)), path)


def patches(folder: Path, **changes: Any) -> Patches:
    data = Patches(images=str(folder), **{"size": 16, "batch": 8, "epoch": 2, "validation_size": 20, **changes})
    data.setup("fit")
    return data


def numbered(folder: Path, count: int) -> None:
    """Grey images, each of its own number."""
    for i in range(count):
        images.write(Picture(pixels=np.full((16, 16, 1), i, np.uint8)), folder / f"{i:03}.png")


def held(data: Patches) -> list[int]:
    return [int(image[0, 0, 0]) for image in data.validation_images]


def test_bits_of_patches_do_not_change(tmp_path: Path) -> None:
    """As many images as the shipped recipes train on; the hash is that of before other images were taken."""
    for i in range(432):
        pixels = np.random.default_rng(i).integers(0, 256, (26 + i % 3, 24 + i % 5, 3), dtype=np.uint8)
        images.write(Picture(pixels=pixels), tmp_path / f"{i:03}.png")
    data, found = patches(tmp_path, batch=24, seed=1), hashlib.sha256()
    for batch in (data.draw(0), data.draw(7), *data.held_out()):
        found.update(batch.x.numpy().tobytes())
    assert found.hexdigest() == "b3b396f6aa608198d768c4f07da582d2f07d707a78d1e1e3746dbff29d5af19d"


@pytest.mark.parametrize(
    ("count", "hold_out", "expected"),
    [
        (16, None, [0, 4, 8, 12]),
        (50, None, [0, 4, 8, 12, 16, 20, 25, 29, 33, 37, 41, 45]),
        (60, None, list(range(0, 60, 5))),
        (7, None, [0]),
        (2, None, [0]),
        (16, 12, [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]),
        (7, 3, [0, 2, 4]),
    ],
)
def test_held_out_images_are_spread_evenly(
    tmp_path: Path, count: int, hold_out: int | None, expected: list[int]
) -> None:
    numbered(tmp_path, count)
    data = patches(tmp_path, hold_out=hold_out)
    assert held(data) == expected
    assert len(data.train_images) == count - len(expected)


def test_small_images_are_said_and_reflected(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for i in range(40):
        side = 40 if i >= 35 else 5 + i % 4
        draw(tmp_path / f"{i:02}.png", i, side, side + 2)
    data = patches(tmp_path)
    assert capfd.readouterr().err.splitlines() == [
        "26 of 30 training images are smaller than 16×16: enlarged by reflection",
        "9 of 10 held-out images are smaller than 20×20: validated on whole",
    ]
    assert (len(data.train_images), len(data.validation_images)) == (30, 10)
    assert data.draw(0).x.shape == (8, 3, 16, 16)
    small = torch.from_numpy(images.read(tmp_path / "01.png").pixels).movedim(-1, 0)  # 6×8
    reflected = np.pad(small.numpy(), ((0, 0), (0, 10), (0, 8)), mode="reflect")
    assert data.train_images[0].numpy().tobytes() == reflected.tobytes()
    assert {tuple(batch.x.shape[2:]) for batch in data.held_out()} == {(16, 16), (20, 20)}


@pytest.mark.parametrize("channels", [1, 3])
def test_drawings_are_trained_on_beside_the_images(tmp_path: Path, channels: int) -> None:
    """They are not held out, are the same every time, and no two are alike."""
    numbered(tmp_path, 8)
    data, again = (patches(tmp_path, channels=channels, drawings=3) for _ in range(2))
    drawn = data.train_images[-3:]
    assert {image.shape for image in drawn} == {(channels, 256, 256)}
    assert all(image.dtype == torch.uint8 and len(image.unique()) > 1 for image in drawn)
    assert all(torch.equal(*pair) for pair in zip(drawn, again.train_images[-3:], strict=True))
    assert not torch.equal(drawn[0], drawn[1])
    assert len(held(data)) == 2


def test_there_are_as_many_drawings_as_asked_for() -> None:
    drawings = Drawings(count=2, size=16)
    assert len(list(drawings)) == len(drawings) == 2
    with pytest.raises(InvalidArgumentError, match="at least 1, got 0 and 256"):
        Drawings(count=0)


def test_16_bits_and_floats_are_trained_on(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", 0, dtype="uint8")
    draw(tmp_path / "b.png", 1, dtype="uint16")
    draw(tmp_path / "c.tif", 2, dtype="float32", channels=1)
    dim = np.random.default_rng(3).integers(100, 400, (24, 24, 1)).astype(np.uint16)
    images.write(Picture(pixels=dim), tmp_path / "d.tif")
    data = patches(tmp_path, batch=40)
    assert [image.dtype for image in data.validation_images] == [torch.uint8]
    assert [image.dtype for image in data.train_images] == [torch.float32] * 3
    for name, image in zip(("b.png", "c.tif", "d.tif"), data.train_images, strict=True):
        expected = torch.from_numpy(images.as_unit(images.read(tmp_path / name).colour)).movedim(-1, 0)
        assert image.equal(expected.expand(3, -1, -1))
    assert data.train_images[2].mean() > 0.3
    assert data.draw(0).x.dtype == torch.float32
    grey = patches(tmp_path, channels=1)
    assert grey.train_images[0].shape == (1, 24, 24)
    luma = (data.train_images[0].double() * torch.tensor([0.299, 0.587, 0.114]).double()[:, None, None]).sum(0)
    torch.testing.assert_close(grey.train_images[0][0].double(), luma, atol=1e-6, rtol=0)


def test_batches_of_8_bits_and_of_floats_are_on_one_scale(tmp_path: Path) -> None:
    for i, dtype in enumerate(("uint8", "uint8", "float32")):
        images.write(Picture(pixels=images.from_unit(np.full((20, 20, 3), 0.2), dtype)), tmp_path / f"{i}.tif")
    drawn = patches(tmp_path, batch=40).draw(0)
    assert drawn.x.dtype == torch.float32
    torch.testing.assert_close(drawn.scaled().x, torch.full((40, 3, 16, 16), 0.2))


def test_what_cannot_be_read_is_named_and_left_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for i in range(8):
        draw(tmp_path / f"{i}.png", i)
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:200])
    (tmp_path / "5.jpg").write_bytes(b"no image")
    data = patches(tmp_path)
    lines = capfd.readouterr().err.splitlines()
    assert [
        line.startswith("left out: ") and name in line for line, name in zip(lines, ("3.png", "5.jpg"), strict=True)
    ]
    assert len(data.train_images) + len(data.validation_images) == 7


def test_no_usable_image_is_one_sentence(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"no image")
    with pytest.raises(RecipeError, match="has 0 images that can be read: too few") as raised:
        patches(tmp_path)
    assert "\n" not in str(raised.value)


# Targets and inputs


class Scenes:
    """Images with a target, a mask on them, a value and samples of their own; classes of pixels, if asked for.

    Everything is told by where it lies: the target is 1 − x, the mask marks where x is above ½.
    """

    classes = ("dark", "bright")

    def __init__(self, *, count: int = 5, sizes: int = 3, exact: bool = True, channels: int = 2, label: Any = None):
        self.count, self.sizes, self.exact, self.channels, self.label = count, sizes, exact, channels, label

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        x = torch.rand(self.channels, 20 + 2 * (index % self.sizes), 24, generator=seeded(index))
        x = (255 * x).round() / 255 if self.exact else x
        return Sample(
            name=str(index),
            x=x,
            label=(x[0] > 0.5).long() if self.label == "pixels" else self.label,
            target=1 - x,
            inputs={
                "mask": (x[:1] > 0.5).float(),
                "marked": x[:1] > 0.5,
                "exposure": torch.tensor(float(index)),
                "spectrum": torch.full((2, 20, 24), float(index)),
            },
        )


SPECTRUM = Input(name="spectrum", kind="whole")


def data_of(kind: str, dataset: Scenes, **options: Any) -> Data:
    classes = {"crops": RandomCrops, "fitted": RandomCrops, "zoomed": RandomResizedCrops, "whole": WholeImages}
    arguments: dict[str, Any] = {
        "crops": {"size": 10, "batch": 30},
        "fitted": {"size": 16, "fit": True, "batch": 30},
        "zoomed": {"size": [10, 12], "batch": 30, "zoom": [1, 1]},
        "whole": {"shift": 2, "flip": True, "batch": 30},
    }[kind]
    data = classes[kind](train=dataset, validation=dataset, epoch=1, **{**arguments, **options})
    data.declared = (SPECTRUM,)
    data.setup("fit")
    return data


def dataset_for(kind: str, **options: Any) -> Scenes:
    options = {"sizes": 1, **options} if kind == "whole" else options
    return Scenes(label="pixels" if kind == "zoomed" else None, **options)


def goes_together(batch: Batch, *, moved: bool = False) -> bool:
    """Whether the target is 1 − x and the mask where x is above ½; what was shifted in from outside is all 0."""
    inside = (batch.x + batch.target > 0.5).all(1, keepdim=True)
    target = torch.where(inside, 1 - batch.x, 0.0)
    mask = batch.x[:, :1] > 0.5
    return bool(
        (batch.target - target).abs().max() < 1e-6
        and batch.inputs["mask"].equal(mask.float())
        and batch.inputs["marked"].equal(mask)
        and (moved or bool(inside.all()))
    )


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", ["crops", "zoomed", "whole"])
def test_targets_and_maps_are_cut_with_the_image(kind: str, exact: bool) -> None:
    data = data_of(kind, dataset_for(kind, exact=exact))
    for batch in (data.draw(0), data.draw(3), *data.held_out()):
        assert batch.x.dtype == batch.target.dtype == (torch.uint8 if exact else torch.float32)
        scaled = batch.scaled()
        assert scaled.x.dtype == torch.float32
        assert goes_together(scaled, moved=kind == "whole")
        assert scaled.reference is scaled.target
        numbers = torch.tensor([float(name) for name in batch.names])
        assert scaled.inputs["exposure"].equal(numbers)
        assert scaled.inputs["spectrum"].equal(numbers[:, None, None, None].expand(-1, 2, 20, 24))
    assert len({image.numpy().tobytes() for image in data.draw(0).x}) > 5
    assert data.channels == 2


@pytest.mark.parametrize(("kind", "options"), [("fitted", {}), ("zoomed", {"zoom": [2, 2], "size": [20, 24]})])
@pytest.mark.parametrize("exact", [True, False])
def test_targets_and_maps_are_resized_with_the_image(kind: str, options: dict[str, Any], exact: bool) -> None:
    batch = data_of(kind, dataset_for(kind, exact=exact), **options).draw(0).scaled()
    assert batch.target.shape == batch.x.shape
    assert (batch.target + batch.x - 1).abs().max() < (1.5 / 255 if exact else 1e-5)
    assert batch.inputs["mask"].shape[2:] == batch.inputs["marked"].shape[2:] == batch.x.shape[2:]
    assert 0 < batch.inputs["mask"].mean() < 1
    assert batch.inputs["marked"].dtype == torch.bool


def test_targets_are_lit_with_the_image() -> None:
    for exact in (True, False):
        batch = data_of("zoomed", dataset_for("zoomed", exact=exact), light=0.5).draw(0).scaled()
        plain = data_of("zoomed", dataset_for("zoomed", exact=exact)).draw(0).scaled()
        gains = (batch.x / plain.x).flatten(1).nanmedian(1).values[:, None, None, None]
        assert gains.std() > 0.1
        lit = (gains * plain.target).clamp(max=1) if exact else gains * plain.target
        torch.testing.assert_close(batch.target, lit, atol=0.02, rtol=0)


def test_floats_are_held_as_they_are() -> None:
    dataset = Scenes(exact=False, sizes=1)
    held = data_of("whole", dataset, shift=0, flip=False).held_out()[0]
    assert held.x.equal(torch.stack([dataset[i].x for i in range(5)]))


def test_a_map_is_what_is_declared_or_else_what_has_the_size_of_the_image() -> None:
    dataset = Scenes(sizes=1)
    data = RandomCrops(train=dataset, validation=dataset, size=10, batch=4)
    data.setup("fit")
    assert data.draw(0).inputs["spectrum"].shape == (4, 2, 10, 10)
    assert data_of("crops", dataset).draw(0).inputs["spectrum"].shape == (30, 2, 20, 24)


class Changed(Scenes):
    """One of the scenes is another than the others."""

    def __init__(self, **changes: Any):
        super().__init__(sizes=1)
        self.changes = changes

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if index != 3:
            return sample
        fields = {name: getattr(sample, name) for name in ("name", "x", "label", "target", "inputs")}
        return Sample(**{**fields, **self.changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": None}, "but 3 has 2 channels, exposure"),
        ({"target": rand(2, 5, 24)}, "the target of 3 is 2×5×24, the image 2×20×24"),
        ({"inputs": {}}, "but 3 has 2 channels, a target of 2 and 0 2 channels, a target of 2, exposure of one value"),
        ({"x": rand(3, 20, 24)}, "but 3 has 3 channels"),
    ],
)
@pytest.mark.parametrize("kind", ["crops", "whole"])
def test_samples_that_do_not_go_together(kind: str, changes: dict[str, Any], says: str) -> None:
    if kind == "whole" and "x" in changes:
        says = "takes images of one size"
    with pytest.raises(RecipeError, match=says):
        data_of(kind, Changed(**changes))


def test_bytes_of_a_batch_are_intensities_and_nothing_else_is() -> None:
    numbers = {
        "mask": torch.ones(1, 1, 2, 2, dtype=torch.bool),
        "count": torch.tensor([7]),
        "level": torch.tensor([0.5]),
    }
    x = torch.full((1, 1, 2, 2), 51, dtype=torch.uint8)
    batch = Batch(x, inputs={**numbers, "map": x}).scaled()
    assert all(batch.inputs[name] is value for name, value in numbers.items())
    torch.testing.assert_close(batch.inputs["map"], torch.full((1, 1, 2, 2), 0.2))


def same(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b is None or bool(a is not None and b is not None and a.equal(b))


@pytest.mark.parametrize("kind", ["crops", "zoomed", "whole"])
def test_targets_and_inputs_do_not_change_what_is_drawn(kind: str) -> None:
    class Plain(Scenes):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return Sample(name=sample.name, x=sample.x, label=sample.label)

    whole = dataset_for(kind)
    plain = Plain(sizes=whole.sizes, label=whole.label)
    for step in (0, 4):
        one, other = data_of(kind, whole).draw(step), data_of(kind, plain).draw(step)
        assert same(one.x, other.x)
        assert same(one.labels, other.labels)


# A network with a mask


class Masked(nn.Module, PyTorchModelHubMixin):
    """Where the mask is set a convolution of the image, elsewhere the image; it has seen what came."""

    def __init__(self, *, channels: int = 2) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.seen: list[dict[str, Tensor | None]] = []
        self.traits = Traits(
            channels=channels,
            multiple=4,
            receptive_radius=1,
            inputs=(Input(name="mask"), Input(name="exposure", kind="value", required=False), SPECTRUM),
        )

    def forward(
        self,
        y: Tensor,
        sigma: Tensor | None = None,
        *,
        mask: Tensor,
        spectrum: Tensor,
        exposure: Tensor | None = None,
    ) -> Tensor:
        self.seen.append({"y": y.detach(), "mask": mask, "exposure": exposure, "spectrum": spectrum})
        return torch.where(mask > 0.5, self.convolution(y), y)


def masked_task() -> RestorationTask:
    torch.manual_seed(0)
    return RestorationTask(restorer=Masked(), degradation="gaussian(sigma=0.1)", validation=["gaussian(sigma=0.1)"])


def test_inputs_reach_the_network_and_the_target_is_what_is_learned() -> None:
    task, data = masked_task(), data_of("crops", Scenes())
    batch = data.draw(0).scaled()
    loss = task.objective(batch, seeded())
    seen = task.network.seen[0]
    assert seen["mask"].shape == (30, 1, 12, 12)  # padded to the multiple, as the image is
    assert seen["mask"][..., :10, :10].equal(batch.inputs["mask"])
    assert seen["exposure"].equal(batch.inputs["exposure"])
    assert seen["spectrum"].equal(batch.inputs["spectrum"])
    y = task.degradation(batch.x, generator=seeded())
    assert seen["y"][..., :10, :10].equal(y)
    x_hat = restored(task.network, y, inputs=batch.inputs)
    assert loss.item() == pytest.approx((x_hat - batch.target).abs().mean().item(), rel=1e-6)
    assert loss.item() != pytest.approx((x_hat - batch.x).abs().mean().item(), rel=0.1)
    wanted = psnr(task.validated(batch, task.validation[0], 0), batch.target)
    assert task.scores(batch, 0)["psnr"]["gaussian(sigma=0.1)"].equal(wanted)


class Bare(Scenes):
    """Without a mask, or with one of three channels."""

    def __init__(self, *, mask: int = 0) -> None:
        super().__init__()
        self.mask = mask

    def __getitem__(self, index: int) -> Sample:
        whole = super().__getitem__(index)
        inputs = {name: value for name, value in whole.inputs.items() if name != "mask"}
        mask = {"mask": whole.inputs["mask"].expand(self.mask, -1, -1)} if self.mask else {}
        return Sample(name=whole.name, x=whole.x, label=None, inputs={**inputs, **mask})


@pytest.mark.parametrize(
    ("train_on", "validate_on", "says"),
    [
        (Bare(), Scenes(), "the restorer takes mask beside the image, but the data brings marked, exposure, spectrum"),
        (Scenes(), Bare(), "the restorer takes mask beside the image"),
        (Bare(mask=3), Bare(mask=3), "the restorer takes mask of 1 channels, but the data has 3"),
    ],
)
def test_what_the_data_does_not_bring_is_said_before_training(
    tmp_path: Path, train_on: Scenes, validate_on: Scenes, says: str
) -> None:
    data = RandomCrops(train=train_on, validation=validate_on, size=10, batch=2, epoch=2)
    with pytest.raises(RecipeError, match=says) as raised:
        fit(masked_task(), data, out=tmp_path / "run", recipe="", steps=2, accelerator="cpu")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def masked_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe for the network and the scenes, which it names by their import path."""
    monkeypatch.setitem(RESTORERS._entries, "masked", Entry("masked", Masked, {}))
    scenes = {"class_path": f"{__name__}.Scenes", "init_args": {"count": 5}}
    content = {
        "summary": "Scenes with a mask",
        "model": {
            "class_path": "clearsight.training.RestorationTask",
            "init_args": {
                "restorer": {"class_path": f"{__name__}.Masked"},
                "degradation": "gaussian(sigma=0.1)",
                "validation": ["gaussian(sigma=0.1)"],
                "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.02}},
                "schedule": {"class_path": "clearsight.training.Cosine", "init_args": {"warmup": 2}},
            },
        },
        "data": {
            "class_path": "clearsight.training.RandomCrops",
            "init_args": {"train": scenes, "validation": scenes, "size": 10, "batch": 4, "epoch": 4},
        },
        "trainer": {"max_steps": 12, "accelerator": "cpu"},
    }
    path = tmp_path / "masked.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_recipe_trains_with_targets_and_inputs_and_goes_on_bit_for_bit(masked_recipe: Path, tmp_path: Path) -> None:
    def state(run: str) -> dict[str, Any]:
        return torch.load(tmp_path / run / "checkpoints/last.ckpt", weights_only=True)

    train(str(masked_recipe), out=tmp_path / "straight")
    with pytest.MonkeyPatch.context() as patch:
        step = RestorationTask.training_step
        count = []

        def training_step(task: RestorationTask, batch: Batch, batch_idx: int) -> Tensor:
            count.append(batch_idx)
            if len(count) > 6:
                raise InterruptedError
            return step(task, batch, batch_idx)

        patch.setattr(RestorationTask, "training_step", training_step)
        with pytest.raises(InterruptedError):
            train(str(masked_recipe), out=tmp_path / "resumed")
    assert state("resumed")["global_step"] == 4
    train(str(masked_recipe), out=tmp_path / "resumed")
    one, other = state("straight"), state("resumed")
    assert one["global_step"] == other["global_step"] == 12
    assert one["state_dict"].keys() == other["state_dict"].keys()
    assert all(value.equal(other["state_dict"][name]) for name, value in one["state_dict"].items())
