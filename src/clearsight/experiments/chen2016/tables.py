"""Tables 1 to 3 and Figures 2 to 4: methods side by side, ours beside the published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from clearsight.contracts import Sample
from clearsight.evaluation.figures import draw
from clearsight.evaluation.results import Shown
from clearsight.experiments.chen2016.budgets import BUDGETS, ENCODER, LETTERS, Budget
from clearsight.experiments.chen2016.judging import Judged, judge, logits_of
from clearsight.experiments.chen2016.methods import Methods
from clearsight.experiments.chen2016.triplets import Split, alphadigits, mnist
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published

__all__ = ["FIGURES", "TABLES"]

Row = dict[str, Any]

_SHOWN = 8
_SMALL_ENCODER = (100, 64)
_SHOWN_METHODS = ("noisy", "ddae", "joint")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods on the same test images.

    Attributes:
        table: whose published figures stand beside ours.
        open: gives the triplets.
        encoder: units of each layer of the joint model, from the image to the code.
        methods: those that are compared; all if ``None``.
        budgets: what training may cost.
    """

    table: str
    open: Callable[..., Split]
    encoder: tuple[int, ...]
    methods: Sequence[str] | None = None
    budgets: Mapping[Preset, Budget] = field(default_factory=lambda: BUDGETS)

    def run(self, config: RunConfig) -> Result:
        """Train the methods on the same triplets and judge them on the same test images."""
        figures, budget = published("chen2016"), self.budgets[config.preset]
        split = self.open(limit=budget.limit, seed=config.seed)
        methods = Methods(split, encoder=self.encoder, budget=budget, config=config)
        classifier = methods.classifier()
        wrong = logits_of(classifier, split.test.clean).argmax(1) != split.test.labels
        makers = methods.makers()
        results = judge([makers[name]() for name in self.methods or makers], split.test, classifier)
        rows = [{**row, "published": figures[self.table].get(name)} for name, (row, *_) in results.items()]
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        record = {
            "images": {part: len(triplets.labels) for part, triplets in parts.items()},
            "clean_error": round(100 * float(wrong.float().mean()), 3),
            "clean_error_published": figures["clean"][self.table],
            "rows": rows,
        }
        header = ["method", "PSNR dB", "published", "error %", "published", "training s", "s / image"]
        return Result(header, [_cells(row) for row in rows], record, _headline(rows), partial(_draw, split, results))


def _cells(row: Row) -> list[str]:
    psnr, error = (f"{value:.2f}" for value in row["published"]) if row["published"] else ("–", "–")
    ours = [f"{row['psnr']:.2f}", psnr, f"{row['error']:.2f}", error]
    return [row["method"], *ours, f"{row['training_seconds']:.0f}", f"{row['seconds_per_image']:.1e}"]


def _headline(rows: list[Row]) -> str:
    return "; ".join(
        f"{row['method']} {row['psnr']:.2f} dB, {row['error']:.2f} %"
        for row in rows
        if row["method"].startswith("joint")
    )


def _draw(split: Split, results: dict[str, Judged], path: Path) -> None:
    """Some test images, restored by each method, and what each is taken for."""
    n = len(split.test.labels)
    sheet = [_shown(split, results, at) for at in range(0, n, max(n // _SHOWN, 1))][:_SHOWN]
    draw(sheet, path)


def _shown(split: Split, results: dict[str, Judged], at: int) -> Shown:
    states = {name: judged.x_hat[at] for name, judged in results.items()}
    answers = {name: split.classes[int(judged.answers[at])] for name, judged in results.items()}
    label = int(split.test.labels[at])
    return Shown(Sample(name=str(at), x=split.test.clean[at], label=label), states, answers, split.classes[label])


_HOUR: dict[Preset, str] = {"smoke": "a minute", "cpu": "an hour on two cores", "paper": "half an hour on a GPU"}
_MINUTES: dict[Preset, str] = {
    "smoke": "a minute",
    "cpu": "a quarter of an hour on two cores",
    "paper": "minutes on a GPU",
}
_LIGHT, _HEAVY = partial(mnist, "light"), partial(mnist, "heavy")
_PAIRS, _DRAWINGS = partial(alphadigits, "pairs"), partial(alphadigits, "drawings")


def _table(name: str, what: str, cost: dict[Preset, str], comparison: Comparison) -> Experiment:
    return Experiment(f"chen2016/{name}", f"Restoration and error of every method: {what}", cost, comparison.run)


def _figure(name: str, what: str, cost: dict[Preset, str], comparison: Comparison) -> Experiment:
    return Experiment(f"chen2016/{name}", f"What the joint model restores: {what}", cost, comparison.run)


TABLES = [
    _table("table1", "light strokes on MNIST", _HOUR, Comparison("table1", _LIGHT, ENCODER)),
    _table("table2", "heavy strokes on MNIST", _HOUR, Comparison("table2", _HEAVY, ENCODER)),
    _table(
        "table3",
        "heavy strokes on letters, split by pairs",
        _MINUTES,
        Comparison("table3", _PAIRS, _SMALL_ENCODER, budgets=LETTERS),
    ),
    _table(
        "table3-drawings",
        "heavy strokes on letters, split by drawings",
        _MINUTES,
        Comparison("table3", _DRAWINGS, _SMALL_ENCODER, budgets=LETTERS),
    ),
]
FIGURES = [
    _figure("figure2", "light strokes on MNIST", _HOUR, Comparison("table1", _LIGHT, ENCODER, ("noisy", "joint"))),
    _figure("figure3", "heavy strokes on MNIST", _HOUR, Comparison("table2", _HEAVY, ENCODER, _SHOWN_METHODS)),
    _figure("figure4", "letters", _MINUTES, Comparison("table3", _PAIRS, _SMALL_ENCODER, _SHOWN_METHODS, LETTERS)),
]
