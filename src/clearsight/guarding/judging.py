"""Every contender on the same test images, under every condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from clearsight.contracts import Dataset
from clearsight.evaluation import Evaluation, Row, Shown, evaluate

__all__ = ["Lineup"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineup:
    """Who is judged on the same degraded images.

    Attributes:
        recognizer: reads the images clean, degraded and restored by each restorer.
        restorers: by the names of their rows.
        retrained: by the names of their rows: a restorer, if any, and the recognizer that reads what it restores.
        baselines: names of restorers that come with clearsight.
        seed: of the noise.
    """

    recognizer: nn.Module
    restorers: Mapping[str, nn.Module]
    retrained: Mapping[str, tuple[nn.Module | None, nn.Module]] = field(default_factory=dict)
    baselines: Sequence[str] = ()
    seed: int

    def judge(self, images: Dataset, condition: str, show: Callable[[Shown], None] | None = None) -> Evaluation:
        """All of them on labelled images to which the condition is done; some are shown in all their states."""
        first = evaluate(
            images,
            condition,
            model=self.restorers,
            recognizer=self.recognizer,
            with_baselines=list(self.baselines),
            seed=self.seed,
            show=show,
        )
        others = (self._retrained(images, condition, name) for name in self.retrained)
        return replace(first, rows=(*first.rows, *others))

    def judge_under(
        self, conditions: Sequence[str], images: Dataset, report: Callable[[str], None]
    ) -> tuple[list[Evaluation], list[Shown]]:
        """:meth:`judge` for each condition, which ``report`` is told, and some images under the last."""
        found, sheet = list[Evaluation](), list[Shown]()
        for condition in conditions:
            report(f"judging: {condition}")
            sheet = []
            found.append(self.judge(images, condition, sheet.append))
        return found, sheet

    def _retrained(self, images: Dataset, condition: str, name: str) -> Row:
        restorer, reader = self.retrained[name]
        found = evaluate(images, condition, model=restorer, recognizer=reader, seed=self.seed)
        return replace(found.rows[-1], name=name)
