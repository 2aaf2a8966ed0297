"""A recipe becomes weights; an interrupted run goes on bit for bit."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from clearsight import images, weights
from clearsight.contracts import VOID, Sample
from clearsight.datasets import ImageFolder
from clearsight.errors import ClearsightError, ImageReadError, InvalidArgumentError, RecipeError, UnknownNameError
from clearsight.images import Picture
from clearsight.objectives import SegmentationLoss
from clearsight.recognizers import MLP, SegmentationNet
from clearsight.training import shipped_recipes, train
from stand_ins import CLASSES, SIDE

pytest.importorskip("lightning")
pytest.importorskip("jsonargparse")

from clearsight.contracts import Batch
from clearsight.training.crops import RandomResizedCrops
from clearsight.training.data import WholeImages
from clearsight.training.muon import Muon, orthogonalized
from clearsight.training.patches import Patches, find_images
from clearsight.training.recognition import RecognitionTask
from clearsight.training.restoration import RestorationTask
from clearsight.training.schedules import Cosine, Plateau, Schedule, Staircase
from clearsight.training.task import Task

pytestmark = pytest.mark.usefixtures("unchanged")

NETWORKS = {
    "residual-unet": {
        "class_path": "clearsight.restorers.ResidualUNet",
        "init_args": {"channels": 3, "widths": [8, 12], "blocks": [1, 1]},
    },
    "dncnn": {"class_path": "clearsight.restorers.DnCNN", "init_args": {"channels": 3, "depth": 4, "width": 8}},
    "ffdnet": {"class_path": "clearsight.restorers.FFDNet", "init_args": {"channels": 3, "depth": 3, "width": 8}},
}
MUON = {"class_path": "clearsight.training.Muon", "init_args": {"lr": 0.02}}
AVERAGE = {"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.5}}


def folder(root: Path, part: str | None = None) -> dict[str, Any]:
    """A folder of classes, as a recipe names it."""
    return {"class_path": "clearsight.datasets.ImageFolder", "init_args": {"root": str(root), "part": part}}


def textured(path: Path, seed: int, *, side: int = 48, channels: int = 3, dtype: str = "uint8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
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

    def write(network: str = "residual-unet", *, average: bool = True, muon: bool = False, **data: Any) -> Path:
        content = {
            "summary": "A small network",
            "model": {
                "class_path": "clearsight.training.RestorationTask",
                "init_args": {
                    "restorer": NETWORKS[network],
                    "degradation": "gaussian(sigma=5/255..50/255)",
                    "validation": ["gaussian(sigma=25/255)", "gaussian(sigma=40/255)"],
                    "schedule": {"class_path": "clearsight.training.Cosine", "init_args": {"warmup": 2}},
                    **({"optimizer": MUON} if muon else {}),
                },
            },
            "data": {
                "class_path": "clearsight.training.Patches",
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


def train_for(
    steps: int, recipe: str, out: Path, error: type[BaseException] = PowerCutError, overrides: Sequence[str] = ()
) -> None:
    """Train for so many steps only."""
    whole, seen = Task.training_step, []

    def training_step(task: Task, batch: Batch, batch_idx: int) -> Tensor:
        seen.append(batch_idx)
        if len(seen) > steps:
            raise error
        return whole(task, batch, batch_idx)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Task, "training_step", training_step)
        with pytest.raises(error):
            train(recipe, overrides, out=out)


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
    ("network", "average", "muon", "steps"),
    [
        ("residual-unet", True, False, [6]),
        ("dncnn", True, False, [4, 5]),
        ("ffdnet", False, False, [2, 9]),
        ("residual-unet", False, True, [7]),
    ],
)
def test_an_interrupted_run_goes_on_bit_for_bit(
    recipe: Callable, tmp_path: Path, network: str, average: bool, muon: bool, steps: list[int]
) -> None:
    path = str(recipe(network, average=average, muon=muon))
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
    assert sys.float_info.min / 2 > 0  # denormal numbers are as they were
    assert not (tmp_path / "run/weights").exists()


def test_training_leaves_denormal_numbers_as_they_were(recipe: Callable, tmp_path: Path) -> None:
    train(str(recipe()), out=tmp_path / "run")
    assert sys.float_info.min / 2 > 0


def test_the_newest_checkpoint_is_kept_beside_the_best(
    recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where validation does not improve any more, a run still goes on from where it was."""

    def figure(task: RestorationTask, metric: str, values: Tensor) -> Tensor:
        return torch.tensor(float(-task.global_step))

    monkeypatch.setattr(RestorationTask, "figure", figure)
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


# Longer and shorter


PLATEAU = {"class_path": "clearsight.training.Plateau", "init_args": {"warmup": 2, "decay": 4}}
STAIRCASE = {"class_path": "clearsight.training.Staircase", "init_args": {"every": 8}}


