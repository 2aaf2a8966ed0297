"""What a lens out of focus does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Blur"]


def _kernels(sigma: Tensor, radius: int) -> Tensor:
    """Gaussian kernels ``(B, 2·radius + 1)`` that sum to 1, float64; σ = 0 gives the identity."""
    offsets = torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma.double().clamp(min=1e-6)[:, None]) ** 2)
    return weights / weights.sum(1, keepdim=True)


def _along_rows(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve the rows of each image with its own kernel; the border pixels go on beyond the border."""
    n, channels, height = x.shape[:3]
    radius = kernels.shape[1] // 2
    rows = F.pad(x, (radius, radius, 0, 0), mode="replicate").reshape(1, n, channels * height, -1)
    return F.conv2d(rows, kernels.view(n, 1, 1, -1), groups=n).view(x.shape)


@DEGRADATIONS.register("blur", tiny={"sigma": "0.5..2"})
@dataclass(frozen=True, kw_only=True)
class Blur(Step):
    """Gaussian blur: y = g_σ ∗ x, cut at 4σ, with border pixels that go on beyond the border.

    Args:
        sigma: standard deviation in pixels, 0 to 100, or a range each image draws from.

    Raises:
        InvalidArgumentError: σ is out of range.

    Example:
        >>> str(Blur(sigma="0..4"))
        'blur(sigma=0..4)'
    """

    sigma: Range | float | str

    def __post_init__(self) -> None:
        self._bound("sigma", 0, 100)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        sigma = Range.of(self.sigma)
        kernels = _kernels(sigma.draw(len(x), generator), radius=math.ceil(4 * sigma.high)).to(x)
        return _along_rows(_along_rows(x, kernels).mT, kernels).mT
