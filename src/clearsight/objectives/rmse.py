"""The root of the mean squared error."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["RMSELoss"]

_SMALLEST = 1e-12
"""Added below the root, whose slope at 0 has no bound."""


class RMSELoss(nn.Module):
    """√ of the mean of (x_hat − x)² over a whole batch: eq. 15 of islam2018, in which the square is missing.

    Its gradient is that of the mean squared error divided by twice the loss: steps do not shrink as the error does.
    """

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """The loss of a batch of any shape, a scalar.

        Example:
            >>> import torch
            >>> round(RMSELoss()(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0])).item() ** 2, 3)
            12.5
        """
        return ((x_hat - x).square().mean() + _SMALLEST).sqrt()
