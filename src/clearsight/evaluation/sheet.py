"""Some of the images that are judged, in all their states, for a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from clearsight.contracts import Batch, Sample
from clearsight.evaluation.results import Shown
from clearsight.inference.recognizing import Predictor
from clearsight.metrics.metric import Outcome

__all__ = ["Sheet"]


class Sheet:
    """Hands on some of the images in all their states.

    Args:
        show: takes them, if anything does.
        wanted: their numbers.
        names: of the rows that are their states.
        reader: says what it takes them for, if it is a classifier.
    """

    def __init__(
        self, show: Callable[[Shown], None] | None, wanted: set[int], names: Sequence[str], reader: Predictor | None
    ) -> None:
        self._show, self._wanted, self._names, self._reader = show, wanted, names, reader
        self._done = 0

    def __call__(self, batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        """Take in a batch and what came of it."""
        for at in range(len(batch.x)):
            if self._show is not None and self._done + at in self._wanted:
                self._show(self._shown(batch, outcomes, at))
        self._done += len(batch.x)

    def _shown(self, batch: Batch, outcomes: Mapping[str, Outcome], at: int) -> Shown:
        states = {name: outcomes[name].x_hat[at] for name in self._names}
        sample = Sample(name=batch.names[at], x=batch.reference[at], label=_label(batch, at))
        if self._reader is None or not isinstance(sample.label, int):
            return Shown(sample, states, {}, "")
        classes = self._reader.traits.classes
        answers = {name: classes[int(outcomes[name].logits[at].argmax())] for name in self._names}
        return Shown(sample, states, answers, classes[sample.label])


def _label(batch: Batch, at: int) -> int | Tensor | None:
    if batch.labels is None:
        return None
    return batch.labels[at] if batch.labels.ndim > 1 else int(batch.labels[at])
