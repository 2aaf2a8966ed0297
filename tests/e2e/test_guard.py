"""``clearsight guard`` from nothing to a report, and what it says where it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from clearsight import images, weights
from clearsight.contracts import Line, RecognitionTraits
from clearsight.datasets import Lines
from clearsight.guarding import run as guarding
from clearsight.guarding import trainings
from clearsight.guarding.candidates import Candidates
from clearsight.guarding.classes import ClassGuide
from clearsight.guarding.planning import Plan, Rates
from clearsight.guarding.splits import open_splits
from clearsight.images import Picture
from clearsight.recognizers import CRNN, ResidualNet
from clearsight.recognizers.loading import PACKAGED, Packaged
from stand_ins import small_unet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit")

NOISE = "gaussian(sigma=30/255..60/255)"
SOME = "gaussian(sigma=30/255)"
"""A condition instead of four: on the device that is not there every operator takes a hundred times as long."""
ROWS = ["clean", "degraded", "separate", "guided", "mean", "gate", "retrained on degraded", "retrained on restored"]


def scripted(path: Path, *, classes: list[str], channels: int = 3, segments: bool = False, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    head = [] if segments else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    first = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    network = nn.Sequential(first, nn.Conv2d(4, len(classes), 1), *head)
    torch.jit.script(network.eval()).save(path)
    path.with_name(f"{path.name}.json").write_text(json.dumps({"classes": classes, "channels": channels}))
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return scripted(tmp_path / "pets.pt", classes=["cat", "dog"])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Forty photographs, as many of either class."""
    rng = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        images.write(Picture(pixels=pixels), folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan of a budget, without a clock: two rounds of a step, two rates; BM3D, seconds an image, is not timed."""

    def plan(rates: object, budget: float, n: int, **options: object) -> Plan:
        return Plan(0, 0, 1, {"restorers": 1, "degraded": 1, "restored": 1}, min(n, 4), bm3d=False)

    monkeypatch.setattr(guarding, "make_plan", plan)
    monkeypatch.setattr(guarding, "refitted", lambda plan, *measured, **options: plan)
    monkeypatch.setattr(guarding, "BM3D", "wiener")
    monkeypatch.setattr(trainings, "ROUNDS", 2)
    monkeypatch.setattr(trainings, "RATES", (1e-4, 1e-3))


def arguments(recognizer: Path, photos: Path, *more: object, noise: str = NOISE) -> tuple[object, ...]:
    given = ("guard", "--recognizer", recognizer, "--images", photos, "--restorer", "tiny", "--anyway")
    return (*given, "--budget", "60s", "--with", noise, "-o", "out", *more)


def check_report(
    folder: Path,
    *,
    key: str = "error",
    rows: Sequence[str] = ROWS,
    other: str = "pets.pt",
    sigmas: Sequence[int] = (30, 40, 50, 60),
) -> None:
    record: dict[str, Any] = json.loads((folder / "report.json").read_text())
    conditions = ["quantize", *(f"gaussian(sigma={s}/255)" for s in sigmas)]
    assert [one["degradation"] for one in record["conditions"]] == conditions
    for one in record["conditions"]:
        assert [row["name"] for row in one["rows"]] == [*rows]
        assert all({"value", "low", "high"} == set(row[key]) for row in one["rows"])
    assert record["conditions"][0]["images"] == 4
    steps = {name: done["steps"] for name, done in record["trained"].items()}
    assert steps["separate"] == steps["guided"] == 2
    assert steps["retrained-on-degraded"] == 2
    assert steps["retrained-on-degraded/0.001"] == 1
    assert record["precision"] in {"32-true", "bf16-mixed"}
    assert record["selection"]["best"] in {"mean", "gate"} & {*rows}
    assert record["selection"]["departure"]["gate"] <= record["selection"]["departure"]["restored"]
    assert any("retrained" in line for line in record["when not"])
    notes = " ".join(record["notes"])
    assert "retrained on degraded at a rate of" in notes
    assert "is deployed: on validation images" in notes
    page = (folder / "report.html").read_text()
    assert "retrained on restored" in page
    assert "<h2>clean input</h2>" in page
    assert page.count("data:image/png;base64,") == 2
    for name in ("separate", "guided"):
        assert weights.load(folder / name / "weights").figures["name"] == name
    assert 0 <= weights.load(folder / "guided" / "weights").figures["guidance"] <= 1
    assert [row["name"] for row in record["others"][other][0]["rows"]] == ROWS[:4]


@pytest.mark.usefixtures("quick", "tiny")
def test_one_command_that_was_interrupted(
    command: Callable, pets: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one training of this file: what it leaves when it is stopped, what it ends with, what it refuses then."""
    before, whole = torch.jit.load(pets).state_dict(), trainings.fit

    def interrupted(task: object, data: object, **options: object) -> None:
        whole(task, data, **options)
        if Path(str(options["out"])).name == "separate":
            raise KeyboardInterrupt

    asked = arguments(pets, photos, "--evaluate-on", "pets.pt")
    monkeypatch.setattr(trainings, "fit", interrupted)
    assert command(*asked).status == 130
    assert weights.load(tmp_path / "out/guided/weights").figures["name"] == "guided"
    assert not (tmp_path / "out/report.html").exists()
    assert [*json.loads((tmp_path / "out/restorers.json").read_text())[0]["seconds"]] == ["guided"]
    monkeypatch.setattr(trainings, "fit", whole)
    done = command(*asked)
    assert done.status == 0, done.err
    check_report(tmp_path / "out")
    check_onnx(tmp_path / "out/guided")
    assert command("restore", photos / "cat" / "0.png", "-o", "restored", "--model", "out/guided/weights").status == 0
    assert all(torch.equal(v, before[k]) for k, v in torch.jit.load(pets).state_dict().items())
    assert "out holds a run with another weight, 8.0" in command(*arguments(pets, photos, "--weight", "2")).err
    scripted(pets, classes=["cat", "dog"], seed=1)
    other = command(*asked)
    assert other.status == 1
    assert "out holds a run with another weights of the recognizer" in other.err


def check_onnx(folder: Path) -> None:
    """The file gives what the weights give."""
    runtime = pytest.importorskip("onnxruntime")
    y = np.random.default_rng(0).random((1, 3, 16, 24), dtype=np.float32)
    (x_hat,) = runtime.InferenceSession(folder.with_suffix(".onnx")).run(None, {"y": y})
    with torch.inference_mode():
        expected = weights.load(folder / "weights")(torch.from_numpy(y))
    np.testing.assert_allclose(x_hat, expected, rtol=0, atol=1e-4)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Lines of text, of two heights, each beside its text; and a page of two lines whose text has three."""
    (folder := tmp_path / "lines").mkdir()
    for number in range(24):
        line = Lines(count=24, letters=7, height=24 + 8 * (number % 2))[number]
        write_grey(folder / f"{number}.png", line.x[0])
        (folder / f"{number}.txt").write_text(f"{line.text}\n")
    page = torch.ones(60, 80)
    page[10:20, 5:70], page[35:45, 5:40] = 0, 0
    write_grey(folder / "page.png", page)
    (folder / "page.txt").write_text("one\ntwo\nthree")
    return folder


def write_grey(path: Path, x: torch.Tensor) -> None:
    images.write(Picture(pixels=(255 * x).round().byte().numpy()[..., None]), path)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The weights of a reader that has learned nothing."""
    torch.manual_seed(0)
    weights.save(CRNN(widths=[4, 6, 8], hidden=5), tmp_path / "reader", figures={"name": "reader"}, card="")
    return tmp_path / "reader"


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """The weights of a classifier that has learned nothing."""
    torch.manual_seed(0)
    network = ResidualNet(widths=[4, 6], blocks=[0, 1], classes=["cat", "dog"])
    weights.save(network, tmp_path / "kinds", figures={"name": "kinds"}, card="")
    return tmp_path / "kinds"


@pytest.mark.usefixtures("quick", "tiny", "elsewhere")
def test_a_classifier_is_guarded_on_an_accelerator(
    command: Callable, kinds: Path, photos: Path, tmp_path: Path
) -> None:
    done = command(*arguments(kinds, photos, "--evaluate-on", kinds, "--layer", "features.1", noise=SOME))
    assert done.status == 0, done.err
    check_report(tmp_path / "out", other=str(kinds), sigmas=[30])
    check_onnx(tmp_path / "out/guided")


class Engine(nn.Module):
    """Gives text, and no logits."""

    traits = RecognitionTraits(task="read", classes=(), channels=None)

    def read(self, x: torch.Tensor) -> list[tuple[Line, ...]]:
        return [(Line("text", 0.5, ()),) for _ in x]


def reading(reader: object, lines: Path, *more: object, noise: str = NOISE) -> tuple[object, ...]:
    given = ("guard", "--recognizer", reader, "--images", lines, "--restorer", "small", "--anyway")
    return (*given, "--budget", "60s", "--with", noise, "-o", "out", *more)


@pytest.mark.usefixtures("quick")
def test_a_reader_is_guarded(
    command: Callable, reader: Path, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other training of this file; judged by the character error rate."""
    pytest.importorskip("jiwer")
    monkeypatch.setitem(PACKAGED, "engine", Packaged(Engine, "Reads"))  # type: ignore[arg-type]
    monkeypatch.setattr(guarding, "write_restorer", lambda *given: "as for classifiers, above")
    weights.save(small_unet(), tmp_path / "small", figures={"name": "small"}, card="")
    before = weights.load_recognizer(reader).state_dict()
    done = command(*reading(reader, lines, "--evaluate-on", "engine"))
    assert done.status == 0, done.err
    assert "left out: page.png: its text has 3 lines, 2 are found" in done.err
    assert "CER %" in done.out
    rows = [name for name in ROWS if name != "mean"]
    check_report(tmp_path / "out", key="cer", rows=rows, other="engine")
    record = json.loads((tmp_path / "out/report.json").read_text())
    assert "character error rate, %: clean" in record["headline"]
    assert "an image is a line of text" in " ".join(record["notes"])
    assert all(value.equal(before[key]) for key, value in weights.load_recognizer(reader).state_dict().items())


@pytest.mark.usefixtures("quick", "elsewhere")
def test_a_reader_is_guarded_on_an_accelerator(command: Callable, reader: Path, lines: Path, tmp_path: Path) -> None:
    pytest.importorskip("jiwer")
    weights.save(small_unet(), tmp_path / "small", figures={"name": "small"}, card="")
    done = command(*reading(reader, lines, "--evaluate-on", reader, noise=SOME))
    assert done.status == 0, done.err
    rows = [name for name in ROWS if name != "mean"]
    check_report(tmp_path / "out", key="cer", rows=rows, other=str(reader), sigmas=[30])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--recognizer", "engine"), "Engine gives text, and no logits through which gradients could flow"),
        (("--evaluate-on", "digits-mlp"), "digits-mlp tells classes, the recognizer that guides does not"),
        (("--labels", "cows.csv"), "write what is in a.png to a.txt beside it, or give --labels none"),
        (("--size", "64"), "whole lines, not on squares: leave --size out"),
        (("--deploy",), "a reader gives text: leave it out"),
        (("--images", "white"), " images can be cut into lines of text, the first is"),
    ],
)
def test_mistakes_with_a_reader_end_in_one_line(
    command: Callable,
    reader: Path,
    lines: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.setitem(PACKAGED, "engine", Packaged(Engine, "Reads"))  # type: ignore[arg-type]
    (tmp_path / "white").mkdir()
    for number in range(14):
        write_grey(tmp_path / "white" / f"{number}.png", torch.ones(20, 30))
    done = command(*reading(reader, lines, *more))
    assert done.status == 1
    assert reason in done.err
    assert done.err.splitlines()[-1].startswith("clearsight: ")
    assert not (tmp_path / "out").exists()


def test_a_reader_that_reads_nothing_is_refused_with_its_figure(
    command: Callable, reader: Path, lines: Path, tmp_path: Path
) -> None:
    pytest.importorskip("jiwer")
    weights.save(small_unet(), tmp_path / "small", figures={"name": "small"}, card="")
    done = command(*(one for one in reading(reader, lines) if one != "--anyway"))
    assert done.status == 1
    assert "the recognizer has a character error rate of" in done.err
    assert "or go on with --anyway" in done.err
    assert not (tmp_path / "out").exists()


def test_without_labels_the_recognizer_is_the_teacher(photos: Path, pets: Path) -> None:
    recognizer = weights.load_recognizer(pets)
    for labels, teaches in ((None, False), ("none", True)):
        guide = ClassGuide(recognizer)
        splits = open_splits(photos, labels=labels, guide=guide, seed=0)
        candidates = Candidates(
            guide=guide,
            splits=splits,
            degradation=NOISE,
            conditions=[NOISE],
            restorer=small_unet(channels=3),
            layer=None,
            weight=1.0,
            size=None,
            seed=0,
        )
        assert candidates.guided().guidance.labelled is not teaches
        teacher = candidates.retrained(None).teacher
        assert (teacher is not None and teacher.network is recognizer) is teaches
        notes = guarding.notes_of(splits, Plan(0, 0, 1, {}, 4, bm3d=False), candidates)
        assert ("no labels: right is what the recognizer sees" in " ".join(notes)) is teaches


@pytest.mark.usefixtures("tiny")
def test_a_budget_that_pays_for_nothing(
    command: Callable, pets: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = Rates({"separate": 1.0, "guided": 1.0}, {}, 1.0, 1.0, None)
    monkeypatch.setattr(guarding, "measured_rates", lambda *given: rates)
    done = command(*arguments(pets, photos, "--budget", "1s"))
    assert done.status == 1
    assert "a budget of 1 s leaves no time to train" in done.err
    assert not (tmp_path / "out").exists()


def test_labels_from_a_table(command: Callable, tiny: Path, pets: Path, photos: Path, tmp_path: Path) -> None:
    lines = [f"{path.relative_to(photos)},cat" for path in sorted(photos.rglob("*.png"))]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    splits = open_splits(photos, labels="labels.csv", guide=ClassGuide(weights.load_recognizer(pets)), seed=0)
    assert {part[index].label for part in splits[:3] for index in range(len(part))} == {0}
    (tmp_path / "labels.csv").write_text("\n".join(lines[1:]))
    done = command(*arguments(pets, photos, "--labels", "labels.csv"))
    assert done.status == 1
    assert "1 of 40 images have no label" in done.err


@pytest.mark.usefixtures("tiny")
def test_a_recognizer_that_reads_nothing_is_refused(
    command: Callable, pets: Path, photos: Path, tmp_path: Path
) -> None:
    done = command(*(one for one in arguments(pets, photos) if one != "--anyway"))
    assert done.status == 1
    assert "or go on with --anyway" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--recognizer", "no.pt"), "no.pt"),
        (("--recognizer", "text.pt"), "text.pt"),
        (("--recognizer", "three.pt"), "the recognizer tells 3 classes apart, the labels have 2"),
        (("--recognizer", "grey.pt"), "the recognizer takes grey images, got colour images"),
        (("--recognizer", "pixels.pt"), "without labels, --labels none, its own answers are the guide"),
        (("--images", "few"), "few holds 3 images, expected at least 8"),
        (("--labels", "no.csv"), "there is no file no.csv with labels"),
        (("--labels", "cows.csv"), "names the class 'cow', which the recognizer does not tell"),
        (("--budget", "soon"), "a budget is a time such as 90s, 30m or 2h, got 'soon'"),
        (("--deploy",), "a TorchScript program cannot become a part of an ONNX graph"),
        (("--restorer", "wiener"), "wiener cannot guard"),
        (("--restorer", "multiscall"), "did you mean 'multiscale'"),
        (("--with", "gausian"), "did you mean 'gaussian'"),
        (("--layer", "module.1"), "TorchScript"),
    ],
)
def test_mistakes_end_in_one_line_before_any_training(
    command: Callable, pets: Path, photos: Path, photo: Callable, tmp_path: Path, more: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "text.pt").write_text("no network")
    scripted(tmp_path / "three.pt", classes=["cat", "cow", "hen"])
    scripted(tmp_path / "grey.pt", classes=["cat", "dog"], channels=1)
    scripted(tmp_path / "pixels.pt", classes=["cat", "dog"], segments=True)
    (tmp_path / "cows.csv").write_text("cat/0.png,cow\n")
    for number in range(3):
        photo(f"few/{number}.png")
    done = command(*arguments(pets, photos, *more))
    assert done.status == 1
    assert reason in done.err
    assert done.err.splitlines()[-1].startswith("clearsight: ")
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()
