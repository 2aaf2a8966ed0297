"""Curves in the plane: the simplest signals that a denoising autoencoder can be shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

__all__ = ["CURVES", "Curve"]

_FINE = 2000


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve from u = 0 to u = 1.

    Attributes:
        at: the points at ``(N,)`` parameters, ``(N, 2)``.
        opening: a point beside the curve that lies as near to two far parts of it; ``None`` where there is none.

    Example:
        >>> CURVES["circle"].distance(torch.tensor([[0.0, 0.0], [2.0, 0.0]])).round(decimals=2)
        tensor([1.0000, 1.0300])
    """

    at: Callable[[Tensor], Tensor]
    opening: tuple[float, float] | None = None

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` points, ``(N, 2)``, uniform in u."""
        return self.at(torch.rand(n, generator=generator))

    def distance(self, points: Tensor) -> Tensor:
        """How far points ``(N, 2)`` are from the curve, ``(N,)``; it is measured to 2,000 points of it."""
        return torch.cdist(points, self.at(torch.linspace(0, 1, _FINE))).amin(1)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


_GAP = 0.18
"""Of the open circle, radians on each side of the x-axis: 3.6 times the noise from end to end."""


def _circle(u: Tensor) -> Tensor:
    return _polar(torch.ones_like(u), _GAP + (2 * math.pi - 2 * _GAP) * u)


def _spiral(u: Tensor) -> Tensor:
    return _polar(0.2 + u, 3.5 * math.pi * u)


def _wave(u: Tensor) -> Tensor:
    return torch.stack([2.4 * u - 1.2, 0.7 * (2 * math.pi * u).sin()], 1)


CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        "circle": Curve(_circle, opening=(math.cos(_GAP), 0.0)),
        "spiral": Curve(_spiral),
        "wave": Curve(_wave),
    }
)
"""By name. The lecture shows its curves without their equations: these are ours, of its kinds and sizes."""
