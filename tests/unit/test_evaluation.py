"""All methods judged on the same degraded images, in constant memory, with intervals that mean what they say."""

from __future__ import annotations

import json
import math
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import bootstrap
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import VOID, RecognitionTraits, Sample, Traits
from clearsight.datasets import Pairs, SegmentationFolder, take
from clearsight.degradations import Pipeline, parse
from clearsight.errors import ClearsightError, DataError, InvalidArgumentError, ModelError
from clearsight.evaluation import Evaluation, Row, Shown, evaluate
from clearsight.evaluation.figures import draw
from clearsight.evaluation.loop import Method, batches, judge
from clearsight.evaluation.protocol import evaluate_under
from clearsight.evaluation.results import Estimate, Resampled, multiplicities
from clearsight.inference import Engine
from clearsight.metrics import psnr, ssim
from clearsight.metrics.metric import CALIBRATION, ERROR, EXACT, PSNR, SSIM, recognition_metrics, restoration_metrics
from clearsight.recognizers import DigitNet, Wrapped
from clearsight.registry import Entry
from clearsight.restorers import Bicubic, DnCNN, FFDNet, ResidualUNet, Wiener

NOISE = "gaussian(sigma=25/255)"
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Listed:
    """A data set in memory."""

    samples: list[Sample]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def smooth(*shape: int, seed: int = 0) -> Tensor:
    """An image in [0.1, 0.9] that a denoiser can make something of."""
    coarse = torch.rand(1, shape[0], 4, 4, generator=torch.Generator().manual_seed(seed))
    return 0.1 + 0.8 * nn.functional.interpolate(coarse, shape[1:], mode="bilinear")[0]


def photographs(*shapes: tuple[int, int, int], label: Any = None, classes: tuple[str, ...] = ()) -> Listed:
    images = [Sample(name=f"{i}.png", x=smooth(*shape, seed=i), label=label) for i, shape in enumerate(shapes)]
    return Listed(images, classes)


@pytest.fixture(scope="module")
def five() -> Listed:
    """Grey images, three of one size."""
    return photographs((1, 16, 20), (1, 16, 20), (1, 16, 20), (1, 20, 16), (1, 24, 24))


class Watching(nn.Module):
    """A restorer that changes nothing and remembers what it was given."""

    def __init__(self, **traits: Any) -> None:
        super().__init__()
        self.traits = Traits(**{"channels": None, "receptive_radius": None, **traits})
        self.seen: list[Tensor] = []
        self.levels: list[Tensor | None] = []

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        self.seen += y.clone()
        self.levels += [None] * len(y) if sigma is None else sigma.tolist()
        return y.repeat_interleave(self.traits.scale, 2).repeat_interleave(self.traits.scale, 3)


class Reading(nn.Module):
    """A classifier that takes the first pixel for the class and the second for its confidence."""

    def __init__(self, classes: tuple[str, ...], channels: int | None = 1) -> None:
        super().__init__()
        self.traits = RecognitionTraits(task="classify", classes=classes, channels=channels)

    def forward(self, x: Tensor) -> Tensor:
        classes = len(self.traits.classes)
        answer, confidence = (x[:, 0, 0, 0] * 255).round().long() % classes, x[:, 0, 0, 1, None].clamp(0.01, 0.99)
        rest = ((1 - confidence) / (classes - 1)).expand(-1, classes)
        return rest.scatter(1, answer[:, None], confidence).log()


