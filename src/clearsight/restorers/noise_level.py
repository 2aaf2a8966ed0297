"""How strong the noise in an image is, by two estimates that differ.

The engine asks ``estimate_sigma``, which looks for flat blocks, for a restorer that has to be told σ. Classical methods
that are not told take ``haar_sigma``, a median over the whole image, of any image down to 2×2 pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.errors import InvalidArgumentError

__all__ = ["estimate_sigma", "haar_sigma"]

_SIDE = 8
_LOW, _HIGH = range(1, 5), range(9, 2 * _SIDE - 1)
_MOST_BLOCKS = 2**15
_FEWEST_FLAT = 32
_FLAT_SHARE = 0.05


def _cosines(frequencies: range) -> Tensor:
    """Basis images ``(K, 1, 8, 8)`` of the orthonormal DCT whose two frequencies add up to one of these."""
    n = torch.arange(_SIDE)
    basis = torch.cos(math.pi / _SIDE * n[:, None] * (n + 0.5)) * math.sqrt(2 / _SIDE)
    basis[0] /= math.sqrt(2)
    pairs = [(i, j) for i in range(_SIDE) for j in range(_SIDE) if i + j in frequencies]
    return torch.stack([torch.outer(basis[i], basis[j]) for i, j in pairs])[:, None]


def _structure(y: Tensor, stride: int) -> Tensor:
    """How far each block ``(B·C, blocks)`` is from flat: its low frequencies and its clipped pixels."""
    energy = F.conv2d(y, _cosines(_LOW), stride=stride).square().mean(1)
    clipped = F.avg_pool2d(((y == 0) | (y == 1)).to(y), _SIDE, stride)
    return energy.flatten(1) + clipped.flatten(1)


def estimate_sigma(y: Tensor) -> Tensor:
    """Estimate the standard deviation of the white Gaussian noise in each image, on the [0, 1] scale.

    In the discrete cosine transform of an 8×8 block all frequencies carry independent noise of the same σ.
    Blocks are chosen by how little energy their low frequencies have, which says nothing of the noise in the
    high ones; σ² is the median over the high frequencies of their mean square in the chosen blocks, averaged
    over the channels. Computed on the CPU.

    On the photographs of the tests it is within 8 % at σ = 5/255 and 3 % from 15/255 up. Where no block is flat,
    texture is read as noise; below some 32×32 pixels there are few blocks, and σ comes out too low.

    Args:
        y: ``(B, C, H, W)``, at least 8×8 pixels, any number of channels; the noise may be clipped to [0, 1].

    Returns:
        σ of shape ``(B,)``, on the device and in the dtype of ``y``.

    Raises:
        InvalidArgumentError: the images are smaller than 8×8.

    Source:
        N. Ponomarenko et al., "An automatic approach to lossy compression of AVIRIS images", IGARSS 2007;
        M. Colom and A. Buades, "Analysis and Extension of the Ponomarenko et al. Method", IPOL 3, 2013. Here
        one σ holds for all intensities, the flattest 5 % of some 2^15 overlapping blocks are chosen, and blocks
        with clipped pixels come last.

    Example:
        >>> noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
        >>> round(float(estimate_sigma(0.5 + 0.1 * noise)), 2)
        0.1
    """
    n, channels, height, width = y.shape
    if min(height, width) < _SIDE:
        raise InvalidArgumentError(f"a noise level takes at least 8×8 pixels to estimate, got {height}×{width}")
    planes = y.detach().to("cpu", torch.float32).reshape(n * channels, 1, height, width)
    stride = max(1, math.isqrt(height * width // _MOST_BLOCKS))
    structure = _structure(planes, stride)
    count = structure.shape[1]
    flattest = structure.topk(min(count, max(_FEWEST_FLAT, int(_FLAT_SHARE * count))), largest=False).indices
    noise = F.conv2d(planes, _cosines(_HIGH), stride=stride).square().flatten(2)
    variances = noise.gather(2, flattest[:, None].expand(-1, noise.shape[1], -1)).mean(2).median(1).values
    return variances.view(n, channels).mean(1).sqrt().to(y)


def haar_sigma(y: Tensor) -> Tensor:
    """σ of each image by the median of its diagonal Haar coefficients d: median |d| / 0.6745; 0 below 2×2 pixels.

    Args:
        y: ``(B, C, H, W)``, on the [0, 1] scale.

    Returns:
        σ of shape ``(B,)``.

    Source: D. Donoho and I. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81, 1994.
    """
    if min(y.shape[-2:]) < 2:
        return y.new_zeros(len(y))
    d = (y[..., 1:, 1:] - y[..., :-1, 1:] - y[..., 1:, :-1] + y[..., :-1, :-1]) / 2
    return d.abs().flatten(1).median(dim=1).values / 0.6745
