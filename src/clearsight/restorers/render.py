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
_BLACK = 0.05
_ALIKE = 0.01
"""Squared distance of albedos and normals at which a neighbour counts e times less."""

_LOG = 0.4
"""Logarithms of light as parts of a guide: e times as bright is as unlike as 0.4 of an albedo."""

_REACH = 6
"""Rows and columns around a pixel that are smoothed over."""

_MAPS = tuple(Input(name=name, channels=3, required=False) for name in ("albedo", "normal"))

_DARKEST = 1e-6
"""Where the slope of the tone curve ends, which has no bound at 0."""


def tone_mapped(v: Tensor) -> Tensor:
    """T(v) = (v / (1 + v))^(1/2.2) of linear light from 0 up, in [0, 1): what is negative is black.

    Source: J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.3,
    a variant of E. Reinhard's global operator.

    Example:
        >>> [round(v, 3) for v in tone_mapped(torch.tensor([1.0, 1e9])).tolist()]
        [0.73, 1.0]
    """
    v = v.clamp(min=_DARKEST)
    mapped: Tensor = (v / (1 + v)) ** (1 / _GAMMA)
    return mapped


@RESTORERS.register("render-unet", tiny={"width": 3})
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
    """A denoiser of renders that tells light from the light around it: x_hat = b·(1 + f) + g·(y − b), b = a'·s.

    y/a' is the light that falls on surfaces, their colour taken out: a' is the albedo a and a little. s is the mean of
    its root, squared, à trous (Dammertz et al., "Edge-Avoiding À-Trous Wavelet Transform for fast Global Illumination
    Filtering", 2010): over 5×5 pixels and then over 5×5 every other one, weighed by how alike a and the shading normal
    n are there. f and g are what a :class:`ResidualUNet` makes of ln(1 + y/b), a and n, three channels each: by how
    much the filtered light b is wrong, and how much of what was filtered away is kept, which grows with the samples of
    a pixel.
    So untrained the answer is a filter that edges and textures pass, and that one bright path hardly moves; a darker
    exposure is restored as a brighter one is; and nowhere is it far from what is right, where the relative error of
    :class:`~clearsight.objectives.HDRLoss` has no bound. What it gives is linear, and noisy targets lead it to their
    mean, as :class:`RenderUNet`. Our own design.

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
        self.network = ResidualUNet(channels=6, features=3, widths=widths, blocks=blocks)
        inner = self.network.traits
        assert inner.receptive_radius is not None
        radius = inner.receptive_radius + _REACH
        self._traits = replace(inner, channels=3, receptive_radius=radius, inputs=_MAPS, linear=True)

    @property
    def traits(self) -> Traits:
        """As those of :class:`RenderUNet`; the size multiple and the receptive radius follow from the levels."""
        return self._traits

    def forward(
        self, y: Tensor, sigma: Tensor | None = None, albedo: Tensor | None = None, normal: Tensor | None = None
    ) -> Tensor:
        """Restore ``(B, 3, H, W)`` of linear light, all as :class:`RenderUNet` takes it."""
        y, guide = y.clamp(min=0), _features(y, albedo, normal)
        colour = guide[:, :3].clamp(min=0) + _BLACK
        base = colour * _smoothed(y / colour, guide)
        seen = torch.cat([(y / base).log1p(), guide], 1)
        untrained = torch.cat([torch.ones_like(y), torch.zeros_like(y)], 1)
        factor, kept = self.network.decode(untrained, *self.network.encode(seen)).chunk(2, 1)
        x_hat: Tensor = base * factor + kept * (y - base)
        return x_hat


def _smoothed(light: Tensor, guide: Tensor) -> Tensor:
    """The squared mean of the root of light, ``(B, 3, H, W)``, where the guide, ``(B, 6, H, W)``, is alike; above 0.

    Twice 25 pixels, next to one another and then two apart (à trous); what is much brighter after the first, a lamp, is
    no neighbour of the second.
    """
    near = _mean(light.sqrt(), guide, 1)
    return (
        _mean(near, torch.cat([guide, _LOG * (near.square() + _DIM).mean(1, keepdim=True).log()], 1), 2).square() + _DIM
    )


def _mean(values: Tensor, guide: Tensor, apart: int) -> Tensor:
    """Of 5×5 pixels so far apart, ``(B, 3, H, W)``, weighed by how alike the guide is, ``(B, G, H, W)``."""
    height, width = values.shape[2:]
    around, guides = (F.pad(each, [2 * apart] * 4, mode="replicate") for each in (values, guide))
    total, weights = torch.zeros_like(values), torch.zeros_like(values[:, :1])
    for top in range(0, 5 * apart, apart):
        for left in range(0, 5 * apart, apart):
            window = (..., slice(top, top + height), slice(left, left + width))
            weight = (-(guides[window] - guide).square().sum(1, keepdim=True) / _ALIKE).exp()
            total, weights = total + weight * around[window], weights + weight
    return total / weights


def _features(y: Tensor, *maps: Tensor | None) -> Tensor:
    """The maps one after another, 0 for what is missing: an albedo in [0, 1], normals in [-1, 1]."""
    return torch.cat([torch.zeros_like(y) if one is None else one for one in maps], 1)
