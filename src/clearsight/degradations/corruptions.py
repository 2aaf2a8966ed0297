"""What recognizers are tried on: the corruptions of ImageNet-C, fifteen and four that are held out, at five severities.

Numbers are those of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", ICLR 2019, for images of 224 pixels; lengths in pixels grow and shrink with the shorter side. Where
their code is a sequence of single pixels, or pastes photographs of frost and splashes, ours draws the like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.kernels import disc, filtered
from clearsight.degradations.ranges import Range, normal_like, uniform_like
from clearsight.degradations.smoothing import smoothed
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = [
    "CORRUPTIONS",
    "HELD_OUT",
    "Brightness",
    "Contrast",
    "Defocus",
    "Elastic",
    "Fog",
    "Frost",
    "Glass",
    "Impulse",
    "Motion",
    "Pixelate",
    "Saturate",
    "Shot",
    "Snow",
    "Spatter",
    "Zoom",
]

_SIDE = 224
"""Of the images that the numbers are for, in pixels."""

_TINY = {"severity": "1..5"}


def _side(x: Tensor) -> float:
    """How much larger than :data:`_SIDE` the shorter side is."""
    return min(x.shape[-2:]) / _SIDE


@dataclass(frozen=True, kw_only=True)
class _Graded(Step):
    """A corruption of five severities; the result is clipped to [0, 1].

    Args:
        severity: from 1 to 5, or a range each image draws a whole number from.

    Raises:
        InvalidArgumentError: ``severity`` is out of range.
    """

    severity: Range | int | str = "1..5"

    grades: ClassVar[tuple[tuple[float, ...], ...]]

    def __post_init__(self) -> None:
        self._bound("severity", 1, 5)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        ends = Range.of(self.severity)
        drawn = Range(ends.low, ends.high + 1).draw(len(x), generator).floor().clamp(max=ends.high).long().tolist()
        images = torch.split(x.clamp(0, 1), 1)
        changed = (self.at(one, *self.grades[k - 1], generator) for one, k in zip(images, drawn, strict=True))
        return torch.cat([one.to(x) for one in changed]).clamp(0, 1)

    def at(self, x: Tensor, *grade: object) -> Tensor:
        """One image ``(1, C, H, W)`` at a grade's numbers; the generator comes last."""
        raise NotImplementedError


def _number(low: float, high: float, generator: torch.Generator) -> float:
    return float(Range(low, high).draw(1, generator))


def _gaussian(x: Tensor, sigma: float) -> Tensor:
    return smoothed(x, torch.tensor([sigma], device=x.device), most=max(sigma, 1e-3))


def _line(length: float, sigma: float, angle: float) -> Tensor:
    """A line from the middle outwards, fading as a Gaussian, as a kernel that sums to 1."""
    reach = max(math.ceil(length), 1)
    kernel = torch.zeros(2 * reach + 1, 2 * reach + 1)
    for step in torch.linspace(0, length, 4 * reach + 1).tolist():
        row, column = reach + step * math.sin(angle), reach + step * math.cos(angle)
        kernel[round(row), round(column)] += math.exp(-0.5 * (step / max(sigma, 1e-3)) ** 2)
    return kernel / kernel.sum()


def _clouds(x: Tensor, decay: float, generator: torch.Generator) -> Tensor:
    """A fractal from 0 to 1, ``(1, 1, H, W)``: octaves of noise, each finer by two and fainter by ``decay``."""
    height, width = x.shape[-2:]
    found, cells, share = torch.zeros(1, 1, height, width, device=generator.device), 2, 1.0
    while cells <= 2 * max(height, width):
        noise = torch.rand(1, 1, cells + 1, cells + 1, generator=generator, device=generator.device) - 0.5
        found += share * F.interpolate(noise, (height, width), mode="bicubic", align_corners=True)
        cells, share = 2 * cells, share / decay
    found -= found.amin()
    return (found / found.amax().clamp(min=1e-6)).to(x)