def scheduled(path: Path, schedule: dict[str, Any] | None) -> str:
    """The recipe with another schedule."""
    content = yaml.safe_load(path.read_text())
    if schedule:
        content["model"]["init_args"]["schedule"] = schedule
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rate of each step that is taken."""
    rates: list[float] = []
    whole = Task.training_step

    def training_step(task: Task, batch: Batch, batch_idx: int) -> Tensor:
        rates.append(task.optimizers().param_groups[0]["lr"])
        return whole(task, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", training_step)
    return rates


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [(None, Cosine(warmup=2)), (PLATEAU, Plateau(warmup=2, decay=4)), (STAIRCASE, Staircase(every=8))],
)
def test_a_finished_run_is_made_longer(
    recipe: Callable,
    tmp_path: Path,
    seen: list[float],
    capfd: pytest.CaptureFixture[str],
    schedule: dict[str, Any] | None,
    factor: Schedule,
) -> None:
    path, out = scheduled(recipe(), schedule), tmp_path / "run"
    train(path, out=out)
    assert "goes on" not in capfd.readouterr().err
    train(path, ["--trainer.max_steps", "24"], out=out)
    said = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("step ")]
    assert said == [f"{out} goes on from step 12 to step 24, not 12: the schedule is that of 24 steps"]
    assert seen == pytest.approx([0.001 * factor(step, 12 if step < 12 else 24) for step in range(24)])
    assert newest(out)["global_step"] == 24
    assert yaml.safe_load((out / "recipe.yaml").read_text())["trainer"]["max_steps"] == 24
    # It is as long as that now: the same command has nothing to do, and what it has reached is the least.
    train(path, ["--trainer.max_steps", "24"], out=out)
    assert (len(seen), capfd.readouterr().err) == (24, "")
    with pytest.raises(RecipeError, match=r"is at step 24 already: trainer\.max_steps must be that or more, got 12"):
        train(path, out=out)


@pytest.mark.parametrize("average", [True, False])
def test_on_the_plateau_a_run_of_any_length_is_the_same(recipe: Callable, tmp_path: Path, average: bool) -> None:
    path = scheduled(recipe(average=average), PLATEAU)
    train(path, ["--trainer.max_steps", "24"], out=tmp_path / "straight")
    train_for(9, path, tmp_path / "longer")
    train(path, ["--trainer.max_steps", "24"], out=tmp_path / "longer")
    one, other = newest(tmp_path / "straight"), newest(tmp_path / "longer")
    assert one["global_step"] == other["global_step"] == 24
    for part in ("state_dict", "optimizer_states", *(["current_model_state", "averaging_state"] if average else [])):
        assert same(one[part], other[part]), part
    assert (tmp_path / "straight/weights/model.safetensors").read_bytes() == (
        tmp_path / "longer/weights/model.safetensors"
    ).read_bytes()


def test_a_finished_run_without_decay_goes_on_bit_for_bit(recipe: Callable, tmp_path: Path) -> None:
    """Also the average of the weights, though the network has them when a run ends."""
    path = scheduled(recipe(), {**PLATEAU, "init_args": {"warmup": 2, "decay": 0}})
    train(path, ["--trainer.max_steps", "24"], out=tmp_path / "straight")
    train(path, out=tmp_path / "longer")
    train(path, ["--trainer.max_steps", "24"], out=tmp_path / "longer")
    one, other = newest(tmp_path / "straight"), newest(tmp_path / "longer")
    for part in ("state_dict", "current_model_state", "averaging_state", "optimizer_states"):
        assert same(one[part], other[part]), part


def test_a_run_is_ended_early(recipe: Callable, tmp_path: Path, seen: list[float]) -> None:
    path, out = scheduled(recipe(), PLATEAU), tmp_path / "run"
    train_for(9, path, out, overrides=["--trainer.max_steps", "400"])
    model = weights.load(train(path, out=out))
    assert newest(out)["global_step"] == 12
    assert seen[-4:] == pytest.approx([0.001, 0.00075, 0.0005, 0.00025])
    assert model.figures["steps"] in (4, 8, 12)


def test_the_average_is_what_is_validated_and_kept_at_every_moment(recipe: Callable, tmp_path: Path) -> None:
    train_for(6, scheduled(recipe(), PLATEAU), tmp_path / "run")
    kept = newest(tmp_path / "run")
    assert not same(kept["state_dict"], kept["current_model_state"])
    best = torch.load(tmp_path / "run/checkpoints/best.ckpt", weights_only=True)
    assert same(best["state_dict"], kept["state_dict"])


def test_every_other_change_is_refused(recipe: Callable, tmp_path: Path) -> None:
    path = str(recipe())
    train_for(5, path, tmp_path / "run")
    for change in (["--seed_everything", "3"], ["--trainer.gradient_clip_val", "2"], ["--model.seed", "1"]):
        with pytest.raises(RecipeError, match="holds a run of another recipe"):
            train(path, [*change, "--trainer.max_steps", "24"], out=tmp_path / "run")


def test_a_run_from_before_a_setting_was_there_goes_on(recipe: Callable, tmp_path: Path) -> None:
    """What it kept lacks the setting, or says what is left open by now."""
    content = yaml.safe_load(recipe().read_text())
    del content["data"]["init_args"]["hold_out"]
    path = tmp_path / "open.yaml"
    path.write_text(yaml.safe_dump(content))
    train_for(5, str(path), tmp_path / "run")
    kept = tmp_path / "run/recipe.yaml"
    older = yaml.safe_load(kept.read_text())
    del older["model"]["init_args"]["restorer"]["init_args"]["bias"]
    older["data"]["init_args"]["hold_out"] = 12
    kept.write_text(yaml.safe_dump(older))
    train(str(path), out=tmp_path / "run")
    assert newest(tmp_path / "run")["global_step"] == 12
    older["data"]["init_args"]["hold_out"] = 3
    for text in (yaml.safe_dump(older), "budget: 3\nseed: 0\n", "nothing: [", ""):
        kept.write_text(text)
        with pytest.raises(RecipeError, match="holds a run of another recipe"):
            train(str(path), out=tmp_path / "run")
        assert kept.read_text() == text


def test_pixels_are_counted(recipe: Callable, tmp_path: Path) -> None:
    path = str(recipe())
    train_for(6, path, tmp_path / "run")
    folder = train(path, out=tmp_path / "run")
    figures = weights.load(folder).figures
    assert figures["pixels"] == figures["steps"] * 2 * 32**2
    assert [line[:2] for line in figures["record"]] == [[step, step * 2 * 32**2] for step in (4, 8, 12)]
    assert max(line[3] for line in figures["record"]) == pytest.approx(
        np.mean([*figures["validation"]["psnr"].values()]), abs=0.01
    )
    assert f"steps on {figures['pixels'] / 1e6:.1f} megapixels, seed 0" in (folder / "README.md").read_text()
    assert newest(tmp_path / "run")["callbacks"]["Stopwatch"]["pixels"] == 12 * 2 * 32**2


def test_a_plateau_ends_in_its_decay() -> None:
    linear, root = Plateau(warmup=4, decay=8), Plateau(warmup=4, decay=8, shape="sqrt")
    assert [linear(step, 100) for step in (0, 3, 4, 50, 92)] == [0.25, 1, 1, 1, 1]
    assert [linear(step, 100) for step in (93, 96, 99, 100)] == [0.875, 0.5, 0.125, 0]
    assert [root(step, 100) for step in (92, 94, 100)] == [1, 0.5, 0]
    assert Plateau(warmup=0, decay=0)(0, 1) == Plateau(warmup=0, decay=0)(1, 1) == 1
    assert Plateau(warmup=4, decay=8)(0, 8) == 0.25
    with pytest.raises(InvalidArgumentError, match="0 or more, got -1 and 5"):
        Plateau(warmup=-1, decay=5)


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
    assert one.patches(0).shape == (4, 3, 16, 16)
    assert one.patches(0).dtype == torch.uint8


def test_patches_are_cut_where_the_images_are_held(photographs: Path) -> None:
    data = patches(photographs)
    assert data.patches(0).device.type == "cpu"
    data.hold(torch.device("meta"))
    assert data.patches(0).device.type == "meta"
    assert data.patches(0).shape == (4, 3, 16, 16)


def test_every_step_of_a_run_is_different(recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    cut = Patches.patches

    def patches(data: Patches, step: int) -> Tensor:
        steps.append(step)
        return cut(data, step)

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
        (["--data.hold_out", "7"], "has 7 images that can be read: too few to train on some and to hold out 7"),
        (["--data.hold_out", "0"], "to hold out 0"),
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


@pytest.mark.parametrize(
    "name", [n for n in shipped_recipes() if not n.startswith(("guided-", "separate-", "retrained-"))]
)
def test_shipped_recipes_parse(name: str, tmp_path: Path) -> None:
    """All but the data is as it is shipped; what is wrong with the images to train on is said last."""
    (tmp_path / "bare").mkdir()
    textured(tmp_path / "classes/a/0.png", 0)
    on_patches = "images" in yaml.safe_load(shipped_recipes()[name].read_text())["data"]["init_args"]
    colourful = json.dumps(folder(tmp_path / "classes"))
    data = {"images": str(tmp_path / "bare")} if on_patches else {"train": colourful, "validation": colourful}
    overrides = [text for key, value in data.items() for text in (f"--data.{key}", value)]
    start = yaml.safe_load(shipped_recipes()[name].read_text())["model"]["init_args"].get("start")
    if isinstance(start, str) and start not in {stored.name for stored in weights.shipped()}:
        overrides += ["--model.start", "denoise-color"]
    unfit = "takes 1 channels, but the data has 3|tells 1[01] classes apart, the labels have 1|a class for each pixel"
    unfit += "|have no targets|has no text|have no texts"
    with pytest.raises(ClearsightError, match="holds no images" if on_patches else unfit):
        train(name, [*overrides, "--trainer.accelerator", "cpu"], out=tmp_path / "run")


@pytest.mark.parametrize("name", shipped_recipes())
def test_recipes_say_their_weight_decay(name: str) -> None:
    """Unsaid it is that of the default optimizer, 0.01, whatever the optimizer."""
    optimizer = yaml.safe_load(shipped_recipes()[name].read_text())["model"]["init_args"]["optimizer"]
    assert "weight_decay" in optimizer["init_args"]


# Recognizers, on whole images


RECOGNIZERS = {
    "mlp": {"class_path": "clearsight.recognizers.MLP", "init_args": {"size": [SIDE, SIDE], "hidden": [16, 16]}},
    "digit-net": {"class_path": "clearsight.recognizers.DigitNet", "init_args": {"widths": [4, 6]}},
}

GREY = {
    **NETWORKS["residual-unet"],
    "init_args": {**NETWORKS["residual-unet"]["init_args"], "channels": 1},  # type: ignore[dict-item]
}
RESTORERS = {
    "cnn-cnn": {  # with dropout
        "class_path": "clearsight.restorers.ConvAutoencoder",
        "init_args": {"size": [SIDE, SIDE], "code": 4},
    }
}


@pytest.fixture
def whole_recipe(tmp_path: Path, bars: Path) -> Callable[..., Path]:
    """Write a small recipe for a recognizer, or with ``restorer`` for a restorer, on whole images."""

    def write(name: str = "mlp", *, muon: bool = False, restorer: bool = False) -> Path:
        network = RESTORERS.get(name, GREY) if restorer else RECOGNIZERS[name]
        arguments = {**network["init_args"], **({} if restorer else {"classes": CLASSES})}
        optimizer = MUON if muon else {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}}
        task = {
            "restorer" if restorer else "recognizer": {**network, "init_args": arguments},
            "degradation": "gaussian(sigma=0.1)",
            "validation": ["gaussian(sigma=0.1)"],
            "optimizer": optimizer,
            "schedule": {"class_path": "clearsight.training.Cosine", "init_args": {"warmup": 2}},
        }
        kind = "RestorationTask" if restorer else "RecognitionTask"
        content = {
            "summary": "Bars",
            "model": {"class_path": f"clearsight.training.{kind}", "init_args": task},
            "data": {
                "class_path": "clearsight.training.WholeImages",
                "init_args": {
                    "train": folder(bars, "train"),
                    "validation": folder(bars, "val"),
                    "batch": 16,
                    "epoch": 4,
                    "shift": 1,
                },
            },
            "trainer": {"max_steps": 8, "accelerator": "cpu"},
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
        return path

    return write


def test_a_recognizer_is_trained(whole_recipe: Callable, bars: Path, tmp_path: Path) -> None:
    folder = train(str(whole_recipe()), ["--trainer.max_steps", "24"], out=tmp_path / "run")
    model = weights.load_recognizer(folder)
    assert (type(model).__name__, model.traits.classes) == ("MLP", CLASSES)

    validation = model.figures["validation"]
    assert validation["images"] == 21
    assert list(validation["error"]) == ["clean", "gaussian(sigma=0.1)"]
    assert max(validation["error"].values()) < 10
    data = ImageFolder(root=bars, part="val")
    with torch.inference_mode():
        answers = [int(model(sample.x[None]).argmax()) for sample in (data[i] for i in range(21))]
    wrong = sum(answer != label for answer, label in zip(answers, data.labels.tolist(), strict=True))
    assert validation["error"]["clean"] == pytest.approx(100 * wrong / 21, abs=1e-3)

    card = (folder / "README.md").read_text()
    assert "pipeline_tag: image-classification" in card
    assert 'recognizer = clearsight.load_recognizer("mlp")' in card
    assert f"| `clean` | error, % | {validation['error']['clean']:.2f} |" in card


def test_a_restorer_is_trained_on_whole_images(whole_recipe: Callable, tmp_path: Path) -> None:
    """Of a size that the network's multiple does not divide."""
    model = weights.load(train(str(whole_recipe(restorer=True)), out=tmp_path / "run"))
    assert SIDE % model.traits.multiple
    assert model.figures["validation"]["images"] == 21
    assert 15 < model.figures["validation"]["psnr"]["gaussian(sigma=0.1)"] < 40


