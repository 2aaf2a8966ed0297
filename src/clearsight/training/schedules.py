"""How the learning rate goes over a run, as a factor on the optimizer's own."""

from __future__ import annotations

import math
from typing import Protocol

__all__ = ["Cosine", "Schedule", "Staircase"]


class Schedule(Protocol):
    """A factor for each step."""

    def __call__(self, step: int, total: int) -> float:
        """The factor at ``step`` of ``total``."""


class Cosine:
    """Up linearly over ``warmup`` steps, then down to zero along half a cosine.

    Args:
        warmup: steps.

    Example:
        >>> [round(Cosine(warmup=2)(step, 10), 2) for step in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, *, warmup: int = 200) -> None:
        self.warmup = warmup

    def __call__(self, step: int, total: int) -> float:
        """The factor at ``step`` of ``total``."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return 0.5 + 0.5 * math.cos(math.pi * (step - self.warmup) / max(total - self.warmup, 1))


class Staircase:
    """Divided by ten every so many steps, as liu2020 trains.

    Args:
        every: steps.

    Example:
        >>> round(Staircase(every=500_000)(1_200_000, 1_500_000), 3)
        0.01
    """

    def __init__(self, *, every: int) -> None:
        self.every = every

    def __call__(self, step: int, total: int) -> float:
        """The factor at ``step``; the length of the run plays no part."""
        return float(0.1 ** (step // self.every))
