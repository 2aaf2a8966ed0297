"""What saving an image to a file does to it."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.blocks import recompressed
from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Jpeg", "Quantize"]


@DEGRADATIONS.register("quantize", tiny={"bits": 4})
@dataclass(frozen=True, kw_only=True)
class Quantize(Step):
    """Clip to [0, 1] and round to 2^bits levels, as an image file does.

    Args:
        bits: bits a channel, 1 to 16.
        probability: share of the images it happens to, so that one training run sees both.

    Raises:
        InvalidArgumentError: ``bits`` or ``probability`` is out of range.

    Example:
        >>> str(Quantize(bits=4)), str(Quantize())
        ('quantize(bits=4)', 'quantize')
    """

    bits: int = 8
    probability: Range | float | str = 1

    def __post_init__(self) -> None:
        self._bound_whole("bits", 1, 16)
        self._bound("probability", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        levels = 2**self.bits - 1
        rounded = (x.clamp(0, 1) * levels).round() / levels
        probability = Range.of(self.probability).draw(len(x), generator)
        chosen = torch.rand(len(x), generator=generator, device=generator.device) < probability
        return torch.where(chosen.to(x.device).view(-1, 1, 1, 1), rounded, x)


def _reread(pixels: Tensor, quality: int, top: int, left: int) -> Tensor:
    """Encode an 8-bit ``(C, H, W)`` image on the CPU as JPEG, with rows and columns before its own, and decode it."""
    file = io.BytesIO()
    padded = F.pad(pixels[None].float(), (left, 0, top, 0), mode="replicate")[0].byte() if top or left else pixels
    Image.fromarray(padded.movedim(0, -1).squeeze(-1).numpy()).save(file, "JPEG", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(file)))
    return decoded.view(*padded.shape[1:], -1).movedim(-1, 0)[:, top:, left:]


@DEGRADATIONS.register("jpeg", tiny={"quality": "30..90"})
@dataclass(frozen=True, kw_only=True)
class Jpeg(Step):
    """Saved as a JPEG file: clipped to [0, 1], rounded to 8 bits, compressed and read back.

    Colour is stored at half resolution (4:2:0), as most files have it. No gradient flows through. Images on an
    accelerator stay there: what a file would hold of them is computed, within a step or two.

    Args:
        quality: of the encoder, 1 (worst) to 100, or a range each image draws a whole number from.
        offset: rows, and columns, from the border of the file to the image, 0 to 15, or a range both are drawn from: in
            the crop of a JPEG the grid of 8×8 blocks lies anywhere.

    Raises:
        InvalidArgumentError: a number is out of range, or the images are neither grey nor RGB.

    Example:
        >>> str(Jpeg(quality=60))
        'jpeg(quality=60)'
    """

    quality: Range | float | str
    offset: Range | float | str = 0

    def __post_init__(self) -> None:
        self._bound("quality", 1, 100)
        self._bound("offset", 0, 15)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, 1, H, W)`` or ``(B, 3, H, W)``."""
        if x.shape[1] not in (1, 3):
            raise InvalidArgumentError(f"jpeg needs grey or RGB images, 1 or 3 channels, got {x.shape[1]}")
        draws = (self.quality, self.offset, self.offset) if Range.of(self.offset).high else (self.quality,)
        quality, *offsets = (Range.of(each).draw(len(x), generator).round().int() for each in draws)
        top, left = offsets or [torch.zeros_like(quality)] * 2
        files = (x.detach().clamp(0, 1) * 255).round()
        if x.device.type != "cpu":
            return recompressed(files, *(each.to(x.device) for each in (quality, top, left))) / 255
        drawn = (each.tolist() for each in (quality, top, left))
        reread = [_reread(*each) for each in zip(files.byte(), *drawn, strict=True)]
        return torch.stack(reread).to(x) / 255
