"""EDSR and MDSR: deep residual super-resolution without normalisation, for one scale and for several."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import InvalidArgumentError
from clearsight.registry import RESTORERS

__all__ = ["EDSR", "MDSR"]

SCALES = (2, 3, 4)
_MEAN = (0.4488, 0.4371, 0.4040)
"""Of red, green and blue over the training images of DIV2K, which the paper takes off."""


class ScaledBlock(nn.Module):
    """x + s · conv(relu(conv(x))); s below 1 keeps wide networks from diverging."""

    def __init__(self, *, width: int, kernel: int = 3, scaling: float = 1.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, kernel, padding=kernel // 2)
        self.second = nn.Conv2d(width, width, kernel, padding=kernel // 2)
        self.scaling = scaling

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        residual: Tensor = self.second(self.first(x).relu_())
        return torch.add(x, residual, alpha=self.scaling)


def _check(channels: int, scales: Sequence[int], scale: int) -> None:
    if channels not in (1, 3):
        raise InvalidArgumentError(f"channels is 1 for grey or 3 for RGB, got {channels}")
    strange = [s for s in scales if s not in SCALES]
    if strange or scale not in scales:
        raise InvalidArgumentError(
            f"the scales there are: {', '.join(map(str, scales if not strange else SCALES))}; "
            f"got {strange[0] if strange else scale}"
        )


def _trunk(width: int, blocks: int, scaling: float) -> nn.Sequential:
    inner = (ScaledBlock(width=width, scaling=scaling) for _ in range(blocks))
    return nn.Sequential(*inner, nn.Conv2d(width, width, 3, padding=1))


def _upsampling(width: int, scale: int) -> nn.Sequential:
    """Convolutions that give each pixel scale × scale ones; four times as twice and twice."""
    factors = (2, 2) if scale == 4 else (scale,)
    layers = [(nn.Conv2d(width, width * f**2, 3, padding=1), nn.PixelShuffle(f)) for f in factors]
    return nn.Sequential(*(layer for pair in layers for layer in pair))


def _mean(channels: int) -> Tensor:
    mean = torch.tensor(_MEAN)
    return (mean if channels == 3 else mean.mean()[None]).view(1, -1, 1, 1)


@RESTORERS.register("edsr", tiny={"channels": 3, "scale": 4, "width": 8, "blocks": 2, "scaling": 0.1})
class EDSR(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """EDSR: residual blocks at low resolution, sub-pixel upsampling; predicts the enlarged image itself.

    x_hat = m + tail(up(h + trunk(h))), h = head(y − m), m the mean colour of DIV2K. Source: Lim et al., "Enhanced Deep
    Residual Networks for Single Image Super-Resolution", 2017. The defaults are its baseline, 1.37 million parameters
    for ×2; the large one has ``width=256, blocks=32, scaling=0.1`` and 40.7 million, 43.1 for ×4. It was trained on
    numbers from 0 to 255, where these are from 0 to 1.

    Args:
        channels: 1 for grey, 3 for RGB.
        scale: output height and width over input height and width: 2, 3 or 4.
        width: channels of all layers.
        blocks: residual blocks.
        scaling: of what each block adds; 0.1 in the large one.

    Raises:
        InvalidArgumentError: there is no such scale, or no such number of channels.

    Example:
        >>> EDSR(scale=3, width=8, blocks=1)(torch.zeros(1, 3, 4, 5)).shape
        torch.Size([1, 3, 12, 15])
    """

    def __init__(
        self, *, channels: int = 3, scale: int = 2, width: int = 64, blocks: int = 16, scaling: float = 1.0
    ) -> None:
        super().__init__()
        _check(channels, SCALES, scale)
        self.head = nn.Conv2d(channels, width, 3, padding=1)
        self.trunk = _trunk(width, blocks, scaling)
        self.upsampling = _upsampling(width, scale)
        self.tail = nn.Conv2d(width, channels, 3, padding=1)
        self.register_buffer("mean", _mean(channels), persistent=False)
        self._traits = Traits(channels=channels, scale=scale, receptive_radius=2 * blocks + 4)

    @property
    def traits(self) -> Traits:
        """Blind; two rows of context for each block, four for what is around them."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Enlarge ``(B, channels, H, W)`` to ``(B, channels, scale·H, scale·W)``; σ is not used."""
        mean = self.get_buffer("mean")
        x = self.head(y - mean)
        x_hat: Tensor = self.tail(self.upsampling(x + self.trunk(x)))
        return x_hat + mean


@RESTORERS.register("mdsr", tiny={"channels": 3, "scales": [3], "scale": 3, "width": 8, "blocks": 2})
class MDSR(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """MDSR: one trunk for several scales, each with a way in and a way out of its own.

    As :class:`EDSR`, but behind the head two residual blocks of 5×5 convolutions for each scale, and an upsampling for
    each. Source: Lim et al., 2017; with 80 blocks 8.0 million parameters for ×2, ×3 and ×4.

    Args:
        channels: 1 for grey, 3 for RGB.
        scales: that it has, of 2, 3 and 4.
        scale: that it enlarges by; :meth:`at` gives the others.
        width: channels of all layers.
        blocks: residual blocks of the trunk.

    Raises:
        InvalidArgumentError: there is no such scale, or no such number of channels.

    Example:
        >>> model = MDSR(width=8, blocks=1)
        >>> [tuple(model.at(scale)(torch.zeros(1, 3, 4, 5)).shape[2:]) for scale in (2, 3, 4)]
        [(8, 10), (12, 15), (16, 20)]
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        scales: Sequence[int] = SCALES,
        scale: int = 2,
        width: int = 64,
        blocks: int = 80,
    ) -> None:
        super().__init__()
        _check(channels, scales, scale)
        self.scales, self.scale, self.channels, self.blocks = tuple(scales), scale, channels, blocks
        self.head = nn.Conv2d(channels, width, 3, padding=1)
        self.ways_in = nn.ModuleDict(
            {str(s): nn.Sequential(*(ScaledBlock(width=width, kernel=5) for _ in range(2))) for s in scales}
        )
        self.trunk = _trunk(width, blocks, 1.0)
        self.upsamplings = nn.ModuleDict({str(s): _upsampling(width, s) for s in scales})
        self.tail = nn.Conv2d(width, channels, 3, padding=1)
        self.register_buffer("mean", _mean(channels), persistent=False)

    @property
    def traits(self) -> Traits:
        """Blind; two rows of context for each block of the trunk, eight for the way in, four around them."""
        return Traits(channels=self.channels, scale=self.scale, receptive_radius=2 * self.blocks + 12)

    def at(self, scale: int) -> MDSR:
        """The same network enlarging by another of its scales; the weights are shared, not copied.

        Raises:
            InvalidArgumentError: it has no such scale.
        """
        _check(self.channels, self.scales, scale)
        other = copy.copy(self)
        other.scale = scale
        return other

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Enlarge ``(B, channels, H, W)`` to ``(B, channels, scale·H, scale·W)``; σ is not used."""
        mean, active = self.get_buffer("mean"), str(self.scale)
        x = self.ways_in[active](self.head(y - mean))
        x_hat: Tensor = self.tail(self.upsamplings[active](x + self.trunk(x)))
        return x_hat + mean
