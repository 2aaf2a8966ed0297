"""Text written over the image."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Text"]

_ALPHABET = string.ascii_letters + string.digits
_LONGEST = 8
_SMALLEST = 8

_font = lru_cache(ImageFont.load_default)


def _string(generator: torch.Generator) -> str:
    """One to eight random letters and digits."""
    device = generator.device
    length = int(torch.randint(1, _LONGEST + 1, (), generator=generator, device=device))
    letters = torch.randint(len(_ALPHABET), (length,), generator=generator, device=device)
    return "".join(_ALPHABET[i] for i in letters.tolist())


def _ink(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Opacity ``(H, W)`` in [0, 1] of one random string, centred anywhere in the image."""
    across, down, tall = torch.rand(3, generator=generator, device=generator.device).tolist()
    short = min(height, width)
    size = max(_SMALLEST, round(short / 16 + tall * (short / 6 - short / 16)))
    canvas = Image.new("L", (width, height))
    place = (across * width, down * height)
    ImageDraw.Draw(canvas).text(place, _string(generator), fill=255, font=_font(size), anchor="mm")
    return torch.from_numpy(np.array(canvas)) / 255


def _overlay(shape: torch.Size, coverage: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paint ``(C, H, W)`` and transparency ``(H, W)`` of strings that cover that share of the image."""
    channels, height, width = shape
    paint, clear = torch.zeros(shape), torch.ones(height, width)
    while (clear < 1).float().mean() < coverage:
        ink = _ink(height, width, generator)
        colour = torch.rand(channels, 1, 1, generator=generator, device=generator.device).cpu()
        paint = paint * (1 - ink) + colour * ink
        clear = clear * (1 - ink)
    return paint, clear


@DEGRADATIONS.register("text", tiny={"coverage": "0..0.3"})
@dataclass(frozen=True, kw_only=True)
class Text(Step):
    """Random strings written over the image, in random places, sizes and colours.

    Strings are added, each over the ones before, until the coverage is reached; the last may exceed it.

    Args:
        coverage: share of the pixels touched by text, 0 to 0.9, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``coverage`` is out of range.

    Source:
        J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
        section 3.2. The paper gives no sizes; here letters are 1/16 to 1/6 as high as the shorter side.

    Example:
        >>> str(Text(coverage="0..0.5"))
        'text(coverage=0..0.5)'
    """

    coverage: Range | float | str

    def __post_init__(self) -> None:
        self._bound("coverage", 0, 0.9)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        coverages = Range.of(self.coverage).draw(len(x), generator).tolist()
        overlays = [_overlay(x.shape[1:], coverage, generator) for coverage in coverages]
        paint, clear = (torch.stack(layers).to(x) for layers in zip(*overlays, strict=True))
        return x * clear[:, None] + paint