@pytest.mark.parametrize(
    ("network", "muon", "steps"), [("digit-net", False, [6]), ("mlp", True, [5]), ("cnn-cnn", False, [6])]
)
def test_an_interrupted_recognizer_goes_on_bit_for_bit(
    whole_recipe: Callable, tmp_path: Path, network: str, muon: bool, steps: list[int]
) -> None:
    path = str(whole_recipe(network, muon=muon, restorer=network == "cnn-cnn"))
    straight = train(path, out=tmp_path / "straight")
    for step in steps:
        train_for(step, path, tmp_path / "resumed")
    resumed = train(path, out=tmp_path / "resumed")
    one, other = newest(tmp_path / "straight"), newest(tmp_path / "resumed")
    assert one["global_step"] == other["global_step"] == 8
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert same(one[part], other[part]), part
    assert (straight / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()


def task(**options: Any) -> RecognitionTask:
    torch.manual_seed(0)
    return RecognitionTask(recognizer=MLP(size=[4, 4], hidden=[5], classes=list("abc")), **options)


def small_batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, 1, 4, 4, generator=generator)
    return Batch(x, torch.randint(3, (6,), generator=generator))


def test_recognizers_are_judged_by_the_error() -> None:
    judged, batch = task(validation=["gaussian(sigma=0.5)", "quantize"]), small_batch()
    scores = judged.scores(batch, 0)["error"]
    assert list(scores) == ["clean", "gaussian(sigma=0.5)", "quantize"]
    expected = 100 * (judged.network(batch.x).argmax(1) != batch.labels).float()
    assert scores["clean"].equal(expected)
    assert 0 < expected.mean() < 100


