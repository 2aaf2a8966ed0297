"""The plan of a guard run: what a budget buys; conditions; squares of images."""

from __future__ import annotations

import pytest
import torch

from clearsight.contracts import RecognitionTraits, Sample
from clearsight.datasets import Subset
from clearsight.degradations import parse
from clearsight.degradations.step import conditions_of
from clearsight.errors import DataError, InvalidArgumentError, RecipeError
from clearsight.guarding.planning import Rates, make_plan, parse_budget
from clearsight.guarding.splits import open_splits
from clearsight.training.crops import RandomCrops

RATES = Rates({"separate": 1.0, "guided": 2.0}, {"degraded": 0.5, "restored": 0.5}, 2.0, 1.0, 9.0)


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


def test_a_plan_keeps_within_its_budget() -> None:
    plan = make_plan(RATES, 1000, 10_000)
    trained = plan.steps * 3.0 + plan.retraining_steps * 1.0 + (plan.rounds + 3) * 2.0
    assert 600 < trained <= 700 + plan.rounds  # steps are rounded to whole rounds
    assert plan.steps % plan.rounds == plan.retraining_steps % plan.rounds == 0
    assert plan.bm3d is False
    assert plan.test_images == 200
    assert make_plan(RATES, 1000, 10_000, readers=4).test_images == 50


def test_bm3d_is_judged_where_the_budget_pays_for_it() -> None:
    assert make_plan(RATES, 4000, 10_000).bm3d
    assert make_plan(RATES, 4000, 10_000).test_images == 80
    assert make_plan(RATES, 1000, 10).bm3d  # few images cost little


def test_too_small_a_budget_says_what_would_do() -> None:
    with pytest.raises(InvalidArgumentError, match="the shortest run takes 39 s here"):
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


def test_images_are_shrunk_to_their_squares() -> None:
    data = RandomCrops(train=Gradients(5, maps=False), validation=Gradients(3, maps=False), size=10, shrink=True)
    data.setup("fit")
    assert {tuple(held.x.shape) for held in data.train} == {(1, 10, 15)}


def test_squares_that_do_not_fit() -> None:
    data = RandomCrops(train=Gradients(5, maps=False), validation=Gradients(3, maps=False), size=21)
    with pytest.raises(RecipeError, match="0 has 30×20 pixels, squares have 21"):
        data.setup("fit")


class Everything:
    """Whatever part is asked for."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes

    def __call__(self, source: str, *, part: str) -> Subset:
        if part not in self.sizes:
            raise DataError(f"there is no part {part}")
        start = 100 * list(self.sizes).index(part)
        return Subset(Gradients(1000, maps=False), list(range(start, start + self.sizes[part])))


TRAITS = RecognitionTraits(task="classify", classes=("a", "b"), channels=1)


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
    *parts, labelled = open_splits("images", labels=None, traits=TRAITS, seed=0)
    assert tuple(map(len, parts)) == counts
    names = [part[index].name for part in parts for index in range(len(part))]
    assert len(set(names)) == sum(counts)  # nothing is reported that was trained or chosen on
    assert labelled


def test_nothing_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.guarding.splits.open_dataset", Everything({}))
    with pytest.raises(DataError, match="there is no part test"):
        open_splits("images", labels=None, traits=TRAITS, seed=0)
