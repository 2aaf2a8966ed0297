"""The plan of a guard run: what a budget buys; conditions; squares of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from clearsight import images
from clearsight.contracts import RecognitionTraits, Sample
from clearsight.datasets import Subset
from clearsight.degradations import parse
from clearsight.degradations.smoothing import smoothed
from clearsight.degradations.step import conditions_of
from clearsight.errors import DataError, InvalidArgumentError, ModelError
from clearsight.evaluation.results import Estimate, Evaluation, Row, Shown
from clearsight.evaluation.selection import CLEAN
from clearsight.evaluation.sheet import Extremes
from clearsight.guarding.classes import ClassGuide
from clearsight.guarding.guide import Splits
from clearsight.guarding.limits import blend, largest_share, pattern_of
from clearsight.guarding.planning import Rates, hurried, make_plan, parse_budget, refitted
from clearsight.guarding.rounds import Round, train_alike
from clearsight.guarding.splits import open_splits
from clearsight.guarding.verdict import headline_of, when_not
from clearsight.images import Picture
from clearsight.metrics.metric import ERROR
from clearsight.training.crops import RandomCrops, RandomResizedCrops
from clearsight.training.samples import compact

RATES = Rates({"separate": 1.0, "guided": 2.0}, {"degraded": 0.5, "restored": 0.5}, 2.0, 1.0, lambda: 9.0)


class Gradients:
    """Images whose pixels say where they are; their labels, too."""

    def __init__(self, n: int, *, maps: bool, height: int = 20, width: int = 30) -> None:
        self.n, self.maps, self.height, self.width = n, maps, height, width
        self.classes = ("a", "b")

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Sample:
        place = torch.arange(self.height)[:, None] + torch.arange(self.width)[None]
        return Sample(name=str(index), x=(place[None] / 255).float(), label=place if self.maps else index % 2)


class Mixed(Gradients):
    """One of them is smaller than the others."""

    def __getitem__(self, index: int) -> Sample:
        return Gradients(1, maps=self.maps, height=6, width=7)[0] if index == 2 else super().__getitem__(index)


def test_a_plan_keeps_within_its_budget() -> None:
    plan = make_plan(RATES, 1000, 10_000)
    assert plan.restoring + 2 * plan.retraining == pytest.approx(700 - 6 * 2.0, abs=0.2)
    assert plan.retraining == pytest.approx(plan.restoring * 2 / 3, abs=0.1)  # what the guided one has
    assert plan.paces["restorers"] > 3.0 > 1.0 > plan.paces["degraded"] > 0.5
    assert plan.bm3d is False
    assert plan.test_images == 133  # as many again, by half, to choose on
    assert make_plan(RATES, 1000, 10_000, readers=4).test_images == 44
    assert make_plan(RATES, 1200, 10_000, spent=200) == plan


def test_bm3d_is_judged_where_the_budget_pays_for_it() -> None:
    assert make_plan(RATES, 4000, 10_000).bm3d
    assert make_plan(RATES, 4000, 10_000).test_images == 53
    assert make_plan(RATES, 1000, 10).bm3d  # few images cost little
    untimed = replace(RATES, bm3d=lambda: pytest.fail("what is not judged need not be timed"))
    assert not make_plan(untimed, 150, 10_000).bm3d


def test_as_much_is_left_as_the_fewest_images_take() -> None:
    plan = make_plan(replace(RATES, judging=10.0), 300, 10_000)
    assert plan.test_images == 8
    assert plan.left > 2 * plan.retraining + 8 * 1.5 * 10.0 + 20


def test_recognizers_are_retrained_for_less_where_the_restorers_took_longer() -> None:
    plan = make_plan(RATES, 1000, 10_000)
    assert plan.left == pytest.approx(1000 - plan.restoring - 3 * 2.0, abs=0.1)
    assert hurried(plan, plan.left + 50) == plan
    assert hurried(plan, plan.left - 30).retraining == pytest.approx(plan.retraining - 15, abs=0.1)  # there are two
    assert hurried(plan, -10).retraining == 0


@pytest.mark.parametrize(
    ("seconds", "judging", "readers", "expected"), [(1000, 1, 1, 566), (150, 1, 1, 85), (150, 2, 3, 18), (-20, 1, 1, 8)]
)
def test_as_many_are_judged_as_the_time_left_pays_for(
    seconds: float, judging: float, readers: int, expected: int
) -> None:
    plan = make_plan(RATES, 1000, 10_000)
    left = refitted(plan, seconds, judging, 10_000, readers=readers)
    assert (left.test_images, left.restoring) == (expected, plan.restoring)
    assert refitted(plan, seconds, judging, 3, readers=readers).test_images == 3


def test_too_small_a_budget_says_what_would_do() -> None:
    with pytest.raises(InvalidArgumentError, match="the shortest run takes 80 s here"):
        make_plan(RATES, 10, 100)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("0.5h", 1800)])
def test_budgets(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-3m", "0m", "3 weeks"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="a budget is a time"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("degradation", "expected"),
    [
        ("gaussian(sigma=25/255)", ["gaussian(sigma=25/255)"]),
        ("gaussian(sigma=0.1..0.4)", [f"gaussian(sigma=0.{n})" for n in (1, 2, 3, 4)]),
        (
            "document(severity=3, dpi=100..200)",
            [f"document(severity=3, dpi={n})" for n in ("100", "133.3", "166.7", "200")],
        ),
        (
            "gaussian(sigma=15/255..60/255) | quantize",
            [f"gaussian(sigma={n}/255) | quantize" for n in (15, 30, 45, 60)],
        ),
    ],
)
def test_conditions_span_the_ranges(degradation: str, expected: list[str]) -> None:
    assert conditions_of(parse(degradation)) == expected


@pytest.mark.parametrize("maps", [False, True])
def test_squares(maps: bool) -> None:
    data = RandomCrops(train=Gradients(5, maps=maps), validation=Gradients(3, maps=maps), size=8, batch=6)
    data.setup("fit")
    batch = data.draw(0)
    assert batch.x.shape == (6, 1, 8, 8)
    assert batch.labels is not None
    assert torch.equal(batch.x, data.draw(0).x)
    assert not torch.equal(batch.x, data.draw(1).x)
    if maps:
        assert torch.equal(batch.x[:, 0].long(), batch.labels)  # a map is cut and mirrored with its image
        assert {bool(square[0, 0] < square[0, 1]) for square in batch.labels} == {True, False}
    (held_out,) = data.held_out()
    assert held_out.x[0, 0, 0, 0] == 6 + 11


@pytest.mark.parametrize(("size", "width"), [(10, 15), (30, 45)])
def test_images_are_made_to_fit_their_squares(size: int, width: int) -> None:
    data = RandomCrops(train=Gradients(5, maps=False), validation=Gradients(3, maps=False), size=size, fit=True)
    data.setup("fit")
    assert {tuple(held.x.shape) for held in data.train} == {(1, size, width)}


@pytest.mark.parametrize("maps", [False, True])
def test_one_small_image_makes_no_squares_smaller(maps: bool) -> None:
    guide, mixed = Always(1.0), Mixed(5, maps=maps)
    guide.traits = replace(guide.traits, task="segment" if maps else "classify")
    data = ClassGuide(guide).data(Splits(mixed, mixed, mixed, True), size=None, seed=0)
    data.setup("fit")
    assert data.size == 20
    assert {min(held.x.shape[1:]) for held in (*data.train, *data.validation)} == {20}


@pytest.mark.parametrize("crops", [partial(RandomCrops, size=19), partial(RandomResizedCrops, size=(19, 19))])
def test_an_image_smaller_than_a_square_is_enlarged_by_reflection(
    crops: Callable[..., RandomCrops | RandomResizedCrops], capfd: pytest.CaptureFixture[str]
) -> None:
    small, mixed = Mixed(5, maps=True)[2], Mixed(5, maps=True)
    data = crops(train=mixed, validation=Gradients(3, maps=True))
    data.setup("fit")
    assert capfd.readouterr().err == "1 of 5 training images are smaller than 19×19: enlarged by reflection\n"
    held = data.train[2]
    assert isinstance(held.label, torch.Tensor)
    assert isinstance(small.label, torch.Tensor)
    for whole, part in ((held.x[0], compact(small.x)[0]), (held.label, small.label)):
        assert torch.equal(whole, torch.from_numpy(np.pad(part.numpy(), ((0, 13), (0, 12)), mode="reflect")))


class Always(nn.Module):
    """A recognizer that sees dark and bright right with some chance."""

    def __init__(self, right: float, classes: tuple[str, ...] = ("a", "b")) -> None:
        super().__init__()
        self.right = right
        self.traits = RecognitionTraits(task="classify", classes=classes, channels=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        number = (x[:, 0, 0, 0] * 255).round().long()
        sure = torch.where((number // 2) % 10 < 10 * self.right, number % 2, 1 - number % 2)
        return nn.functional.one_hot(sure, 2).float()


class Everything:
    """Whatever part is asked for."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes

    def __call__(self, source: str, *, part: str) -> Subset:
        if part not in self.sizes:
            raise DataError(f"there is no part {part}")
        start = 100 * list(self.sizes).index(part)
        return Subset(Gradients(1000, maps=False), list(range(start, start + self.sizes[part])))