class Steady(Reading):
    """Takes everything for a 4."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.eye(10)[4].expand(len(x), -1)


def written(answer: int, confidence: float, label: int | None, name: str) -> Sample:
    """An image that :class:`Reading` reads."""
    x = torch.zeros(1, 12, 12)
    x[0, 0, 0], x[0, 0, 1] = answer / 255, confidence
    return Sample(name=name, x=x, label=label)


def figures(evaluation: Evaluation, key: str) -> dict[str, float]:
    """One figure of each row that has it."""
    return {row.name: row.figures[key].value for row in evaluation.rows if key in row.figures}


def without_seconds(evaluation: Evaluation) -> dict[str, Any]:
    result = evaluation.as_json()
    for row in result["rows"]:
        del row["seconds_per_image"]
    return result


@pytest.fixture
def classical(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, nn.Module]]:
    """The baselines are what is put in here, and nothing is shipped."""
    models: dict[str, Any] = {}

    def entries() -> Iterator[Entry]:
        return (Entry(name, lambda model=model: model, {}) for name, model in models.items())  # type: ignore[misc]

    monkeypatch.setattr("clearsight.weights.weightless", entries)
    monkeypatch.setattr("clearsight.weights.shipped", lambda: iter(()))
    return models


# Intervals


def mean_of(values: Tensor, names: list[str] | None = None, seed: int = 0) -> Estimate:
    resampled = Resampled(lambda sums: sums[..., 1] / sums[..., 0])
    names = names or [str(i) for i in range(len(values))]
    resampled.add(torch.stack([torch.ones_like(values), values], 1), multiplicities(names, seed))
    return resampled.estimate()


def test_the_interval_covers_a_known_mean_as_often_as_it_says() -> None:
    """400 data sets of 100 images whose figure is normal with mean 30 and standard deviation 4."""
    times = multiplicities([str(i) for i in range(100)], seed=0)
    sets = 30 + 4 * torch.randn(400, 100, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    estimates = []
    for values in sets:
        resampled = Resampled(lambda sums: sums[..., 1] / sums[..., 0])
        resampled.add(torch.stack([torch.ones_like(values), values], 1), times)
        estimates.append(resampled.estimate())
    assert [e.value for e in estimates] == pytest.approx(sets.mean(1).tolist())
    assert 0.92 < np.mean([e.low < 30 < e.high for e in estimates]) < 0.975  # 1 % is the standard error
    width = np.mean([e.high - e.low for e in estimates])
    assert width == pytest.approx(2 * 1.96 * 4 / math.sqrt(100), rel=0.05)


def test_the_interval_is_that_of_the_common_bootstrap() -> None:
    values = torch.rand(80, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 3
    ours = mean_of(values)
    other = bootstrap((values.numpy(),), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    tolerance = 0.1 * (other.high - other.low)
    assert (ours.low, ours.high) == (pytest.approx(other.low, abs=tolerance), pytest.approx(other.high, abs=tolerance))


def test_multiplicities_depend_on_seed_and_name_alone() -> None:
    names = ["a", "b/c", "d"]
    whole = multiplicities(names, seed=3)
    assert whole.shape == (3, 1000)
    assert whole.equal(torch.cat([multiplicities([name], seed=3) for name in names]))
    assert multiplicities(names[::-1], seed=3).equal(whole.flip(0))
    assert not multiplicities(names, seed=4).equal(whole)
    assert len({tuple(row) for row in whole.tolist()}) == 3


def test_multiplicities_are_poisson() -> None:
    drawn = multiplicities([str(i) for i in range(200)], seed=0)
    assert float(drawn.mean()) == pytest.approx(1, abs=0.01)
    assert float(drawn.var()) == pytest.approx(1, abs=0.02)
    assert float((drawn == 0).double().mean()) == pytest.approx(math.exp(-1), abs=0.005)


def test_sums_need_no_memory() -> None:
    def numbers(count: int) -> int:
        resampled = Resampled(lambda sums: sums.sum(-1))
        for start in range(0, count, 10):
            resampled.add(torch.ones(10, 3), multiplicities([str(i) for i in range(start, start + 10)], 0))
        return sum(value.numel() for value in vars(resampled).values() if isinstance(value, Tensor))

    assert numbers(10) == numbers(200) == 3 + 1000 * 3


def test_nothing_is_no_number() -> None:
    mean = Resampled(lambda sums: sums[..., 1] / sums[..., 0])
    assert all(map(math.isnan, (mean.estimate().value, mean.estimate().low, mean.estimate().high)))
    mean.add(torch.zeros(2, 2), multiplicities(["a", "b"], 0))
    assert all(map(math.isnan, (mean.estimate().value, mean.estimate().low, mean.estimate().high)))


def test_an_image_alone_has_no_spread() -> None:
    estimate = mean_of(torch.tensor([7.0]))
    assert (estimate.value, estimate.low, estimate.high) == (7, 7, 7)


# The stream


def test_batches_keep_the_order_and_part_where_the_size_changes(five: Listed) -> None:
    pairs = Pairs(five, parse(NOISE), seed=0)
    parted = list(batches(pairs, range(5)))
    assert [batch.names for batch in parted] == [("0.png", "1.png", "2.png"), ("3.png",), ("4.png",)]
    assert parted[0].x.shape == parted[0].y.shape == (3, 1, 16, 20)
    assert parted[0].y[1].equal(pairs[1].y)
    assert [batch.names for batch in batches(pairs, [4, 2, 0])] == [("4.png",), ("2.png", "0.png")]
    assert list(batches(pairs, [])) == []


def test_the_table_does_not_depend_on_the_batches(five: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    together = evaluate(five, NOISE, model=Wiener())
    monkeypatch.setattr("clearsight.evaluation.loop._PIXELS_AT_ONCE", 1)
    alone = evaluate(five, NOISE, model=Wiener())
    for one, other in zip(together.rows, alone.rows, strict=True):
        for key in ("psnr", "ssim"):
            a, b = one.figures[key], other.figures[key]
            assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-4)


def test_images_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long data set takes no more memory than a short one: few of its images are alive at any time."""
    alive: weakref.WeakSet[Tensor] = weakref.WeakSet()
    most = []

    class Long(Listed):
        def __len__(self) -> int:
            return 60

        def __getitem__(self, index: int) -> Sample:
            x = smooth(1, 12, 12, seed=index)
            alive.add(x)
            most.append(len(alive))
            return Sample(name=str(index), x=x, label=None)

    monkeypatch.setattr("clearsight.evaluation.loop._PIXELS_AT_ONCE", 4 * 144)
    assert evaluate(Long([]), NOISE, model=Wiener()).images == 60
    assert max(most) < 10


# Rows


def test_clean_degraded_baselines_model(classical: dict[str, nn.Module]) -> None:
    classical |= {
        "one": Wiener(),
        "two": Watching(sigma="required"),
        "grey only": Watching(channels=1),
        "own": Wiener(),
    }
    data = photographs((3, 16, 16), (3, 16, 16), label=1, classes=("a", "b"))
    own = Wiener()
    own.figures = {"name": "own"}
    evaluation = evaluate(
        data, NOISE, model=own, recognizer=Reading(("a", "b"), channels=3), with_baselines=True, device="cpu"
    )
    assert [row.name for row in evaluation.rows] == ["clean", "degraded", "one", "two", "own"]
    looks_and_recognition = ["psnr", "ssim", "error", "calibration_error"]
    assert [list(row.figures) for row in evaluation.rows] == [looks_and_recognition[2:], *[looks_and_recognition] * 4]
    assert [row.seconds is None for row in evaluation.rows] == [True, True, False, False, False]
    assert all(row.seconds > 0 for row in evaluation.rows[2:])
    assert (evaluation.images, evaluation.degradation, evaluation.seed) == (2, NOISE, 0)
    psnrs = figures(evaluation, "psnr")
    assert psnrs["two"] == psnrs["degraded"] < psnrs["one"] == psnrs["own"]


