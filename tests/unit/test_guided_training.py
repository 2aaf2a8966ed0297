"""A restorer is trained for a frozen recognizer, which stays what it was to the last bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from clearsight import weights
from clearsight.contracts import VOID
from clearsight.datasets import ImageFolder
from clearsight.errors import ClearsightError, DataError, ModelError, RecipeError
from clearsight.recognizers import MLP
from clearsight.restorers import DnCNN, ResidualUNet
from clearsight.training import train
from stand_ins import CLASSES, SIDE, Fickle, bit_equal, rand, seeded, small_unet, state

pytest.importorskip("lightning")
pytest.importorskip("jsonargparse")

from clearsight.contracts import Batch
from clearsight.training.data import WholeImages
from clearsight.training.fitting import export, fit, pace
from clearsight.training.guidance import GuidedTask
from clearsight.training.restoration import RestorationTask

pytestmark = pytest.mark.usefixtures("unchanged")

SIZED = MLP(size=[SIDE, SIDE], hidden=[4], classes=CLASSES)
LABELS = torch.tensor([0, 2, 1])


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recognizer that tells the bars apart."""
    model = MLP(size=[SIDE, SIDE], hidden=[], classes=CLASSES)
    place = (torch.arange(SIDE) - 1).clamp(0, 11).div(4, rounding_mode="floor").expand(SIDE, -1).flatten()
    with torch.no_grad():
        model.output.weight.copy_(torch.stack([(place == k).float() / 4 for k in range(3)]))
        model.output.bias.zero_()
    folder = tmp_path_factory.mktemp("reader")
    weights.save(model, folder, figures={"name": "reader", "summary": "It reads bars"}, card="")
    return folder


def folder(root: Path) -> dict[str, Any]:
    return {"class_path": "clearsight.datasets.ImageFolder", "init_args": {"root": str(root)}}


NETWORK = {
    "class_path": "clearsight.restorers.ResidualUNet",
    "init_args": {"channels": 1, "widths": [6, 8], "blocks": [1, 1]},
}