GUIDE = ClassGuide(Always(1.0))


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [
        ({"train": 50, "val": 20, "test": 30}, (50, 20, 30)),
        ({"train": 50, "test": 30}, (45, 5, 30)),
        ({"train": 50, "val": 20}, (45, 5, 20)),
        ({"val": 20, "test": 30}, (18, 2, 30)),
        ({"train": 50}, (35, 5, 10)),
        ({"test": 50}, (35, 5, 10)),
    ],
)
def test_images_are_dealt_out(
    monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int], counts: tuple[int, int, int]
) -> None:
    monkeypatch.setattr("clearsight.guarding.splits.open_dataset", Everything(sizes))
    *parts, labelled = open_splits("images", labels=None, guide=GUIDE, seed=0)
    assert tuple(map(len, parts)) == counts
    names = [part[index].name for part in parts for index in range(len(part))]
    assert len(set(names)) == sum(counts)  # nothing is reported that was trained or chosen on
    assert labelled


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    for name in "abcdefghij":
        images.write(Picture(pixels=np.full((9, 9, 1), ord(name), np.uint8)), tmp_path / f"{name}.png")
    for name in "ag":
        (tmp_path / f"{name}.png").write_bytes(b"no image")
    said: list[str] = []
    *parts, _ = open_splits(tmp_path, labels=None, guide=GUIDE, seed=0, left_out=said.append)
    names = [part[index].name for part in parts for index in range(len(part))]
    assert sorted(names) == [f"{name}.png" for name in "bcdefhij"]
    assert [line.partition(":")[0] for line in said] == ["left out"] * 2
    assert "a.png" in said[0]


