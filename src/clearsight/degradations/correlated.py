"""Noise whose neighbours agree: what is left of a camera's noise by its own processing, and the grain of film."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range, normal_like, per_image
from clearsight.degradations.smoothing import gaussian_kernels, smoothed
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Correlated", "Grain"]

_CUT = 3


def _field(x: Tensor, radius: Range, colour: Range, generator: torch.Generator) -> Tensor:
    """Normal numbers like ``x``, of variance 1, smoothed over pixels and shared among channels as each image draws."""
    radii, shared = radius.draw(len(x), generator), per_image(colour.draw(len(x), generator), x)
    white = normal_like(torch.cat([x, x[:, :1]], 1), generator)
    energy = (gaussian_kernels(radii, math.ceil(_CUT * radius.high)) ** 2).sum(1)
    smooth = smoothed(white, radii, most=radius.high, cut=_CUT) / per_image(energy, x)
    return (1 - shared).sqrt() * smooth[:, :-1] + shared.sqrt() * smooth[:, -1:]


@DEGRADATIONS.register("correlated", tiny={"sigma": "5/255..10/255", "radius": "0.5..1", "colour": 0.5})
@dataclass(frozen=True, kw_only=True)
class Correlated(Step):
    """Gaussian noise whose neighbours agree: y = x + σ·(g_r ∗ n)/‖g_r‖, n ~ N(0, 1), neither clipped nor rounded.

    The standard deviation of a pixel is σ whatever the radius. Pixels at distance d correlate by exp(−d²/4r²), about:
    0.70 at a distance of one and 0.24 of two for r = 0.84.

    Args:
        sigma: standard deviation on the [0, 1] scale, or a range each image draws from.
        radius: r, standard deviation of the Gaussian window in pixels, 0 (white) to 20, or a range.
        colour: correlation of two channels, 0 to 1 (the noise is grey), or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Correlated(sigma="0..10/255", radius=0.8))
        'correlated(sigma=0..10/255, radius=0.8)'
    """

    sigma: Range | float | str
    radius: Range | float | str = 1
    colour: Range | float | str = 0

    def __post_init__(self) -> None:
        self._bound("sigma", 0, 1)
        self._bound("radius", 0, 20)
        self._bound("colour", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        sigma = per_image(Range.of(self.sigma).draw(len(x), generator), x)
        return x + sigma * _field(x, Range.of(self.radius), Range.of(self.colour), generator)


@DEGRADATIONS.register("grain", tiny={"sigma": "0.02..0.1", "radius": 0.6})
@dataclass(frozen=True, kw_only=True)
class Grain(Step):
    """Film grain: y = x + 2σ·√(x(1 − x))·n, n smooth over r pixels; neither clipped nor rounded.

    Where grains of silver cover a share x of the film at random, the variance is that of a Bernoulli variable: none in
    black and in white, most in the middle, where its standard deviation is σ.

    Args:
        sigma: standard deviation at x = ½, on the [0, 1] scale, or a range each image draws from.
        radius: standard deviation of the Gaussian window in pixels, 0 to 20, or a range.
        colour: correlation of two channels, 0 to 1: 1 for black-and-white film, less for the three layers of a colour
            film, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Source:
        A. Newson et al., "A Stochastic Film Grain Model for Resolution-Independent Rendering", 2017, whose Boolean
        model has this variance; its grains are discs, ours are a smooth field.

    Example:
        >>> str(Grain(sigma=0.05))
        'grain(sigma=0.05)'
    """

    sigma: Range | float | str
    radius: Range | float | str = 0.6
    colour: Range | float | str = 1

    def __post_init__(self) -> None:
        self._bound("sigma", 0, 1)
        self._bound("radius", 0, 20)
        self._bound("colour", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        sigma = per_image(Range.of(self.sigma).draw(len(x), generator), x)
        cover = x.clamp(0, 1)
        amount = 2 * sigma * (cover * (1 - cover)).sqrt()
        return x + amount * _field(x, Range.of(self.radius), Range.of(self.colour), generator)