@pytest.fixture
def recipe(tmp_path: Path, bars: Path, reader: Path) -> Callable[..., Path]:
    """Write a small recipe for a guided restorer, or for one that is not, and return its file."""

    def write(name: str = "guided", *, guided: bool = True, **changes: Any) -> Path:
        task = {
            "restorer": NETWORK,
            "degradation": "gaussian(sigma=0.1..0.4)",
            "validation": ["gaussian(sigma=0.2)", "gaussian(sigma=0.4)"],
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}},
            "schedule": {"class_path": "clearsight.training.Cosine", "init_args": {"warmup": 2}},
            **({"recognizer": str(reader), "perceptual": 0.0} if guided else {}),
            **changes,
        }
        kind = "GuidedTask" if guided else "RestorationTask"
        content = {
            "summary": "Bars",
            "model": {"class_path": f"clearsight.training.{kind}", "init_args": task},
            "data": {
                "class_path": "clearsight.training.WholeImages",
                "init_args": {
                    "train": folder(bars / "train"),
                    "validation": folder(bars / "val"),
                    "batch": 16,
                    "epoch": 4,
                },
            },
            "trainer": {"max_steps": 8, "accelerator": "cpu"},
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def checkpoint(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def test_a_guided_restorer_is_trained_and_shipped_alone(recipe: Callable, tmp_path: Path) -> None:
    out = train(str(recipe()), out=tmp_path / "run")
    model = weights.load(out)
    assert type(model).__name__ == "ResidualUNet"
    validation = model.figures["validation"]
    assert validation["images"] == 21
    assert [*validation] == ["images", "departure", "misread", "psnr", "bfloat16_change"]
    assert list(validation["misread"]) == ["gaussian(sigma=0.2)", "gaussian(sigma=0.4)"]
    assert all(0 < value < 100 for value in validation["departure"].values())
    assert all(5 < value < 40 for value in validation["psnr"].values())

    card = (out / "README.md").read_text()
    assert "pipeline_tag: image-to-image" in card
    assert "load_recognizer" not in card
    assert "| `gaussian(sigma=0.4)` | misread by the recognizer, % |" in card
    assert all(name.startswith("network.restorer.") for name in checkpoint(tmp_path / "run")["state_dict"])


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("weighting", ["balanced", "fixed"])
def test_every_number_of_the_recognizer_is_what_it_was(
    recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, average: bool, weighting: str
) -> None:
    """With batch statistics and dropout, through the whole training, with an average of the weights too."""
    recognizer = Fickle().train()
    before, seen = state(recognizer), []
    monkeypatch.setattr("clearsight.training.guidance._loaded", lambda name: recognizer)
    score = GuidedTask.scores

    def scores(task: GuidedTask, batch: Batch, index: int) -> Any:
        seen.append(task.network.recognizer is recognizer and not recognizer.training)
        return score(task, batch, index)

    monkeypatch.setattr(GuidedTask, "scores", scores)
    averaging = {"class_path": "lightning.pytorch.callbacks.EMAWeightAveraging", "init_args": {"decay": 0.5}}
    path = recipe(perceptual=0.5, layer="rectify", weighting=weighting)
    content = yaml.safe_load(path.read_text())
    content["trainer"]["callbacks"] = [averaging] if average else []
    path.write_text(yaml.safe_dump(content))
    out = train(str(path), out=tmp_path / "run")
    assert all(seen)
    assert len(seen) > 2
    assert bit_equal(before, state(recognizer))
    assert weights.load(out).figures["steps"] in (4, 8)
    fresh = ResidualUNet(**NETWORK["init_args"])
    assert not bit_equal(state(fresh), state(weights.load(out)))


def test_with_both_weights_0_it_is_the_separate_training_bit_for_bit(recipe: Callable, tmp_path: Path) -> None:
    train(str(recipe("guided", recognition=0.0)), out=tmp_path / "guided")
    train(str(recipe("separate", guided=False)), out=tmp_path / "separate")
    guided, separate = (checkpoint(tmp_path / name)["state_dict"] for name in ("guided", "separate"))
    shortened = {name.replace("network.restorer.", "network."): value for name, value in guided.items()}
    assert bit_equal(shortened, separate)


def test_guidance_changes_what_is_trained(recipe: Callable, tmp_path: Path) -> None:
    for name, weight in (("weak", 0.0), ("strong", 4.0)):
        train(str(recipe(name, recognition=weight)), ["--trainer.max_steps", "40"], out=tmp_path / name)
    weak, strong = (weights.load(tmp_path / name / "weights").figures["validation"] for name in ("weak", "strong"))
    assert np.mean([*strong["departure"].values()]) < np.mean([*weak["departure"].values()]) - 1


def test_an_interrupted_guided_run_goes_on_bit_for_bit(
    recipe: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(recipe(labelled=False))
    straight = train(path, out=tmp_path / "straight")
    whole, seen = GuidedTask.objective, []

    def objective(task: GuidedTask, batch: Batch, generator: torch.Generator) -> Tensor:
        seen.append(batch)
        if len(seen) == 6:
            raise ArithmeticError
        return whole(task, batch, generator)

    with monkeypatch.context() as patched:
        patched.setattr(GuidedTask, "objective", objective)
        with pytest.raises(ArithmeticError):
            train(path, out=tmp_path / "resumed")
    resumed = train(path, out=tmp_path / "resumed")
    one, other = checkpoint(tmp_path / "straight"), checkpoint(tmp_path / "resumed")
    assert one["global_step"] == other["global_step"] == 8
    assert bit_equal(one["state_dict"], other["state_dict"])
    assert (straight / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()


@pytest.mark.parametrize("guided", [False, True])
def test_a_training_starts_from_trained_weights(recipe: Callable, tmp_path: Path, guided: bool) -> None:
    trained = small_unet()
    weights.save(trained, tmp_path / "trained", figures={"name": "trained", "summary": "Trained"}, card="")
    still = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}}
    path = recipe(guided=guided, restorer=None, start=str(tmp_path / "trained"), optimizer=still)
    out = train(str(path), out=tmp_path / "run")
    assert bit_equal(state(weights.load(out)), state(weights.load(tmp_path / "trained")))


@pytest.mark.parametrize("guided", [False, True])
def test_a_training_starts_from_a_narrower_network(recipe: Callable, tmp_path: Path, guided: bool) -> None:
    narrow = small_unet()
    weights.save(narrow, tmp_path / "narrow", figures={"name": "narrow", "summary": "Narrow"}, card="")
    wide = {"class_path": "clearsight.restorers.ResidualUNet", "init_args": {"channels": 1, "widths": [7, 9]}}
    wide["init_args"]["blocks"] = [1, 1]
    still = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.0}}
    path = recipe(guided=guided, restorer=wide, start=str(tmp_path / "narrow"), optimizer=still)
    trained = weights.load(train(str(path), out=tmp_path / "run"))
    x = rand(1, 1, 16, 20)
    torch.testing.assert_close(trained(x), weights.load(tmp_path / "narrow")(x))