def test_recognizers_learn_from_the_cross_entropy() -> None:
    batch, generator = small_batch(), torch.Generator()
    plain = task()
    expected = torch.nn.functional.cross_entropy(plain.network(batch.x), batch.labels)
    assert plain.objective(batch, generator).item() == pytest.approx(expected.item())


def test_what_a_recognizer_is_shown_is_drawn_from_the_generator() -> None:
    batch, degraded = small_batch(), task(degradation="gaussian(sigma=0.2)")
    first, again, other = (degraded.objective(batch, torch.Generator().manual_seed(seed)).item() for seed in (0, 0, 1))
    assert first == again != other
    y = degraded.degradation(batch.x, generator=torch.Generator().manual_seed(0))
    assert first == torch.nn.functional.cross_entropy(degraded.network(y), batch.labels).item()


def test_validation_has_the_same_noise_every_time() -> None:
    seen = []

    class Watching(MLP):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.clone())
            return super().forward(x)

    watched = RecognitionTask(
        recognizer=Watching(size=[4, 4], hidden=[]), degradation="quantize", validation=["gaussian(sigma=0.2)"]
    )
    for index in (0, 0, 1):
        watched.scores(small_batch(), index)
    clean, first, _, again, _, other = seen
    assert clean.equal(small_batch().x)
    assert first.equal(again)
    assert not first.equal(other)
    assert not first.equal(clean)