def test_without_a_recognizer_clean_images_say_nothing(five: Listed) -> None:
    assert [row.name for row in evaluate(five, NOISE).rows] == ["degraded"]


def test_a_recognizer_of_its_own_is_a_row_of_the_same_pass() -> None:
    """It is judged on the same images as all others, and is not shown."""
    data = Listed([written(i, 0.9, 4, str(i)) for i in range(4)], DIGITS)
    front, shown = Watching(), list[Shown]()
    evaluation = evaluate(
        data,
        NOISE,
        model={"front": front},
        recognizer=Reading(DIGITS),
        read_by={"on degraded": (None, Steady(DIGITS)), "on restored": (front, Steady(DIGITS))},
        show=shown.append,
    )
    assert [row.name for row in evaluation.rows] == ["clean", "degraded", "front", "on degraded", "on restored"]
    errors, psnrs = figures(evaluation, "error"), figures(evaluation, "psnr")
    assert (errors["clean"], errors["on degraded"], errors["on restored"]) == (100, 0, 0)
    assert psnrs["degraded"] == psnrs["front"] == psnrs["on restored"]
    assert "on degraded" not in psnrs  # it has made no image
    assert [row.seconds is None for row in evaluation.rows] == [True, True, False, True, False]
    assert list(shown[0].states) == ["clean", "degraded", "front"]
    assert len(front.seen) == 4  # each image is restored once, for both rows


def test_a_retrained_recognizer_has_to_fit_too(five: Listed) -> None:
    with pytest.raises(DataError, match="the images have no labels"):
        evaluate(five, NOISE, read_by={"own": (None, Reading(DIGITS))})
    with pytest.raises(InvalidArgumentError, match="give a restorer that enlarges 2 times"):
        evaluate(GREY_DIGITS, "area(scale=2)", read_by={"own": (None, Reading(DIGITS))})


def test_several_degradations_one_after_the_other(five: Listed) -> None:
    told: list[str] = []
    degradations = [NOISE, "gaussian(sigma=50/255)"]
    found, sheet = evaluate_under(degradations, partial(evaluate, five, seed=3, showing=2), told.append)
    assert [one.degradation for one in found] == degradations
    assert told == [f"judging: {degradation}" for degradation in degradations]
    assert without_seconds(found[1]) == without_seconds(evaluate(five, degradations[1], seed=3))
    assert [shown.sample.name for shown in sheet] == ["0.png", "2.png"]
    noise = Pairs(five, parse(degradations[1]), seed=3)[0].y
    assert sheet[0].states["degraded"].equal(noise.clamp(0, 1))


def test_a_difference_is_of_the_same_images() -> None:
    """Images differ much, two methods by little and always alike: that is no chance."""
    names, values = [str(n) for n in range(50)], 10 * torch.rand(50, generator=torch.Generator().manual_seed(0))
    one, other = (Resampled(lambda sums: sums[..., 1] / sums[..., 0]) for _ in range(2))
    for figure, each in ((one, values), (other, values + 0.1)):
        figure.add(torch.stack([torch.ones(50), each], 1), multiplicities(names, seed=0))
    gain = other.estimate().minus(one.estimate())
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))
    assert other.estimate().low < one.estimate().high
    apart = Estimate(3, 2, 4).minus(Estimate(1, 0, 1.5))  # nothing is known but both intervals
    assert (apart.value, apart.low, apart.high) == (2, 0.5, 4)


def test_a_method_may_recognize_by_itself() -> None:
    data = Listed([written(i, 0.9, i % 2, str(i)) for i in range(4)], DIGITS)
    logits = torch.eye(10)[[0, 1, 1, 1]]
    joint = Method(run=lambda batch: (batch.y, logits), recognizer=pytest.fail, metrics=[ERROR])
    given = batches(Pairs(data, parse(NOISE), seed=0), range(4))
    rows = judge(given, {"joint": joint}, seed=0)
    assert rows["joint"].figures["error"].value == pytest.approx(25)


def test_images_with_labels_and_without_are_apart() -> None:
    data = Listed([written(0, 0.5, label, str(label)) for label in (1, 2, None)], DIGITS)
    some, bare = batches(Pairs(data, parse(NOISE), seed=0), range(3))
    assert some.labels is not None
    assert some.labels.tolist() == [1, 2]
    assert bare.labels is None


@pytest.mark.parametrize("channels", [1, 3])
def test_baselines_are_all_that_apply(channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("tiny-color", 3), ("tiny-grey", 1)):
        model = ResidualUNet(channels=number, widths=[4], blocks=[1])
        weights.save(model, tmp_path / name, figures={"name": name, "summary": ""}, card="")
    weights.save(DigitNet(widths=[4]), tmp_path / "tiny-digits", figures={}, card="")
    monkeypatch.setattr("clearsight.weights._HOME", tmp_path)
    monkeypatch.setitem(sys.modules, "bm3d", None)  # an optional part that is not installed is left out

    rows = evaluate(photographs((channels, 16, 16)), NOISE, with_baselines=True).rows
    shipped = {1: "tiny-grey", 3: "tiny-color"}[channels]
    without = ["mcwnnm", "non-local-means", "total-variation", "wavelet", "wiener"]
    assert [r.name for r in rows] == ["degraded", *without, shipped]
    assert all(row.figures["psnr"].value > 15 for row in rows)


def test_baselines_by_name(classical: dict[str, nn.Module], five: Listed) -> None:
    classical |= {"one": Watching(), "two": Watching(), "three": Watching()}
    rows = evaluate(five, NOISE, model=Wiener(), with_baselines=["three", "one"]).rows
    assert [row.name for row in rows] == ["degraded", "one", "three", "wiener"]


