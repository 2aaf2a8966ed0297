"""How the learning rate goes over a run, as a factor on the optimizer's own."""

from __future__ import annotations

import math
from typing import Literal, Protocol

from clearsight.errors import InvalidArgumentError

__all__ = ["Cosine", "Plateau", "Schedule", "Staircase"]


class Schedule(Protocol):
    """A factor for each step.

    A run that is made longer or shorter takes the factors of its new length from the step it has reached.
    """

    def __call__(self, step: int, total: int) -> float:
        """The factor at ``step`` of ``total``."""


class Cosine:
    """Up linearly over ``warmup`` steps, then down to zero along half a cosine.

    In a longer run the rate leaps to where the longer cosine is: from zero to half of it where a finished run is made
    twice as long. What is trained is not what the longer run would have been from the start.

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


class Plateau:
    """Up linearly over ``warmup`` steps, constant, and in the last ``decay`` steps down to zero.

    A run can be made longer or shorter at any time: as long as the decay has not begun the steps are those of any
    length, bit for bit. One that had begun to decay goes back to the plateau from the weights it has. So a long
    training goes on with a larger ``trainer.max_steps`` as often as wanted, and ends within ``decay`` steps from any
    moment. An average of the weights, Lightning's ``EMAWeightAveraging`` among ``trainer.callbacks``, does much of what
    the decay does: it is what is validated and exported, at every moment.

    Args:
        warmup: steps.
        decay: steps; 0 for none.
        shape: of the decay, ``"linear"`` or ``"sqrt"``, 1 − √t, over t from 0 to 1.

    Raises:
        InvalidArgumentError: ``warmup`` or ``decay`` is negative.

    Source:
        Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", 2024.

    Example:
        >>> [round(Plateau(warmup=2, decay=4)(step, 10), 2) for step in (0, 1, 2, 6, 7, 9, 10)]
        [0.5, 1.0, 1.0, 1.0, 0.75, 0.25, 0.0]
        >>> round(Plateau(decay=4, shape="sqrt")(1000, 1001), 2)
        0.13
    """

    def __init__(self, *, warmup: int = 200, decay: int = 1000, shape: Literal["linear", "sqrt"] = "linear") -> None:
        if warmup < 0 or decay < 0:
            raise InvalidArgumentError(f"warmup and decay are numbers of steps, 0 or more, got {warmup} and {decay}")
        self.warmup, self.decay, self.shape = warmup, decay, shape

    def __call__(self, step: int, total: int) -> float:
        """The factor at ``step`` of ``total``."""
        up = (step + 1) / self.warmup if step < self.warmup else 1.0
        t = max(step - (total - self.decay), 0) / self.decay if self.decay else 0.0
        down = 1 - (t if self.shape == "linear" else math.sqrt(t))
        return min(up, max(down, 0.0))


class Staircase:
    """Divided by ten every so many steps, as liu2020 trains; in a longer run, further.

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
