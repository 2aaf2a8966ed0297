"""A super-resolver of plain convolutions, small enough for CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import InvalidArgumentError
from clearsight.registry import RESTORERS

__all__ = ["PlainUpscaler"]

_SLOPE = 0.1


class BranchedConv(nn.Module):
    """One 3×3 convolution that is trained as a sum of several: y = x + W₃·x + W₁·x + V·U·x.

    W₃ and U are 3×3, U to twice as many channels, W₁ and V 1×1, V starts at zero. All of them are linear with nothing
    between, so their kernels are added and multiplied, not their results: a training step costs what one convolution
    does. Source of the idea: Ding et al., "RepVGG: Making VGG-Style ConvNets Great Again", 2021.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.square = nn.Conv2d(width, width, 3, padding=1)
        self.point = nn.Conv2d(width, width, 1, bias=False)
        self.expansion = nn.Conv2d(width, 2 * width, 3, padding=1, bias=False)
        self.projection = nn.Conv2d(2 * width, width, 1, bias=False)
        nn.init.zeros_(self.projection.weight)
        for layer in (self.square, self.point):
            layer.weight.data.mul_(0.5)

    @property
    def kernel(self) -> Tensor:
        """The sum of all, ``(width, width, 3, 3)``."""
        width = len(self.square.weight)
        expanded = self.projection.weight.flatten(1) @ self.expansion.weight.flatten(1)
        straight = self.point.weight + torch.eye(width).to(self.point.weight)[:, :, None, None]
        return self.square.weight + expanded.view_as(self.square.weight) + F.pad(straight, (1, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        return F.conv2d(x, self.kernel, self.square.bias, padding=1)

    @torch.no_grad()
    def folded(self) -> nn.Conv2d:
        """The same function as a plain convolution."""
        assert self.square.bias is not None
        width = len(self.square.weight)
        plain = nn.Conv2d(width, width, 3, padding=1).to(self.square.weight)
        plain.weight.copy_(self.kernel)
        plain.bias.copy_(self.square.bias)  # type: ignore[union-attr]
        return plain


@RESTORERS.register("plain-upscaler", tiny={"channels": 3, "scale": 3, "width": 8, "depth": 2})
class PlainUpscaler(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Super-resolution by plain 3×3 convolutions at low resolution; what bicubic interpolation leaves to be added.

    x_hat = bicubic(y) + shuffle(f(y)): f has one convolution in, ``depth`` inner ones with an identity folded into
    each, a sum with the first features, one out; then each pixel's channels become scale × scale pixels (Shi et al.,
    "Real-Time Single Image and Video Super-Resolution", 2016). f starts at zero. The inner ones are trained
    as sums of several, :class:`BranchedConv`, and stored as one. Our own design: all multiply-adds are those of one
    kind of convolution, the kind that CPUs do best, at the resolution of the input.

    Args:
        channels: 1 for grey, 3 for RGB.
        scale: output height and width over input height and width, 2 to 8.
        width: channels of the inner layers.
        depth: inner convolutions.
        branches: whether the inner convolutions are sums still.

    Raises:
        InvalidArgumentError: there is no such scale.

    Example:
        >>> PlainUpscaler(scale=3, width=8, depth=2)(torch.zeros(1, 3, 4, 5)).shape
        torch.Size([1, 3, 12, 15])
    """

    def __init__(
        self, *, channels: int = 3, scale: int = 2, width: int = 48, depth: int = 8, branches: bool = True
    ) -> None:
        super().__init__()
        if not 2 <= scale <= 8:
            raise InvalidArgumentError(f"scale is a whole number from 2 to 8, got {scale}")
        self.head = nn.Conv2d(channels, width, 3, padding=1)
        self.inner = nn.ModuleList(
            BranchedConv(width=width) if branches else nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)
        )
        self.tail = nn.Conv2d(width, channels * scale**2, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)
        self.shape = {"channels": channels, "scale": scale, "width": width, "depth": depth}
        self.register_buffer("bicubic", _bicubic_phases(scale).repeat(channels, 1, 1, 1), persistent=False)
        self._traits = Traits(channels=channels, scale=scale, receptive_radius=depth + 2)

    @property
    def traits(self) -> Traits:
        """Blind; one row of context for each layer."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Enlarge ``(B, channels, H, W)`` to ``(B, channels, scale·H, scale·W)``; σ is not used."""
        first = x = F.leaky_relu(self.head(y), _SLOPE)
        for layer in self.inner:
            x = F.leaky_relu(layer(x), _SLOPE)
        beyond = F.pad(y, (2, 2, 2, 2), mode="replicate")
        smooth = F.conv2d(beyond, self.get_buffer("bicubic"), groups=y.shape[1])
        return F.pixel_shuffle(smooth + self.tail(x + first), self.traits.scale)

    @torch.no_grad()
    def folded(self) -> PlainUpscaler:
        """The same function with single convolutions only, which is what is stored."""
        plain = PlainUpscaler(**self.shape, branches=False).train(self.training)
        plain.load_state_dict(
            {
                **{key: value for key, value in self.state_dict().items() if not key.startswith("inner.")},
                **{
                    f"inner.{number}.{key}": value
                    for number, layer in enumerate(self.inner)
                    for key, value in (layer.folded() if isinstance(layer, BranchedConv) else layer)
                    .state_dict()
                    .items()
                },
            }
        )
        return plain.to(self.head.weight)


def _bicubic_phases(scale: int) -> Tensor:
    """Bicubic interpolation as a convolution: of each of scale × scale places its 5×5 kernel, ``(scale², 1, 5, 5)``."""
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[..., 4, 4] = 1
    response = F.interpolate(impulse, scale_factor=scale, mode="bicubic", antialias=True)
    places = F.pixel_unshuffle(response, scale)[0]
    return places[:, 2:7, 2:7].flip(1, 2)[:, None]
