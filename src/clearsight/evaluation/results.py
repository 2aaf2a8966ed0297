"""The table an evaluation ends with, each figure with its interval.

Figures come from sums over images, and over data sets resampled from them: memory does not grow with either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.metrics.metric import Metric
from clearsight.seeds import generator_for

__all__ = ["Estimate", "Evaluation", "Resampled", "Row", "Shown", "cell_of", "multiplicities"]

REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval over images.

    Attributes:
        value: over the images as they are.
        low: the 2.5 % quantile over resampled data sets.
        high: the 97.5 % quantile.
        spread: over the resampled data sets, ``(1000,)``, where they are at hand.
    """

    value: float
    low: float
    high: float
    spread: Tensor | None = field(default=None, compare=False, repr=False)

    @classmethod
    def over(cls, value: float, spread: Tensor) -> Estimate:
        """A figure and what it is over the resampled data sets."""
        low, high = spread[spread.isfinite()].quantile(torch.tensor([0.025, 0.975]).double()).tolist()
        return cls(value, low, high, spread)

    def minus(self, other: Estimate) -> Estimate:
        """The difference from another figure of the same images, which were resampled alike.

        Where one has no resampled data sets it is the widest interval that both allow.
        """
        if self.spread is None or other.spread is None:
            return Estimate(self.value - other.value, self.low - other.high, self.high - other.low)
        return Estimate.over(self.value - other.value, self.spread - other.spread)


_NOTHING = Estimate(math.nan, math.nan, math.nan)


def multiplicities(names: Sequence[str], seed: int) -> Tensor:
    """How often each image occurs in each resampled data set: ``(B, 1000)``, Poisson with mean 1, by name alone.

    Methods that see the same images are thus resampled alike. Source: the Poisson bootstrap; Chamandy et al.,
    "Estimating uncertainty for massive data streams", 2012.
    """
    drawn = [
        torch.poisson(torch.ones(REPLICATES), generator=generator_for(seed, 0, stream=f"bootstrap/{name}"))
        for name in names
    ]
    return torch.stack(drawn).double()


class Resampled:
    """One figure of a data set, from the sum of a statistic over its images.

    Args:
        value: of the sum of the statistic, ``(…, D)``, the figure, ``(…)``.

    Example:
        >>> mean = Resampled(lambda sums: sums[..., 1] / sums[..., 0])
        >>> values = torch.tensor([1.0, 2.0, 3.0])
        >>> mean.add(torch.stack([torch.ones(3), values], 1), multiplicities(["a", "b", "c"], seed=0))
        >>> mean.estimate().value
        2.0
    """

    def __init__(self, value: Callable[[Tensor], Tensor]) -> None:
        self._value = value
        self._sum: Tensor | float = 0.0
        self._resampled: Tensor | float = 0.0

    def add(self, statistic: Tensor, times: Tensor) -> None:
        """Take in the statistic ``(B, D)`` of some images, and their multiplicities ``(B, R)``."""
        rows = statistic.double().cpu()
        self._sum = self._sum + rows.sum(0)
        self._resampled = self._resampled + times.T @ rows

    def estimate(self) -> Estimate:
        """The figure and its interval; not a number where nothing that counts was taken in."""
        if isinstance(self._sum, float) or isinstance(self._resampled, float):
            return _NOTHING
        value, spread = float(self._value(self._sum)), self._value(self._resampled)
        if math.isnan(value):
            return _NOTHING
        return Estimate.over(value, spread)


@dataclass(frozen=True, slots=True)
class Row:
    """One way to treat the images, judged.

    Attributes:
        name: ``clean``, ``degraded``, or of the restorer.
        figures: by the key of the metric; only those that apply.
        seconds: of restoring one image, mean; ``None`` where nothing is restored.
        precision: ``"float32"`` or ``"bfloat16"``, of the restorer; recognizers compute in float32.
    """

    name: str
    figures: dict[str, Estimate]
    seconds: float | None
    precision: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The figures, with four digits after the point."""
        figures = {
            key: {"value": _rounded(e.value), "low": _rounded(e.low), "high": _rounded(e.high)}
            for key, e in self.figures.items()
        }
        precision = {"precision": self.precision} if self.precision else {}
        return {"name": self.name, **figures, "seconds_per_image": self.seconds and round(self.seconds, 6), **precision}


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One row for each way to treat the images, one column for each metric.

    Attributes:
        images: how many there were.
        degradation: what was done to them.
        seed: of the noise and of the intervals.
        metrics: what was judged.
        rows: clean, degraded, baselines, the model.
    """

    images: int
    degradation: str
    seed: int
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]

    def difference(self, key: str, row: str, other: str) -> Estimate:
        """By how much a figure of one row is larger than that of another, with its interval over the same images."""
        ours, theirs = (next(one.figures[key] for one in self.rows if one.name == name) for name in (row, other))
        return ours.minus(theirs)

    def header(self) -> list[str]:
        """Titles of the columns."""
        return ["", *(metric.title for metric in self.metrics), "s / image"]

    def cells(self) -> list[list[str]]:
        """The rows as text: each figure with its 95 % interval."""
        return [
            [row.name, *(cell_of(row, metric) for metric in self.metrics), _seconds(row.seconds)] for row in self.rows
        ]

    def conventions(self) -> list[str]:
        """What exactly each column is."""
        lines = [f"{metric.title}: {metric.convention}" for metric in self.metrics]
        return [*lines, "in brackets: 95 % interval over images, Poisson bootstrap"]

    def as_json(self) -> dict[str, Any]:
        """All of it, for ``json.dumps``."""
        return {
            "images": self.images,
            "degradation": self.degradation,
            "seed": self.seed,
            "conventions": {metric.key: metric.convention for metric in self.metrics},
            "rows": [row.as_json() for row in self.rows],
        }


def cell_of(row: Row, metric: Metric) -> str:
    """A figure of a row as text, with its interval."""
    estimate = row.figures.get(metric.key)
    if estimate is None or math.isnan(estimate.value):
        return "–"
    value, low, high = (f"{v:.{metric.digits}f}" for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2g}"


class Shown(NamedTuple):
    """One image in all its states, for a figure.

    Attributes:
        sample: the clean one, or, where there is none, the one that is restored.
        states: ``(C, H, W)`` in [0, 1], by the name of the row.
        answers: the recognized class by the name of the row; empty without a classifier.
        truth: the class it is; empty without a classifier.
        departures: of the recognizer's answer from what is right, by the name of the row: ½ Σ |p − t| or, of a reader,
            the character error rate, 1 being all letters; empty without a recognizer.
        read: the text by the name of the row; empty without a reader.
        has_reference: whether there is a clean one.
    """

    sample: Sample
    states: dict[str, Tensor]
    answers: dict[str, str]
    truth: str
    departures: Mapping[str, float] = MappingProxyType({})
    read: Mapping[str, str] = MappingProxyType({})
    has_reference: bool = True
