"""Train a restorer on pairs of clean and degraded images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import cast

import lightning
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.degradations import Pipeline, parse
from clearsight.errors import RecipeError
from clearsight.metrics import psnr
from clearsight.seeds import generator_for
from clearsight.training.schedules import Cosine, Schedule

__all__ = ["RestorationTask"]


class RestorationTask(lightning.LightningModule):
    """Regress the clean image from the degraded one.

    The degradation is drawn anew for every batch, from the seed and the step alone.

    Args:
        restorer: the network.
        degradation: how clean patches are degraded, as a string: ``gaussian(sigma=0..55/255)``.
        validation: degradations to validate on, each with the same noise every time; the mean PSNR over them picks the
            best checkpoint.
        loss: of the restored and the clean batch.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.

    Raises:
        RecipeError: a degradation shrinks images by another factor than the restorer enlarges them.
        InvalidArgumentError: the restorer needs a σ that a degradation does not give.
    """

    def __init__(
        self,
        *,
        restorer: nn.Module,
        degradation: str,
        validation: Sequence[str],
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.restorer = restorer
        self.degradation = parse(degradation)
        self.validation = [parse(text) for text in validation]
        self.loss = loss or nn.L1Loss()
        self.optimizer, self.schedule, self.seed = optimizer, schedule or Cosine(), seed
        self._check(cast(Restorer, restorer).traits)

    def _check(self, traits: Traits) -> None:
        """Say what does not fit together before anything is read."""
        for degradation in (self.degradation, *self.validation):
            if degradation.scale != traits.scale:
                raise RecipeError(
                    f"the restorer enlarges {traits.scale} times, but {degradation} shrinks {degradation.scale} times"
                )
            if traits.sigma == "required":
                degradation.with_sigma(torch.zeros(1, traits.channels or 3, 64, 64), generator=torch.Generator())

    def on_fit_start(self) -> None:
        """Channels last, which convolutions like on every device, and no denormals, which Adam's moments reach.

        A CPU multiplies denormal numbers many times slower than others.
        """
        torch.set_flush_denormal(True)
        self.restorer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restore(self, x: Tensor, degradation: Pipeline, generator: torch.Generator) -> Tensor:
        """Degrade ``x`` and restore it again, telling σ to a restorer that asks for it."""
        if cast(Restorer, self.restorer).traits.sigma != "required":
            y = degradation(x, generator=generator)
            return cast(Tensor, self.restorer(y.contiguous(memory_format=torch.channels_last)))
        y, sigma = degradation.with_sigma(x, generator=generator)
        return cast(Tensor, self.restorer(y.contiguous(memory_format=torch.channels_last), sigma))

    def training_step(self, x: Tensor, batch_idx: int) -> Tensor:
        """One batch of clean patches."""
        step = self.trainer.current_epoch * int(self.trainer.num_training_batches) + batch_idx
        generator = generator_for(self.seed, step, self.global_rank, stream="degradation", device=x.device)
        loss: Tensor = self.loss(self.restore(x, self.degradation, generator), x)
        self.log("train/loss", loss)
        return loss

    def validation_psnr(self, x: Tensor, degradation: Pipeline, index: int) -> Tensor:
        """PSNR in dB of one clean image, degraded with the noise of its ``index``, restored and clipped."""
        generator = generator_for(self.seed, index, stream="validation")
        return psnr(self.restore(x, degradation, generator).float().clamp(0, 1), x).mean()

    def validation_step(self, x: Tensor, batch_idx: int) -> None:
        """One clean image, degraded in each of the ways of ``validation``."""
        values = [self.validation_psnr(x, degradation, batch_idx) for degradation in self.validation]
        for degradation, value in zip(self.validation, values, strict=True):
            self.log(f"val/psnr {degradation}", value)
        self.log("val/psnr", torch.stack(values).mean())

    def on_validation_epoch_end(self) -> None:
        """One line to follow the run by."""
        if not self.trainer.sanity_checking:
            line = f"step {self.global_step}: validation PSNR {self.trainer.callback_metrics['val/psnr']:.3f} dB"
            self.print(line, file=sys.stderr)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer, and its schedule a step."""
        optimizer, total = self.optimizer(self.restorer.parameters()), self.trainer.max_steps
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.schedule(step, total))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
