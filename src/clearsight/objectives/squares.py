"""The squared error of whole images."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["HalfSumOfSquares"]


class HalfSumOfSquares(nn.Module):
    """½ Σ (x_hat − x)² over the pixels of an image, the mean over images.

    Source: F. Fleuret, "Deep learning", lecture 7.3, "Denoising autoencoders".

    Example:
        >>> import torch
        >>> HalfSumOfSquares()(torch.ones(5, 1, 2, 2), torch.zeros(5, 1, 2, 2)).item()
        2.0
    """

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Of ``(B, …)`` and ``(B, …)``, a scalar."""
        return (x_hat - x).square().sum() / (2 * len(x))
