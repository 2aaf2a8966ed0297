"""What a lens out of focus does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range
from clearsight.degradations.smoothing import smoothed
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Blur"]


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
        return smoothed(x, sigma.draw(len(x), generator), most=sigma.high)
