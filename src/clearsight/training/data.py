"""Batches by number: what batch ``k`` holds depends on the seed and ``k`` alone."""

from __future__ import annotations

from collections.abc import Sequence

import lightning
from torch.utils.data import DataLoader

from clearsight.training.batch import Batch

__all__ = ["Data"]


class Data(lightning.LightningDataModule):
    """Images held in memory as 8 bits, and batches cut from them on the way to the device.

    As batch ``k`` is a function of ``k``, a run that resumes sees what it would have seen.

    Args:
        epoch: batches between two validations.
        seed: of what the batches hold.

    Attributes:
        channels: of the images, 1 or 3.
        classes: what the labels stand for; ``None`` where nothing is labelled.
    """

    channels: int
    classes: tuple[str, ...] | None = None

    def __init__(self, *, epoch: int, seed: int) -> None:
        super().__init__()
        self.epoch, self.seed = epoch, seed

    def draw(self, step: int, rank: int = 0) -> Batch:
        """Batch ``step`` of the process ``rank``, its images as 8 bits."""
        raise NotImplementedError

    def held_out(self) -> Sequence[Batch]:
        """What is validated on, its images as 8 bits."""
        raise NotImplementedError

    def train_dataloader(self) -> DataLoader[int]:
        """Batch numbers; :meth:`on_after_batch_transfer` makes the batches."""
        return DataLoader(range(self.epoch), batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Batch]:
        """The held-out batches."""
        return DataLoader(self.held_out(), batch_size=None)  # type: ignore[arg-type]

    def on_after_batch_transfer(self, batch: int | Batch, dataloader_idx: int) -> Batch:
        """A batch number becomes its batch; images are scaled to [0, 1]."""
        assert self.trainer is not None
        if isinstance(batch, Batch):
            return batch.scaled()
        step = self.trainer.current_epoch * self.epoch + int(batch)
        drawn, device = self.draw(step, self.trainer.global_rank), self.trainer.strategy.root_device
        labels = None if drawn.labels is None else drawn.labels.to(device)
        return Batch(drawn.x.to(device), labels).scaled()