@DEGRADATIONS.register("shot", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Shot(_Graded):
    """Few photons: y = k/c, k ~ Poisson(c·x), c from 60 to 3; ImageNet-C's shot noise.

    Arguments and errors are those of every corruption: ``severity``, 1 to 5 or a range.

    Example:
        >>> str(Shot(severity=3))
        'shot(severity=3)'
    """

    grades = ((60,), (25,), (12,), (5,), (3,))

    def at(self, x: Tensor, photons: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        return torch.poisson(photons * x.to(generator.device), generator=generator) / photons


@DEGRADATIONS.register("impulse", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Impulse(_Graded):
    """Values of single channels become 0 or 1: a share of 3 to 27 %; ImageNet-C's impulse noise."""

    grades = ((0.03,), (0.06,), (0.09,), (0.17,), (0.27,))

    def at(self, x: Tensor, share: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        chances, coins = uniform_like(x, generator), uniform_like(x, generator)
        return torch.where(chances < share, (coins < 0.5).to(x), x)


@DEGRADATIONS.register("defocus", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Defocus(_Graded):
    """Out of focus: blurred by a disc of a radius of 3 to 10 pixels; ImageNet-C's defocus blur."""

    grades = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))

    def at(self, x: Tensor, radius: float, edge: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        radius = max(radius * _side(x), 0.6)
        return filtered(x, _gaussian(disc(radius)[None, None], edge)[0, 0])


@DEGRADATIONS.register("glass", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Glass(_Graded):
    """Seen through frosted glass: pixels taken from places nearby at random, between two blurs; ImageNet-C's.

    There neighbours change places one after the other; here each looks at a place of its own.
    """

    grades = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))

    def at(  # type: ignore[override]
        self, x: Tensor, sigma: float, most: float, times: int, generator: torch.Generator
    ) -> Tensor:
        """One image."""
        sigma, most = sigma * max(_side(x), 0.3), max(most * _side(x), 0.5)
        height, width = x.shape[-2:]
        seen = _gaussian(x, sigma)
        rows, columns = torch.meshgrid(
            torch.arange(height, device=x.device), torch.arange(width, device=x.device), indexing="ij"
        )
        for _ in range(times):
            down, across = ((2 * uniform_like(x[0, :1].expand(2, -1, -1), generator) - 1) * most).round().long()
            seen = seen[..., (rows + down).clamp(0, height - 1), (columns + across).clamp(0, width - 1)]
        return _gaussian(seen, sigma)


@DEGRADATIONS.register("motion", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Motion(_Graded):
    """A camera that moved: blurred along a line within 45° of level; ImageNet-C's motion blur."""

    grades = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))

    def at(self, x: Tensor, length: float, sigma: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        angle = math.radians(_number(-45, 45, generator))
        return filtered(x, _line(max(length * _side(x), 1), sigma * max(_side(x), 0.2), angle))


@DEGRADATIONS.register("zoom", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Zoom(_Graded):
    """A lens that zoomed: the mean of the image and of its middle, enlarged by up to 11 to 33 %; ImageNet-C's."""

    grades = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.33, 0.03))

    def at(self, x: Tensor, most: float, step: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        factors = torch.arange(1, most, step).tolist()
        return torch.stack([x, *(_resampled(x, torch.eye(2) / factor) for factor in factors)]).mean(0)


def _resampled(x: Tensor, matrix: Tensor, shift: Tensor | None = None) -> Tensor:
    """An image looked at in other places: of its own, from −1 to 1, times a matrix, plus ``(H, W, 2)``."""
    flow = F.affine_grid(F.pad(matrix, (0, 1))[None].to(x), list(x.shape), align_corners=False)
    flow = flow if shift is None else flow + shift.to(x)
    return F.grid_sample(x, flow, padding_mode="reflection", align_corners=False)


@DEGRADATIONS.register("snow", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Snow(_Graded):
    """Snow that falls: the image paler, flakes in streaks over it; ImageNet-C's."""

    grades = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )

    def at(  # type: ignore[override]
        self,
        x: Tensor,
        mean: float,
        spread: float,
        size: float,
        least: float,
        length: float,
        sigma: float,
        kept: float,
        generator: torch.Generator,
    ) -> Tensor:
        """One image."""
        scale, (height, width) = _side(x), x.shape[-2:]
        size = max(size * scale, 1)
        coarse = x.new_zeros(1, 1, max(round(height / size), 1), max(round(width / size), 1))
        flakes = F.interpolate(mean + spread * normal_like(coarse, generator), (height, width), mode="bilinear")
        flakes = torch.where(flakes < least, 0.0, flakes).clamp(0, 1)
        angle = math.radians(_number(-135, -45, generator))
        flakes = filtered(flakes, _line(max(length * scale, 1), max(sigma * scale, 0.5), angle))
        pale = kept * x + (1 - kept) * torch.maximum(x, 1.5 * x.mean(1, keepdim=True) + 0.5)
        return pale + flakes + flakes.flip(2, 3)


@DEGRADATIONS.register("frost", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Frost(_Graded):
    """Ice on the lens: the image darker, crystals over it; as ImageNet-C's, which pastes photographs of frost."""

    grades = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))

    def at(self, x: Tensor, kept: float, ice: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        ridges = 1 - (2 * _clouds(x, 1.6, generator) - 1).abs()
        crystals = ridges**4 * (0.4 + 0.6 * _clouds(x, 1.3, generator))
        tint = torch.tensor([0.85, 0.95, 1.0] if x.shape[1] == 3 else [1.0] * x.shape[1]).to(x).view(1, -1, 1, 1)
        return kept * x + ice * crystals * tint


@DEGRADATIONS.register("fog", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Fog(_Graded):
    """Fog: the image and a cloudy fractal, 1.5 to 3 times as bright, brought back into range; ImageNet-C's."""

    grades = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))

    def at(self, x: Tensor, amount: float, decay: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        brightest = x.amax()
        return (x + amount * _clouds(x, decay, generator)) * brightest / (brightest + amount)


@DEGRADATIONS.register("spatter", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Spatter(_Graded):
    """Drops on the lens, of water or, from severity 4, of mud; as the one of ImageNet-C that is held out."""

    grades = ((0.74, 1.5, 0), (0.7, 1.5, 0), (0.66, 1.5, 0), (0.68, 1.2, 1), (0.6, 1.2, 1))

    def at(  # type: ignore[override]
        self, x: Tensor, level: float, decay: float, mud: float, generator: torch.Generator
    ) -> Tensor:
        """One image."""
        wet = ((_clouds(x, decay, generator) - level) * 12).clamp(0, 1)
        wet = _gaussian(wet, max(_side(x), 0.3))
        shades = (0.25, 0.16, 0.08) if mud else (0.69, 0.93, 0.93)
        colour = torch.tensor(shades if x.shape[1] == 3 else [sum(shades) / 3] * x.shape[1]).to(x).view(1, -1, 1, 1)
        return x + (1.0 if mud else 0.7) * wet * (colour - x)


@DEGRADATIONS.register("brightness", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Brightness(_Graded):
    """Too bright: 0.1 to 0.5 added to the largest channel, hue and saturation kept; ImageNet-C's."""

    grades = ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,))

    def at(self, x: Tensor, added: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        value = x.amax(1, keepdim=True)
        brighter = (value + added).clamp(max=1)
        return torch.where(value > 0, x * brighter / value.clamp(min=1e-6), brighter)


@DEGRADATIONS.register("contrast", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Contrast(_Graded):
    """Too little contrast: 40 to 5 % of the differences from each channel's mean; ImageNet-C's."""

    grades = ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,))

    def at(self, x: Tensor, kept: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        mean = x.mean((2, 3), keepdim=True)
        return mean + kept * (x - mean)


@DEGRADATIONS.register("saturate", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Saturate(_Graded):
    """Colours too pale or too strong; grey images get as much contrast; ImageNet-C's, held out."""

    grades = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))

    def at(self, x: Tensor, factor: float, added: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        if x.shape[1] != 3:
            return x.mean((2, 3), keepdim=True) + (factor + added) * (x - x.mean((2, 3), keepdim=True))
        value, least = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
        saturation = torch.where(value > 0, (value - least) / value.clamp(min=1e-6), 0.0)
        wanted = torch.where(saturation > 0, saturation * factor + added, 0.0).clamp(0, 1)
        return value - (value - x) * torch.where(saturation > 0, wanted / saturation.clamp(min=1e-6), 1.0)


@DEGRADATIONS.register("elastic", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Elastic(_Graded):
    """A stretched picture: an affine map, and a smooth field of displacements; ImageNet-C's elastic transform."""

    grades = (
        (488.0, 170.8, 24.4),
        (488.0, 19.52, 48.8),
        (12.2, 2.44, 4.88),
        (17.08, 2.44, 4.88),
        (29.28, 2.44, 4.88),
    )

    def at(  # type: ignore[override]
        self, x: Tensor, alpha: float, sigma: float, affine: float, generator: torch.Generator
    ) -> Tensor:
        """One image."""
        height, width = x.shape[-2:]
        moved = (2 * torch.rand(2, 2, generator=generator, device=generator.device).cpu() - 1) * affine
        matrix = torch.eye(2) + moved / (_SIDE / 3)  # a corner a third of the side from the middle is moved so far
        side = max(sigma * _side(x), 1)
        cells = (math.ceil(height / side) + 1, math.ceil(width / side) + 1)
        noise = torch.randn(1, 2, *cells, generator=generator, device=generator.device)
        spread = alpha / math.sqrt(3) / (2 * math.sqrt(math.pi) * sigma) * _side(x)
        field = spread * F.interpolate(noise, (height, width), mode="bicubic", align_corners=True)[0].movedim(0, -1)
        return _resampled(x, matrix, 2 * field / torch.tensor([width, height], device=field.device))


@DEGRADATIONS.register("pixelate", tiny=_TINY)
@dataclass(frozen=True, kw_only=True)
class Pixelate(_Graded):
    """Too few pixels, shown as squares: 60 to 25 % of each side; ImageNet-C's."""

    grades = ((0.6,), (0.5,), (0.4,), (0.3,), (0.25,))

    def at(self, x: Tensor, share: float, generator: torch.Generator) -> Tensor:  # type: ignore[override]
        """One image."""
        small = [max(int(side * share), 1) for side in x.shape[-2:]]
        return F.interpolate(F.interpolate(x, small, mode="area"), x.shape[-2:], mode="nearest-exact")


def _all(name: str) -> tuple[str, ...]:
    return tuple(f"{name}(severity={severity}) | quantize" for severity in range(1, 6))


def _each(name: str, argument: str, *values: float) -> tuple[str, ...]:
    return tuple(f"{name}({argument}={value:g}) | quantize" for value in values)


CORRUPTIONS: dict[str, tuple[str, ...]] = {
    "gaussian noise": _each("gaussian", "sigma", 0.08, 0.12, 0.18, 0.26, 0.38),
    **{f"{name} noise": _all(name) for name in ("shot", "impulse")},
    **{f"{name} blur": _all(name) for name in ("defocus", "glass", "motion", "zoom")},
    **{name: _all(name) for name in ("snow", "frost", "fog", "brightness", "contrast", "elastic", "pixelate")},
    "jpeg": _each("jpeg", "quality", 25, 18, 15, 10, 7),
}
"""The fifteen corruptions of ImageNet-C: name → degradations of severity 1 to 5, as 8-bit files hold them."""

HELD_OUT: dict[str, tuple[str, ...]] = {
    "speckle noise": _each("speckle", "sigma", 0.15, 0.2, 0.35, 0.45, 0.6),
    "gaussian blur": _each("blur", "sigma", 1, 2, 3, 4, 6),
    **{name: _all(name) for name in ("spatter", "saturate")},
}
"""The four that are kept for choices, so that none is made on those that are reported."""
