"""Train a joint model: restore the image and name, or read, what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch, Joint
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline
from clearsight.errors import RecipeError
from clearsight.metrics.pixels import psnr
from clearsight.objectives.joint import JointLoss
from clearsight.recognizers.letters import wanted
from clearsight.seeds import generator_for
from clearsight.training.recognition import KINDS
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["JointTask"]


class JointTask(Task):
    """Regress the clean image and its class, or what is written there, from the degraded image, by one loss.

    Args:
        joint: the network.
        start: two trained networks to go on from, of the architectures of the ``restorer`` and the ``recognizer`` in
            ``joint``, as ``clearsight.load`` and ``clearsight.load_recognizer`` take them; from random weights if not
            given.
        degradation: how clean images are degraded, drawn anew for every batch.
        validation: degradations to validate on; the mean error over them picks the best checkpoint.
        loss: of both answers; equation 1 of chen2016 if not given, of text its one-sided form. Weights that it learns
            are trained along.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.

    Raises:
        RecipeError: ``joint`` is not made of two such networks.
        ModelError: one of them cannot be loaded.
    """

    def __init__(
        self,
        *,
        joint: nn.Module,
        start: tuple[str, str] | None = None,
        degradation: str,
        validation: Sequence[str],
        loss: JointLoss | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        if start is not None:
            _take_over(joint, *start)
        super().__init__(network=joint, optimizer=optimizer, schedule=schedule, seed=seed)
        self.degradation = parse(degradation)
        self.validation = [parse(text) for text in validation]
        self._traits = cast(Joint, joint).recognition
        self._kind = KINDS[self._traits.task]
        self.units, self.mode = {self._kind.metric: "%", "psnr": "dB"}, self._kind.mode
        self.loss = loss or JointLoss(labels="one-sided" if self._traits.task == "read" else "two-sided")

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of both answers to a degraded batch."""
        x_hat, logits = self._answers(batch.x, self.degradation, generator)
        loss: Tensor = self.loss(x_hat.float(), batch.reference, logits.float(), wanted(batch, self._traits))
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """100 for each image that is named wrongly, else 0, or how many letters it has, and how many are misread; PSNR.

        PSNR is that of each image, in dB.
        """
        found: Scores = {metric: {} for metric in self.units}
        for way in self.validation:
            x_hat, logits = self._answers(batch.x, way, generator_for(self.seed, index, stream="validation"))
            found[self._kind.metric][str(way)] = self._kind.score(logits.float(), batch, self._traits.classes)
            found["psnr"][str(way)] = psnr(x_hat.float().clamp(0, 1), batch.reference)
        return found

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """The error rate of all letters; all else is a mean."""
        return values.mean() if metric == "psnr" else self._kind.figure(values)

    def _answers(self, x: Tensor, way: Pipeline, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        y = way(x, generator=generator)
        return cast(tuple[Tensor, Tensor], self.network(y.contiguous(memory_format=torch.channels_last)))


def _take_over(joint: nn.Module, restorer: str, recognizer: str) -> None:
    """Give both networks in a joint model the weights of trained ones."""
    for part, trained in (("restorer", weights.load(restorer)), ("recognizer", weights.load_recognizer(recognizer))):
        own = getattr(joint, part, None)
        if not isinstance(own, type(trained)):
            raise RecipeError(
                f"{type(joint).__name__} has no {type(trained).__name__} as its {part} to go on from a trained one"
            )
        try:
            own.load_state_dict(trained.state_dict())
        except RuntimeError:
            raise RecipeError(
                f"the {part} of {type(joint).__name__} has other layers than the trained one: give both the same ones"
            ) from None
