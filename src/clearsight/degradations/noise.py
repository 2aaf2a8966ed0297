"""Noise that is added to, or multiplied with, every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range, chosen_pixels, normal_like, per_image
from clearsight.degradations.step import Step
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Bernoulli", "Gaussian", "Poisson", "Speckle"]


def _sigma(value: Range | float | str) -> Range:
    sigma = Range.of(value)
    if sigma.high > 1:
        raise InvalidArgumentError(f"sigma is on the [0, 1] scale, got {sigma}: write it as a fraction, such as 25/255")
    return sigma.within(0, 1, "sigma")


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
        object.__setattr__(self, "sigma", _sigma(self.sigma))

    def with_sigma(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Degrade a batch and return it with the σ each image drew, shape ``(B,)``."""
        sigma = Range.of(self.sigma).draw(len(x), generator)
        return x + per_image(sigma, x) * normal_like(x, generator), sigma.to(x)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return self.with_sigma(x, generator=generator)[0]


@DEGRADATIONS.register("poisson", tiny={"peak": "10..60"})
@dataclass(frozen=True, kw_only=True)
class Poisson(Step):
    """Photon noise: y = k/peak, k ~ Poisson(peak·x), with mean x and variance x/peak.

    Negative pixels emit no photons: they count as 0.

    Args:
        peak: mean number of photons of a pixel at 1, at least 0.01, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``peak`` is below 0.01.

    Source:
        J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
        section 3.2 (there λ = 30).

    Example:
        >>> str(Poisson(peak=30))
        'poisson(peak=30)'
    """

    peak: Range | float | str

    def __post_init__(self) -> None:
        self._bound("peak", 0.01)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        light = x.to(generator.device, torch.float64).clamp(min=0)
        peak = per_image(Range.of(self.peak).draw(len(x), generator), light)
        return (torch.poisson(peak * light, generator=generator) / peak).to(x)


@DEGRADATIONS.register("speckle", tiny={"sigma": "0..0.5"})
@dataclass(frozen=True, kw_only=True)
class Speckle(Step):
    """Multiplicative Gaussian noise, as radar and ultrasound have it: y = x + x·σ·n, n ~ N(0, 1).

    Args:
        sigma: standard deviation where the image is 1: ``0.2``, or a range each image draws from.

    Raises:
        InvalidArgumentError: σ is negative or above 1.

    Example:
        >>> str(Speckle(sigma=0.2))
        'speckle(sigma=0.2)'
    """

    sigma: Range | float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", _sigma(self.sigma))

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        sigma = per_image(Range.of(self.sigma).draw(len(x), generator), x)
        return x + x * sigma * normal_like(x, generator)


@DEGRADATIONS.register("bernoulli", tiny={"keep": "0.3..0.7"})
@dataclass(frozen=True, kw_only=True)
class Bernoulli(Step):
    """Multiplicative Bernoulli noise: y = x·m, m = 1 for pixels that are kept and 0 for the others.

    One m a pixel, shared by its channels, so that E[y] = keep·x.

    Args:
        keep: probability that a pixel is kept, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``keep`` is out of range.

    Source:
        J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
        section 3.2 (there p = 1 - keep).

    Example:
        >>> str(Bernoulli(keep=0.5))
        'bernoulli(keep=0.5)'
    """

    keep: Range | float | str

    def __post_init__(self) -> None:
        self._bound("keep", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return x * chosen_pixels(x, self.keep, generator)
