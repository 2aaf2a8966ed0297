"""A recipe becomes weights; an interrupted run goes on bit for bit."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from clearsight import images, weights
from clearsight.errors import RecipeError, UnknownNameError
from clearsight.images import Picture
from clearsight.training import shipped_recipes, train

pytest.importorskip("lightning")
pytest.importorskip("jsonargparse")

from clearsight.training.patches import Patches, find_images
from clearsight.training.restoration import RestorationTask
from clearsight.training.task import Batch

NETWORKS = {
    "residual-unet": {
        "class_path": "clearsight.restorers.ResidualUNet",
        "init_args": {"channels": 3, "widths": [8, 12], "blocks": [1, 1]},
    },
    "dncnn": {"class_path": "clearsight.restorers.DnCNN", "init_args": {"channels": 3, "depth": 4, "width": 8}},
    "ffdnet": {"class_path": "clearsight.restorers.FFDNet", "init_args": {"channels": 3, "depth": 3, "width": 8}},
}
AVERAGE = {"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.5}}


def textured(path: Path, seed: int, *, side: int = 48, channels: int = 3, dtype: str = "uint8") -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0.1, 0.9, (side // 6, side // 6, channels)).repeat(6, 0).repeat(6, 1)
    images.write(Picture(pixels=images.from_unit(coarse + 0.02 * rng.standard_normal(coarse.shape), dtype)), path)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed in range(7):
        textured(folder / f"{seed}.png", seed)
    return folder


@pytest.fixture
def recipe(tmp_path: Path, photographs: Path) -> Callable[..., Path]:
    """Write a small recipe for a network and return its file."""

    def write(network: str = "residual-unet", *, average: bool = True, **data: Any) -> Path:
        content = {
            "summary": "A small network",
            "model": {
                "class_path": "clearsight.training.restoration.RestorationTask",
                "init_args": {
                    "restorer": NETWORKS[network],
                    "degradation": "gaussian(sigma=5/255..50/255)",
                    "validation": ["gaussian(sigma=25/255)", "gaussian(sigma=40/255)"],
                    "schedule": {"class_path": "clearsight.training.schedules.Cosine", "init_args": {"warmup": 2}},
                },
            },
            "data": {
                "class_path": "clearsight.training.patches.Patches",
                "init_args": {
                    "images": str(photographs),
                    "size": 32,
                    "batch": 2,
                    "epoch": 4,
                    "hold_out": 2,
                    "validation_size": 36,
                    **data,
                },
            },
            "trainer": {"max_steps": 12, "accelerator": "cpu", "callbacks": [AVERAGE] if average else []},
        }
        path = tmp_path / f"{network}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    """Training sets what holds for the whole process; put it back."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)
    torch.set_flush_denormal(False)


# A whole run


def test_a_run_ends_with_weights(recipe: Callable, tmp_path: Path) -> None:
    path = recipe()
    folder = train(str(path), out=tmp_path / "run")
    assert folder == tmp_path / "run/weights"

    model = weights.load(folder)
    assert type(model).__name__ == "ResidualUNet"
    figures = model.figures
    assert (figures["name"], figures["summary"], figures["seed"]) == ("residual-unet", "A small network", 0)
    assert figures["steps"] in (4, 8, 12)
    assert figures["validation"]["images"] == 2
    assert list(figures["validation"]["psnr"]) == ["gaussian(sigma=25/255)", "gaussian(sigma=40/255)"]
    assert all(10 < psnr < 40 for psnr in figures["validation"]["psnr"].values())
    assert abs(figures["validation"]["bfloat16_change"]) < 1
    assert {"date", "machine", "versions", "revision", "seconds"} <= figures.keys()
    assert json.loads((folder / "figures.json").read_text()) == figures

    resolved = yaml.safe_load((tmp_path / "run/recipe.yaml").read_text())
    assert resolved["data"]["init_args"]["epoch"] == 4
    assert resolved["seed_everything"] == 0
    card = (folder / "README.md").read_text()
    assert "# residual-unet" in card
    assert "| `gaussian(sigma=40/255)` |" in card
    assert "max_steps: 12" in card
    assert y_is_changed(model)

    # Run again, it is finished: nothing is trained, and the same is exported.
    exported = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    train(str(path), out=tmp_path / "run")
    assert (folder / "model.safetensors").read_bytes() == exported
    assert weights.load(folder).figures["validation"] == figures["validation"]

    # Another recipe is kept out.
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        train(str(path), ["--data.batch", "3"], out=tmp_path / "run")
    assert yaml.safe_load((tmp_path / "run/recipe.yaml").read_text()) == resolved