# Whole images


@dataclass(frozen=True)
class Listed:
    """A data set in memory."""

    samples: list[Sample]
    classes: tuple[str, ...] = CLASSES

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def numbered(count: int, *shape: int) -> Listed:
    """Images of bytes drawn at random, none of them 0; the label is the number."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(1, 256, (count, *shape), generator=generator)
    return Listed([Sample(name=str(i), x=drawn[i] / 255, label=i) for i in range(count)])


def whole(dataset: Listed, **options: Any) -> WholeImages:
    data = WholeImages(**{"train": dataset, "validation": dataset, "batch": 50, "epoch": 1, **options})
    data.setup("fit")
    return data


def test_whole_images_depend_on_seed_and_step_alone() -> None:
    data = numbered(4, 1, 5, 6)
    one, again, other = whole(data, shift=2), whole(data, shift=2), whole(data, shift=2, seed=1)
    for step in (3, 0):
        assert one.draw(step).x.equal(again.draw(step).x)
        assert one.draw(step).labels.equal(again.draw(step).labels)
        assert not one.draw(step).x.equal(other.draw(step).x)
    assert not one.draw(0).x.equal(one.draw(1).x)
    assert one.draw(0).x.dtype == torch.uint8
    assert one.channels == 1


def test_whole_images_are_drawn_with_their_labels() -> None:
    data = numbered(4, 3, 5, 6)
    batch = whole(data).draw(0)
    assert batch.x.shape == (50, 3, 5, 6)
    assert set(batch.labels.tolist()) == {0, 1, 2, 3}
    for x, label in zip(batch.x, batch.labels.tolist(), strict=True):
        assert (x / 255).equal(data[label].x)


@pytest.mark.parametrize("batch", [3, 10, 25])
def test_every_whole_image_is_drawn_once_before_any_is_drawn_again(batch: int) -> None:
    data = whole(numbered(10, 1, 2, 2), batch=batch)
    drawn = torch.cat([data.draw(step).labels for step in range(10)]).tolist()
    passes = [drawn[start : start + 10] for start in range(0, len(drawn), 10)]
    assert all(len(set(one)) == len(one) for one in passes)
    assert passes[0] != passes[1]


def test_whole_images_are_shifted_both_ways_and_filled_up_with_black() -> None:
    data = numbered(2, 1, 5, 6)
    batch, seen = whole(data, shift=2, batch=400).draw(0), []
    for x, label in zip(batch.x / 255, batch.labels.tolist(), strict=True):
        framed = torch.nn.functional.pad(data[label].x, (2, 2, 2, 2))
        at = [(i, j) for i in range(5) for j in range(5) if x.equal(framed[:, i : i + 5, j : j + 6])]
        assert len(at) == 1
        seen += at
    assert len(set(seen)) == 25
    assert max(map(seen.count, seen)) < 400 / 25 * 2.5


def test_validation_is_on_whole_images_as_they_are() -> None:
    data = numbered(600, 1, 3, 3)
    batches = whole(data, shift=1).held_out()
    assert [len(batch.x) for batch in batches] == [250, 250, 100]
    assert torch.cat([batch.labels for batch in batches]).tolist() == list(range(600))
    assert (torch.cat([batch.x for batch in batches]) / 255).equal(torch.stack([s.x for s in data.samples]))


def test_what_cannot_be_read_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(Listed):
        def __getitem__(self, index: int) -> Sample:
            if index in broken:
                raise ImageReadError(f"{index}.png is broken")
            return super().__getitem__(index)

    data, broken = Broken(numbered(5, 1, 3, 3).samples), {0, 3}
    assert torch.cat([batch.labels for batch in whole(data).held_out()]).tolist() == [1, 2, 4]
    assert capsys.readouterr().err.splitlines()[:2] == ["left out: 0.png is broken", "left out: 3.png is broken"]
    broken = set(range(5))
    with pytest.raises(ImageReadError, match="is broken"):
        whole(data)


def test_half_of_the_whole_images_are_mirrored() -> None:
    data = numbered(3, 1, 5, 6)
    batch = whole(data, flip=True, batch=400).draw(0)
    pairs = [(x / 255, data[label].x) for x, label in zip(batch.x, batch.labels.tolist(), strict=True)]
    mirrored = [x.equal(original.flip(2)) for x, original in pairs]
    assert all(x.equal(original) != flipped for (x, original), flipped in zip(pairs, mirrored, strict=True))
    assert 150 < sum(mirrored) < 250


SMALL, LARGE = torch.rand(1, 4, 4), torch.rand(1, 5, 4)
SIZES = "training on whole images takes images of one size, and at least one; Listed has {} sizes in {} images"
LABELS = "training on whole images takes one class an image; Listed has others"


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        ([(SMALL, 0), (LARGE, 1)], SIZES.format(2, 2)),
        ([(SMALL, 0), (SMALL.expand(3, -1, -1), 1)], SIZES.format(2, 2)),
        ([], SIZES.format(0, 0)),
        ([(SMALL, 0), (SMALL, None)], LABELS),
        ([(SMALL, torch.zeros(4, 4, dtype=torch.long))], LABELS),
    ],
)
@pytest.mark.parametrize("held", ["train", "validation"])
def test_whole_images_that_cannot_be_trained_on(samples: list[tuple[Tensor, Any]], sentence: str, held: str) -> None:
    odd = Listed([Sample(name=str(i), x=x, label=label) for i, (x, label) in enumerate(samples)])
    with pytest.raises(RecipeError) as raised:
        whole(numbered(2, 1, 4, 4), **{held: odd})
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["--data.train.init_args.root", "nowhere"], "there is no folder nowhere"),
        (["--data.train.init_args.part", "test"], "has no part 'test'; there is: train, val"),
        (["--data.shift", "one"], "one"),
        (["--model.validation", "[gausian(sigma=0.1)]"], "did you mean 'gaussian'"),
    ],
)
def test_recipes_of_recognizers_that_cannot_be_used(
    whole_recipe: Callable, tmp_path: Path, overrides: list[str], reason: str
) -> None:
    with pytest.raises(ClearsightError, match=reason) as raised:
        train(str(whole_recipe()), overrides, out=tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


# Muon


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (64, 288), (1, 30), (30, 1)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape: tuple[int, int], scale: float) -> None:
    matrices = scale * randn(3, *shape)
    result = orthogonalized(matrices)
    assert (result.shape, result.dtype) == (matrices.shape, torch.float32)
    values = torch.linalg.svdvals(result)
    assert 0.65 < values.min() <= values.max() < 1.25


def test_what_is_almost_singular_stays_so() -> None:
    """Square matrices have singular values near 0, which five iterations lift but not to 1."""
    values = torch.linalg.svdvals(orthogonalized(randn(20, 32, 32)))
    assert values.max() < 1.25
    assert (values > 0.65).float().mean() > 0.95


@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_orthogonalized_matrices_keep_their_singular_vectors(shape: tuple[int, int]) -> None:
    """The result is U diag(s) Vᵀ with the U and V of the matrix: Uᵀ result V is diagonal."""
    matrix = randn(1, *shape)
    u, _, v = torch.linalg.svd(matrix[0], full_matrices=False)
    inner = u.T @ orthogonalized(matrix)[0] @ v.T
    assert (inner - inner.diagonal().diag()).abs().max() < 0.03
    assert inner.diagonal().min() > 0.65


def muon_on(*shapes: tuple[int, ...], **options: Any) -> tuple[list[Tensor], Muon]:
    parameters = [torch.nn.Parameter(0.1 * randn(*shape, seed=i)) for i, shape in enumerate(shapes)]
    return parameters, Muon(parameters, **options)


def take_steps(parameters: list[Tensor], optimizer: torch.optim.Optimizer, count: int, start: int = 0) -> None:
    """Steps with the same gradients for every optimizer."""
    for step in range(start, start + count):
        for i, parameter in enumerate(parameters):
            parameter.grad = randn(*parameter.shape, seed=100 * step + i)
        optimizer.step()


LAYERS = [(8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (4, 16, 3, 3), (4,), (1, 4, 3, 3), (1,)]
HIDDEN = (2, 4)


def test_the_first_and_the_last_matrix_and_all_biases_take_adams_step() -> None:
    ours, muon = muon_on(*LAYERS, adam_lr=3e-3)
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    take_steps(ours, muon, 5)
    take_steps(theirs, torch.optim.Adam(theirs, lr=3e-3, betas=(0.9, 0.99)), 5)
    for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert torch.allclose(one, other, rtol=0, atol=1e-6) is (i not in HIDDEN), i


def test_a_step_of_a_hidden_matrix_has_the_declared_size() -> None:
    """max(1, rows/columns)^½ · lr in every direction, whatever the gradient's size; a convolution is one matrix."""
    ours, muon = muon_on((4, 4), (16, 8, 3, 3), (64, 8), (4, 4), lr=0.02, weight_decay=0)
    for scale in (1e-4, 1e2):
        before = [p.detach().clone() for p in ours]
        for i, p in enumerate(ours):
            p.grad = scale * randn(*p.shape, seed=i)
        muon.step()
        for i, size in ((1, 0.02), (2, 0.02 * 8**0.5)):
            values = torch.linalg.svdvals((ours[i].detach() - before[i]).flatten(1)) / size
            assert 0.65 < values.min() <= values.max() < 1.25


