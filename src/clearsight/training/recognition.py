"""Train a classifier or a segmenter on labelled images, or a reader on lines whose text is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import VOID, Batch, Recognizer
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.metrics.reading import edits
from clearsight.metrics.recognition import confusion, mean_iou
from clearsight.objectives.recognition import Recognition
from clearsight.recognizers.checks import check_gives_logits
from clearsight.recognizers.letters import transcribed, wanted
from clearsight.seeds import generator_for
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["KINDS", "RecognitionTask", "error_rate", "letters_wrong"]


class RecognitionTask(Task):
    """Classify images or their pixels, or read lines of text: judged by the error, the mean IoU or the letters wrong.

    Pixels that are :data:`~clearsight.contracts.VOID` are neither learned nor judged. The mean IoU is that of the
    held-out images together, as :func:`~clearsight.metrics.mean_iou` has it, and the character error rate that of all
    letters.

    Args:
        recognizer: the network.
        degradation: how the images are degraded before they are shown, drawn anew for every batch; not at all if not
            given.
        validation: degradations to validate on, beside the clean images; the mean figure over all picks the best
            checkpoint.
        loss: of the logits and the labels; if not given, cross-entropy, or connectionist temporal classification of a
            reader.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.

    Raises:
        ModelError: the recognizer gives text and no logits.
    """

    def __init__(
        self,
        *,
        recognizer: nn.Module,
        degradation: str | None = None,
        validation: Sequence[str] = (),
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(network=recognizer, optimizer=optimizer, schedule=schedule, seed=seed)
        self.degradation = parse(degradation) if degradation else None
        self.validation = [parse(text) for text in validation]
        check_gives_logits(recognizer)
        self._traits = cast(Recognizer, recognizer).traits
        self._kind = KINDS[self._traits.task]
        self.units, self.mode = {self._kind.metric: "%"}, self._kind.mode
        self.loss = loss or self._kind.loss()

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the logits of a batch."""
        loss: Tensor = self.loss(self._logits(batch.x, self.degradation, generator), wanted(batch, self._traits))
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """Clean and degraded: 100 for each image whose class has not the largest logit, else 0.

        Of segments their confusions, of lines how many letters they have and how many of these are wrong.
        """
        ways = {"clean": None, **{str(degradation): degradation for degradation in self.validation}}
        return {self.metric: {name: self._score(batch, way, index) for name, way in ways.items()}}

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """The mean IoU in percent of all confusions together; the error rate of all letters; the mean error."""
        return self._kind.figure(values)

    def _score(self, batch: Batch, degradation: Pipeline | None, index: int) -> Tensor:
        logits = self._logits(batch.x, degradation, generator_for(self.seed, index, stream="validation"))
        return self._kind.score(logits, batch, self._traits.classes)

    def _logits(self, x: Tensor, degradation: Pipeline | None, generator: torch.Generator) -> Tensor:
        shown = x if degradation is None else degradation(x, generator=generator)
        return cast(Tensor, self.network(shown.contiguous(memory_format=torch.channels_last))).float()


def letters_wrong(logits: Tensor, texts: Sequence[str], classes: Sequence[str]) -> Tensor:
    """How many letters each line has, and how many of what is read have to be changed, ``(B, 2)``."""
    return edits([text for text, _ in transcribed(logits, classes)], texts, unit="letters")


def error_rate(letters: Tensor) -> Tensor:
    """The character error rate, in percent, of many :func:`letters_wrong` together."""
    return 100 * letters[:, 1].sum() / letters[:, 0].sum().clamp(min=1)


class Kind(NamedTuple):
    """What a task of recognition learns by, and is judged by."""

    metric: str
    mode: Literal["max", "min"]
    loss: Callable[[], nn.Module]
    score: Callable[[Tensor, Batch, Sequence[str]], Tensor]
    figure: Callable[[Tensor], Tensor]


def _misnamed(logits: Tensor, batch: Batch, classes: Sequence[str]) -> Tensor:
    assert batch.labels is not None
    return 100 * logits.argmax(1).ne(batch.labels).float()


def _confused(logits: Tensor, batch: Batch, classes: Sequence[str]) -> Tensor:
    assert batch.labels is not None
    return confusion(logits, batch.labels)


def _misread(logits: Tensor, batch: Batch, classes: Sequence[str]) -> Tensor:
    return letters_wrong(logits, batch.texts, classes)


KINDS: Mapping[str, Kind] = {
    "classify": Kind("error", "min", nn.CrossEntropyLoss, _misnamed, torch.mean),
    "segment": Kind(
        "miou",
        "max",
        lambda: nn.CrossEntropyLoss(ignore_index=VOID),
        _confused,
        lambda values: 100 * mean_iou(values.sum(0)),
    ),
    "read": Kind("cer", "min", Recognition, _misread, error_rate),
}
"""By the task of a recognizer, as its traits have it."""
