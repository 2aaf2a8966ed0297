"""What every training has in common: a network, an optimizer and its schedule, seeds, validation by one score."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import lightning
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from clearsight.contracts import Batch, RecognitionTraits
from clearsight.seeds import generator_for
from clearsight.training.data import Data, batch_number
from clearsight.training.schedules import Cosine, Schedule

__all__ = ["Scores", "Task"]


Scores = dict[str, dict[str, Tensor]]
"""Metric → condition → value of each image, ``(B,)``, or what :meth:`Task.figure` makes one of, ``(B, D)``."""


class Task(lightning.LightningModule):
    """Train one network; a subclass says by which loss and how it is judged.

    Args:
        network: what is trained.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``; half a cosine if not given.
        seed: of all that is drawn in training.

    Attributes:
        units: of the metrics that are measured on the held-out images; the first one picks the best checkpoint.
        mode: whether the best of it is the largest or the smallest.
        horizon: how many steps the schedule is that of; ``None`` for as many as are trained.
    """

    units: Mapping[str, str]
    mode: Literal["max", "min"]

    def __init__(
        self,
        *,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer, self.schedule, self.seed = optimizer, schedule or Cosine(), seed
        self.horizon: int | None = None
        self._seen: dict[str, dict[str, list[Tensor]]] = {}

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch, a scalar; all that is drawn comes from ``generator``."""
        raise NotImplementedError

    def scores(self, batch: Batch, index: int) -> Scores:
        """Each metric, under each condition, of each image of validation batch ``index``."""
        raise NotImplementedError

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """What a metric comes to over images, of all that :meth:`scores` gave for them, ``(N, …)``: their mean."""
        return values.mean()

    @property
    def exported(self) -> nn.Module:
        """What the run ends with: the network."""
        return self.network

    @property
    def recognition(self) -> RecognitionTraits | None:
        """Of the recognizer that the labels are for; ``None`` where they are for none."""
        traits = getattr(self.network, "recognition", self.network.traits)
        return traits if isinstance(traits, RecognitionTraits) else None

    def check(self, data: Data) -> None:
        """Say why the data cannot be trained on or judged with, before anything is written; by default, nothing."""

    @property
    def metric(self) -> str:
        """The one that picks the best checkpoint."""
        return next(iter(self.units))

    @property
    def total(self) -> int:
        """Steps that the schedule is that of."""
        return self.horizon or self.trainer.max_steps

    def setup(self, stage: str) -> None:
        """Channels last, which convolutions like on every device.

        This is before several processes share gradients: their buckets keep the strides that they are made with, and
        gradients of others would be added up in the wrong places.
        """
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def on_train_start(self) -> None:
        """The learning rate of this step; in a checkpoint it is that of a run as long as was planned then."""
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR):
            groups = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
            for group, rate, factor in groups:
                group["lr"] = rate * factor(scheduler.last_epoch)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch of clean images; what torch itself draws, as dropout does, depends on its number, too."""
        number = batch_number(self.trainer, batch_idx)
        generator = generator_for(self.seed, number, stream="degradation", device=batch.x.device)
        torch.manual_seed(generator_for(self.seed, number, stream="dropout").initial_seed())
        loss = self.objective(batch, generator)
        self.log("train/loss", loss)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Nothing has been seen yet."""
        self._seen = defaultdict(lambda: defaultdict(list))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """One batch of held-out images."""
        for metric, conditions in self.scores(batch, batch_idx).items():
            for condition, values in conditions.items():
                self._seen[metric][condition].append(values)

    def on_validation_epoch_end(self) -> None:
        """The figures, and one line to follow the run by; the mean of a metric over the conditions stands for it."""
        found = []
        for metric, conditions in self._seen.items():
            figures = {condition: self.figure(metric, torch.cat(values)) for condition, values in conditions.items()}
            self.log_dict({f"val/{metric} {condition}": figure for condition, figure in figures.items()})
            mean = torch.stack([*figures.values()]).mean()
            self.log(f"val/{metric}", mean)
            found.append(f"{metric} {mean:.3f} {self.units[metric]}")
        if not self.trainer.sanity_checking:
            self.print(f"step {self.global_step}: validation {', '.join(found)}", file=sys.stderr)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer, and its schedule a step."""
        optimizer, total = self.optimizer(self.parameters()), self.total
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.schedule(step, total))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
