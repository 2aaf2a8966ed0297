"""How an enlarged image looks, by the protocol of super-resolution: luma alone, as a file holds it, no border."""

from __future__ import annotations

import torch
from torch import Tensor

from clearsight.errors import InvalidArgumentError
from clearsight.metrics.metric import Metric, Outcome
from clearsight.metrics.pixels import psnr, ssim

__all__ = ["luma", "luma_metrics", "without_border"]

_WEIGHTS = (65.481, 128.553, 24.966)
"""Of red, green and blue in [0, 1], in grey levels above black, which is 16."""


def luma(x: Tensor) -> Tensor:
    """Y of ITU-R BT.601 in studio swing over 255: (16 + 65.481·R + 128.553·G + 24.966·B) / 255; grey as it is.

    What MATLAB's ``rgb2ycbcr`` gives, not rounded.

    Args:
        x: ``(B, 3, H, W)`` or ``(B, 1, H, W)`` in [0, 1].

    Returns:
        ``(B, 1, H, W)``.

    Example:
        >>> white = torch.ones(1, 3, 1, 1)
        >>> round(255 * luma(white).item()), luma(white[:, :1]).item()
        (235, 1.0)
    """
    if x.shape[1] == 1:
        return x
    weights = torch.tensor(_WEIGHTS, dtype=x.dtype, device=x.device)
    return (16 + torch.einsum("c,bchw->bhw", weights, x)[:, None]) / 255


def without_border(x: Tensor, border: int) -> Tensor:
    """``(B, C, H, W)`` without so many rows and columns on each side.

    Raises:
        InvalidArgumentError: nothing is left.
    """
    height, width = (n - 2 * border for n in x.shape[2:])
    if min(height, width) < 1:
        raise InvalidArgumentError(
            f"an image of {x.shape[2]}×{x.shape[3]} pixels has nothing left without a border of {border}"
        )
    return x[..., border : border + height, border : border + width]


def _judged(outcome: Outcome, border: int) -> tuple[Tensor, Tensor]:
    """Luma of the image as 8 bits hold it, and of the reference."""
    x_hat = (255 * outcome.x_hat).round() / 255
    return without_border(luma(x_hat), border), without_border(luma(outcome.x), border)


def luma_metrics(border: int) -> list[Metric]:
    """PSNR and SSIM of luma, as papers on super-resolution print them.

    Args:
        border: rows and columns on each side that do not count; by custom, the scale.
    """
    convention = (
        f"of luma (BT.601, 16 to 235; grey images as they are), x_hat rounded to 8 bits, "
        f"{border} pixels of border left out; mean over images"
    )

    def counted(value: Tensor) -> Tensor:
        return torch.stack([torch.ones_like(value), value], dim=1)

    def mean(sums: Tensor) -> Tensor:
        return sums[..., 1] / sums[..., 0]

    return [
        Metric("psnr", "PSNR dB", convention, 2, False, lambda o: counted(psnr(*_judged(o, border))), mean),
        Metric("ssim", "SSIM", convention, 4, False, lambda o: counted(ssim(*_judged(o, border))), mean),
    ]