def test_what_is_trained_on_is_trained(tmp_path: Path) -> None:
    """Loaded weights come in evaluation mode; batch statistics are to go on."""
    model = DnCNN(channels=1, depth=3, width=4)
    weights.save(model, tmp_path, figures={"name": "trained", "summary": "Trained"}, card="")
    task = RestorationTask(start=str(tmp_path), degradation="gaussian(sigma=0.1)", validation=["gaussian(sigma=0.1)"])
    assert task.network.training


def guided_task(**options: Any) -> GuidedTask:
    arguments = {
        "restorer": small_unet(),
        "recognizer": Fickle(),
        "degradation": "gaussian(sigma=0.2)",
        "validation": ["gaussian(sigma=0.2)"],
        "perceptual": 0.0,
    }
    return GuidedTask(**{**arguments, **options})


def test_scores_with_labels_and_without() -> None:
    batch = Batch(rand(3, 1, 8, 8), LABELS)
    labelled, unlabelled = guided_task(), guided_task(labelled=False)
    x_hat = labelled.validated(batch, labelled.validation[0], 0)
    assert x_hat.equal(unlabelled.validated(batch, unlabelled.validation[0], 0))
    recognizer = labelled.network.recognizer
    logits, clean = recognizer(x_hat), recognizer(batch.x)
    way = "gaussian(sigma=0.2)"
    found = labelled.scores(batch, 0)
    assert found["misread"][way].equal(100 * (logits.argmax(1) != LABELS).float())
    p = logits.softmax(1)
    torch.testing.assert_close(found["departure"][way], 100 * (1 - p[torch.arange(3), LABELS]))
    found = unlabelled.scores(batch, 0)
    assert found["misread"][way].equal(100 * (logits.argmax(1) != clean.argmax(1)).float())
    torch.testing.assert_close(found["departure"][way], 50 * (p - clean.softmax(1)).abs().sum(1))
    mse = (x_hat - batch.x).square().mean((1, 2, 3))
    torch.testing.assert_close(found["psnr"][way], -10 * mse.log10())


def test_scores_of_a_segmenter() -> None:
    maps = torch.randint(3, (2, 8, 8), generator=seeded())
    maps[0, :4] = VOID
    task = guided_task(recognizer=Fickle(task="segment"))
    found = task.scores(Batch(rand(2, 1, 8, 8), maps), 0)
    answer = task.network.recognizer(task.validated(Batch(rand(2, 1, 8, 8)), task.validation[0], 0)).argmax(1)
    a, b = answer[maps != VOID], maps[maps != VOID]
    ious = [float(((a == k) & (b == k)).sum() / ((a == k) | (b == k)).sum()) for k in range(3)]
    figures = {metric: task.figure(metric, values["gaussian(sigma=0.2)"]).item() for metric, values in found.items()}
    assert figures["misread"] == pytest.approx(100 * (1 - sum(ious) / 3), rel=1e-5)
    assert figures["departure"] == pytest.approx(found["departure"]["gaussian(sigma=0.2)"].mean().item())
    assert 0 < figures["departure"] < 100
    held = Batch((255 * rand(2, 1, 8, 8)).byte(), maps.byte()).scaled()
    assert held.labels is not None
    assert held.labels.equal(maps)
    assert math.isfinite(task.objective(held, seeded()).item())


