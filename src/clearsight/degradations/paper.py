"""What happens to a sheet of paper and its ink before it is scanned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.kernels import disc, filtered, smooth_field
from clearsight.degradations.ranges import Range, uniform_like
from clearsight.degradations.step import OneByOne
from clearsight.registry import DEGRADATIONS

__all__ = ["BleedThrough", "Faded", "Fold", "Stain"]


@DEGRADATIONS.register("fold", tiny={"depth": "0.2..0.5"})
@dataclass(frozen=True, kw_only=True)
class Fold(OneByOne):
    """A sheet that was folded: darker on one side of the crease, brighter on the other, ink worn off along it.

    The crease runs within 3° of the rows or of the columns, at a place that each image draws.

    Args:
        depth: share of the light that is gone at the crease, 0 to 1, or a range each image draws from.
        width: pixels over which the light comes back, 1 to 1,000, or a range.
        wear: half the pixels across in which ink is gone, 0 to 100, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Fold(depth=0.3))
        'fold(depth=0.3)'
    """

    depth: Range | float | str
    width: Range | float | str = "10..60"
    wear: Range | float | str = "0..2"

    def __post_init__(self) -> None:
        self._bound("depth", 0, 1)
        self._bound("width", 1, 1000)
        self._bound("wear", 0, 100)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        depth, width, wear = (self._drawn(name, generator) for name in ("depth", "width", "wear"))
        across = _distance_to_crease(x, generator)
        light = 1 - depth * torch.where(across > 0, 1.0, -0.25) * torch.exp(-across.abs() / width)
        worn = (wear - across.abs() + 0.5).clamp(0, 1) * (smooth_field(x, 6, generator) > -0.5)
        return torch.lerp(x, torch.ones_like(x), worn.to(x)) * light


def _distance_to_crease(x: Tensor, generator: torch.Generator) -> Tensor:
    """Signed, in pixels, of each pixel, ``(1, 1, H, W)``."""
    height, width = x.shape[-2:]
    place, tilt, upright = torch.rand(3, generator=generator, device=generator.device).tolist()
    angle = math.radians(6 * tilt - 3 + (90 if upright < 0.5 else 0))
    rows = torch.arange(height, device=x.device)[:, None] - height * (place if upright >= 0.5 else 0.5)
    columns = torch.arange(width, device=x.device) - width * (place if upright < 0.5 else 0.5)
    return (math.cos(angle) * rows - math.sin(angle) * columns)[None, None].to(x)


@DEGRADATIONS.register("stain", tiny={"depth": "0.3..0.6"})
@dataclass(frozen=True, kw_only=True)
class Stain(OneByOne):
    """A spill that dried: a blot of uneven outline, darkest at its rim, as coffee leaves it.

    Args:
        depth: share of the light that is gone at the rim, 0 to 1, or a range each image draws from.
        radius: of the blot in pixels, 1 to 10,000, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Stain(depth=0.4))
        'stain(depth=0.4)'
    """

    depth: Range | float | str
    radius: Range | float | str = "30..150"

    def __post_init__(self) -> None:
        self._bound("depth", 0, 1)
        self._bound("radius", 1, 10_000)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        depth, radius = (self._drawn(name, generator) for name in ("depth", "radius"))
        height, width = x.shape[-2:]
        down, across, rim = torch.rand(3, generator=generator, device=generator.device).tolist()
        rows = torch.arange(height, device=x.device)[:, None] - down * height
        columns = torch.arange(width, device=x.device) - across * width
        wobble = 1 + 0.12 * smooth_field(x, 0.7 * radius, generator)
        inside = radius * wobble - torch.hypot(rows, columns).to(x)
        cover = torch.sigmoid(inside / 1.5)
        dark = 0.45 + (0.15 + 0.4 * rim) * torch.exp(-inside.abs() / (0.03 * radius + 2))
        mottled = 1 + 0.15 * smooth_field(x, 0.3 * radius + 2, generator)
        taken: Tensor = (depth * cover * dark * mottled).clamp(0, 1)
        return x * (1 - taken)


@DEGRADATIONS.register("bleed-through", tiny={"strength": "0.3..0.6"})
@dataclass(frozen=True, kw_only=True)
class BleedThrough(OneByOne):
    """Ink of the other side that shows through: the page itself, mirrored, moved and blurred, darkens it.

    Args:
        strength: share of the light that black ink of the other side takes, 0 to 1, or a range each image draws from.
        radius: of the disc that the paper blurs it by, in pixels, 0.5 to 20, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(BleedThrough(strength=0.3))
        'bleed-through(strength=0.3)'
    """

    strength: Range | float | str
    radius: Range | float | str = "0.5..3"

    def __post_init__(self) -> None:
        self._bound("strength", 0, 1)
        self._bound("radius", 0.5, 20)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        strength, radius = (self._drawn(name, generator) for name in ("strength", "radius"))
        shares = torch.rand(2, generator=generator, device=generator.device).tolist()
        moves = [int(share * size) for share, size in zip(shares, x.shape[-2:], strict=True)]
        behind = filtered(x.clamp(0, 1).flip(-1).roll(moves, (-2, -1)), disc(radius))
        uneven = (0.75 + 0.25 * smooth_field(x, 100, generator)).clamp(0, 1)
        return x * (1 - strength * uneven * (1 - behind))


@DEGRADATIONS.register("faded", tiny={"keep": "0.2..0.6", "broken": "0..0.3"})
@dataclass(frozen=True, kw_only=True)
class Faded(OneByOne):
    """Ink that is pale or was never there: y = 1 − k·(1 − x), k uneven over the sheet, 0 where letters are broken.

    Args:
        keep: share of the contrast that is left where it is most, 0 to 1, or a range each image draws from.
        broken: share of the places where ink is missing, spots of a few pixels, 0 to 1, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Faded(keep=0.4, broken=0.1))
        'faded(keep=0.4, broken=0.1)'
    """

    keep: Range | float | str
    broken: Range | float | str = 0

    def __post_init__(self) -> None:
        self._bound("keep", 0, 1)
        self._bound("broken", 0, 1)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        keep, broken = (self._drawn(name, generator) for name in ("keep", "broken"))
        left = keep * (0.85 + 0.15 * smooth_field(x, 120, generator)).clamp(0.4, 1)
        edge = torch.special.ndtri(torch.tensor(min(max(broken, 1e-6), 1 - 1e-6), dtype=x.dtype))
        whole = (
            (4 * (smooth_field(x, 2.5, generator) - edge) + 0.5).clamp(0, 1) if broken else torch.ones_like(x[:, :1])
        )
        speckled = 1 - 0.1 * uniform_like(x[:, :1], generator)
        return 1 - left * whole * speckled * (1 - x)