def test_momentum_is_nesterovs() -> None:
    """After gradients G₁ and G₂ with momentum β the direction is (1 − β) G₂ + β M, M being their moving average."""
    (_, middle, _), muon = muon_on((4, 4), (6, 30), (4, 4), lr=1.0, weight_decay=0, momentum=0.8)
    first, second = randn(6, 30, seed=1), randn(6, 30, seed=2)
    average = 0.8 * 0.2 * first + 0.2 * second
    middle.grad = first
    muon.step()
    before = middle.detach().clone()
    middle.grad = second
    muon.step()
    expected = -orthogonalized((0.2 * second + 0.8 * average)[None])[0]
    torch.testing.assert_close(middle.detach() - before, expected, rtol=0, atol=0.02)


def test_weight_decay_bounds_the_norm() -> None:
    """The gradient always points the same way; without decay the norm grows without end."""

    def norm(decay: float, steps: int) -> float:
        (_, middle, _), muon = muon_on((4, 4), (8, 20), (4, 4), lr=0.1, weight_decay=decay)
        for _ in range(steps):
            middle.grad = randn(8, 20)
            muon.step()
        return float(torch.linalg.matrix_norm(middle.detach(), 2))

    bound = 1.25 / 0.5
    assert norm(0.5, 100) < bound
    assert norm(0.5, 200) == pytest.approx(norm(0.5, 150), rel=0.01)
    assert norm(0.0, 100) > 2 * bound