class Listed:
    """What a data module gives, without one."""

    def __init__(self, x: Tensor, labels: Tensor | None) -> None:
        self.batch = Batch((255 * x).byte(), labels)

    def draw(self, step: int) -> Batch:
        return self.batch

    def held_out(self) -> list[Batch]:
        return [self.batch]


class Detaching(Fickle):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


MAPS = torch.zeros(3, 8, 8).long()


@pytest.mark.parametrize(
    ("options", "data", "error", "says"),
    [
        ({}, Listed(rand(3, 1, 8, 8), None), DataError, "the images have no labels to be guided by: label them"),
        ({}, Listed(rand(3, 1, 8, 8), MAPS), DataError, "has a class for each pixel, but the recognizer gives one for"),
        (
            {"recognizer": Fickle(task="segment")},
            Listed(rand(3, 1, 8, 8), LABELS),
            DataError,
            "the data set has a class for each image, but the recognizer gives one for each pixel",
        ),
        ({}, Listed(rand(3, 3, 8, 8), LABELS), ModelError, "the restorer takes images of 1 channels, got 3"),
        ({"recognizer": SIZED}, Listed(rand(3, 1, 8, 8), LABELS), ModelError, "takes images of 13×13 pixels, got 8×8"),
        (
            {"recognizer": Detaching()},
            Listed(rand(3, 1, 8, 8), LABELS),
            ModelError,
            "no gradient flows through the",
        ),
    ],
)
def test_data_that_does_not_go_with_the_recognizer(
    options: dict[str, Any], data: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        guided_task(**options).check(data)


def test_an_onnx_recognizer_cannot_guide(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    program = torch.onnx.export(Fickle().eval(), (rand(2, 1, 8, 8),), dynamo=True, verbose=False)
    program.save(tmp_path / "fickle.onnx")
    (tmp_path / "fickle.onnx.json").write_text(json.dumps({"channels": 1}))
    task = guided_task(recognizer=str(tmp_path / "fickle.onnx"))
    with pytest.raises(ModelError, match="no gradient flows through an ONNX graph: export the network as TorchScript"):
        task.check(Listed(rand(3, 1, 8, 8), LABELS))


@pytest.mark.parametrize(
    ("changes", "overrides", "says"),
    [
        ({"start": "denoise-grey"}, [], "ResidualUNet cannot take over ResidualUNet, their layers are not the same"),
        ({"restorer": None}, [], "from restorer, a new network, or from start, a trained one; got none"),
        (
            {"start": "runs/denoise-color-narrow/weights"},
            [],
            "goes on from another one's run: `clearsight train denoise-color-narrow` writes",
        ),
        ({"restorer": None, "start": "wiener"}, [], "wiener cannot be trained on: expected a restorer with weights"),
        ({"restorer": None, "start": "denoise-gray"}, [], "did you mean 'denoise-grey'"),
        ({"recognizer": "nobody"}, [], "no recognizer is named 'nobody'"),
        ({"perceptual": 1.0}, [], "the network has no layer relu3_3: name the layer"),
        ({"perceptual": 1.0, "layer": "outputs"}, [], "did you mean 'output'"),
        ({"recognition": -1.0}, [], "the weight of the recognition part is 0 or more"),
        ({"weighting": "learned"}, [], "weighting"),
        ({}, ["--model.restorer.init_args.channels", "3"], "the restorer gives images of 3 channels"),
    ],
)
def test_recipes_that_cannot_be_used(
    recipe: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    overrides: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)  # where there are no runs
    with pytest.raises(ClearsightError, match=says) as raised:
        train(str(recipe(**changes)), overrides, out=tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_labels_of_other_classes_are_refused(recipe: Callable, tmp_path: Path) -> None:
    network = MLP(size=[SIDE, SIDE], hidden=[], classes=list("abcd"))
    weights.save(network, tmp_path / "four", figures={"name": "four", "summary": "Four"}, card="")
    with pytest.raises(DataError, match="the recognizer tells 4 classes apart, the labels have 3"):
        train(str(recipe(recognizer=str(tmp_path / "four"))), out=tmp_path / "run")
    train(str(recipe(recognizer=str(tmp_path / "four"), labelled=False)), out=tmp_path / "run")


# From Python


def listed(bars: Path) -> WholeImages:
    return WholeImages(
        train=ImageFolder(root=bars / "train"), validation=ImageFolder(root=bars / "val"), batch=8, epoch=2
    )


def test_a_task_is_trained_from_python(bars: Path, tmp_path: Path) -> None:
    task = guided_task(restorer=small_unet())
    data = listed(bars)
    given: dict[str, Any] = {"out": tmp_path / "run", "recipe": "by hand\n", "accelerator": "cpu"}
    with pytest.raises(RecipeError, match=r"steps left must be a multiple of data\.epoch, got 5 and 2"):
        fit(task, data, steps=5, **given)
    fit(task, data, steps=4, **given)
    folder = export(task, data, tmp_path / "run", name="ours", summary="Ours", seed=0)
    figures = weights.load(folder).figures
    assert (figures["name"], figures["summary"], figures["seed"]) == ("ours", "Ours", 0)
    assert "by hand" in (folder / "README.md").read_text()
    exported = (folder / "model.safetensors").read_bytes()
    task = guided_task(restorer=small_unet())
    fit(task, data, steps=4, **given)
    export(task, data, tmp_path / "run", name="ours", summary="Ours", seed=0)
    assert (folder / "model.safetensors").read_bytes() == exported
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        fit(task, data, steps=4, **{**given, "recipe": "another\n"})


def test_rounds_of_any_length_are_one_training(bars: Path, tmp_path: Path) -> None:
    """The same batches, noise and learning rates, where the schedule is that of all of it."""
    ends = {"whole": [8], "in rounds": [3, 4, 8]}
    for name, steps in ends.items():
        task, data, reached = guided_task(restorer=small_unet()), listed(bars), 0
        for end in steps:
            data.epoch, reached = end - reached, end
            fit(task, data, out=tmp_path / name, steps=end, horizon=8, recipe="", accelerator="cpu")
    one, other = (checkpoint(tmp_path / name) for name in ends)
    assert one["global_step"] == other["global_step"] == 8
    assert bit_equal(one["state_dict"], other["state_dict"])


def test_what_was_interrupted_can_be_exported(bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, data = guided_task(restorer=small_unet()), listed(bars)
    whole, seen = GuidedTask.objective, []

    def objective(task: GuidedTask, batch: Batch, generator: torch.Generator) -> Tensor:
        seen.append(batch)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return whole(task, batch, generator)

    given: dict[str, Any] = {"name": "ours", "summary": "Ours"}
    with pytest.raises(RecipeError, match="holds no checkpoint yet"):
        export(task, data, tmp_path / "run", seed=0, **given)
    with monkeypatch.context() as patched:
        patched.setattr(GuidedTask, "objective", objective)
        with pytest.raises(KeyboardInterrupt):
            fit(task, data, out=tmp_path / "run", steps=8, recipe="by hand\n", accelerator="cpu")
    assert weights.load(export(task, data, tmp_path / "run", seed=0, **given)).figures["steps"] == 2


def test_the_pace_is_taken_without_a_trace(bars: Path) -> None:
    task, data = guided_task(restorer=DnCNN(channels=1, depth=3, width=4)), listed(bars)
    data.setup("fit")
    before, recognizer = state(task), state(task.network.recognizer)
    assert 0 < pace(task, data, device=torch.device("cpu"), steps=2) < 10
    assert bit_equal(before, state(task))
    assert bit_equal(recognizer, state(task.network.recognizer))
    assert all(p.grad is None for p in task.parameters())
