"""Train a recognizer on, on degraded or restored images: what a guided restorer is to be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.errors import DataError
from clearsight.metrics.recognition import departure
from clearsight.objectives.frozen import Frozen
from clearsight.objectives.recognition import Recognition
from clearsight.recognizers.checks import check_tells_classes
from clearsight.recognizers.wrapper import Wrapped
from clearsight.restorers.padding import restored
from clearsight.seeds import generator_for
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["RetrainingTask"]


class RetrainingTask(Task):
    """Fine-tune a trained recognizer on degraded images, restored first if there is a restorer.

    Args:
        recognizer: what is trained on: a copy of the user's, for it changes; or what ``clearsight.load_recognizer``
            takes.
        degradation: how the images are degraded, drawn anew for every batch.
        validation: degradations to validate on, each with the same noise every time.
        restorer: restores them, a module or what ``clearsight.load`` takes; it is not changed.
        teacher: gives the right answers, from the clean images, where there are no labels; it is not changed.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.
    """

    units, mode = {"departure": "%"}, "min"

    def __init__(
        self,
        *,
        recognizer: str | nn.Module,
        degradation: str,
        validation: Sequence[str],
        restorer: str | nn.Module | None = None,
        teacher: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        network = weights.load_recognizer(recognizer) if isinstance(recognizer, str) else recognizer
        check_tells_classes(network)
        for parameter in network.parameters():  # a wrapped recognizer comes frozen
            parameter.requires_grad_(True)
        super().__init__(network=network, optimizer=optimizer, schedule=schedule, seed=seed)
        self.degradation = parse(degradation)
        self.validation = [parse(text) for text in validation]
        front = weights.load(restorer) if isinstance(restorer, str) else restorer
        self.restorer = None if front is None else Frozen(front)
        self.teacher = None if teacher is None else Frozen(teacher)
        self.loss = Recognition()

    def on_train_start(self) -> None:
        """Training mode, that of a wrapped network too: statistics of batches are learned anew, dropout drops."""
        super().on_train_start()
        for module in self.network.modules():
            module.training = not isinstance(module, Wrapped)

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Cross-entropy with the labels, or the divergence from what the teacher sees in the clean images."""
        loss: Tensor = self.loss(self._logits(batch, self.degradation, generator), self._wanted(batch))
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """``departure``: ½ Σ |p − t| of each image, in percent."""
        found: dict[str, Tensor] = {}
        for way in self.validation:
            generator = generator_for(self.seed, index, stream="validation")
            logits = self._logits(batch, way, generator)
            found[str(way)] = 100 * departure(logits, self._wanted(batch))
        return {"departure": found}

    def _wanted(self, batch: Batch) -> Tensor:
        if self.teacher is not None:
            with torch.no_grad():
                return cast(Tensor, self.teacher(batch.x)).float()
        if batch.labels is None:
            raise DataError("the images have no labels to train on: label them, or give a teacher")
        return batch.labels

    def _logits(self, batch: Batch, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        return cast(Tensor, self.network(self._shown(batch, degradation, generator))).float()

    @torch.no_grad()
    def _shown(self, batch: Batch, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        """Images as the recognizer would meet them, clipped."""
        y = degradation(batch.x, generator=generator)
        if self.restorer is not None:
            y = restored(self.restorer.network, y, inputs=batch.inputs).float()
        return y.clamp(0, 1).contiguous(memory_format=torch.channels_last)
