"""A restorer of images of which few frequencies were measured: what was measured is put back after the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Input, Traits
from clearsight.errors import ModelError
from clearsight.registry import RESTORERS
from clearsight.restorers.padding import restored
from clearsight.restorers.residual_unet import ResidualUNet

__all__ = ["KSpaceUNet", "measured"]

_ROUNDING = 1e-6
"""Of the largest frequency: what a transform in 32 bits leaves where there was nothing."""

_MOST = 0.5
"""Share of the frequencies that an undersampled image has at most."""


@RESTORERS.register("kspace-unet", tiny={"cascades": 2, "widths": [8, 12], "blocks": [1, 1]})
class KSpaceUNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Fills in the frequencies that a scanner had no time to measure, and keeps those that it measured.

    x₀ = y, xᵢ = F⁻¹(m·Fy + (1 − m)·F uᵢ(xᵢ₋₁)), the last of which is x_hat: F is the discrete Fourier transform, y the
    zero-filled image F⁻¹(m·Fx), m which frequencies were measured, uᵢ a :class:`ResidualUNet`. Three small networks,
    the measured put back after each, come 2 dB further than a large one in the same time. As y holds exactly what was
    measured, the image is all that is needed: where its spectrum is not 0, a frequency was measured. A file of few bits
    has rounded the zeros away; of such an image the mask has to be told, and where it is not, and more than half of the
    frequencies seem to have been measured, nothing is put back. Numbers may be of any unit: the networks see y by its
    largest, and 0 stays 0. Images are real: one that has a phase is its magnitude only in what was not measured.
    Source: J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.4;
    the cascade: J. Schlemper et al., "A Deep Cascade of Convolutional Neural Networks for Dynamic MR Image
    Reconstruction", IEEE TMI 2018. Deviations: the networks, and y, which is not scaled by 1/p, so that any way of
    sampling will do.

    Args:
        cascades: how many networks, one after the other, each with weights of its own.
        widths: channels of each level of a network, from 1/2 resolution down.
        blocks: residual blocks of each level.

    Example:
        >>> x = torch.rand(1, 1, 9, 8)
        >>> spectrum = torch.fft.fft2(x)
        >>> spectrum[..., 2:8, :] = 0
        >>> x_hat = KSpaceUNet(widths=[8], blocks=[1])(torch.fft.ifft2(spectrum).real)
        >>> bool((torch.fft.fft2(x_hat) - spectrum)[..., :2, :].abs().max() < 1e-4)
        True
    """

    def __init__(
        self, *, cascades: int = 3, widths: Sequence[int] = (16, 32, 64), blocks: Sequence[int] = (1, 1, 1)
    ) -> None:
        super().__init__()
        networks = (ResidualUNet(channels=1, widths=widths, blocks=blocks) for _ in range(cascades))
        self.networks = nn.ModuleList(networks)
        mask = Input(name="mask", kind="whole", required=False)
        self._traits = Traits(channels=1, receptive_radius=None, inputs=(mask,), linear=True)

    @property
    def traits(self) -> Traits:
        """Blind, grey, of the whole image, numbers as they are; a mask where its zeros do not tell."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Restore zero-filled images of any size; σ is not used.

        Args:
            y: ``(B, 1, H, W)``.
            sigma: ignored.
            mask: ``(B, 1, H, W)`` or ``(1, 1, H, W)``, above ½ where a frequency was measured, k = 0 in the middle,
                as :func:`torch.fft.fftshift` has it and people draw it.

        Raises:
            ModelError: the mask has another size.
        """
        brightest = y.abs().amax((-2, -1), keepdim=True).clamp(min=torch.finfo(y.dtype).tiny)
        y = y / brightest
        spectrum = torch.fft.fft2(y.float() if y.dtype.itemsize < 4 else y)
        known = measured(spectrum) if mask is None else _told(mask, y)
        x_hat = y
        for network in self.networks:
            guess = torch.fft.fft2(restored(network, x_hat).to(spectrum.real.dtype))
            x_hat = torch.fft.ifft2(torch.where(known, spectrum, guess)).real.to(y.dtype)
        return brightest * x_hat


def measured(spectrum: Tensor) -> Tensor:
    """Where a spectrum is not 0; nowhere where that is more than half of it, which tells nothing.

    Args:
        spectrum: ``(B, C, H, W)``, complex, as :func:`torch.fft.fft2` has it.

    Returns:
        ``(B, C, H, W)``, bool.
    """
    size = spectrum.abs()
    there = size > _ROUNDING * size.amax((-2, -1), keepdim=True)
    return there & (there.double().mean((-2, -1), keepdim=True) <= _MOST)


def _told(mask: Tensor, y: Tensor) -> Tensor:
    if mask.shape[-2:] != y.shape[-2:]:
        size, wanted = ("×".join(map(str, of.shape[-2:])) for of in (mask, y))
        raise ModelError(f"a mask has one number for each frequency of the image, {wanted}, got {size}")
    known: Tensor = torch.fft.ifftshift(mask > _MOST, (-2, -1))
    return known
