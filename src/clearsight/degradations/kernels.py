"""What a lens, a hand and a thumb do to a point: kernels of two dimensions, and fields that are smooth."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["disc", "filtered", "segment", "smooth_field"]

_SPREAD = 151 / 315
"""Standard deviation of a sum of normal knots times cubic B-splines of two dimensions, its mean over places."""


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """Each channel of one image, ``(1, C, H, W)``, by a kernel of odd sides; border pixels go on beyond the border."""
    down, across = (side // 2 for side in kernel.shape)
    padded = F.pad(x, (across, across, down, down), mode="replicate").movedim(1, 0)
    return F.conv2d(padded, kernel.to(x)[None, None]).movedim(0, 1)


def disc(radius: float) -> Tensor:
    """A disc with a soft edge of one pixel, as a kernel that sums to 1."""
    reach = math.ceil(radius) + 1
    grid = torch.arange(-reach, reach + 1.0)
    kernel = (radius + 0.5 - torch.hypot(grid[:, None], grid[None])).clamp(0, 1)
    return kernel / kernel.sum()


def segment(length: float, angle: float) -> Tensor:
    """A line of one width through the middle, ``angle`` in radians from the rows, as a kernel that sums to 1."""
    reach = math.ceil(length / 2) + 1
    grid = torch.arange(-reach, reach + 1.0)
    along = math.cos(angle) * grid + math.sin(angle) * grid[:, None]
    aside = math.cos(angle) * grid[:, None] - math.sin(angle) * grid
    kernel = (length / 2 + 0.5 - along.abs()).clamp(0, 1) * (1 - aside.abs()).clamp(min=0)
    return kernel / kernel.sum()


def smooth_field(x: Tensor, cell: float, generator: torch.Generator) -> Tensor:
    """Random numbers of mean 0 and variance 1, about, that change over ``cell`` pixels: cubic B-splines.

    Args:
        x: of whose height and width, dtype and device it is.
        cell: pixels from knot to knot, whatever the size of the image: a patch is a patch of a page.
        generator: of knots and places.

    Returns:
        ``(1, 1, H, W)``.
    """
    starts = torch.rand(2, generator=generator, device=generator.device)
    down, across = (_splines(size, cell, start) for size, start in zip(x.shape[-2:], starts, strict=True))
    knots = torch.randn(down.shape[1], across.shape[1], generator=generator, device=generator.device)
    return ((down @ knots @ across.T) / _SPREAD)[None, None].to(x)


def _splines(size: int, cell: float, start: Tensor) -> Tensor:
    """How much each knot weighs at each pixel, ``(size, knots)``."""
    at = start + torch.arange(size, device=start.device) / cell
    knots = torch.arange(-1, int((size - 1) / cell) + 4, device=start.device)
    t = (at[:, None] - knots).abs()
    return torch.where(t < 1, 2 / 3 - t**2 + t**3 / 2, (2 - t).clamp(min=0) ** 3 / 6)
