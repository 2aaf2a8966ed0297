"""A loss that changes as training goes on: from the mean to the mode."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

__all__ = ["Annealed", "AnnealedL0"]

_SMALLEST = 1e-8
"""ε of the source."""


@runtime_checkable
class Annealed(Protocol):
    """A loss that is told how far training is, before each step."""

    def anneal(self, progress: float) -> None:
        """Set what changes; ``progress`` goes from 0, the first step, to 1."""


class AnnealedL0(nn.Module):
    """The mean of (|x_hat − x| + ε)^γ, γ going from 2 to 0 over the training: recovers the mode.

    For targets of which a pixel has its true value more often than any other one, as under random-valued impulses; the
    squared error, with which it begins, recovers the mean, and γ = 1 the median. Trainings tell it how far they are, by
    the step alone; outside of one γ stays at 2. Source: J. Lehtinen et al., "Noise2Noise: Learning Image Restoration
    without Clean Data", ICML 2018, section 3.2; ε = 1e-8.

    Example:
        >>> import torch
        >>> loss = AnnealedL0()
        >>> loss.anneal(0.5)
        >>> round(loss(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 1.5])).item(), 3)
        0.5
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = 2.0

    def anneal(self, progress: float) -> None:
        """γ = 2 · (1 − progress)."""
        self.gamma = 2.0 * (1.0 - progress)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """The loss of a batch of any shape, a scalar."""
        return ((x_hat - x).abs() + _SMALLEST).pow(self.gamma).mean()
