"""JPEG in tensors, for images that lie on an accelerator: a batch stays there, at hundreds of megapixels a second."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["recompressed"]

_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)
_TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1, 0, 1.402), (1, -0.344136, -0.714136), (1, 1.772, 0))
_UNIT = 16


def recompressed(x: Tensor, quality: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """What JPEG leaves of 8-bit images: colour at half resolution, blocks of 8×8, tables as libjpeg scales them.

    Entropy coding loses nothing and is left out; products are those of floats, so a pixel may differ by a step or two
    from a file's, where its encoder works in integers.

    Args:
        x: whole numbers from 0 to 255 as floats, ``(B, 1, H, W)`` or ``(B, 3, H, W)``.
        quality: 1 to 100, ``(B,)``.
        top: rows of the file above the image, 0 to 15, ``(B,)``.
        left: columns of the file before it, ``(B,)``.

    Returns:
        The same shape, whole numbers.

    Source:
        ITU-T T.81, 1992, annexes A and K; the scale of the tables and the triangle filter for colour are libjpeg's.
    """
    n, channels, height, width = x.shape
    down, across = (torch.arange(-(-(size + _UNIT) // _UNIT) * _UNIT, device=x.device) for size in (height, width))
    rows, columns = ((down - top[:, None]).clamp(0, height - 1), (across - left[:, None]).clamp(0, width - 1))
    image = torch.arange(n, device=x.device)[:, None, None]
    page = x.movedim(1, -1)[image, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    if channels == 1:
        page = _coded(page - 128, _LUMA, scale) + 128
    else:
        luma, *colour = torch.einsum("dc,bchw->bdhw", torch.tensor(_TO_YCBCR).to(x), page).round().unbind(1)
        halved = F.avg_pool2d(torch.stack(colour, 1), 2).round()
        enlarged = F.interpolate(_coded(halved, _CHROMA, scale), scale_factor=2, mode="bilinear")
        decoded = torch.cat([_coded(luma[:, None] - 128, _LUMA, scale) + 128, enlarged.round()], 1)
        page = torch.einsum("dc,bchw->bdhw", torch.tensor(_TO_RGB).to(x), decoded).round().clamp(0, 255)
    rows, columns = (torch.arange(size, device=x.device) + at[:, None] for size, at in ((height, top), (width, left)))
    return page.movedim(1, -1)[image, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _coded(plane: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """Numbers around 0, through their quantised coefficients; ``(B, C, H, W)``, sides multiples of 8."""
    steps = ((torch.tensor(table, device=scale.device) * scale[:, None, None] + 50) / 100).floor().clamp(1, 255)
    basis = _basis().to(plane)
    n, channels, height, width = plane.shape
    blocks = plane.reshape(n, channels, height // 8, 8, width // 8, 8).movedim(3, 4)
    steps = steps.to(plane).view(n, 1, 1, 1, 8, 8)
    coefficients = (basis @ blocks @ basis.T / steps).round() * steps
    blocks = (basis.T @ coefficients @ basis).round().clamp(-128, 127)
    return blocks.movedim(4, 3).reshape(n, channels, height, width)


def _basis() -> Tensor:
    """The orthonormal cosines of eight samples, one a row."""
    at, frequency = torch.arange(8.0), torch.arange(8.0)[:, None]
    cosines = torch.cos(math.pi * (2 * at + 1) * frequency / 16) / 2
    cosines[0] /= math.sqrt(2)
    return cosines
