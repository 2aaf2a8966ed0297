"""How far two images are apart for a network, not for a ruler."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.objectives.frozen import Frozen
from clearsight.objectives.layers import Layer

__all__ = ["Perceptual"]


class Perceptual(nn.Module):
    """Perceptual loss: mean of (φ(x_hat) − φ(x))², φ being the features at one layer of a network.

    The network is frozen, see :class:`~clearsight.objectives.Frozen`; the gradient reaches x_hat alone. Of a layer that
    is passed more than once the last features count. Source: Liu et al., "Connecting Image Denoising and High-Level
    Vision Tasks", 2020, section III-C, there relu3_3 of VGG-16; after Johnson et al., 2016.

    Args:
        network: a recognizer, or any other module that takes the images.
        layer: its name in the network's mapping ``layers`` or in its ``named_modules()``; ``relu3_3`` if not given.

    Raises:
        UnknownNameError: there is no such layer; the message has the nearest names.
        InvalidArgumentError: none is named, and there is no ``relu3_3``.

    Example:
        >>> loss = Perceptual(network=nn.Sequential(nn.AvgPool2d(2), nn.Flatten()), layer="0")
        >>> checkers = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
        >>> loss(checkers, torch.full_like(checkers, 0.5)).item(), loss(checkers, torch.ones_like(checkers)).item()
        (0.0, 0.25)
    """

    def __init__(self, *, network: nn.Module, layer: str | None = None) -> None:
        super().__init__()
        self.network = network if isinstance(network, Frozen) else Frozen(network)
        self._layer = Layer(self.network.network, layer)

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """The loss of ``(B, C, H, W)`` in [0, 1] beside the clean images, a scalar.

        Raises:
            ModelError: the layer is not passed, or the network does not take the images.
        """
        with torch.no_grad():
            wanted = self.look(x)[1]
        return self.distance(self.look(x_hat)[1], wanted)

    def look(self, x: Tensor) -> tuple[Any, Tensor]:
        """What the network gives for ``x``, and its features, in one pass."""
        with self._layer.watch() as seen:
            output = self.network(x)
        return output, seen[-1]

    def distance(self, features: Tensor, wanted: Tensor) -> Tensor:
        """The mean squared difference, in float32."""
        return F.mse_loss(features.float(), wanted.float())