def y_is_changed(model: torch.nn.Module) -> bool:
    y = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return bool((model(y) - y).abs().max() > 1e-6)


def test_a_network_that_is_told_sigma(recipe: Callable, tmp_path: Path) -> None:
    model = weights.load(train(str(recipe("ffdnet", average=False)), out=tmp_path / "run"))
    y = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert not model(y, torch.tensor([0.1])).equal(model(y, torch.tensor([0.2])))


# Resuming


class PowerCutError(Exception):
    """Ends a run where nobody expects it."""


def train_for(steps: int, recipe: str, out: Path, error: type[BaseException] = PowerCutError) -> None:
    """Train for so many steps only."""
    whole, seen = RestorationTask.training_step, []

    def training_step(task: RestorationTask, batch: Batch, batch_idx: int) -> Tensor:
        seen.append(batch_idx)
        if len(seen) > steps:
            raise error
        return whole(task, batch, batch_idx)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(RestorationTask, "training_step", training_step)
        with pytest.raises(error):
            train(recipe, out=out)


def newest(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Whether two checkpoints hold the same numbers, to the last bit."""
    if isinstance(a, Tensor):
        return a.equal(b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize(
    ("network", "average", "steps"),
    [("residual-unet", True, [6]), ("dncnn", True, [4, 5]), ("ffdnet", False, [2, 9])],
)
def test_an_interrupted_run_goes_on_bit_for_bit(
    recipe: Callable, tmp_path: Path, network: str, average: bool, steps: list[int]
) -> None:
    path = str(recipe(network, average=average))
    straight = train(path, out=tmp_path / "straight")
    for step in steps:
        train_for(step, path, tmp_path / "resumed")
    resumed = train(path, out=tmp_path / "resumed")

    one, other = newest(tmp_path / "straight"), newest(tmp_path / "resumed")
    assert one["global_step"] == other["global_step"] == 12
    for part in ("state_dict", "optimizer_states", "lr_schedulers", *(["current_model_state"] if average else [])):
        assert same(one[part], other[part]), part
    assert (straight / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()
    assert weights.load(straight).figures["steps"] == weights.load(resumed).figures["steps"]


def test_ctrl_c_is_passed_on(recipe: Callable, tmp_path: Path) -> None:
    train_for(5, str(recipe()), tmp_path / "run", KeyboardInterrupt)
    assert newest(tmp_path / "run")["global_step"] == 4
    assert not (tmp_path / "run/weights").exists()


def test_the_newest_checkpoint_is_kept_beside_the_best(
    recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where validation does not improve any more, a run still goes on from where it was."""
    whole = RestorationTask.validation_step

    def validation_step(task: RestorationTask, batch: Batch, batch_idx: int) -> None:
        whole(task, batch, batch_idx)
        task.log("val/psnr", float(-task.global_step))

    monkeypatch.setattr(RestorationTask, "validation_step", validation_step)
    train_for(10, str(recipe()), tmp_path / "run")
    assert newest(tmp_path / "run")["global_step"] == 8
    model = weights.load(train(str(recipe()), out=tmp_path / "run"))
    assert model.figures["steps"] == 4


def test_the_log_of_an_interrupted_run_is_kept(recipe: Callable, tmp_path: Path) -> None:
    path = str(recipe())
    train_for(6, path, tmp_path / "run")
    train(path, out=tmp_path / "run")
    train(path, out=tmp_path / "run")
    rows = [row for log in (tmp_path / "run").rglob("metrics.csv") for row in csv.DictReader(log.open())]
    assert sum(bool(row["val/psnr"]) for row in rows) == 3


# Patches


def patches(folder: Path, **changes: Any) -> Patches:
    arguments = {"size": 16, "batch": 4, "epoch": 5, "hold_out": 2, "validation_size": 32, **changes}
    data = Patches(images=str(folder), **arguments)
    data.setup("fit")
    return data


def test_patches_depend_on_seed_and_step_alone(photographs: Path) -> None:
    one, same_again, other = patches(photographs), patches(photographs), patches(photographs, seed=1)
    for step in (3, 0, 7):
        assert one.patches(step).equal(same_again.patches(step))
        assert not one.patches(step).equal(other.patches(step))
    assert not one.patches(0).equal(one.patches(1))
    assert not one.patches(0, rank=0).equal(one.patches(0, rank=1))
    assert one.patches(0).shape == (4, 3, 16, 16)
    assert one.patches(0).dtype == torch.uint8


def test_every_step_of_a_run_is_different(recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    cut = Patches.patches

    def patches(data: Patches, step: int, rank: int = 0) -> Tensor:
        steps.append(step)
        return cut(data, step, rank)

    monkeypatch.setattr(Patches, "patches", patches)
    train(str(recipe()), out=tmp_path / "run")
    assert steps == list(range(12))


def test_held_out_images_are_never_trained_on(photographs: Path) -> None:
    data = patches(photographs, size=48)
    assert len(data.train_images) == 5
    assert len(data.validation_images) == 2
    train_set = {image.numpy().tobytes() for image in data.train_images}
    assert not train_set & {image.numpy().tobytes() for image in data.validation_images}
    stored = {images.read(path).pixels.transpose(2, 0, 1).tobytes() for path in find_images(str(photographs))}
    assert train_set < stored
    # A patch as large as the image is the image itself, flipped and turned.
    seen = {turned.numpy().tobytes() for patch in data.patches(0) for turned in turns(patch)}
    assert seen & train_set
    assert not seen & {image.numpy().tobytes() for image in data.validation_images}


def turns(patch: Tensor) -> Iterator[Tensor]:
    for flipped in (patch, patch.flip(2)):
        yield from (flipped.rot90(k, (1, 2)).contiguous() for k in range(4))


def test_patches_are_flipped_and_turned(tmp_path: Path) -> None:
    for i in range(2):
        textured(tmp_path / f"{i}.png", i)
    data = patches(tmp_path, size=48, batch=64, hold_out=1)
    assert len({patch.numpy().tobytes() for patch in data.patches(0)}) == 8


def test_patches_reach_every_corner(tmp_path: Path) -> None:
    for i in range(2):
        images.write(Picture(pixels=np.arange(36, dtype=np.uint8).reshape(6, 6, 1)), tmp_path / f"{i}.png")
    data = patches(tmp_path, size=4, batch=400, hold_out=1, validation_size=6, channels=1)
    assert sorted(data.patches(0).unique().tolist()) == list(range(36))


def test_colour_and_grey(tmp_path: Path) -> None:
    textured(tmp_path / "a.png", 0, channels=3)
    textured(tmp_path / "b.png", 1, channels=1)
    colour = patches(tmp_path, hold_out=1)
    assert colour.validation_images[0].shape == colour.train_images[0].shape == (3, 48, 48)
    grey = patches(tmp_path, hold_out=1, channels=1)
    assert grey.validation_images[0].shape == grey.train_images[0].shape == (1, 48, 48)
    rgb = images.read(tmp_path / "a.png").pixels.astype(float)
    luma = np.rint(rgb @ [0.299, 0.587, 0.114])
    assert np.abs(grey.validation_images[0][0].numpy() - luma).max() <= 1


def test_validation_images_are_centres(photographs: Path) -> None:
    data = patches(photographs, validation_size=20)
    shown = [batch.x[0] for batch in data.val_dataloader()]
    assert [image.shape for image in shown] == [(3, 20, 20)] * 2
    assert shown[0].equal(data.validation_images[0][:, 14:34, 14:34])


def test_images_are_found_below_the_home_of_data(photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photographs)
    monkeypatch.setenv("CLEARSIGHT_DATA", str(photographs.parent))
    assert len(find_images("photographs")) == 7
    with pytest.raises(RecipeError, match="no folder of images 'elsewhere'"):
        find_images("elsewhere")


# What cannot be trained


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["--data.hold_out", "7"], "too few or too small"),
        (["--data.hold_out", "0"], "too few or too small"),
        (["--data.size", "100"], "too few or too small"),
        (["--data.channels", "1"], "takes 3 channels, but the data has 1"),
        (["--data.images", "nowhere"], "no folder of images 'nowhere'"),
        (["--trainer.max_steps", "10"], "multiple of data.epoch"),
        (["--data.nonsense", "3"], "nonsense"),
        (["--model.degradation", "area(scale=2)"], "shrinks 2 times"),
    ],
)
def test_recipes_that_cannot_be_used(recipe: Callable, tmp_path: Path, overrides: list[str], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason) as raised:
        train(str(recipe()), overrides, out=tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_recipes_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'denoise-color'"):
        train("denoise-colour", out=tmp_path / "run")
    with pytest.raises(RecipeError, match="no recipe file"):
        train("denoise.yaml", out=tmp_path / "run")


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_parse(name: str, photographs: Path, tmp_path: Path) -> None:
    """All but the data is as it is shipped; that there are no images to train on is said last."""
    (tmp_path / "bare").mkdir()
    with pytest.raises(Exception, match="holds no images"):
        train(name, ["--data.images", str(tmp_path / "bare"), "--trainer.accelerator", "cpu"], out=tmp_path / "run")
