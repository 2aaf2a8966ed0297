"""Rectangles and regions that tell a shallow classifier from a deep one, drawn at random by their published rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Rectangles", "draw_rectangles", "draw_regions", "is_convex"]

SIDE = 28

_PLANES, _PIECE_PLANES = 0.195, 0.07
"""Of the geometric distribution of the number of half-planes: of a convex region, and of a piece of another one."""

_PIXELS, _PIECE_PIXELS = 19, 10
"""At least, likewise."""


class Rectangles(NamedTuple):
    """Rectangles in images of 28×28.

    Attributes:
        inside: which pixels they cover, ``(N, 28, 28)`` bool.
        outline: which of these are on the border, ``(N, 28, 28)`` bool.
        labels: 1 where they are taller than wide, ``(N,)`` int64.
    """

    inside: Tensor
    outline: Tensor
    labels: Tensor


def draw_rectangles(n: int, *, filled: bool, generator: torch.Generator) -> Rectangles:
    """Rectangles of uniformly random height, width and place, drawn anew where they break the rules.

    Height and width differ by at least 3. Those that are to be ``filled`` have sides of at least 10 that differ by at
    least 5, and cover a quarter to three quarters of the image.
    """
    height, width = _accepted(n, lambda: _sides(n, filled, generator)).T
    top, left = (((SIDE - side + 1) * torch.rand(n, generator=generator)).long() for side in (height, width))
    rows, columns = _stretch(top, height), _stretch(left, width)
    inside = rows[:, :, None] & columns[:, None, :]
    core = _stretch(top + 1, height - 2)[:, :, None] & _stretch(left + 1, width - 2)[:, None, :]
    return Rectangles(inside, inside & ~core, (height > width).long())


def _accepted(n: int, draw: Callable[[], Tensor]) -> Tensor:
    """The first ``n`` rows of as many draws as it takes."""
    drawn = [draw()]
    while sum(map(len, drawn)) < n:
        drawn.append(draw())
    return torch.cat(drawn)[:n]


def _sides(n: int, filled: bool, generator: torch.Generator) -> Tensor:
    sides = torch.randint(10 if filled else 1, SIDE + 1, (n, 2), generator=generator)
    area, difference = sides.prod(1), (sides[:, 0] - sides[:, 1]).abs()
    keep = (difference >= 5) & (4 * area >= SIDE**2) & (4 * area <= 3 * SIDE**2) if filled else difference >= 3
    return sides[keep]


def _stretch(start: Tensor, length: Tensor) -> Tensor:
    """``(N, 28)``, true along ``length`` neighbours."""
    places = torch.arange(SIDE)
    return (start[:, None] <= places) & (places < (start + length)[:, None])


def draw_regions(n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """White regions, half of them convex, and which: ``(N, 28, 28)`` bool and ``(N,)`` int64, 1 for convex.

    A convex region is the intersection of half-planes, whose borders pass at a random angle through a random place; how
    many there are is geometric, with 0.195, and it has at least 19 pixels. Others are unions of two to four such
    pieces, of geometric 0.07 and at least 10 pixels, that :func:`is_convex` says are not convex.
    """
    labels = torch.randint(2, (n,), generator=generator)
    convex = int(labels.sum())
    regions = torch.empty(n, SIDE, SIDE, dtype=torch.bool)
    regions[labels == 1] = _accepted(convex, lambda: _pieces(n, _PLANES, _PIXELS, generator))
    regions[labels == 0] = _accepted(n - convex, lambda: _unions(n, generator))
    return regions, labels


def _unions(n: int, generator: torch.Generator) -> Tensor:
    counts = torch.randint(2, 5, (n,), generator=generator)
    pieces = _accepted(int(counts.sum()), lambda: _pieces(4 * n, _PIECE_PLANES, _PIECE_PIXELS, generator))
    owners = torch.arange(n).repeat_interleave(counts)
    unions = torch.zeros(n, SIDE, SIDE, dtype=torch.int32).index_add_(0, owners, pieces.int()) > 0
    return unions[~is_convex(unions)]


def _pieces(n: int, chance: float, least: int, generator: torch.Generator) -> Tensor:
    """Of ``n`` intersections of half-planes those with enough pixels, in random order."""
    counts = (torch.rand(n, generator=generator).log() / math.log(1 - chance)).long()
    regions, done = torch.ones(n, SIDE, SIDE, dtype=torch.bool), []
    for drawn in range(int(counts.max()) + 1):
        regions, counts, whole = _sorted_out(regions, counts, drawn, least)
        done.append(whole)
        regions &= _half_planes(len(regions), generator)
    pieces = torch.cat(done)
    return pieces[torch.randperm(len(pieces), generator=generator)]


def _sorted_out(regions: Tensor, counts: Tensor, drawn: int, least: int) -> tuple[Tensor, Tensor, Tensor]:
    """Regions that are to be cut on with their numbers of half-planes, and those that are done; small ones are gone."""
    large = regions.sum((1, 2)) >= least
    on = large & (counts > drawn)
    return regions[on], counts[on], regions[large & (counts == drawn)]


def _half_planes(n: int, generator: torch.Generator) -> Tensor:
    """``(n, 28, 28)`` bool."""
    angle, top, left = torch.rand(3, n, 1, generator=generator)
    places, angle = torch.arange(SIDE), math.tau * angle
    rows, columns = (places - SIDE * top + 0.5) * angle.sin(), (places - SIDE * left + 0.5) * angle.cos()
    inside: Tensor = rows[:, :, None] + columns[:, None, :] >= 0
    return inside


def is_convex(regions: Tensor) -> Tensor:
    """Whether regions hold every pixel of their convex hull: ``(N, H, W)`` bool to ``(N,)`` bool.

    The hull's extent in row k is that of the lines between the ends of any row above and any below; a region is convex
    if no row holds fewer pixels than fit there. Empty ones are.

    Example:
        >>> corner = torch.tensor([[1, 0, 0], [1, 0, 0], [1, 1, 1]]).bool()
        >>> is_convex(torch.stack([corner, corner.flip(0) & corner, torch.ones(3, 3).bool()]))
        tensor([False,  True,  True])
    """
    _, height, width = regions.shape
    places = torch.arange(width, dtype=torch.float32)
    filled = regions.any(2)
    low = torch.where(regions, places, width).amin(2)
    high = torch.where(regions, places, -1).amax(2)
    fitting = torch.stack([_fitting(low, high, filled, row) for row in range(height)], 1)
    return (fitting == regions.sum(2)).all(1)


def _fitting(low: Tensor, high: Tensor, filled: Tensor, row: int) -> Tensor:
    """How many pixels of one row lie in the hull, ``(N,)``."""
    height = low.shape[1]
    above, below = torch.arange(row + 1)[:, None], torch.arange(row, height)
    share = (row - above) / (below - above).clamp(min=1)
    both = filled[:, : row + 1, None] & filled[:, None, row:]

    def between(ends: Tensor) -> Tensor:
        return ends[:, : row + 1, None] * (1 - share) + ends[:, None, row:] * share

    left = torch.where(both, between(low), math.inf).amin((1, 2)).sub(1e-3).ceil()
    right = torch.where(both, between(high), -math.inf).amax((1, 2)).add(1e-3).floor()
    return (right - left + 1).clamp(min=0)
