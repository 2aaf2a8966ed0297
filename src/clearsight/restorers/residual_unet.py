"""A residual U-Net without normalisation: the default denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, repeat

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Input, Traits
from clearsight.errors import InvalidArgumentError
from clearsight.registry import RESTORERS

__all__ = ["ResidualUNet", "receptive_radius"]


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3×3; the second starts at zero, so the block starts as the identity."""

    def __init__(self, *, width: int, bias: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        residual: Tensor = self.second(F.relu(self.first(x), inplace=True))
        return residual.add_(x)  # in place: at these sizes a new tensor costs as much as the sum


def _blocks(width: int, count: int, bias: bool) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width=width, bias=bias) for _ in range(count)))


@RESTORERS.register("residual-unet", tiny={"channels": 3, "widths": [8, 12], "blocks": [1, 1]})
class ResidualUNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Residual U-Net on pixel-unshuffled input, no normalisation; the default blind denoiser.

    x_hat = y + f(y), where f works at 1/2, 1/4, … of the input's resolution: the input is folded by a 2×2
    pixel-unshuffle, each level holds residual blocks, levels are joined by strided 2×2 convolutions and added skips.
    Without normalisation every output is a sum of a fixed, local support: tiles equal the whole exactly. f starts at
    zero. Our own design, after DRUNet (Zhang et al., 2021) without its full-resolution level, where a
    convolution costs the most and sees the least.

    Args:
        channels: 1 for grey, 3 for RGB.
        features: of a map that is shown beside the image, such as a renderer's albedo and normals; 0 for none.
        widths: channels of each level, from 1/2 resolution down.
        blocks: residual blocks of each level, on the way down and again on the way up (the lowest level: once).
        bias: whether convolutions add constants. Without them f(a·y) = a·f(y) for a ≥ 0: what is learned at one
            brightness holds at all, and noise beyond the trained σ is removed too (Mohan et al., "Robust and
            Interpretable Blind Image Denoising via Bias-Free Convolutional Neural Networks", 2020).

    Raises:
        InvalidArgumentError: ``widths`` and ``blocks`` differ in length.

    Example:
        >>> import torch
        >>> model = ResidualUNet(channels=1, widths=[8, 16], blocks=[1, 1])
        >>> model(torch.zeros(2, 1, 8, 12)).shape
        torch.Size([2, 1, 8, 12])
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        features: int = 0,
        widths: Sequence[int] = (48, 96, 192),
        blocks: Sequence[int] = (1, 2, 4),
        bias: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise InvalidArgumentError(
                f"widths and blocks need one number a level, got {len(widths)} and {len(blocks)}"
            )
        down, up = list(pairwise(widths)), list(pairwise(reversed(widths)))
        self.head = nn.Conv2d(4 * (channels + features), widths[0], 3, padding=1, bias=bias)
        self.encoder = nn.ModuleList(map(_blocks, widths, blocks, repeat(bias)))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2, bias=bias) for a, b in down)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2, bias=bias) for a, b in up)
        self.decoder = nn.ModuleList(map(_blocks, widths[-2::-1], blocks[-2::-1], repeat(bias)))
        self.tail = nn.Conv2d(widths[0], 4 * channels, 3, padding=1, bias=bias)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)
        inputs = (Input(name="features", channels=features),) if features else ()
        radius = receptive_radius(blocks)
        self._traits = Traits(channels=channels, multiple=2 ** len(widths), receptive_radius=radius, inputs=inputs)

    @property
    def traits(self) -> Traits:
        """Blind; the size multiple and the receptive radius follow from the levels; features where it takes them."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None, features: Tensor | None = None) -> Tensor:
        """Restore ``(B, channels, H, W)``; H and W divisible by ``traits.multiple``; σ is not used."""
        return self.decode(y, *self.encode(y if features is None else torch.cat([y, features], 1)))

    def encode(self, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The features of ``(B, channels + features, H, W)``: of the lowest level, the code; of the others, the skips.

        Returns:
            The code ``(B, widths[-1], H / multiple, W / multiple)``, and the skips from 1/2 resolution down.
        """
        x = self.head(F.pixel_unshuffle(y, 2))
        skips = []
        for blocks, down in zip(self.encoder[:-1], self.downs, strict=True):
            x = blocks(x)
            skips.append(x)
            x = down(x)
        return self.encoder[-1](x), skips

    def decode(self, y: Tensor, code: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """x_hat = y + f(y), from ``y`` and what :meth:`encode` made of it."""
        x = code
        for up, blocks, skip in zip(self.ups, self.decoder, reversed(skips), strict=True):
            x = blocks(up(x).add_(skip))
        return y + F.pixel_shuffle(self.tail(x), 2)


def receptive_radius(blocks: Sequence[int]) -> int:
    """Rows of context: each block reaches two cells of its level; head and tail one cell of 2 pixels each.

    A strided or transposed 2×2 convolution never leaves its own cell, but it coarsens the grid: a cell of level l is
    2^(l+1) pixels wide, so reaching it from any of its pixels costs at most one cell of that level more.
    """
    cells = [2 * n for n in (*blocks, *blocks[-2::-1])]
    sizes = [2 ** (level + 1) for level in (*range(len(blocks)), *range(len(blocks) - 1)[::-1])]
    reach = sum(c * s for c, s in zip(cells, sizes, strict=True)) + 2 * sizes[0]
    return int(reach + 2 ** len(blocks))
