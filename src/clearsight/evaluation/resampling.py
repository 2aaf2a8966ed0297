"""Sums over images, and over data sets resampled from them, in memory that does not grow with either."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.seeds import generator_for

__all__ = ["Estimate", "Resampled", "multiplicities"]

REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval over images.

    Attributes:
        value: over the images as they are.
        low: the 2.5 % quantile over resampled data sets.
        high: the 97.5 % quantile.
    """

    value: float
    low: float
    high: float


_NOTHING = Estimate(math.nan, math.nan, math.nan)


def multiplicities(names: list[str], seed: int) -> Tensor:
    """How often each image occurs in each resampled data set: ``(B, 1000)``, Poisson with mean 1, by name alone.

    Methods that see the same images are thus resampled alike. Source: the Poisson bootstrap; Chamandy et al.,
    "Estimating uncertainty for massive data streams", 2012.
    """
    drawn = [
        torch.poisson(torch.ones(REPLICATES), generator=generator_for(seed, 0, stream=f"bootstrap/{name}"))
        for name in names
    ]
    return torch.stack(drawn).double()


class Resampled:
    """One figure of a data set, from the sum of a statistic over its images.

    Args:
        value: of the sum of the statistic, ``(…, D)``, the figure, ``(…)``.

    Example:
        >>> mean = Resampled(lambda sums: sums[..., 1] / sums[..., 0])
        >>> values = torch.tensor([1.0, 2.0, 3.0])
        >>> mean.add(torch.stack([torch.ones(3), values], 1), multiplicities(["a", "b", "c"], seed=0))
        >>> mean.estimate().value
        2.0
    """

    def __init__(self, value: Callable[[Tensor], Tensor]) -> None:
        self._value = value
        self._sum: Tensor | float = 0.0
        self._resampled: Tensor | float = 0.0

    def add(self, statistic: Tensor, times: Tensor) -> None:
        """Take in the statistic ``(B, D)`` of some images, and their multiplicities ``(B, R)``."""
        rows = statistic.double().cpu()
        self._sum = self._sum + rows.sum(0)
        self._resampled = self._resampled + times.T @ rows

    def estimate(self) -> Estimate:
        """The figure and its interval; not a number where nothing that counts was taken in."""
        if isinstance(self._sum, float) or isinstance(self._resampled, float):
            return _NOTHING
        value, spread = float(self._value(self._sum)), self._value(self._resampled)
        if math.isnan(value):
            return _NOTHING
        low, high = spread[spread.isfinite()].quantile(torch.tensor([0.025, 0.975]).double()).tolist()
        return Estimate(value, low, high)
