"""A restorer of Monte Carlo renders: linear light in and out, guided by what surfaces are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Input, Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.residual_unet import ResidualUNet
from clearsight.restorers.unet import Noise2NoiseUNet

__all__ = ["RelativeRenderUNet", "RenderUNet", "tone_mapped"]

_GAMMA = 2.2
_DIM = 1e-3
_REACH = 2
"""Rows and columns around a pixel that the light around it is the mean of."""

_MAPS = tuple(Input(name=name, channels=3, required=False) for name in ("albedo", "normal"))

_DARKEST = 1e-6
"""Where the slope of the tone curve ends, which has no bound at 0."""


def tone_mapped(v: Tensor) -> Tensor:
    """T(v) = (v / (1 + v))^(1/2.2) of linear light from 0 up, in [0, 1): what is negative is black.

    Source: J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.3,
    a variant of E. Reinhard's global operator.

    Example:
        >>> tone_mapped(torch.tensor([0.0, 1.0, 1e9])).tolist()[1:]
        [0.7297400832176208, 1.0]
    """
    v = v.clamp(min=_DARKEST)
    mapped: Tensor = (v / (1 + v)) ** (1 / _GAMMA)
    return mapped


@RESTORERS.register("render-unet", tiny={"width": 6})
class RenderUNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Noise2Noise's U-Net for what a path tracer renders with few samples: radiance, beside it albedo and normals.

    x_hat = u(T(y), a, n): the network u is shown the tone-mapped radiance T(y), the albedo a and the shading normal n,
    and gives linear radiance, without bias where the noise of its targets has mean 0. What is missing of a and n is
    shown as 0, for which it has to be trained, see :class:`~clearsight.training.RenderTask`. Source: J. Lehtinen et
    al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.3.

    Args:
        width: of :class:`Noise2NoiseUNet`.
        tone_mapped_input: whether u is shown T(y), or y itself.

    Example:
        >>> y = torch.full((1, 3, 32, 32), 1000.0)
        >>> RenderUNet(width=6)(y, albedo=torch.ones(1, 3, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """

    def __init__(self, *, width: int = 48, tone_mapped_input: bool = True) -> None:
        super().__init__()
        self.network = Noise2NoiseUNet(channels=3, features=6, width=width)
        self.tone_mapped_input = tone_mapped_input
        self._traits = replace(self.network.traits, inputs=_MAPS, linear=True)

    @property
    def traits(self) -> Traits:
        """Blind, colour, of linear light; albedo and normal where there are any."""
        return self._traits

    def forward(
        self, y: Tensor, sigma: Tensor | None = None, albedo: Tensor | None = None, normal: Tensor | None = None
    ) -> Tensor:
        """Restore ``(B, 3, H, W)`` of linear light, H and W divisible by 32; σ is not used.

        Args:
            y: radiance from 0 up.
            sigma: ignored.
            albedo: ``(B, 3, H, W)`` in [0, 1].
            normal: ``(B, 3, H, W)`` in [-1, 1], of any coordinates that do not change within the image.
        """
        shown = tone_mapped(y) if self.tone_mapped_input else y
        x_hat: Tensor = self.network(shown, features=_features(y, albedo, normal))
        return x_hat


@RESTORERS.register("relative-render-unet", tiny={"widths": [8, 12], "blocks": [1, 1]})
class RelativeRenderUNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """A denoiser of renders that tells light from the light around it: x_hat = s·(1 + f(ln(1 + y/s), a, n)).

    s is the geometric mean of the radiance y in 5×5 pixels and all channels, f a :class:`ResidualUNet` without its
    skip, shown the albedo a and the shading normal n, too. So a darker exposure is restored as a brighter one is, a
    lamp does not outshine what lies beside it, and untrained the answer is a blur, nowhere far from what is right:
    where it were 0, the relative error of :class:`~clearsight.objectives.HDRLoss` would have no bound. What it gives
    is linear, and noisy targets lead it to their mean, as :class:`RenderUNet`. Our own design.

    Args:
        widths: channels of each level of the U-Net, from 1/2 resolution down.
        blocks: residual blocks of each level.

    Example:
        >>> y = torch.full((1, 3, 8, 8), 1000.0)
        >>> round(RelativeRenderUNet(widths=[8], blocks=[1])(y).max().item())
        1000
    """

    def __init__(self, *, widths: Sequence[int] = (32, 64, 96), blocks: Sequence[int] = (1, 1, 2)) -> None:
        super().__init__()
        self.network = ResidualUNet(channels=3, features=6, widths=widths, blocks=blocks)
        inner = self.network.traits
        assert inner.receptive_radius is not None
        self._traits = replace(inner, receptive_radius=inner.receptive_radius + _REACH, inputs=_MAPS, linear=True)

    @property
    def traits(self) -> Traits:
        """As those of :class:`RenderUNet`; the size multiple and the receptive radius follow from the levels."""
        return self._traits

    def forward(
        self, y: Tensor, sigma: Tensor | None = None, albedo: Tensor | None = None, normal: Tensor | None = None
    ) -> Tensor:
        """Restore ``(B, 3, H, W)`` of linear light, all as :class:`RenderUNet` takes it."""
        y = y.clamp(min=0)
        s = _geometric_mean(y)
        seen = torch.cat([(y / s).log1p(), _features(y, albedo, normal)], 1)
        x_hat: Tensor = s * self.network.decode(torch.ones_like(y), *self.network.encode(seen))
        return x_hat


def _geometric_mean(y: Tensor) -> Tensor:
    """Of all channels and the pixels around, ``(B, 1, H, W)``; a little above 0 where it is dark."""
    logarithms = (y + _DIM).log().mean(1, keepdim=True)
    return F.avg_pool2d(logarithms, 2 * _REACH + 1, 1, _REACH, count_include_pad=False).exp()


def _features(y: Tensor, *maps: Tensor | None) -> Tensor:
    """The maps one after another, 0 for what is missing: an albedo in [0, 1], normals in [-1, 1]."""
    return torch.cat([torch.zeros_like(y) if one is None else one for one in maps], 1)
