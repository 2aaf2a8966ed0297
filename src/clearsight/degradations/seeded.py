"""Degrading a batch from a seed, for those who hold no generator."""

from __future__ import annotations

import torch
from torch import Tensor

from clearsight.contracts import Degradation
from clearsight.degradations.language import parse

__all__ = ["degrade"]


def degrade(x: Tensor, degradation: Degradation | str, *, seed: int) -> Tensor:
    """Degrade a batch: the same seed gives the same result, on any device.

    Args:
        x: ``(B, C, H, W)`` in [0, 1].
        degradation: a degradation, or the string that makes one.
        seed: any whole number that fits 64 bits.

    Raises:
        InvalidArgumentError: the string does not parse, or the degradation cannot take this shape.
        UnknownNameError: the string names what does not exist.

    Example:
        >>> degrade(torch.ones(2, 3, 4, 4), "lower-half", seed=0)[0, 0, :, 0]
        tensor([1., 1., 0., 0.])
    """
    if isinstance(degradation, str):
        degradation = parse(degradation)
    return degradation(x, generator=torch.Generator().manual_seed(seed))
