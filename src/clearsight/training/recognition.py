"""Train a recognizer on labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.degradations import Pipeline, parse
from clearsight.seeds import generator_for
from clearsight.training.schedules import Schedule
from clearsight.training.task import Batch, Scores, Task

__all__ = ["RecognitionTask"]


class RecognitionTask(Task):
    """Classify images: cross-entropy of the logits, judged by the error.

    Args:
        recognizer: the network.
        degradation: how the images are degraded before they are shown, drawn anew for every batch; not at all if not
            given.
        validation: degradations to validate on, beside the clean images; the mean error over all picks the best
            checkpoint.
        loss: of the logits and the labels; cross-entropy if not given.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.
    """

    units, mode = {"error": "%"}, "min"

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
        self.loss = loss or nn.CrossEntropyLoss()

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the logits of a batch."""
        loss: Tensor = self.loss(self._logits(batch.x, self.degradation, generator), batch.labels)
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """100 for each image whose class is not the one with the largest logit, else 0; clean and degraded."""
        ways = {"clean": None, **{str(degradation): degradation for degradation in self.validation}}
        return {"error": {name: self._error(batch, way, index) for name, way in ways.items()}}

    def _error(self, batch: Batch, degradation: Pipeline | None, index: int) -> Tensor:
        logits = self._logits(batch.x, degradation, generator_for(self.seed, index, stream="validation"))
        assert batch.labels is not None
        return 100 * logits.argmax(1).ne(batch.labels).float()

    def _logits(self, x: Tensor, degradation: Pipeline | None, generator: torch.Generator) -> Tensor:
        shown = x if degradation is None else degradation(x, generator=generator)
        return cast(Tensor, self.network(shown.contiguous(memory_format=torch.channels_last))).float()