def test_parameters_without_a_gradient_stay() -> None:
    ours, muon = muon_on(*LAYERS)
    before = [p.detach().clone() for p in ours]
    ours[2].grad, ours[1].grad = randn(*LAYERS[2]), randn(*LAYERS[1])
    muon.step()
    assert [i for i, (one, other) in enumerate(zip(ours, before, strict=True)) if not one.equal(other)] == [1, 2]


def test_a_net_of_two_matrices_takes_adams_steps_alone() -> None:
    ours, muon = muon_on((8, 4), (8,), (3, 8), (3,), adam_lr=1e-2)
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    take_steps(ours, muon, 3)
    take_steps(theirs, torch.optim.Adam(theirs, lr=1e-2, betas=(0.9, 0.99)), 3)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_muon_goes_on_from_what_it_kept() -> None:
    straight, one = muon_on(*LAYERS)
    take_steps(straight, one, 6)
    interrupted, two = muon_on(*LAYERS)
    take_steps(interrupted, two, 3)
    resumed = [torch.nn.Parameter(p.detach().clone()) for p in interrupted]
    three = Muon(resumed)
    three.load_state_dict(two.state_dict())
    take_steps(resumed, three, 3, start=3)
    assert same([p.detach() for p in resumed], [p.detach() for p in straight])


# Segmenters