def test_nothing_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.guarding.splits.open_dataset", Everything({}))
    with pytest.raises(DataError, match="there is no part test"):
        open_splits("images", labels=None, guide=GUIDE, seed=0)


def test_a_round_has_the_steps_that_the_time_left_pays_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("clearsight.guarding.rounds.time.monotonic", lambda: clock[0])
    trained: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}

    def step(name: str, task: object, n: int, current: Round) -> None:
        trained[name].append((current.steps, current.horizon))
        clock[0] += n * (1.0 if current.steps <= 25 else 3.0)  # the machine has more to do from there on

    done = train_alike(dict.fromkeys(trained), step, journal=tmp_path / "j.json", seconds=200, pace=2.0, rounds=4)
    assert trained["a"] == trained["b"] == [(one.steps, one.horizon) for one in done]
    assert trained["a"][0] == (25, 100)
    assert done[-1].steps == done[-1].horizon
    assert 200 <= clock[0] <= 300  # the second round could not know
    assert done[3].steps - done[2].steps < done[1].steps - done[0].steps


def test_rounds_go_on_where_they_were(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def step(name: str, task: object, n: int, current: Round) -> None:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append((name, current.steps))

    tasks, journal = dict.fromkeys(("a", "b")), tmp_path / "j.json"
    with pytest.raises(KeyboardInterrupt):
        train_alike(tasks, step, journal=journal, seconds=0, pace=1.0, rounds=2)
    seen.insert(0, ("", 0))
    train_alike(tasks, step, journal=journal, seconds=0, pace=1.0, rounds=2)
    assert seen[1:] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_guidance_is_taken_back_as_far_as_it_costs_too_much() -> None:
    guided, twin = nn.Linear(2, 2), nn.Linear(2, 2)
    expected = 0.3 * guided.weight.detach() + 0.7 * twin.weight.detach()
    assert largest_share(lambda share: {"a": 30 - 3 * share, "b": 20.0}, 1.0) == 0.3
    assert largest_share(lambda share: {"a": 30 - 0.9 * share}, 1.0) == 1.0
    assert largest_share(lambda share: {"a": 30 - 99 * (share > 0)}, 1.0) == 0.0
    blend(guided, twin, 0.3)
    torch.testing.assert_close(guided.weight.detach(), expected)


@pytest.mark.parametrize("size", [(64, 64), (45, 61)])
def test_a_pattern_stands_out_of_noise_and_texture(size: tuple[int, int]) -> None:
    noise = torch.randn(8, 3, *size, generator=torch.Generator().manual_seed(0)) / 10
    assert pattern_of([noise[:4], noise[4:]]).strength < 3
    texture = smoothed(noise, torch.full((8,), 2.0), most=2)
    assert pattern_of([texture]).strength < 3
    dotted = noise.clone()
    dotted[:, :, ::8, ::8] += 0.4
    found = pattern_of([dotted])
    assert found.strength > 6
    striped = noise.clone()
    striped[..., ::2] += 0.1
    found = pattern_of([striped])
    assert found.strength > 6
    assert found.columns == pytest.approx(2, rel=0.05)
    wider = torch.nn.functional.pad(striped[4:], (0, 9))
    assert pattern_of([striped[:4], wider]).columns == found.columns  # of several sizes, what all have


class Numbered:
    """Images whose first pixel is their number; odd ones are of class b."""

    classes = ("a", "b")

    def __init__(self, *, labelled: bool = True) -> None:
        self.labelled = labelled

    def __len__(self) -> int:
        return 120

    def __getitem__(self, index: int) -> Sample:
        x = torch.full((1, 4, 4), index / 255)
        return Sample(name=str(index), x=x, label=index % 2 if self.labelled else None)


def test_a_recognizer_that_reads_nothing_is_no_guide() -> None:
    splits = Splits(Numbered(), Numbered(), Numbered(), True)
    ClassGuide(Always(0.8)).check_reads(splits, 100)
    ClassGuide(Always(0.2, ("b", "a"))).check_reads(splits, 100)
    with pytest.raises(ModelError, match=r"right in \d\d\.\d % .* in 100 clean images, where always the same"):
        ClassGuide(Always(0.5)).check_reads(splits, 100)
    blind = Always(1.0)
    blind.forward = lambda x: torch.tensor([[1.0, 0.0]]).expand(len(x), 2)  # type: ignore[method-assign]
    unlabelled = Splits(*[Numbered(labelled=False)] * 3, False)
    ClassGuide(Always(0.5)).check_reads(unlabelled, 100)
    with pytest.raises(ModelError, match="sees a in all of"):
        ClassGuide(blind).check_reads(unlabelled, 100)


def judged(condition: str, errors: dict[str, float]) -> Evaluation:
    rows = [Row(name, {"error": Estimate(value, value - 2, value + 2)}, None) for name, value in errors.items()]
    return Evaluation(100, condition, 0, (ERROR,), tuple(rows))


def test_when_not_to_use_it() -> None:
    rows = {"clean": 5.0, "degraded": 5.0, "separate": 6.0, "guided": 7.5, "gate": 5.5, "retrained on degraded": 6.0}
    clean = judged(CLEAN, rows)
    mild = judged("mild", {**rows, "degraded": 20.0, "guided": 8.0, "retrained on degraded": 6.0})
    heavy = judged("heavy", {**rows, "degraded": 80.0, "separate": 50.0, "guided": 30.0, "gate": 31.0})
    assert when_not([clean, mild, heavy]) == [
        "Not where the recognizer may be retrained: retrained on degraded it reaches 94.0 % under heavy, 24.0 points "
        "more than guided.",
        "Not without the gate where images are often clean: restoring costs 2.5 points, with the gate 0.5.",
    ]
    assert when_not([mild])[1].startswith("Not for the guidance: under no condition is what guided has before separate")
    assert when_not([judged("x", {"degraded": 9.0, "separate": 9.0, "guided": 3.0, "retrained on restored": 4.0})]) == [
        "Where the recognizer may be retrained: that was nowhere better than what stands in front of it."
    ]
    assert (
        headline_of([heavy])
        == "heavy: right answers, %: clean 95.0, degraded 20.0, separate 50.0, guided 70.0, gate 69.0"
    )


def test_examples_are_those_that_gain_and_lose_most() -> None:
    extremes = Extremes("separate", "guided", 2)
    for number, loss in enumerate([0.1, -0.5, 0.4, 0.0, -0.2, 0.9, -0.1]):
        sample = Sample(name=str(number), x=torch.zeros(1, 1, 1), label=0)
        extremes.append(Shown(sample, {}, {}, "", {"separate": 0.3, "guided": 0.3 + loss}))
    assert [shown.sample.name for shown in extremes] == ["1", "4", "2", "5"]
