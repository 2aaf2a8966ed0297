"""Noise that is added to, or multiplied with, every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step, per_image
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Gaussian", "normal_like", "uniform_like"]


def normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of the shape of ``x``, drawn where the generator lives: same seed, same numbers."""
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def uniform_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0, 1) of the shape of ``x``, drawn where the generator lives."""
    return torch.rand(x.shape, generator=generator, device=generator.device).to(x)


@DEGRADATIONS.register("gaussian", tiny={"sigma": "0..55/255"})
@dataclass(frozen=True, kw_only=True)
class Gaussian(Step):
    """White Gaussian noise: y = x + σ·n, n ~ N(0, 1), neither clipped nor rounded.

    Args:
        sigma: standard deviation on the [0, 1] scale: ``25/255``, or a range each image draws from.

    Raises:
        InvalidArgumentError: σ is negative or above 1.

    Example:
        >>> str(Gaussian(sigma="0..55/255"))
        'gaussian(sigma=0..55/255)'
    """

    sigma: Range | float | str

    def __post_init__(self) -> None:
        sigma = Range.of(self.sigma)
        if sigma.high > 1:
            raise InvalidArgumentError(
                f"sigma is on the [0, 1] scale, got {sigma}: write it as a fraction, such as 25/255"
            )
        object.__setattr__(self, "sigma", sigma.within(0, 1, "sigma"))

    def with_sigma(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Degrade a batch and return it with the σ each image drew, shape ``(B,)``."""
        sigma = Range.of(self.sigma).draw(len(x), generator)
        return x + per_image(sigma, x) * normal_like(x, generator), sigma.to(x)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return self.with_sigma(x, generator=generator)[0]
