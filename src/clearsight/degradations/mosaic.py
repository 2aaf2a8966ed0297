"""A sensor that sees one colour a pixel, and how the other two are found: linearly, so noise goes through alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

_Kernel = Sequence[Sequence[float]]

__all__ = ["REACH", "bilinear", "high_quality", "sites"]

REACH = 2
"""Pixels on either side that a demosaicing looks at."""


def sites(phases: Tensor, height: int, width: int) -> Tensor:
    """Which colour each site of a Bayer sensor sees: ``(B, 3, H, W)`` masks of red, green and blue.

    Args:
        phases: where red lies in the first 2×2 sites of each image: 2·row + column, whole numbers ``(B,)``.
        height: of the sensor.
        width: of the sensor.

    Example:
        >>> sites(torch.tensor([0]), 2, 2)[0].int().flatten(1).tolist()
        [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    """
    rows = (torch.arange(height, device=phases.device) + phases[:, None] // 2) % 2
    columns = (torch.arange(width, device=phases.device) + phases[:, None] % 2) % 2
    odd_row, odd_column = (rows == 1)[:, :, None], (columns == 1)[:, None, :]
    return torch.stack([~odd_row & ~odd_column, odd_row ^ odd_column, odd_row & odd_column], 1)


def _filtered(x: Tensor, *kernels: _Kernel) -> Tensor:
    """Each channel by its own kernel; a single channel by all of them. Zeros beyond the border."""
    weights = torch.tensor(kernels, dtype=x.dtype, device=x.device)[:, None]
    return F.conv2d(x, weights, padding=weights.shape[-1] // 2, groups=x.shape[1])


_QUARTERS = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
_CROSS = [[0, 0.25, 0], [0.25, 1, 0.25], [0, 0.25, 0]]


def bilinear(mosaic: Tensor, colours: Tensor) -> Tensor:
    """What each colour's nearest sites have, on average.

    Args:
        mosaic: ``(B, 1, H, W)``.
        colours: :func:`sites`.

    Returns:
        ``(B, 3, H, W)``; within :data:`REACH` pixels of the border what lies beyond counts as 0.
    """
    return _filtered(mosaic * colours, _QUARTERS, _CROSS, _QUARTERS)


_GREEN: _Kernel = [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]
_ALONG: _Kernel = [[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]]
_ACROSS: _Kernel = [*zip(*_ALONG, strict=True)]
_OPPOSITE: _Kernel = [[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]]


def high_quality(mosaic: Tensor, colours: Tensor) -> Tensor:
    """Bilinear, corrected by the gradient of the colour that is known at the site.

    Args:
        mosaic: ``(B, 1, H, W)``.
        colours: :func:`sites`.

    Returns:
        ``(B, 3, H, W)``; within :data:`REACH` pixels of the border what lies beyond counts as 0.

    Source:
        H. S. Malvar, L. He, R. Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color
        images", ICASSP 2004.
    """
    green, along, across, opposite = torch.split(_filtered(mosaic, _GREEN, _ALONG, _ACROSS, _OPPOSITE) / 8, 1, 1)
    red_at, green_at, blue_at = torch.split(colours, 1, 1)
    beside_red = red_at.any(3, keepdim=True)
    return torch.cat(
        [
            torch.where(red_at, mosaic, torch.where(blue_at, opposite, torch.where(beside_red, along, across))),
            torch.where(green_at, mosaic, green),
            torch.where(blue_at, mosaic, torch.where(red_at, opposite, torch.where(beside_red, across, along))),
        ],
        1,
    )
