"""A restorer of Monte Carlo renders: linear light in and out, guided by what surfaces are seen."""

from __future__ import annotations

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Input, Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.unet import Noise2NoiseUNet

__all__ = ["RenderUNet", "tone_mapped"]

_GAMMA = 2.2
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

    x_hat = u(T(y), a, n): the network u is shown the tone-mapped radiance T(y), the albedo a and the shading normal n, and
    gives linear radiance, which is without bias where the noise of its targets has mean 0. What is missing of a and n
    is shown as 0, for which it has to be trained, see :class:`~clearsight.training.RenderTask`. Source: J. Lehtinen et
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
        maps = tuple(Input(name=name, channels=3, required=False) for name in ("albedo", "normal"))
        inner = self.network.traits
        self._traits = Traits(
            channels=3, multiple=inner.multiple, receptive_radius=inner.receptive_radius, inputs=maps, linear=True
        )

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
        features = torch.cat([torch.zeros_like(y) if map_ is None else map_ for map_ in (albedo, normal)], 1)
        shown = tone_mapped(y) if self.tone_mapped_input else y
        x_hat: Tensor = self.network(shown, features=features)
        return x_hat
