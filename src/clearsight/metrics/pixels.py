"""How an image looks, in numbers: PSNR and SSIM as torchmetrics computes them, with the conventions pinned."""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

__all__ = ["psnr", "ssim"]

_RADIUS = 5


def psnr(x_hat: Tensor, x: Tensor) -> Tensor:
    """PSNR of each image in dB: 10·log10(1 / MSE), peak 1, the mean over all channels and pixels.

    Args:
        x_hat: ``(B, C, H, W)`` in [0, 1]; not clipped here.
        x: the reference, of the same shape.

    Returns:
        ``(B,)``.
    """
    return peak_signal_noise_ratio(x_hat, x, data_range=1.0, reduction="none", dim=(1, 2, 3))


def ssim(x_hat: Tensor, x: Tensor) -> Tensor:
    """SSIM of each image: 11×11 Gaussian window, σ 1.5, K = (0.01, 0.03), each RGB channel by itself, then the mean.

    The mean is over the places where the window lies inside the image, as in the source (Wang et al., "Image Quality
    Assessment", 2004) and in scikit-image; torchmetrics' own mean also takes those where it hangs over the border.

    Args:
        x_hat: ``(B, C, H, W)`` in [0, 1].
        x: the reference, of the same shape.

    Returns:
        ``(B,)``.
    """
    _, pointwise = structural_similarity_index_measure(x_hat, x, data_range=1.0, return_full_image=True)
    return pointwise[..., _RADIUS:-_RADIUS, _RADIUS:-_RADIUS].mean(dim=(1, 2, 3))
