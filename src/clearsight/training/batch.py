"""What a training step is given."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Batch"]


class Batch(NamedTuple):
    """Clean images and what is to be recognized in them.

    Attributes:
        x: ``(B, C, H, W)`` in [0, 1].
        labels: ``(B,)`` classes, ``(B, H, W)`` with one for each pixel, or ``None`` where nothing is labelled.
    """

    x: Tensor
    labels: Tensor | None
