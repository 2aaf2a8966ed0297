"""Some of the images that are judged, in all their states, for a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from torch import Tensor

from clearsight.contracts import Batch, Sample
from clearsight.evaluation.results import Shown
from clearsight.inference.recognizing import Predictor
from clearsight.metrics.metric import Outcome
from clearsight.metrics.reading import edits
from clearsight.metrics.recognition import departure

__all__ = ["Collection", "Extremes", "Sheet"]


class Collection(Protocol):
    """What takes images for a figure: a list does."""

    def append(self, shown: Shown, /) -> None:
        """Take one."""

    def __iter__(self) -> Iterator[Shown]:
        """Those it has kept."""


class Sheet:
    """Hands on some of the images in all their states.

    Args:
        show: takes them, if anything does.
        wanted: their numbers.
        names: of the rows that are their states.
        reader: says what it takes them for, or reads in them.
        has_reference: whether there are clean images among them.
    """

    def __init__(
        self,
        show: Callable[[Shown], None] | None,
        wanted: set[int],
        names: Sequence[str],
        reader: Predictor | None,
        *,
        has_reference: bool = True,
    ) -> None:
        self._show, self._wanted, self._names, self._reader = show, wanted, names, reader
        self._has_reference = has_reference
        self._done = 0

    def __call__(self, batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        """Take in a batch and what came of it."""
        for at in range(len(batch.x)):
            if self._show is not None and self._done + at in self._wanted:
                self._show(self._shown(batch, outcomes, at)._replace(has_reference=self._has_reference))
        self._done += len(batch.x)

    def _shown(self, batch: Batch, outcomes: Mapping[str, Outcome], at: int) -> Shown:
        states = {name: outcomes[name].x_hat[at] for name in self._names}
        text = batch.texts[at] if batch.texts else None
        sample = Sample(name=batch.names[at], x=batch.reference[at], label=_label(batch, at), text=text)
        if self._reader is not None and self._reader.traits.task == "read" and text is not None:
            read = {name: outcomes[name].read[at] for name in self._names}
            return Shown(sample, states, {}, "", {name: _misread(each, text) for name, each in read.items()}, read)
        if self._reader is None or batch.labels is None:
            return Shown(sample, states, {}, "")
        logits, label = {name: outcomes[name].logits[at, None] for name in self._names}, batch.labels[at, None]
        departures = {name: float(departure(each, label)) for name, each in logits.items()}
        if not isinstance(sample.label, int):
            return Shown(sample, states, {}, "", departures)
        classes = self._reader.traits.classes
        answers = {name: classes[int(each.argmax())] for name, each in logits.items()}
        return Shown(sample, states, answers, classes[sample.label], departures)


class Extremes:
    """Of the images that it is shown, those that gain most and those that lose most by one way against another.

    Args:
        before: the row that is compared with.
        after: the row in question; the departure of the recognizer's answer tells what it gains.
        n: how many of either kind.
    """

    def __init__(self, before: str, after: str, n: int) -> None:
        self._before, self._after, self._n = before, after, n
        self._kept: list[Shown] = []

    def append(self, shown: Shown) -> None:
        """Keep it for as long as it is one of them."""
        self._kept = sorted([*self._kept, shown], key=self._loss)
        if len(self._kept) > 2 * self._n:
            del self._kept[self._n]

    def __iter__(self) -> Iterator[Shown]:
        """From the largest gain to the largest loss."""
        return iter(self._kept)

    def _loss(self, shown: Shown) -> float:
        return shown.departures[self._after] - shown.departures[self._before]


def _misread(read: str, text: str) -> float:
    """The character error rate of one image, 1 being as many errors as letters."""
    ((letters, wrong),) = edits([read], [text], unit="letters").tolist()
    return float(wrong / max(letters, 1))


def _label(batch: Batch, at: int) -> int | Tensor | None:
    if batch.labels is None:
        return None
    return batch.labels[at] if batch.labels.ndim > 1 else int(batch.labels[at])
