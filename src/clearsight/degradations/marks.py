"""What is drawn over a text: strokes of a pen, and stamps."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from clearsight.degradations.kernels import smooth_field
from clearsight.degradations.ranges import Range
from clearsight.degradations.step import OneByOne
from clearsight.registry import DEGRADATIONS

__all__ = ["PenStrokes", "Stamp"]

_FINER = 2
"""Times that a drawing is finer than the image, for edges without steps."""
_POINTS = 24


@DEGRADATIONS.register("pen-strokes", tiny={"ink": "0.3..0.6"})
@dataclass(frozen=True, kw_only=True)
class PenStrokes(OneByOne):
    """Lines of a pen or a pencil across the text: most run along the lines of it, bent, some cross them.

    Args:
        ink: share of the light that a stroke takes, 0 to 1, or a range each stroke draws from.
        count: strokes, 0 to 1,000, or a range each image draws a whole number from.
        width: of a stroke in pixels, 0 to 100, or a range.
        length: of a stroke in pixels, 1 to 100,000, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(PenStrokes(ink=0.5, count=3))
        'pen-strokes(ink=0.5, count=3)'
    """

    ink: Range | float | str
    count: Range | float | str = "1..3"
    width: Range | float | str = "1..4"
    length: Range | float | str = "60..600"

    def __post_init__(self) -> None:
        self._bound("ink", 0, 1)
        self._bound("count", 0, 1000)
        self._bound("width", 0, 100)
        self._bound("length", 1, 100_000)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        canvas = _canvas(x)
        pen = ImageDraw.Draw(canvas)
        for _ in range(round(self._drawn("count", generator))):
            ink, width = self._drawn("ink", generator), self._drawn("width", generator)
            points = [(_FINER * across, _FINER * down) for across, down in self._path(x, generator)]
            pen.line(points, fill=round(255 * ink), width=max(round(_FINER * width), 1), joint="curve")
        return _printed(x, canvas, 0.9 + 0.1 * smooth_field(x, 3, generator).clamp(-1, 1))

    def _path(self, x: Tensor, generator: torch.Generator) -> list[tuple[float, float]]:
        """Points of a stroke, an arc that begins anywhere."""
        height, width = x.shape[-2:]
        length = self._drawn("length", generator)
        down, across, along, tilt, bend = torch.rand(5, generator=generator, device=generator.device).tolist()
        angle = math.radians(20 * tilt - 10) if along < 0.7 else math.pi * tilt
        turn = 0.6 * (bend - 0.5)
        row, column, points = down * height, across * width - length / 2 * math.cos(angle), []
        for step in range(_POINTS):
            points.append((column, row))
            heading = angle + turn * (step / _POINTS - 0.5)
            row, column = row + length / _POINTS * math.sin(heading), column + length / _POINTS * math.cos(heading)
        return points


@DEGRADATIONS.register("stamp", tiny={"ink": "0.3..0.6"})
@dataclass(frozen=True, kw_only=True)
class Stamp(OneByOne):
    """A rubber stamp: two circles or a frame with letters in it, turned, unevenly inked, somewhere on the sheet.

    Args:
        ink: share of the light that it takes where it is darkest, 0 to 1, or a range each image draws from.
        radius: half its width in pixels, 4 to 10,000, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Stamp(ink=0.4))
        'stamp(ink=0.4)'
    """

    ink: Range | float | str
    radius: Range | float | str = "40..110"

    def __post_init__(self) -> None:
        self._bound("ink", 0, 1)
        self._bound("radius", 4, 10_000)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        ink, radius = (self._drawn(name, generator) for name in ("ink", "radius"))
        rubber = _rubber(round(_FINER * radius), generator)
        down, across, turn = torch.rand(3, generator=generator, device=generator.device).tolist()
        rubber = rubber.rotate(60 * turn - 30, Image.Resampling.BILINEAR, expand=True)
        canvas, place = _canvas(x), (across * x.shape[-1], down * x.shape[-2])
        canvas.paste(rubber, tuple(round(_FINER * at - side / 2) for at, side in zip(place, rubber.size, strict=True)))
        return _printed(x, canvas, ink * (0.7 + 0.3 * smooth_field(x, 12, generator)).clamp(0, 1))


def _rubber(radius: int, generator: torch.Generator) -> Image.Image:
    """What is cut into a stamp, of a radius in finer pixels."""
    image, thick = Image.new("L", (2 * radius, 2 * radius)), max(radius // 14, 1)
    pen = ImageDraw.Draw(image)
    picked = torch.randint(26, (9,), generator=generator, device=generator.device).tolist()
    word = "".join(string.ascii_uppercase[at] for at in picked[1:])
    if picked[0] < 13:
        for inset in (0, 4 * thick):
            pen.ellipse((inset, inset, 2 * radius - 1 - inset, 2 * radius - 1 - inset), outline=255, width=thick)
    else:
        pen.rectangle((0, radius // 2, 2 * radius - 1, 3 * radius // 2), outline=255, width=thick)
    font = ImageFont.load_default(max(radius / 4, 4))
    pen.text((radius, radius), word, fill=255, font=font, anchor="mm")
    return image


def _canvas(x: Tensor) -> Image.Image:
    height, width = x.shape[-2:]
    return Image.new("L", (_FINER * width, _FINER * height))


def _printed(x: Tensor, canvas: Image.Image, ink: Tensor) -> Tensor:
    """An image with a drawing over it, as dark as the ink is."""
    cover = torch.from_numpy(np.array(canvas.reduce(_FINER)))[None, None].to(x) / 255
    return x * (1 - cover * ink)