def scenes(count: int = 3, height: int = 20, width: int = 24) -> Listed:
    """Two classes and void; the class of a pixel is told by its colour."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (count, height // 4, width // 4), generator=generator)
    maps = labels.repeat_interleave(4, 1).repeat_interleave(4, 2)
    samples = [
        Sample(name=str(i), x=(50 * (1 + m)).expand(3, -1, -1) / 255, label=torch.where(m == 2, VOID, m))
        for i, m in enumerate(maps)
    ]
    return Listed(samples, ("sky", "road"))


def regions(dataset: Listed, **options: Any) -> RandomResizedCrops:
    arguments = {"size": [8, 12], "batch": 60, "epoch": 1, **options}
    data = RandomResizedCrops(train=dataset, validation=dataset, **arguments)
    data.setup("fit")
    return data


def matching(x: Tensor, labels: Tensor) -> bool:
    """Whether each pixel has the label of its colour."""
    return labels.equal(torch.where(x[:, 0] == 150, VOID, x[:, 0].long() // 50 - 1))


def test_regions_are_cut_with_their_labels() -> None:
    data = scenes()
    batch = regions(data).draw(0)
    assert (batch.x.shape, batch.x.dtype) == ((60, 3, 8, 12), torch.uint8)
    assert (batch.labels.shape, batch.labels.dtype) == ((60, 8, 12), torch.long)
    assert matching(batch.x, batch.labels)
    places = {(s.name, i, j) for s in data.samples for i in range(13) for j in range(13)}
    cuts = {p: data[int(p[0])].label[p[1] : p[1] + 8, p[2] : p[2] + 12] for p in places}
    whole = {c.numpy().tobytes() for c in cuts.values()}
    mirrored = {c.flip(1).contiguous().numpy().tobytes() for c in cuts.values()}
    found = [label.numpy().tobytes() for label in batch.labels]
    assert set(found) <= whole | mirrored
    assert set(found) & (whole - mirrored)
    assert set(found) & (mirrored - whole)
    assert {label.numpy().tobytes() for label in regions(data, flip=False).draw(0).labels} <= whole


def test_regions_depend_on_seed_and_step_alone() -> None:
    one, again, other = (regions(scenes(), zoom=[0.7, 2], seed=seed) for seed in (0, 0, 1))
    for step in (3, 0):
        assert one.draw(step).x.equal(again.draw(step).x)
        assert one.draw(step).labels.equal(again.draw(step).labels)
        assert not one.draw(step).x.equal(other.draw(step).x)
    assert not one.draw(0).x.equal(one.draw(1).x)


@pytest.mark.parametrize(("zoom", "side"), [(2, 8), (0.5, 2)])
def test_regions_are_zoomed(zoom: float, side: int) -> None:
    """Squares of four pixels become larger or smaller; where they do, their labels go with them."""
    data = scenes(1, 40, 48)
    batch = regions(data, size=[16, 16], zoom=[zoom, zoom], flip=False).draw(0)
    inner = batch.labels[:, 1:-1]
    changes = (inner[:, 1:] != inner[:, :-1]).any(2).nonzero().tolist()
    rows = [[b for a, b in changes if a == image] for image in range(60)]
    gaps = [b - a for row in rows for a, b in pairwise(row)]
    assert gaps
    assert all(gap % side == 0 or zoom < 1 for gap in gaps)
    assert min(gaps) == side


def test_regions_are_lit_anew() -> None:
    data, light = scenes(), 0.5
    as_they_are, lit = regions(data).draw(0), regions(data, light=light).draw(0)
    assert lit.labels.equal(as_they_are.labels)
    gains = (lit.x / as_they_are.x).flatten(1)
    assert gains.log().abs().max() < light + 0.02
    assert (gains.amax(1) - gains.amin(1)).max() < 0.03  # what rounding to 8 bits leaves
    assert gains.mean(1).std() > 0.2


def test_validation_of_segmenters_is_on_whole_images() -> None:
    data = scenes()
    held = regions(data).held_out()
    assert [batch.x.shape for batch in held] == [(1, 3, 20, 24)] * 3
    assert all(
        (b.x[0] / 255).equal(s.x) and b.labels[0].equal(s.label) for b, s in zip(held, data.samples, strict=True)
    )


@pytest.mark.parametrize(
    ("dataset", "options", "reason"),
    [
        (Listed([]), {}, "a class for each pixel, and at least one; Listed has none"),
        (numbered(2, 3, 20, 24), {}, "a class for each pixel, and at least one; Listed has others"),
        (scenes(), {"zoom": [0, 1]}, r"both positive, got \[0, 1\]"),
        (scenes(), {"zoom": [2, 1]}, "the smallest and the largest factor"),
        (scenes(), {"zoom": [1]}, "the smallest and the largest factor"),
    ],
)
def test_regions_that_cannot_be_cut(dataset: Listed, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        regions(dataset, **options)


def test_segmenters_are_judged_by_the_mean_iou_of_all_images_together() -> None:
    torch.manual_seed(0)
    network = SegmentationNet(widths=[4, 6], blocks=[0, 0], head=5, classes=["sky", "road"]).eval()
    judged, data = RecognitionTask(recognizer=network), scenes()
    assert (judged.metric, judged.mode) == ("miou", "max")
    x, labels = torch.stack([s.x for s in data.samples]), torch.stack([s.label for s in data.samples])
    rows = [judged.scores(Batch(x[i : i + 1], labels[i : i + 1].byte()), i)["miou"]["clean"] for i in range(3)]
    answers, counted = network(x).argmax(1), labels != VOID
    ious = [
        ((answers == k) & (labels == k)).sum() / (((answers == k) & counted) | (labels == k)).sum() for k in range(2)
    ]
    assert judged.figure("miou", torch.cat(rows)).item() == pytest.approx(100 * float(sum(ious)) / 2, abs=1e-4)


def test_void_is_not_learned() -> None:
    torch.manual_seed(0)
    network = SegmentationNet(widths=[4, 6], blocks=[0, 0], head=5, classes=["sky", "road"]).eval()
    data = scenes()
    x, labels = torch.stack([s.x for s in data.samples]), torch.stack([s.label for s in data.samples])
    loss = RecognitionTask(recognizer=network).objective(Batch(x, labels), torch.Generator())
    logits, counted = network(x).movedim(1, -1), labels != VOID
    expected = torch.nn.functional.cross_entropy(logits[counted], labels[counted])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_loss_of_segments_is_the_cross_entropy_and_what_lacks_of_the_overlap() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    labels = torch.randint(2, (2, 4, 5), generator=generator)  # the third class does not occur
    labels[0, :2] = VOID
    p, t = logits.softmax(1), torch.stack([labels == k for k in range(2)], 1).float()
    counted = (labels != VOID)[:, None]
    both = (p[:, :2] * t).sum((0, 2, 3))
    iou = both / ((p * counted)[:, :2].sum((0, 2, 3)) + t.sum((0, 2, 3)) - both)
    entropy = torch.nn.functional.cross_entropy(logits, labels, ignore_index=VOID)
    for overlap in (0.0, 0.5):
        loss = SegmentationLoss(overlap=overlap)(logits, labels)
        assert loss.item() == pytest.approx((entropy + overlap * (1 - iou.mean())).item(), rel=1e-5)
    assert SegmentationLoss()(logits, torch.full_like(labels, VOID)).item() == 0


def test_a_segmenter_is_trained(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 3)):
        for i, sample in enumerate(scenes(count).samples):
            pixels = {"images": 255 * sample.x, "labels": sample.label[None]}
            for kind, values in pixels.items():
                path = tmp_path / "scenes" / part / kind / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                images.write(Picture(pixels=values.round().byte().movedim(0, -1).numpy()), path)
    sets = {
        name: {
            "class_path": "clearsight.datasets.SegmentationFolder",
            "init_args": {"root": str(tmp_path / "scenes"), "part": part, "classes": ["sky", "road"]},
        }
        for name, part in (("train", "train"), ("validation", "val"))
    }
    network = {"widths": [6, 8, 10], "blocks": [0, 1, 1], "head": 8, "classes": ["sky", "road"]}
    content = {
        "summary": "Scenes",
        "model": {
            "class_path": "clearsight.training.RecognitionTask",
            "init_args": {
                "recognizer": {"class_path": "clearsight.recognizers.SegmentationNet", "init_args": network},
                "loss": {"class_path": "clearsight.objectives.SegmentationLoss"},
                "optimizer": MUON,
                "schedule": {"class_path": "clearsight.training.Cosine", "init_args": {"warmup": 2}},
            },
        },
        "data": {
            "class_path": "clearsight.training.RandomResizedCrops",
            "init_args": {**sets, "size": [16, 16], "zoom": [0.9, 1.5], "epoch": 20, "batch": 4},
        },
        "trainer": {"max_steps": 60, "accelerator": "cpu"},
    }
    recipe = tmp_path / "scenes.yaml"
    recipe.write_text(yaml.safe_dump(content))
    folder = train(str(recipe), out=tmp_path / "run")
    model = weights.load_recognizer(folder)
    assert (model.traits.task, model.traits.classes) == ("segment", ("sky", "road"))
    assert model.figures["validation"]["images"] == 3
    assert model.figures["validation"]["miou"]["clean"] > 60
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: image-segmentation" in card
    assert f"| `clean` | mIoU, % | {model.figures['validation']['miou']['clean']:.2f} |" in card
