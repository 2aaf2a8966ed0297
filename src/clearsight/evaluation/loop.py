"""The one loop that judges: every method on the same degraded images, a few at a time, nothing kept but sums."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import Batch, Prediction
from clearsight.datasets.pairs import Pair, Pairs, Untouched
from clearsight.errors import DataError, ImageReadError
from clearsight.evaluation.results import Resampled, Row, multiplicities
from clearsight.metrics.metric import Metric, Outcome

__all__ = ["Derived", "Method", "batches", "judge", "labels_of", "texts_of"]

_PIXELS_AT_ONCE = 2**18

Run = Callable[[Batch], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One row of the table in the making.

    Attributes:
        run: of a batch, x_hat, not clipped, and the logits of a method that recognizes by itself; methods whose ``run``
            is equal share what it gives.
        recognizer: of x_hat, clipped, the logits, where ``run`` gives none.
        reader: of x_hat, clipped, the text in each image.
        metrics: what is judged; with a reference, x_hat has the size of x.
        timed: whether ``run`` takes time that is worth a word.
        precision: that ``run`` restores in, where it does.
    """

    run: Run
    recognizer: Callable[[Tensor], Tensor] | None = None
    reader: Callable[[Tensor], Sequence[Prediction]] | None = None
    metrics: Sequence[Metric]
    timed: bool = True
    precision: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """A row that follows from two others.

    Attributes:
        of: their names.
        outcome: of what came of a batch by them.
        metrics: what is judged.
    """

    of: tuple[str, str]
    outcome: Callable[[Outcome, Outcome], Outcome]
    metrics: Sequence[Metric]


def judge(
    batches: Iterable[Batch],
    methods: Mapping[str, Method | Derived],
    *,
    seed: int,
    each: Callable[[Batch, Mapping[str, Outcome]], None] = lambda batch, outcomes: None,
) -> dict[str, Row]:
    """Every method on every batch: a row each, by the same names, with intervals.

    Args:
        batches: the images.
        methods: by the names of their rows; what follows from two rows comes after them.
        seed: of the intervals.
        each: is handed every batch and what came of it by the names of the methods.

    Raises:
        DataError: a method recognizes, and an image has no label.
    """
    tallies = {name: _Tally(method) for name, method in methods.items()}
    for batch in batches:
        each(batch, _judged(batch, methods, tallies, multiplicities(batch.names, seed)))
    return {name: tally.row(name) for name, tally in tallies.items()}


def _judged(
    batch: Batch, methods: Mapping[str, Method | Derived], tallies: Mapping[str, _Tally], times: Tensor
) -> dict[str, Outcome]:
    """What comes of a batch by the names of the methods; nothing of it is held when the next one is restored."""
    given, outcomes = dict[Run, _Given](), dict[str, Outcome]()
    for name, method in methods.items():
        seconds = 0.0
        if isinstance(method, Derived):
            outcomes[name] = method.outcome(*(outcomes[row] for row in method.of))
        else:
            if method.run not in given:
                given[method.run] = _Given.by(method.run, batch)
            outcomes[name], seconds = _outcome(method, given[method.run], batch), given[method.run].seconds
        tallies[name].add(outcomes[name], times, seconds)
    return outcomes


class _Given(NamedTuple):
    """What a method's ``run`` gives for a batch, x_hat clipped, and the seconds it takes."""

    x_hat: Tensor
    logits: Tensor | None
    seconds: float

    @classmethod
    def by(cls, run: Run, batch: Batch) -> _Given:
        """Run it."""
        started = time.perf_counter()
        x_hat, logits = run(batch)
        seconds = time.perf_counter() - started
        return cls(x_hat.clamp(0, 1), logits, seconds)


def _outcome(method: Method, given: _Given, batch: Batch) -> Outcome:
    """What a method makes of a batch that its ``run`` has been through."""
    x_hat, logits, nothing = given.x_hat, given.logits, torch.empty(0)
    if method.reader is not None:
        read = tuple(answer.label for answer in method.reader(x_hat))
        return Outcome(x_hat, batch.reference, nothing, nothing, read, texts_of(batch))
    if logits is None and method.recognizer is not None:
        logits = method.recognizer(x_hat)
    if logits is None:
        return Outcome(x_hat, batch.reference, nothing, nothing)
    return Outcome(x_hat, batch.reference, logits, labels_of(batch))