def test_interpolation_is_the_baseline_of_enlarging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.weights._HOME", tmp_path)
    data = photographs((1, 24, 24), (1, 24, 24), label=0, classes=DIGITS)
    evaluation = evaluate(data, "area(scale=3)", recognizer=Reading(DIGITS), with_baselines=True)
    assert [row.name for row in evaluation.rows] == ["clean", "bicubic"]
    x = data[0].x[None]
    generator = torch.Generator()
    y = [parse("area(scale=3)")(sample.x[None], generator=generator) for sample in data.samples]
    expected = [psnr(Bicubic(scale=3)(a).clamp(0, 1), b.x[None]) for a, b in zip(y, data.samples, strict=True)]
    assert x.shape[-1] == 3 * y[0].shape[-1]
    assert figures(evaluation, "psnr")["bicubic"] == pytest.approx(float(torch.cat(expected).mean()), abs=1e-4)


def test_a_restorer_of_ones_own_goes_by_the_name_of_its_class(five: Listed) -> None:
    assert [row.name for row in evaluate(five, NOISE, model=Watching()).rows] == ["degraded", "Watching"]
    assert [row.name for row in evaluate(five, NOISE, model=Wiener()).rows] == ["degraded", "wiener"]


# What is measured


def test_figures_are_means_over_images(five: Listed) -> None:
    evaluation = evaluate(five, NOISE, model=Wiener(), seed=5)
    pairs = Pairs(five, parse(NOISE), seed=5, with_sigma=True)
    expected: dict[str, list[Tensor]] = {"degraded": [], "wiener": []}
    for pair in (pairs[i] for i in range(5)):
        x, y = pair.sample.x[None], pair.y[None]
        for name, x_hat in (("degraded", y), ("wiener", Wiener()(y, pair.sigma[None]))):
            expected[name].append(torch.stack([psnr(x_hat.clamp(0, 1), x), ssim(x_hat.clamp(0, 1), x)]))
    for name, values in expected.items():
        mean = torch.cat(values, 1).mean(1).tolist()
        assert [figures(evaluation, key)[name] for key in ("psnr", "ssim")] == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize("restorer", [None, Wiener()])
def test_exact_images_count_as_rounded_ones(restorer: nn.Module | None, five: Listed) -> None:
    assert 10 * math.log10(12 * 255**2) == pytest.approx(EXACT, abs=0.005)
    evaluation = evaluate(five, "gaussian(sigma=0)", model=restorer)
    for row in evaluation.rows:
        estimate = row.figures["psnr"]
        assert (estimate.value, estimate.low, estimate.high) == (pytest.approx(58.92),) * 3
        assert row.figures["ssim"].value == pytest.approx(1)


def test_sizes_may_differ_and_small_images_have_no_ssim(five: Listed) -> None:
    small = [Sample(name="a", x=smooth(1, 10, 30), label=None), Sample(name="b", x=smooth(1, 3, 2), label=None)]
    mixed, alone = evaluate(Listed([*five.samples, *small]), NOISE), evaluate(five, NOISE)
    assert mixed.images == 7
    assert figures(mixed, "ssim") == pytest.approx(figures(alone, "ssim"))
    each = [figures(evaluate(Listed([s]), NOISE), "psnr")["degraded"] for s in [*five.samples, *small]]
    assert figures(mixed, "psnr")["degraded"] == pytest.approx(sum(each) / 7, abs=1e-4)
    assert [c.key for c in evaluate(Listed(small), NOISE).metrics] == ["psnr"]
    assert restoration_metrics(11, 11) == [PSNR, SSIM]


def test_error_and_calibration_by_hand() -> None:
    """Eight answers with confidence 0.9, of which six are right, and two with 0.62, of which one is."""
    sure = [written(i, 0.9, i if i < 6 else 0, f"sure {i}") for i in range(8)]
    unsure = [written(i, 0.62, 3, f"unsure {i}") for i in (3, 4)]
    evaluation = evaluate(Listed([*sure, *unsure], DIGITS), "gaussian(sigma=0)", recognizer=Reading(DIGITS))
    expected = 0.8 * abs(0.9 - 6 / 8) + 0.2 * abs(0.62 - 1 / 2)
    for name in ("clean", "degraded"):
        assert figures(evaluation, "error")[name] == pytest.approx(100 * 3 / 10)
        assert figures(evaluation, "calibration_error")[name] == pytest.approx(100 * expected, abs=1e-4)
    low, high = evaluation.rows[0].figures["error"].low, evaluation.rows[0].figures["error"].high
    assert 0 <= low < 15
    assert 50 < high <= 80


def test_the_five_largest_count_where_there_are_more_than_ten() -> None:
    classes = tuple("abcdefghijkl")
    seventh = replace(Reading(classes).traits, classes=classes[:10])
    assert [c.key for c in recognition_metrics(seventh)] == ["error", "calibration_error"]

    class Ranking(Reading):
        def forward(self, x: Tensor) -> Tensor:
            return -torch.arange(12.0).expand(len(x), -1)

    data = Listed([written(0, 0.5, label, str(label)) for label in (0, 1, 4, 5)], classes)
    evaluation = evaluate(data, "gaussian(sigma=0)", recognizer=Ranking(classes))
    assert figures(evaluation, "error")["clean"] == 75
    assert figures(evaluation, "top5_error")["clean"] == 25


def test_a_recognizer_is_shown_what_was_restored_and_clipped() -> None:
    shown = []

    class Looking(Reading):
        def forward(self, x: Tensor) -> Tensor:
            shown.append(x.clone())
            return super().forward(x)

    data = photographs((1, 16, 16), label=0, classes=DIGITS)
    evaluate(data, "gaussian(sigma=0.5)", recognizer=Looking(DIGITS))
    clean, degraded = shown
    assert clean[0].equal(data[0].x)
    assert degraded.min() == 0
    assert degraded.max() == 1


