"""Train a joint model: restore the image and name what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import Batch
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.metrics.pixels import psnr
from clearsight.objectives.joint import JointLoss
from clearsight.seeds import generator_for
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["JointTask"]


class JointTask(Task):
    """Regress the clean image and its class from the degraded image, by one loss.

    Args:
        joint: the network.
        degradation: how clean images are degraded, drawn anew for every batch.
        validation: degradations to validate on; the mean error over them picks the best checkpoint.
        loss: of both answers; equation 1 of chen2016 if not given. Weights that it learns are trained along.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.
    """

    units, mode = {"error": "%", "psnr": "dB"}, "min"

    def __init__(
        self,
        *,
        joint: nn.Module,
        degradation: str,
        validation: Sequence[str],
        loss: JointLoss | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(network=joint, optimizer=optimizer, schedule=schedule, seed=seed)
        self.degradation = parse(degradation)
        self.validation = [parse(text) for text in validation]
        self.loss = loss or JointLoss()

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of both answers to a degraded batch."""
        assert batch.labels is not None
        x_hat, logits = self._answers(batch.x, self.degradation, generator)
        loss: Tensor = self.loss(x_hat.float(), batch.reference, logits.float(), batch.labels)
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """100 for each image that is named wrongly, else 0; and PSNR of each image in dB."""
        assert batch.labels is not None
        found: Scores = {"error": {}, "psnr": {}}
        for way in self.validation:
            x_hat, logits = self._answers(batch.x, way, generator_for(self.seed, index, stream="validation"))
            found["error"][str(way)] = 100 * logits.argmax(1).ne(batch.labels).float()
            found["psnr"][str(way)] = psnr(x_hat.float().clamp(0, 1), batch.reference)
        return found

    def _answers(self, x: Tensor, way: Pipeline, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        y = way(x, generator=generator)
        return cast(tuple[Tensor, Tensor], self.network(y.contiguous(memory_format=torch.channels_last)))