class _Tally:
    """The sums of what came of the images so far, by one method."""

    def __init__(self, method: Method | Derived) -> None:
        self._method = method
        self._seconds, self._images = 0.0, 0
        self._sums = [Resampled(metric.value) for metric in method.metrics]

    def add(self, outcome: Outcome, times: Tensor, seconds: float) -> None:
        """Judge some images that took so long; ``times`` are their multiplicities, ``(B, R)``."""
        for metric, sums in zip(self._method.metrics, self._sums, strict=True):
            sums.add(metric.statistic(outcome), times)
        self._seconds += seconds
        self._images += len(outcome.x_hat)

    def row(self, name: str) -> Row:
        """What has come of all images so far."""
        figures = {m.key: sums.estimate() for m, sums in zip(self._method.metrics, self._sums, strict=True)}
        if isinstance(self._method, Derived):
            return Row(name, figures, None)
        seconds = self._seconds / self._images if self._method.timed else None
        return Row(name, figures, seconds, self._method.precision)


def labels_of(batch: Batch) -> Tensor:
    """What is to be recognized.

    Raises:
        DataError: there are no labels.
    """
    if batch.labels is None:
        raise DataError(f"{batch.names[0]} has no label, by which a recognizer is judged: label it or remove it")
    return batch.labels


def texts_of(batch: Batch) -> tuple[str, ...]:
    """What is to be read.

    Raises:
        DataError: it is not known.
    """
    if not batch.texts:
        raise DataError(f"{batch.names[0]} has no text, by which a reader is judged: write it to a .txt file beside it")
    return batch.texts


def batches(
    pairs: Pairs, numbers: Iterable[int], left_out: Callable[[Exception], None] | None = None
) -> Iterator[Batch]:
    """The pairs of these numbers in their order.

    Where σ is not told it is the root mean square of what is to be taken off again, y − x, or y − target where there
    is one, which favours restorers that take it; of images that are degraded already and have no target it is not
    known. As many together as have one size and a quarter of a megapixel, all of them labelled or none.

    Args:
        pairs: clean images and their degraded selves.
        numbers: of those that are wanted.
        left_out: is told of what cannot be read, which then is left out; if not given, that is raised.
    """
    held: list[Pair] = []
    known = not isinstance(pairs.degradation, Untouched)
    for number in numbers:
        try:
            pair = pairs[number]
        except (ImageReadError, DataError) as error:
            if left_out is None:
                raise
            left_out(error)
            continue
        pixels = pair.sample.x[0].numel()
        if held and (_kind(pair) != _kind(held[0]) or (len(held) + 1) * pixels > _PIXELS_AT_ONCE):
            yield _stacked(held, known)
            held = []
        held.append(pair)
    if held:
        yield _stacked(held, known)


def _kind(pair: Pair) -> tuple[object, ...]:
    """What images of one batch have in common: sizes, and what else there is."""
    sample = pair.sample
    shapes = {name: value.shape for name, value in sample.inputs.items()}
    known = sample.label is None, sample.text is None
    return sample.x.shape, known, None if sample.target is None else sample.target.shape, shapes


def _stacked(pairs: list[Pair], known: bool) -> Batch:
    """The pairs as a batch; of ``known`` ones it is known what they are clean."""
    samples = [pair.sample for pair in pairs]
    x, y = torch.stack([sample.x for sample in samples]), torch.stack([pair.y for pair in pairs])
    labels = [torch.as_tensor(sample.label) for sample in samples if sample.label is not None]
    targets = [sample.target for sample in samples if sample.target is not None]
    levels = [pair.sigma for pair in pairs if pair.sigma is not None]
    target = torch.stack(targets) if targets else None
    clean = target if target is not None else x if known else None
    return Batch(
        x=x,
        labels=torch.stack(labels) if labels else None,
        y=y,
        sigma=torch.stack(levels) if levels else _changed(clean, y),
        target=target,
        names=tuple(sample.name for sample in samples),
        inputs={name: torch.stack([sample.inputs[name] for sample in samples]) for name in samples[0].inputs},
        texts=tuple(sample.text for sample in samples if sample.text is not None),
    )


def _changed(x: Tensor | None, y: Tensor) -> Tensor | None:
    return (y - x).square().mean((1, 2, 3)).sqrt() if x is not None and x.shape == y.shape else None
