"""The U-Net of Noise2Noise: max-pooling down to 1/32, nearest-neighbour enlargement back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Input, Traits
from clearsight.errors import ModelError
from clearsight.registry import RESTORERS

__all__ = ["Noise2NoiseUNet"]

_SLOPE = 0.1
"""Of the leaky ReLU below zero, and of the initialization that goes with it."""

_LEVELS = 5


def _conv(before: int, after: int, *, slope: float = _SLOPE) -> nn.Conv2d:
    layer = nn.Conv2d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(layer.weight, a=slope)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _active(layer: nn.Module, x: Tensor) -> Tensor:
    return F.leaky_relu(layer(x), _SLOPE, inplace=True)


def _joined(x: Tensor, skip: Tensor) -> Tensor:
    """Enlarged to twice the size, each pixel repeated, and what was there at that size after it."""
    return torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1)


class _Up(nn.Module):
    """One level of the way up: enlarged, joined, two convolutions."""

    def __init__(self, joined: int, width: int) -> None:
        super().__init__()
        self.first, self.second = _conv(joined, width), _conv(width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """``(B, C, H, W)`` and ``(B, S, 2H, 2W)`` to ``(B, width, 2H, 2W)``."""
        return _active(self.second, _active(self.first, _joined(x, skip)))


@RESTORERS.register("noise2noise-unet", tiny={"channels": 3, "width": 3})
class Noise2NoiseUNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """The U-Net of lehtinen2018: five times halved by max-pooling, enlarged and joined with what was there.

    No normalisation, leaky ReLU of slope 0.1, 3×3 convolutions; the last one is linear and gives the image itself, no
    residual. Source: J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
    appendix: ``width`` is 48 there. Weights are drawn as He et al. (2015) do for this slope, biases are 0. Deviation:
    sizes that 32 does not divide are padded by the engine.

    Args:
        channels: m, of the image: 1 for grey, 3 for RGB.
        features: of a map that is shown beside the image, such as a renderer's albedo and normals: n is ``channels +
            features``. 0 for none.
        width: channels of the layers on the way down; those on the way up have twice as many, the last two 4/3 and 2/3.

    Example:
        >>> model = Noise2NoiseUNet(channels=3, features=6)
        >>> model(torch.zeros(1, 3, 32, 64), features=torch.zeros(1, 6, 32, 64)).shape
        torch.Size([1, 3, 32, 64])
    """

    def __init__(self, *, channels: int = 3, features: int = 0, width: int = 48) -> None:
        super().__init__()
        n, wide = channels + features, 2 * width
        self.first = _conv(n, width)
        self.encoder = nn.ModuleList(_conv(width, width) for _ in range(_LEVELS))
        self.code = _conv(width, width)
        joined = [2 * width, *[wide + width] * (_LEVELS - 2)]
        self.decoder = nn.ModuleList(_Up(j, wide) for j in joined)
        self.last = nn.ModuleList([_conv(wide + n, 4 * width // 3), _conv(4 * width // 3, 2 * width // 3)])
        self.tail = _conv(2 * width // 3, channels, slope=1.0)
        inputs = (Input(name="features", channels=features),) if features else ()
        self._traits = Traits(channels=channels, multiple=2**_LEVELS, receptive_radius=_RADIUS, inputs=inputs)

    @property
    def traits(self) -> Traits:
        """Blind; multiples of 32; the map of features where it takes one."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None, features: Tensor | None = None) -> Tensor:
        """Restore ``(B, channels, H, W)``, H and W divisible by 32; σ is not used.

        Raises:
            ModelError: it takes features, and there are none.
        """
        if self._traits.inputs and features is None:
            raise ModelError(f"this U-Net takes {self._traits.inputs[0].channels} features beside the image: give them")
        seen = y if features is None else torch.cat([y, features], 1)
        x, skips = _active(self.first, seen), [seen]
        for layer in self.encoder:
            x = F.max_pool2d(_active(layer, x), 2)
            skips.append(x)
        x = _active(self.code, skips.pop())
        for level in self.decoder:
            x = level(x, skips.pop())
        x = _joined(x, skips.pop())
        for layer in self.last:
            x = _active(layer, x)
        x_hat: Tensor = self.tail(x)
        return x_hat


def _radius() -> int:
    """Rows of context: a 3×3 convolution reaches one cell of its level, of 2^level pixels; cells of 32 are not centred.

    Of the convolutions two are at full resolution on the way down, one at each further level; two at each level on the
    way up, three at full resolution.
    """
    down = 2 + sum(2**level for level in range(1, _LEVELS + 1))
    up = 3 + sum(2 * 2**level for level in range(1, _LEVELS))
    return int(down + up + 2**_LEVELS - 1)


_RADIUS = _radius()
