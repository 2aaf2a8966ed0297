"""What is recognized under many corruptions, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clearsight.degradations.corruptions import CORRUPTIONS, HELD_OUT
from clearsight.evaluation.results import Evaluation

__all__ = ["SETS", "Robustness", "evaluate_robustness"]

SETS: Mapping[str, Mapping[str, Sequence[str]]] = {"corruptions": CORRUPTIONS, "corruptions-held-out": HELD_OUT}
"""Of corruptions, by the name that is evaluated with."""

_SHOWN = ("error", "miou", "cer", "psnr")
"""The key of the metric that the table shows, the first that there is."""


@dataclass(frozen=True, slots=True)
class Robustness:
    """Evaluations under each severity of each corruption, of the same images.

    Attributes:
        kinds: by the name of the corruption, one for each severity.
    """

    kinds: Mapping[str, Sequence[Evaluation]]

    @property
    def images(self) -> int:
        """How many were judged under each."""
        return next(iter(self.kinds.values()))[0].images

    @property
    def key(self) -> str:
        """Of the metric in the table."""
        rows = next(iter(self.kinds.values()))[0].rows
        return next(key for key in _SHOWN if any(key in row.figures for row in rows))

    @property
    def degradation(self) -> str:
        """What was done to them, and what the table shows of it."""
        ones = next(iter(self.kinds.values()))
        title = next(metric.title for metric in ones[0].metrics if metric.key == self.key)
        return f"{len(self.kinds)} corruptions: {title}, mean over {len(ones)} severities"

    def means(self) -> dict[str, dict[str, float]]:
        """By corruption and row the mean over severities; under ``"mean"`` that over corruptions, each weighing alike.

        Of errors that is the mean corruption error, not divided by another network's.
        """
        found = {kind: _mean([self._figures(one) for one in ones]) for kind, ones in self.kinds.items()}
        return {**found, "mean": _mean([*found.values()])}

    def _figures(self, one: Evaluation) -> dict[str, float]:
        return {row.name: row.figures[self.key].value for row in one.rows if self.key in row.figures}

    def header(self) -> list[str]:
        """Titles of the columns: the rows of each evaluation."""
        return ["", *self.means()["mean"]]

    def cells(self) -> list[list[str]]:
        """A row a corruption, and their mean."""
        return [[kind, *(f"{value:.2f}" for value in row.values())] for kind, row in self.means().items()]

    def conventions(self) -> list[str]:
        """How the figures are defined."""
        return next(iter(self.kinds.values()))[0].conventions()

    def as_json(self) -> dict[str, Any]:
        """The means, and every evaluation with its intervals."""
        return {
            "images": self.images,
            "metric": self.key,
            "means": {kind: {name: round(v, 4) for name, v in row.items()} for kind, row in self.means().items()},
            "kinds": {kind: [one.as_json() for one in ones] for kind, ones in self.kinds.items()},
        }


def evaluate_robustness(judged: Callable[[str], Evaluation], corruptions: Mapping[str, Sequence[str]]) -> Robustness:
    """Evaluate under every severity of every corruption.

    Args:
        judged: an evaluation under a degradation.
        corruptions: by name, degradations from mild to severe.
    """
    return Robustness({kind: [judged(each) for each in severities] for kind, severities in corruptions.items()})


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
