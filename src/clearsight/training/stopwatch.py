"""How long a run has trained, over all its interruptions."""

from __future__ import annotations

import time
from typing import Any

import lightning

__all__ = ["Stopwatch"]


class Stopwatch(lightning.Callback):
    """Counts the seconds of training and validation; the count is kept in the checkpoints."""

    def __init__(self) -> None:
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._started

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Reading the images and the checkpoint does not count."""
        self._started = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self._before = state_dict["seconds"]
