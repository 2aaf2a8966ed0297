"""Squared errors against targets that are not clean."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["HDRLoss", "KnownMSE"]

_DARK = 0.01


class HDRLoss(nn.Module):
    """The mean of (x_hat − x)² / (x_hat + 0.01)², the denominator a constant: a relative error for high dynamic range.

    As no gradient goes through the denominator, x_hat settles where the squared error has it, at the mean of the
    targets, but bright pixels do not outweigh all others. Source: J. Lehtinen et al., "Noise2Noise: Learning Image
    Restoration without Clean Data", ICML 2018, section 3.3. Deviation: what is negative in x_hat counts as 0 in the
    denominator, which cannot vanish so.

    Example:
        >>> import torch
        >>> round(HDRLoss()(torch.tensor([0.99, 99.99]), torch.tensor([0.89, 89.99])).item(), 6)
        0.01
    """

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """The loss of a batch of any shape, linear light from 0 up, a scalar."""
        return ((x_hat - x) / (x_hat.detach().clamp(min=0) + _DARK)).square().mean()


class KnownMSE(nn.Module):
    """The mean of (x_hat − x)² where the target is known: not where it is 0 in all its channels.

    For targets with missing pixels, such as those of multiplicative Bernoulli noise, Σ m (x_hat − x)² / Σ m: what is
    missing says nothing, what is there is true. A pixel that is truly black is not learned from. Source: J. Lehtinen
    et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.2.

    Example:
        >>> import torch
        >>> KnownMSE()(torch.tensor([[[[0.5, 0.5]]]]), torch.tensor([[[[0.0, 1.0]]]])).item()
        0.25
    """

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Of ``(B, C, H, W)`` and ``(B, C, H, W)``, a scalar; 0 where nothing is known."""
        known = x.ne(0).any(1, keepdim=True).expand_as(x)
        return ((x_hat - x).square() * known).sum() / known.sum().clamp(min=1)