# Segmentation


def save_grey(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


class Bands(nn.Module):
    """Takes dark pixels for class 0, middle ones for 1, bright ones for 2; class 3 never."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([-x, -(x - 0.5).abs(), x - 1, torch.full_like(x, -9)], 1)


def test_mean_iou_by_hand(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, maps = rng.choice([10, 128, 250], (3, 14, 18)), rng.integers(0, 3, (3, 14, 18))
    maps[:, :, :9] = np.searchsorted([64, 192], images[:, :, :9])
    maps[rng.random(maps.shape) < 0.1] = VOID
    for i in range(3):
        save_grey(tmp_path / f"images/{i}.png", images[i])
        save_grey(tmp_path / f"labels/{i}.png", maps[i])
    data = SegmentationFolder(root=tmp_path, classes=4)
    evaluation = evaluate(data, "gaussian(sigma=0)", recognizer=Wrapped(Bands(), channels=1, classes=list("abcd")))

    answers = np.searchsorted([64, 192], images)
    ious = []
    for k in range(3):
        there, taken = (maps == k), (answers == k) & (maps != VOID)
        ious.append((there & taken).sum() / (there | taken).sum())
    assert figures(evaluation, "miou") == pytest.approx(dict.fromkeys(["clean", "degraded"], 100 * np.mean(ious)))
    assert [list(row.figures) for row in evaluation.rows] == [["miou"], ["psnr", "ssim", "miou"]]
    assert 40 < np.mean(ious) * 100 < 80


def test_a_set_without_a_class_anywhere_has_no_mean_iou() -> None:
    void = torch.full((12, 12), VOID)
    data = Listed([Sample(name="a", x=smooth(1, 12, 12), label=void)], tuple("abcd"))
    evaluation = evaluate(data, NOISE, recognizer=Wrapped(Bands(), channels=1, classes=list("abcd")))
    assert evaluation.cells()[0] == ["clean", "–", "–", "–", "–"]
    assert evaluation.as_json()["rows"][0]["miou"] == {"value": None, "low": None, "high": None}


# The same noise for all


def test_every_method_sees_the_same_images(classical: dict[str, nn.Module], five: Listed) -> None:
    one, two, own = Watching(), Watching(sigma="optional"), Watching(sigma="required")
    classical |= {"one": one, "two": two}
    evaluate(five, "gaussian(sigma=10/255..50/255)", model=own, with_baselines=True, seed=2)
    pairs = Pairs(five, parse("gaussian(sigma=10/255..50/255)"), seed=2, with_sigma=True)
    for i in range(5):
        assert one.seen[i].equal(pairs[i].y)
        assert one.seen[i].equal(two.seen[i])
        assert one.seen[i].equal(own.seen[i])
    assert one.levels == [None] * 5
    assert two.levels == own.levels == [float(pairs[i].sigma) for i in range(5)]
    assert len(set(own.levels)) == 5


@pytest.mark.parametrize(
    ("degradation", "told"),
    [
        ("gaussian(sigma=25/255)", [25 / 255] * 5),
        ("gaussian(sigma=25/255) | quantize", [25 / 255] * 5),
        ("salt-and-pepper(amount=0.1)", None),
        ("gaussian(sigma=5/255) | gaussian(sigma=25/255)", None),
    ],
)
def test_the_noise_level_that_is_told(five: Listed, degradation: str, told: list[float] | None) -> None:
    """The σ of the one step that has one, else the root mean square of what was changed."""
    own = Watching(sigma="required")
    evaluate(five, degradation, model=own)
    if told is None:
        pairs = Pairs(five, parse(degradation), seed=0)
        told = [float((pairs[i].y - five[i].x).square().mean().sqrt()) for i in range(5)]
    assert own.levels == pytest.approx(told, abs=1e-6)


def test_the_same_seed_gives_the_same_table(five: Listed) -> None:
    once, again, other = (evaluate(five, NOISE, model=Wiener(), seed=seed) for seed in (1, 1, 2))
    assert without_seconds(once) == without_seconds(again)
    assert figures(once, "psnr") != figures(other, "psnr")


def test_a_part_of_the_set_has_the_noise_it_has_in_the_whole(five: Listed) -> None:
    whole, part = Watching(), Watching()
    evaluate(five, NOISE, model=whole)
    evaluate(take(five, 2), NOISE, model=part)
    assert len(part.seen) == 2
    assert part.seen[0].equal(whole.seen[0])
    assert part.seen[1].equal(whole.seen[2])


def test_an_order_does_not_change_the_figures(five: Listed) -> None:
    forth, back = evaluate(five, NOISE), evaluate(Listed(five.samples[::-1]), NOISE)
    for key in ("psnr", "ssim"):
        a, b = forth.rows[0].figures[key], back.rows[0].figures[key]
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-4)


# Colour and grey


def test_grey_and_colour_in_one_folder(classical: dict[str, nn.Module]) -> None:
    """What the first image is decides what applies; the engine brings the others to its models."""
    colour, grey = Watching(channels=3), Watching(channels=1)
    classical |= {"colour": colour, "grey": grey}
    mixed = evaluate(photographs((3, 16, 16), (1, 16, 16), (3, 16, 16)), NOISE, with_baselines=True)
    assert [row.name for row in mixed.rows] == ["degraded", "colour"]
    assert [y.shape[0] for y in colour.seen] == [3, 3, 3]
    assert figures(mixed, "psnr")["colour"] == pytest.approx(figures(mixed, "psnr")["degraded"], abs=1e-5)


# Pairs that exist


@pytest.fixture(scope="module")
def twins() -> Listed:
    """Noisy images with their clean twins."""
    clean = photographs((1, 16, 20), (1, 20, 16)).samples
    noise = torch.Generator().manual_seed(1)
    return Listed(
        [replace(s, x=s.x + 0.1 * torch.randn(s.x.shape, generator=noise), target=s.x, label=3) for s in clean], DIGITS
    )


def test_pairs_are_judged_as_they_are(twins: Listed) -> None:
    own = Watching(sigma="optional")
    shown: list[Shown] = []
    evaluation = evaluate(twins, None, model=own, recognizer=Steady(DIGITS), show=shown.append)
    assert evaluation.degradation == "as they are"
    assert [row.name for row in evaluation.rows] == ["clean", "degraded", "Watching"]
    assert all(seen.equal(s.x) for seen, s in zip(own.seen[-2:], twins.samples, strict=True))
    off = [float((s.x - s.target).square().mean().sqrt()) for s in twins.samples]
    assert own.levels[-2:] == pytest.approx(off)
    expected = np.mean([float(psnr(s.x.clamp(0, 1)[None], s.target[None])) for s in twins.samples])
    assert figures(evaluation, "psnr") == pytest.approx({"degraded": expected, "Watching": expected})
    assert all(one.sample.x.equal(s.target) for one, s in zip(shown, twins.samples, strict=True))
    assert shown[0].states["clean"].equal(twins[0].target)


@pytest.mark.parametrize("sigma", ["blind", "optional"])
def test_without_clean_twins_it_is_judged_what_is_recognized(sigma: str, tmp_path: Path) -> None:
    own, shown = Watching(sigma=sigma), list[Shown]()
    data = Listed([written(3, 0.9, 3, "right.png"), written(4, 0.9, 3, "wrong.png")], DIGITS)
    evaluation = evaluate(data, None, model=own, recognizer=Reading(DIGITS), show=shown.append)
    assert [metric.key for metric in evaluation.metrics] == ["error", "calibration_error"]
    assert figures(evaluation, "error") == {"degraded": 50.0, "Watching": 50.0}
    assert own.levels[-2:] == [None, None]
    assert [one.states.keys() for one in shown] == [{"degraded", "Watching"}] * 2
    assert sheet(shown, tmp_path / "sheet.png").shape[1] == pytest.approx(150 * 1.3 * 2, abs=1)


def test_pairs_may_be_degraded_further(twins: Listed) -> None:
    worse = evaluate(twins, "gaussian(sigma=50/255)", model=Wiener())
    assert figures(worse, "psnr")["degraded"] < figures(evaluate(twins, None), "psnr")["degraded"] - 5


# What cannot be evaluated

COLOUR_DIGITS = photographs((3, 16, 16), label=3, classes=DIGITS)
GREY_DIGITS = photographs((1, 16, 16), label=3, classes=DIGITS)
MAPS = photographs((1, 16, 16), label=torch.zeros(16, 16, dtype=torch.long), classes=tuple("abcd"))
SEGMENTER = Wrapped(Bands(), channels=1, classes=list("abcd"))


@pytest.mark.parametrize(
    ("error", "data", "degradation", "options", "sentence"),
    [
        (DataError, Listed([]), NOISE, {}, "the data set is empty: there is nothing to evaluate"),
        (
            InvalidArgumentError,
            photographs((1, 16, 16)),
            None,
            {},
            "the images have no clean twins to be compared with: say what to do to them, such as "
            "--with 'gaussian(sigma=25/255)', or who reads them as they are, such as --recognizer ocr-lines",
        ),
        (
            ModelError,
            GREY_DIGITS,
            None,
            {"model": Watching(sigma="required"), "recognizer": Reading(DIGITS)},
            "Watching has to be told the noise level, but images without clean twins do not tell one σ",
        ),
        (
            DataError,
            photographs((1, 16, 16)),
            NOISE,
            {"recognizer": Reading(DIGITS)},
            "the images have no labels, by which a recognizer is judged: leave the recognizer out",
        ),
        (
            DataError,
            Listed([*GREY_DIGITS.samples, written(0, 0.5, None, "bare.png")], DIGITS),
            NOISE,
            {"recognizer": Reading(DIGITS)},
            "bare.png has no label, by which a recognizer is judged: label it or remove it",
        ),
        (
            DataError,
            GREY_DIGITS,
            NOISE,
            {"recognizer": Reading(tuple("ab"))},
            "the recognizer tells 2 classes apart, the labels have 10: a, b there, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 here, "
            "and '0' is not the name of one of them; name the recognizer's classes as the labels do, in the order of "
            'its logits, in FILE.json beside its file (my.pt.json for my.pt), {"classes": […]}, or rename those of the '
            "images",
        ),
        (
            ModelError,
            GREY_DIGITS,
            NOISE,
            {"recognizer": Reading(DIGITS, channels=3)},
            "the recognizer takes colour images, got grey images: give it the kind it takes",
        ),
        (
            ModelError,
            COLOUR_DIGITS,
            NOISE,
            {"recognizer": DigitNet(widths=[4])},
            "the recognizer takes grey images, got colour images: give it the kind it takes",
        ),
        (
            ModelError,
            Listed([*GREY_DIGITS.samples, *COLOUR_DIGITS.samples], DIGITS),
            NOISE,
            {"recognizer": DigitNet(widths=[4])},
            "the recognizer takes images of shape (B, 1, H, W), got (1, 3, 16, 16): convert or resize them first",
        ),
        (
            DataError,
            MAPS,
            NOISE,
            {"recognizer": Reading(tuple("abcd"))},
            "the data set has a class for each pixel, but the recognizer gives one for each image",
        ),
        (
            DataError,
            Listed(GREY_DIGITS.samples, tuple("abcd")),
            NOISE,
            {"recognizer": SEGMENTER},
            "the data set has a class for each image, but the recognizer gives one for each pixel",
        ),
        (
            ModelError,
            GREY_DIGITS,
            NOISE,
            {"model": ResidualUNet(channels=3, widths=[4], blocks=[1])},
            "residual-unet restores images of 3 channels, the data has 1",
        ),
        (
            ModelError,
            GREY_DIGITS,
            NOISE,
            {"model": Bicubic(scale=3)},
            "bicubic enlarges 3 times, but the degradation shrinks 1 times",
        ),
        (
            ModelError,
            GREY_DIGITS,
            "area(scale=2)",
            {"model": Wiener()},
            "wiener enlarges 1 times, but the degradation shrinks 2 times",
        ),
        (
            ModelError,
            GREY_DIGITS,
            "area(scale=2)",
            {"model": Watching(scale=2, sigma="required")},
            "Watching has to be told the noise level, but the degradation does not tell one σ",
        ),
        (
            InvalidArgumentError,
            GREY_DIGITS,
            "area(scale=2)",
            {"recognizer": Reading(DIGITS)},
            "area(scale=2) shrinks the images: give a restorer that enlarges 2 times",
        ),
        (
            InvalidArgumentError,
            GREY_DIGITS,
            NOISE,
            {"model": Wiener(), "device": "nonsense"},
            "device 'nonsense' cannot be used here: expected auto, cpu, or an accelerator that is here",
        ),
    ],
)
def test_mistakes_are_one_sentence(
    error: type[ClearsightError], data: Listed, degradation: str | None, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(error) as raised:
        evaluate(data, degradation, **options)
    assert str(raised.value) == sentence


def test_labels_that_are_not_needed_may_be_missing() -> None:
    data = Listed([*GREY_DIGITS.samples, written(0, 0.5, None, "bare.png")], DIGITS)
    assert evaluate(data, NOISE).images == 2


# Images for a figure


def collected(data: Listed, **options: Any) -> list[Shown]:
    shown: list[Shown] = []
    evaluate(data, NOISE, show=shown.append, **options)
    return shown


def test_images_to_show_are_spread_over_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.evaluation.loop._PIXELS_AT_ONCE", 3 * 144)
    data = photographs(*[(1, 12, 12)] * 10)
    assert [shown.sample.name for shown in collected(data, showing=4)] == ["0.png", "2.png", "5.png", "7.png"]
    assert [shown.sample.name for shown in collected(photographs((1, 12, 12), (1, 12, 12)))] == ["0.png", "1.png"]


def test_images_are_shown_in_all_their_states() -> None:
    data = Listed([written(4, 0.5, 7, "a")], DIGITS)
    (shown,) = collected(data, model=Wiener(), recognizer=Steady(DIGITS))
    assert list(shown.states) == ["clean", "degraded", "wiener"]
    assert shown.states["clean"].equal(shown.sample.x)
    assert all(0 <= state.min() <= state.max() <= 1 for state in shown.states.values())
    assert shown.answers == {"clean": "4", "degraded": "4", "wiener": "4"}
    assert shown.truth == "7"


def test_without_a_classifier_nothing_is_answered() -> None:
    for options in ({}, {"recognizer": SEGMENTER}):
        (shown,) = collected(MAPS, **options)
        assert (shown.answers, shown.truth) == ({}, "")


def sheet(rows: list[Shown], path: Path) -> np.ndarray:
    draw(rows, path)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        return np.asarray(image)


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 16, 16)), (3, (3, 12, 24))])
def test_a_sheet_has_a_row_an_image_and_a_column_a_state(tmp_path: Path, count: int, shape: tuple[int, ...]) -> None:
    rows = collected(photographs(*[shape] * count), model=Wiener())  # type: ignore[list-item]
    pixels = sheet(rows, tmp_path / "sheet.png")
    columns = ["degraded", "wiener", "reference", "difference"]
    cell_height = 1.3 * shape[1] / shape[2] + 0.25  # inches; 1.3 wide
    assert pixels.shape[1] == pytest.approx(150 * 1.3 * len(columns), abs=1)
    assert pixels.shape[0] == pytest.approx(150 * cell_height * count, abs=1)


def reds(pixels: np.ndarray) -> int:
    """How many pixels are plainly red."""
    return int(((pixels[..., 0] > 200) & (pixels[..., 1:] < 60).all(2)).sum())


def test_what_is_taken_for_something_else_is_red(tmp_path: Path) -> None:
    for label, wrong in ((7, True), (4, False)):
        rows = collected(Listed([written(0, 0.5, label, "a")], DIGITS), recognizer=Steady(DIGITS))
        assert (reds(sheet(rows, tmp_path / f"{label}.png")) > 10) is wrong


def test_the_last_column_is_the_difference(tmp_path: Path) -> None:
    black, white = torch.zeros(1, 12, 12), torch.ones(1, 12, 12)
    for restored, grey in ((black, 0), (0.5 * white, 128), (white, 255)):
        shown = Shown(Sample(name="a", x=black, label=None), {"degraded": white, "model": restored}, {}, "")
        pixels = sheet([shown], tmp_path / "sheet.png")
        height, width = pixels.shape[:2]
        middle = pixels[height // 2 + 10, [round((k + 0.5) / 4 * width) for k in range(4)], 0]
        assert middle.tolist() == pytest.approx([255, grey, 0, grey], abs=1)


# The table


def test_the_table_as_text() -> None:
    rows = (
        Row("clean", {"error": Estimate(2.5, 1.25, 3.7512)}, None),
        Row("wiener", {"psnr": Estimate(27.126, 26, 28.5), "error": Estimate(math.nan, math.nan, math.nan)}, 0.01234),
    )
    evaluation = Evaluation(3, NOISE, 0, (PSNR, ERROR), rows)
    assert evaluation.header() == ["", "PSNR dB", "error %", "s / image"]
    assert evaluation.cells() == [
        ["clean", "–", "2.50 [1.25, 3.75]", "–"],
        ["wiener", "27.13 [26.00, 28.50]", "–", "0.012"],
    ]
    psnr_line, error_line, interval = evaluation.conventions()
    assert psnr_line.startswith("PSNR dB: of each image clipped to [0, 1], peak 1")
    assert error_line == "error %: share of images whose class has not the largest logit"
    assert interval == "in brackets: 95 % interval over images, Poisson bootstrap"


def test_json_there_and_back() -> None:
    data = Listed([written(i, 0.8, i % 2, str(i)) for i in range(4)], DIGITS)
    evaluation = evaluate(data, NOISE, model=Wiener(), recognizer=Reading(DIGITS), seed=7)
    result = evaluation.as_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {key: result[key] for key in ("images", "degradation", "seed")} == {
        "images": 4,
        "degradation": NOISE,
        "seed": 7,
    }
    assert result["conventions"] == {c.key: c.convention for c in (PSNR, SSIM, ERROR, CALIBRATION)}
    assert [row["name"] for row in result["rows"]] == ["clean", "degraded", "wiener"]
    for row, entry in zip(evaluation.rows, result["rows"], strict=True):
        restored = {"precision"} if row.precision else set()
        assert entry.keys() == {"name", "seconds_per_image", *row.figures, *restored}
        for key, estimate in row.figures.items():
            numbers = (estimate.value, estimate.low, estimate.high)
            assert tuple(entry[key].values()) == pytest.approx(numbers, abs=5e-5)
    assert result["rows"][0]["seconds_per_image"] is None
    assert result["rows"][2]["seconds_per_image"] > 0
    assert [row.get("precision") for row in result["rows"]][:2] == [None, None]
    assert result["rows"][2]["precision"] == "float32"


def test_progress_is_told(five: Listed) -> None:
    seen = []

    def track(numbers: Iterable[int], total: int) -> Iterator[int]:
        for number in numbers:
            seen.append((number, total))
            yield number

    assert evaluate(five, NOISE, track=track).images == 5
    assert seen == [(i, 5) for i in range(5)]


def test_a_degradation_may_be_given_as_it_is(five: Listed) -> None:
    pipeline = parse(NOISE)
    assert isinstance(pipeline, Pipeline)
    assert without_seconds(evaluate(five, pipeline)) == without_seconds(evaluate(five, NOISE))


# A batch through the engine


@cache
def network(name: str) -> nn.Module:
    """A small network that does something."""
    made = {
        "residual-unet": lambda: ResidualUNet(channels=3, widths=[4, 6, 8], blocks=[1, 1, 1]),
        "dncnn": lambda: DnCNN(channels=1, depth=3, width=4),
        "ffdnet": lambda: FFDNet(channels=1, depth=3, width=4),
        "wiener": Wiener,
        "bicubic": lambda: Bicubic(scale=2),
    }
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model: nn.Module = made[name]()
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape)
    return model.eval()


def engine(name: str, tile: Any = "auto") -> Engine:
    return Engine(network(name), device="cpu", precision="float32", tile=tile)


@pytest.mark.parametrize("tile", ["auto", 8])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["residual-unet", "dncnn", "ffdnet", "wiener", "bicubic"])
def test_a_batch_is_restored_as_its_images_are(name: str, channels: int, tile: Any) -> None:
    """With a σ each, tiled or not, colour through grey models and grey through colour models, padded and cropped."""
    y = torch.randn(3, channels, 17, 21, generator=torch.Generator().manual_seed(0))
    takes_sigma = network(name).traits.sigma != "blind"
    sigma = torch.tensor([0.05, 0.1, 0.2]) if takes_sigma else None
    restored = engine(name, tile).restore_batch(y, sigma)
    assert (restored.dtype, restored.device.type) == (torch.float32, "cpu")
    for i in range(3):
        level = None if sigma is None else float(sigma[i])
        alone = engine(name, "off").restore_pixels(y[i].movedim(0, -1).numpy(), level)
        torch.testing.assert_close(restored[i].movedim(0, -1), torch.from_numpy(alone), rtol=0, atol=1e-5)


def test_a_batch_is_not_clipped() -> None:
    y = torch.full((2, 1, 9, 9), 3.0)
    y[1] = -1
    torch.testing.assert_close(engine("wiener").restore_batch(y, torch.full((2,), 0.1)), y)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (3, 2), (5, 7)])
@pytest.mark.parametrize("name", ["residual-unet", "ffdnet", "wiener"])
def test_a_batch_of_images_smaller_than_the_padding(name: str, size: tuple[int, int]) -> None:
    y = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    sigma = None if name == "residual-unet" else torch.full((2,), 0.1)
    restored = engine(name).restore_batch(y, sigma)
    alone = engine(name).restore_pixels(y[1].movedim(0, -1).numpy(), None if sigma is None else 0.1)
    torch.testing.assert_close(restored[1].movedim(0, -1), torch.from_numpy(alone), rtol=0, atol=1e-5)


def test_a_batch_needs_the_sigma_its_images_need() -> None:
    y, sigma = torch.rand(2, 1, 8, 8), torch.full((2,), 0.1)
    with pytest.raises(ModelError, match="ResidualUNet finds the noise level itself and takes no sigma"):
        engine("residual-unet").restore_batch(y, sigma)
    with pytest.raises(ModelError, match="FFDNet has to be told the noise level"):
        engine("ffdnet").restore_batch(y)
    assert engine("wiener").restore_batch(y).shape == y.shape
