"""Train a classifier or a segmenter on labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import VOID, Batch, Recognizer
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.metrics.recognition import confusion, mean_iou
from clearsight.seeds import generator_for
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["RecognitionTask"]


class RecognitionTask(Task):
    """Classify images or their pixels: cross-entropy of the logits, judged by the error or by the mean IoU.

    Pixels that are :data:`~clearsight.contracts.VOID` are neither learned nor judged. The mean IoU is that of the
    held-out images together, as :func:`~clearsight.metrics.mean_iou` has it.

    Args:
        recognizer: the network.
        degradation: how the images are degraded before they are shown, drawn anew for every batch; not at all if not
            given.
        validation: degradations to validate on, beside the clean images; the mean figure over all picks the best
            checkpoint.
        loss: of the logits and the labels; cross-entropy if not given.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.
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
        self._segments = cast(Recognizer, recognizer).traits.task == "segment"
        self.units, self.mode = ({"miou": "%"}, "max") if self._segments else ({"error": "%"}, "min")
        self.loss = loss or nn.CrossEntropyLoss(ignore_index=VOID if self._segments else -100)

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the logits of a batch."""
        loss: Tensor = self.loss(self._logits(batch.x, self.degradation, generator), batch.labels)
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """Clean and degraded: 100 for each image whose class has not the largest logit, else 0; or its confusions."""
        ways = {"clean": None, **{str(degradation): degradation for degradation in self.validation}}
        return {self.metric: {name: self._score(batch, way, index) for name, way in ways.items()}}

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """The mean IoU in percent of all confusions together; the mean error."""
        return 100 * mean_iou(values.sum(0)) if metric == "miou" else values.mean()

    def _score(self, batch: Batch, degradation: Pipeline | None, index: int) -> Tensor:
        logits = self._logits(batch.x, degradation, generator_for(self.seed, index, stream="validation"))
        assert batch.labels is not None
        if self._segments:
            return confusion(logits, batch.labels)
        return 100 * logits.argmax(1).ne(batch.labels).float()

    def _logits(self, x: Tensor, degradation: Pipeline | None, generator: torch.Generator) -> Tensor:
        shown = x if degradation is None else degradation(x, generator=generator)
        return cast(Tensor, self.network(shown.contiguous(memory_format=torch.channels_last))).float()
