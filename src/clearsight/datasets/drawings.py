"""Pictures that nobody photographed: text, fine lines, windows and charts, drawn here."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from clearsight.contracts import Sample
from clearsight.errors import InvalidArgumentError

__all__ = ["Drawings"]

_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmr10")
_LETTERS = "eeeeetttaaaooiinnsshhrrddllccuummwwffggyyppbbvvkjxqz" + "ETAOINSHRDLU0123456789.,:;-()+=%"

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]


@lru_cache(maxsize=256)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)


class _Pen:
    """Draws on a canvas that is ``fine`` times as large and comes out reduced: soft edges, or hard ones of 1."""

    def __init__(self, size: int, rng: random.Random) -> None:
        self.rng, self.size, self.fine = rng, size, rng.choice((1, 1, 2, 3))
        self.paper = self.colour(light=rng.random() < 0.8)
        self.image = Image.new("RGB", (size * self.fine, size * self.fine), self.paper)
        self.draw = ImageDraw.Draw(self.image)

    def colour(self, *, light: bool | None = None) -> Colour:
        """A grey or a colour; light or dark where asked for, else anything."""
        grey = self.rng.random() < 0.6
        low, high = {True: (190, 255), False: (0, 110), None: (0, 255)}[light]
        values = [self.rng.randint(low, high) for _ in range(3)]
        extreme = self.rng.random() < 0.35 and light is not None
        return ((255,) * 3 if light else (0,) * 3) if extreme else (values[0],) * 3 if grey else tuple(values)  # type: ignore[return-value]

    def ink(self) -> Colour:
        """What can be seen on the paper."""
        return self.colour(light=sum(self.paper) < 380)

    def box(self, least: float = 0.1) -> Box:
        """Somewhere, in pixels of the canvas."""
        canvas = self.size * self.fine
        left, top = (self.rng.uniform(-0.1, 0.9 - least) * canvas for _ in range(2))
        across, down = (self.rng.uniform(least, 0.7) * canvas for _ in range(2))
        return left, top, left + across, top + down

    def width(self) -> int:
        """Of a line: mostly one to three pixels of the picture."""
        return self.fine * self.rng.choice((1, 1, 1, 1, 2, 2, 3, 5))


def _text(pen: _Pen) -> None:
    """Some lines of made-up words, or one large one."""
    rng = pen.rng
    left, top, right, bottom = pen.box(0.3)
    size = round(rng.choice((8, 9, 10, 11, 12, 13, 14, 16, 18, 22, 28, 40)) * pen.fine)
    font, ink = _font(rng.choice(_FONTS), size), pen.ink()
    while top < bottom:
        words = ("".join(rng.choices(_LETTERS, k=rng.randint(1, 10))) for _ in range(12))
        line = " ".join(words)[: int((right - left) / size * 2)]
        pen.draw.text((left, top), line, fill=ink, font=font)
        top += size * 1.3


def _lines(pen: _Pen) -> None:
    """Straight lines, alone, as a fan, or as many at the same distance."""
    rng, ink, width = pen.rng, pen.ink(), pen.width()
    left, top, right, bottom = pen.box()
    turn, distance = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.pi))), rng.uniform(2, 14) * pen.fine
    fan = rng.choice((0.0, 0.0, rng.uniform(0, 0.06)))
    reach = math.hypot(right - left, bottom - top) / 2
    for number in range(rng.choice((1, 2, 10, 60))):
        angle, shift = turn + number * fan, number * distance
        x, y = left - shift * math.sin(turn), top + shift * math.cos(turn)
        pen.draw.line((x, y, x + 2 * reach * math.cos(angle), y + 2 * reach * math.sin(angle)), fill=ink, width=width)


def _grid(pen: _Pen) -> None:
    """A table, a sheet of squared paper, or a chessboard."""
    rng, ink, width = pen.rng, pen.ink(), pen.width()
    left, top, right, bottom = pen.box(0.2)
    step, filled = rng.uniform(3, 40) * pen.fine, rng.random() < 0.3
    columns, rows = (range(math.ceil((end - start) / step)) for start, end in ((left, right), (top, bottom)))
    for row in rows if filled else ():
        for column in columns:
            if (row + column) % 2:
                x, y = left + column * step, top + row * step
                pen.draw.rectangle((x, y, x + step, y + step), fill=ink)
    for column in columns:
        pen.draw.line((left + column * step, top, left + column * step, bottom), fill=ink, width=width)
    for row in rows:
        pen.draw.line((left, top + row * step, right, top + row * step), fill=ink, width=width)


def _window(pen: _Pen) -> None:
    """A rectangle with a bar, filled and outlined."""
    left, top, right, bottom = pen.box(0.2)
    bar = top + pen.rng.uniform(6, 24) * pen.fine
    pen.draw.rectangle((left, top, right, bottom), fill=pen.colour(), outline=pen.ink(), width=pen.width())
    pen.draw.rectangle((left, top, right, min(bar, bottom)), fill=pen.colour())


def _shape(pen: _Pen) -> None:
    """An ellipse, an arc, or a polygon."""
    rng, box, width = pen.rng, pen.box(), pen.width()
    match rng.randrange(4):
        case 0:
            pen.draw.ellipse(box, fill=pen.colour())
        case 1:
            pen.draw.ellipse(box, outline=pen.ink(), width=width)
        case 2:
            for ring in range(rng.choice((1, 8))):
                inset = ring * rng.uniform(3, 9) * pen.fine
                inner = (box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset)
                if inner[0] < inner[2] and inner[1] < inner[3]:
                    pen.draw.arc(inner, rng.uniform(0, 360), rng.uniform(360, 720), fill=pen.ink(), width=width)
        case _:
            corners = [(rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3])) for _ in range(rng.randint(3, 7))]
            pen.draw.polygon(corners, fill=pen.colour())


def _curve(pen: _Pen) -> None:
    """What a chart shows."""
    rng, (left, top, right, bottom) = pen.rng, pen.box(0.3)
    heights = [rng.uniform(top, bottom) for _ in range(rng.randint(4, 60))]
    step = (right - left) / (len(heights) - 1)
    points = [(left + number * step, height) for number, height in enumerate(heights)]
    pen.draw.line(points, fill=pen.ink(), width=pen.width())


_PARTS: tuple[Callable[[_Pen], None], ...] = (_text, _text, _text, _lines, _lines, _grid, _window, _shape, _curve)


class Drawings:
    """Text, fine lines, tables, windows, charts, drawn at random: what scans and screenshots have and photographs lack.

    Edges are hard in half of the pictures and soft in the others; paper is light in four of five.

    Args:
        count: of the pictures.
        size: height and width of each, in pixels.
        seed: of what is drawn; a picture depends on it and its number alone.

    Raises:
        InvalidArgumentError: there would be no picture, or one of no pixels.

    Example:
        >>> sample = Drawings(count=2, size=32)[1]
        >>> sample.name, tuple(sample.x.shape)
        ('00001', (3, 32, 32))
    """

    classes: tuple[str, ...] = ()

    def __init__(self, *, count: int = 100, size: int = 256, seed: int = 0) -> None:
        if count < 1 or size < 1:
            raise InvalidArgumentError(f"count and size of drawings are at least 1, got {count} and {size}")
        self.count, self.size, self.seed = count, size, seed

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Draw one.

        Raises:
            IndexError: there are fewer.
        """
        if not 0 <= index < self.count:
            raise IndexError(index)
        pen = _Pen(self.size, random.Random(f"drawings/{self.seed}/{index}"))
        for _ in range(pen.rng.randint(3, 12)):
            pen.rng.choice(_PARTS)(pen)
        pixels = np.array(pen.image.reduce(pen.fine))
        return Sample(name=f"{index:05}", x=torch.from_numpy(pixels).movedim(-1, 0) / 255, label=None)
