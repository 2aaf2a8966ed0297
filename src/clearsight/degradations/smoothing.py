"""Gaussian windows, one an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.ranges import per_image

__all__ = ["gaussian_kernels", "smoothed"]


def gaussian_kernels(sigma: Tensor, reach: int) -> Tensor:
    """Gaussian kernels ``(B, 2·reach + 1)`` that sum to 1, float64; σ = 0 gives the identity.

    Args:
        sigma: standard deviations in pixels, ``(B,)``.
        reach: pixels on either side of the middle.
    """
    offsets = torch.arange(-reach, reach + 1, device=sigma.device, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma.double().clamp(min=1e-6)[:, None]) ** 2)
    return weights / weights.sum(1, keepdim=True)


def smoothed(x: Tensor, sigma: Tensor, *, most: float, cut: float = 4) -> Tensor:
    """g_σ ∗ x, each image with its own σ; border pixels go on beyond the border.

    Args:
        x: ``(B, C, H, W)``.
        sigma: in pixels, ``(B,)``.
        most: the largest σ there can be; it sets how far the windows reach, so that no device is waited for.
        cut: in σ, where the windows end.
    """
    kernels = gaussian_kernels(sigma, math.ceil(cut * most)).to(x)
    return _along(_along(x, kernels, 2), kernels, 3)


def _along(x: Tensor, kernels: Tensor, dim: int) -> Tensor:
    """Each image's rows or columns convolved with its own kernel: a sum of shifts, faster than grouped convolutions."""
    reach, size = kernels.shape[1] // 2, x.shape[dim]
    padded = F.pad(x, (0, 0, reach, reach) if dim == 2 else (reach, reach, 0, 0), mode="replicate")
    result = torch.zeros_like(x)
    for shift, weights in enumerate(kernels.unbind(1)):
        result.addcmul_(padded.narrow(dim, shift, size), per_image(weights, x))
    return result
