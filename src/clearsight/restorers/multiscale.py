"""The multi-scale denoiser of liu2020."""

from __future__ import annotations

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS

__all__ = ["MultiscaleDenoiser"]


def _conv(before: int, after: int, size: int, *, stride: int = 1, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=bias),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class Bottleneck(nn.Module):
    """relu(x + f(x)), f = 1×1 to width/4, 3×3, 1×1 back, each with batch normalisation and ReLU."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        inner = width // 4
        self.body = nn.Sequential(
            _conv(width, inner, 1, bias=False),
            _conv(inner, inner, 3, bias=False),
            _conv(inner, width, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width, H, W)`` to the same."""
        return torch.relu(x + self.body(x))


@RESTORERS.register(
    "multiscale", tiny={"channels": 3, "scales": 3, "encoder_width": 16, "decoder_width": 16, "stem_width": 8}
)
class MultiscaleDenoiser(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """The denoiser of liu2020: feature encoding and decoding at several scales, joined by skips.

    x_hat = y + f(y). A 5×5 stem at full scale; for each further scale a strided 3×3 convolution and a bottleneck; on
    the way back a 4×4 transposed convolution to a quarter of the width, the encoder's features of that scale beside
    it, a 3×3 convolution and a bottleneck; at full scale a plain 3×3 convolution. Source: Liu et al., "Connecting Image
    Denoising and High-Level Vision Tasks", 2020, Fig. 2 and Table I (1,026k = scales 3, skip, 128/256, counted
    without the stem and batch normalisation). Deviation: every convolution is padded, where the authors' release crops
    three pixels, so any size works and nothing is lost.

    Args:
        channels: 1 for grey, 3 for RGB.
        scales: resolutions it works at, the full one included; 2 to 4 in the paper.
        encoder_width: channels of the encoder below full scale (its bottlenecks use a quarter).
        decoder_width: the same for the decoder.
        stem_width: channels of the full-scale stem.
        skip: add the input to the output (the paper's global skip).

    Example:
        >>> sum(p.numel() for p in MultiscaleDenoiser().parameters())
        1033443
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        scales: int = 3,
        encoder_width: int = 128,
        decoder_width: int = 256,
        stem_width: int = 64,
        skip: bool = True,
    ) -> None:
        super().__init__()
        self.skip = skip
        self.stem = nn.Conv2d(channels, stem_width, 5, padding=2)
        widths = [stem_width, *[encoder_width] * (scales - 1)]
        self.encoder = nn.ModuleList(
            nn.Sequential(_conv(a, b, 3, stride=2), Bottleneck(width=b)) for a, b in pairwise(widths)
        )
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        below = encoder_width
        for width in widths[-2::-1]:
            quarter = max(below // 4, 1)
            self.ups.append(nn.ConvTranspose2d(below, quarter, 4, stride=2, padding=1))
            self.decoder.append(self._decode(quarter + width, decoder_width))
            below = decoder_width
        self.decoder[-1] = nn.Conv2d(quarter + stem_width, channels, 3, padding=1)
        self._traits = Traits(channels=channels, multiple=2 ** (scales - 1), receptive_radius=_receptive_radius(scales))

    @staticmethod
    def _decode(before: int, width: int) -> nn.Sequential:
        return nn.Sequential(_conv(before, width, 3), Bottleneck(width=width))

    @property
    def traits(self) -> Traits:
        """Blind; the size multiple and the receptive radius follow from the scales."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, channels, H, W)``; H and W divisible by ``traits.multiple``; σ is not used."""
        x = self.stem(y)
        skips = []
        for encode in self.encoder:
            skips.append(x)
            x = encode(x)
        for up, decode in zip(self.ups, self.decoder, strict=True):
            x = decode(torch.cat([up(x), skips.pop()], dim=1))
        x_hat: Tensor = y + x if self.skip else x
        return x_hat


def _receptive_radius(scales: int) -> int:
    """Context in pixels: a cell of scale s is 2^s pixels wide; each convolution reaches one cell or two."""
    stem_and_tail = 2 + 1
    encoder = sum(2 ** (s - 1) + 2**s for s in range(1, scales))
    up = sum(2**s for s in range(1, scales))
    decoder = sum(2 * 2**s for s in range(1, scales - 1))
    return int(stem_and_tail + encoder + up + decoder)
