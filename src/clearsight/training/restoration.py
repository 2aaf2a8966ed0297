"""Train a restorer on images that are degraded on the way, their targets clean or degraded themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import Batch, Restorer, Traits
from clearsight.degradations.language import parse
from clearsight.degradations.step import Either, Pipeline
from clearsight.errors import RecipeError
from clearsight.metrics.pixels import psnr
from clearsight.objectives.annealed import Annealed
from clearsight.restorers.padding import restored
from clearsight.seeds import generator_for
from clearsight.training.initialization import started
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["RestorationTask"]


class RestorationTask(Task):
    """Regress the clean image from the degraded one.

    The degradation is drawn anew for every batch, from the seed and the step alone.

    Args:
        restorer: the network.
        start: in its place a trained restorer to go on from, what ``clearsight.load`` takes; its architecture comes
            with it, or, where ``restorer`` is given too, that one is wider and starts out as the same function.
        degradation: how clean images are degraded, as a string: ``gaussian(sigma=0..55/255)``; or several, of which
            each image draws one, all as likely.
        target_degradation: how the targets are degraded, too, by a draw of their own: Noise2Noise; clean if not given.
        validation: degradations to validate on, each with the same noise every time; the mean PSNR over them picks the
            best checkpoint.
        loss: of the restored batch and its targets; L1 if not given. One that changes over the training, as
            :class:`~clearsight.objectives.AnnealedL0`, is told how far it is.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.
        compiled: have the network compiled for a GPU: the first steps take a minute, all others less.

    Raises:
        RecipeError: a degradation shrinks images by another factor than the restorer enlarges them; neither
            ``restorer`` nor ``start`` is given, or ``start`` has no weights to train, or is no narrower ``restorer``.
        InvalidArgumentError: the restorer needs a σ that a degradation does not give.
    """

    units: Mapping[str, str] = {"psnr": "dB"}
    mode: Literal["max", "min"] = "max"

    def __init__(
        self,
        *,
        restorer: nn.Module | None = None,
        start: str | None = None,
        degradation: str | Sequence[str],
        target_degradation: str | None = None,
        validation: Sequence[str],
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
        compiled: bool = False,
    ) -> None:
        network = started(restorer, start)
        super().__init__(network=network, optimizer=optimizer, schedule=schedule, seed=seed)
        several = [degradation] if isinstance(degradation, str) else degradation
        self.degradation = _one_of([parse(text) for text in several])
        self.target_degradation = None if target_degradation is None else parse(target_degradation)
        self.validation = [parse(text) for text in validation]
        self.loss = loss or nn.L1Loss()
        self.compiled = compiled
        self._check(cast(Restorer, network).traits)

    def _check(self, traits: Traits) -> None:
        """Say what does not fit together before anything is read."""
        if self.target_degradation is not None and self.target_degradation.scale != 1:
            raise RecipeError(f"targets keep their size, but {self.target_degradation} shrinks them")
        for degradation in (self.degradation, *self.validation):
            if degradation.scale != traits.scale:
                raise RecipeError(
                    f"the restorer enlarges {traits.scale} times, but {degradation} shrinks {degradation.scale} times"
                )
            if traits.sigma == "required":
                degradation.with_sigma(torch.zeros(1, traits.channels or 3, 64, 64), generator=torch.Generator())

    def on_fit_start(self) -> None:
        """Compile what is to be compiled, each shape for itself."""
        super().on_fit_start()
        if self.compiled and self.device.type == "cuda":
            self.network.compile(dynamic=False)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """A loss that changes over the training changes by the step alone."""
        if isinstance(self.loss, Annealed):
            self.loss.anneal(self.global_step / self.total)

    def restore(self, batch: Batch, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        """Degrade the images of a batch and restore them again; a restorer gets σ and the inputs it asks for."""
        if cast(Restorer, self.exported).traits.sigma != "required":
            return restored(self.exported, degradation(batch.x, generator=generator), inputs=batch.inputs)
        return restored(self.exported, *degradation.with_sigma(batch.x, generator=generator), inputs=batch.inputs)

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch degraded and restored."""
        x_hat = self.restore(batch, self.degradation, generator)
        loss: Tensor = self.loss(x_hat, self.targets(batch, generator))
        return loss

    def targets(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """What is to come out, degraded by a draw of its own where the targets are not clean."""
        if self.target_degradation is None:
            return batch.reference
        return self.target_degradation(batch.reference, generator=generator)

    def scores(self, batch: Batch, index: int) -> Scores:
        """PSNR of each image in dB, restored from each degradation and clipped."""
        return {"psnr": {str(way): psnr(self.validated(batch, way, index), batch.reference) for way in self.validation}}

    def validated(self, batch: Batch, degradation: Pipeline, index: int) -> Tensor:
        """Validation batch ``index`` degraded, the same way every time, restored, clipped."""
        generator = generator_for(self.seed, index, stream="validation")
        return self.restore(batch, degradation, generator).float().clamp(0, 1)


def _one_of(choices: Sequence[Pipeline]) -> Pipeline:
    return choices[0] if len(choices) == 1 else Pipeline((Either(tuple(choices)),))
