"""What is learned from targets of which few frequencies were measured."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clearsight.degradations.fourier import sampling_probabilities
from clearsight.restorers.kspace import nonzero

__all__ = ["MeasuredMSE"]


class MeasuredMSE(nn.Module):
    """The squared error at the frequencies of the target that were measured, each over its probability.

    The target is F⁻¹(m/p · Fx), as :class:`~clearsight.degradations.Fourier` makes it, and the loss the sum over k of
    m/p · (F x_hat − Fx)² / (H·W)², squares of magnitudes. As E[m/p] = 1 that is, in the mean, the mean squared error
    against x itself, as if the target were clean. The squared error against the target in pixels, which lehtinen2018
    takes, has its minimum at the same x_hat, but counts what was not measured as 0 and what was as 1/p of itself, so
    that its gradients are mostly noise.

    Args:
        keep: the expected share of the frequencies that was measured.

    Example:
        >>> from clearsight.degradations import Fourier
        >>> x = torch.rand(1, 1, 16, 16)
        >>> target = Fourier(keep=0.5)(x, generator=torch.Generator().manual_seed(0))
        >>> bool(MeasuredMSE(keep=0.5)(x, target) < 1e-9)
        True
    """

    def __init__(self, *, keep: float = 0.1) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, x_hat: Tensor, target: Tensor) -> Tensor:
        """Of ``(B, C, H, W)`` and ``(B, C, H, W)``, a scalar."""
        height, width = target.shape[-2:]
        p = sampling_probabilities(torch.tensor([self.keep], device=target.device), height, width)[:, None].float()
        spectrum = torch.fft.fft2(target.float())
        error = torch.fft.fft2(x_hat.float()) - p * spectrum
        square = error.real.square() + error.imag.square()
        return (nonzero(spectrum) / p * square).mean() / (height * width)
