"""Train a recognizer on, on degraded or restored images: what a guided restorer is to be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch, Recognizer
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.errors import DataError
from clearsight.metrics.recognition import departure
from clearsight.objectives.frozen import Frozen
from clearsight.objectives.recognition import Recognition
from clearsight.recognizers.checks import check_gives_logits
from clearsight.recognizers.letters import transcribed, wanted
from clearsight.recognizers.wrapper import Wrapped
from clearsight.restorers.padding import restored
from clearsight.seeds import generator_for
from clearsight.training.recognition import error_rate, letters_wrong
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["RetrainingTask"]


class RetrainingTask(Task):
    """Fine-tune a trained recognizer on degraded images, restored first if there is a restorer.

    The best checkpoint is the one with the least departure from what is right, or with the fewest letters misread.

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

    Raises:
        ModelError: the recognizer gives text and no logits.
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
        check_gives_logits(network)
        for parameter in network.parameters():  # a wrapped recognizer comes frozen
            parameter.requires_grad_(True)
        super().__init__(network=network, optimizer=optimizer, schedule=schedule, seed=seed)
        self._traits = cast(Recognizer, network).traits
        if self._traits.task == "read":
            self.units = {"misread": "%"}
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
        """What is lost against labels or texts, or the divergence from what the teacher sees in the clean images."""
        right = self._taught(batch)
        right = self._wanted(batch) if right is None else right
        loss: Tensor = self.loss(self._logits(batch, self.degradation, generator), right)
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """``departure``: ½ Σ |p − t| of each image, in percent; ``misread``: how many letters, and how many wrong."""
        found: dict[str, Tensor] = {}
        for way in self.validation:
            generator = generator_for(self.seed, index, stream="validation")
            found[str(way)] = self._judged(self._logits(batch, way, generator), batch)
        return {self.metric: found}

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """What is misread of all letters; the mean departure."""
        return error_rate(values) if metric == "misread" else values.mean()

    def _judged(self, logits: Tensor, batch: Batch) -> Tensor:
        taught, classes = self._taught(batch), self._traits.classes
        if self._traits.task != "read":
            return 100 * departure(logits, self._wanted(batch) if taught is None else taught)
        texts = batch.texts if taught is None else [text for text, _ in transcribed(taught, classes)]
        return letters_wrong(logits, texts, classes)

    def _wanted(self, batch: Batch) -> Tensor:
        right = wanted(batch, self._traits)
        if right is None:
            raise DataError("the images have no labels to train on: label them, or give a teacher")
        return right

    @torch.no_grad()
    def _taught(self, batch: Batch) -> Tensor | None:
        """What the teacher sees in the clean images, if there is one."""
        return None if self.teacher is None else cast(Tensor, self.teacher(batch.x)).float()

    def _logits(self, batch: Batch, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        return cast(Tensor, self.network(self._shown(batch, degradation, generator))).float()

    @torch.no_grad()
    def _shown(self, batch: Batch, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        """Images as the recognizer would meet them, clipped."""
        y = degradation(batch.x, generator=generator)
        if self.restorer is not None:
            y = restored(self.restorer.network, y, inputs=batch.inputs).float()
        return y.clamp(0, 1).contiguous(memory_format=torch.channels_last)
