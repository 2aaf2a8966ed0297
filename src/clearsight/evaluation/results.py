"""The table an evaluation ends with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from clearsight.contracts import Sample
from clearsight.evaluation.criteria import Criterion
from clearsight.evaluation.resampling import Estimate

__all__ = ["Evaluation", "Row", "Shown"]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to treat the images, judged.

    Attributes:
        name: ``clean``, ``degraded``, or of the restorer.
        figures: by the key of the criterion; only those that apply.
        seconds: of restoring one image, mean; ``None`` where nothing is restored.
    """

    name: str
    figures: dict[str, Estimate]
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """The figures, with four digits after the point."""
        figures = {
            key: {"value": _rounded(e.value), "low": _rounded(e.low), "high": _rounded(e.high)}
            for key, e in self.figures.items()
        }
        return {"name": self.name, **figures, "seconds_per_image": self.seconds and round(self.seconds, 6)}


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One row for each way to treat the images, one column for each criterion.

    Attributes:
        images: how many there were.
        degradation: what was done to them.
        seed: of the noise and of the intervals.
        criteria: what was judged.
        rows: clean, degraded, baselines, the model.
    """

    images: int
    degradation: str
    seed: int
    criteria: tuple[Criterion, ...]
    rows: tuple[Row, ...]

    def header(self) -> list[str]:
        """Titles of the columns."""
        return ["", *(criterion.title for criterion in self.criteria), "s / image"]

    def cells(self) -> list[list[str]]:
        """The rows as text: each figure with its 95 % interval."""
        return [
            [row.name, *(_cell(row, criterion) for criterion in self.criteria), _seconds(row.seconds)]
            for row in self.rows
        ]

    def conventions(self) -> list[str]:
        """What exactly each column is."""
        lines = [f"{criterion.title}: {criterion.convention}" for criterion in self.criteria]
        return [*lines, "in brackets: 95 % interval over images, Poisson bootstrap"]

    def as_json(self) -> dict[str, Any]:
        """All of it, for ``json.dumps``."""
        return {
            "images": self.images,
            "degradation": self.degradation,
            "seed": self.seed,
            "conventions": {criterion.key: criterion.convention for criterion in self.criteria},
            "rows": [row.as_json() for row in self.rows],
        }


def _cell(row: Row, criterion: Criterion) -> str:
    estimate = row.figures.get(criterion.key)
    if estimate is None or math.isnan(estimate.value):
        return "–"
    value, low, high = (f"{v:.{criterion.digits}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2g}"


class Shown(NamedTuple):
    """One image in all its states, for a figure.

    Attributes:
        sample: the clean one.
        states: ``(C, H, W)`` in [0, 1], by the name of the row.
        answers: the recognized class by the name of the row; empty without a classifier.
        truth: the class it is; empty without a classifier.
    """

    sample: Sample
    states: dict[str, Tensor]
    answers: dict[str, str]
    truth: str
