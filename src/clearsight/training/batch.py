"""What a training step is given."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Batch"]


class Batch(NamedTuple):
    """Clean images and what is to be recognized in them.

    Attributes:
        x: ``(B, C, H, W)`` in [0, 1].
        labels: int64, ``(B,)`` classes, ``(B, H, W)`` with one for each pixel, or ``None`` where nothing is labelled.
    """

    x: Tensor
    labels: Tensor | None

    def scaled(self) -> Batch:
        """Of images that are held as 8 bits, the same on the [0, 1] scale; labels as int64."""
        return Batch(self.x / 255, None if self.labels is None else self.labels.long())
