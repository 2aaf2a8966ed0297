"""Where the lines of an upright page are: between rows of pixels without ink."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Box", "at_height", "padded_width", "pieces", "rows_of", "strips"]

_ROOM = 1.65
"""Height of a strip over that of the letters in it, from the tallest to the deepest."""
_INKED = 0.2
"""Share of the ink of a full row, over what there is between lines, from which on a row counts as one of letters."""
_LEAST = 0.4
"""Share of the height of the usual line below which a run of rows is no line: a rule, dirt, the edge of a stain."""
_PIXELS = 8
"""Height of the smallest letters, from the tallest to the deepest."""
_STRIP = 3
"""Times its letters that an image of a single line is high, at most."""
_COLUMNS = 32
"""Widths of batches are multiples of this: what oneDNN keeps to compute one more width is ten megabytes."""
_GREY = 0.15
"""Least difference of ink from the paper around it."""


class Box(NamedTuple):
    """A part of a page, in pixels; its last row and column are those before ``bottom`` and ``right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Column and row of each, clockwise from the upper left."""
        left, top, right, bottom = map(float, (self.left, self.top, self.right, self.bottom))
        return ((left, top), (right, top), (right, bottom), (left, bottom))


def rows_of(page: Tensor) -> list[Box]:
    """The lines of a page, from top to bottom, by its horizontal projection profile.

    Ink is what is darker than the lightest around it; a line is a run of rows that have some. An image with one line
    that is not three times as high as its letters is that line, as it is.

    Args:
        page: ``(H, W)``, dark on light, upright, in one column.

    Example:
        >>> page = torch.ones(60, 80)
        >>> page[10:20, 5:70], page[35:45, 5:40] = 0, 0
        >>> [(box.top, box.bottom) for box in rows_of(page)]
        [(10, 20), (35, 45)]
    """
    ink = _ink(page)
    runs = _runs(ink)
    if len(runs) == 1 and page.shape[0] < _STRIP * (runs[0][1] - runs[0][0]):
        return [Box(0, page.shape[0], 0, page.shape[1])]
    return [_box(ink, top, bottom) for top, bottom in runs]


def pieces(image: Tensor, boxes: Sequence[Box]) -> list[Tensor]:
    """What is in boxes of ``(C, H, W)``, with room around it, beyond the image white.

    A box that is the whole image is taken as it is.
    """
    if not boxes:
        return []
    usual = torch.tensor([box.bottom - box.top for box in boxes]).median().item()
    return [_piece(image, box, max(usual, box.bottom - box.top)) for box in boxes]


def strips(page: Tensor, boxes: Sequence[Box], *, height: int) -> Tensor:
    """:func:`pieces` of ``(H, W)``, ``(N, 1, height, W)``: as wide as the widest and more, paper to its right."""
    cut = [at_height(piece[None], height) for piece in pieces(page[None], boxes)]
    width = padded_width(max(strip.shape[-1] for strip in cut))
    return torch.cat([F.pad(strip, (0, width - strip.shape[-1]), value=1.0) for strip in cut])


def at_height(x: Tensor, height: int) -> Tensor:
    """``(B, C, H, W)`` enlarged or made smaller to so many rows, and as many columns as keep its shape."""
    if x.shape[2] == height:
        return x
    size = (height, max(round(x.shape[3] * height / x.shape[2]), 1))
    return F.interpolate(x, size, mode="bilinear", antialias=True)


def padded_width(width: int) -> int:
    """Columns of a batch whose widest line has ``width``, to be filled with paper."""
    return -(-width // _COLUMNS) * _COLUMNS


def _ink(page: Tensor) -> Tensor:
    """How much darker each pixel is than the paper around it, 0 where that may be noise."""
    around = max(min(page.shape) // 8, 15) | 1
    paper = F.avg_pool2d(page[None], 3, 1, 1, count_include_pad=False)
    darker = _lightest(_lightest(paper[0], around).T, around).T - page
    return darker.where(darker > _GREY, 0.0)


def _lightest(values: Tensor, window: int) -> Tensor:
    """The largest of so many rows around each of ``(H, W)``, an odd number: of 1, 2, 4, …, then of all of them."""
    half, rows = window // 2, 1
    found = F.pad(values, (0, 0, half, half), value=-math.inf)
    while 2 * rows <= window:
        found, rows = torch.maximum(found[:-rows], found[rows:]), 2 * rows
    rest = window - rows
    return torch.maximum(found[: len(found) - rest], found[rest:])


def _runs(ink: Tensor) -> list[tuple[int, int]]:
    """First row and row after the last of each line."""
    profile = _profile(ink)
    between, full = torch.quantile(profile, 0.1), torch.quantile(profile, 0.9)
    inked = profile > between + _INKED * (full - between)
    steps = F.pad(inked.float(), (1, 1)).diff()
    runs = list(zip((steps > 0).nonzero()[:, 0].tolist(), (steps < 0).nonzero()[:, 0].tolist(), strict=True))
    tallest = max((bottom - top for top, bottom in runs), default=0)
    usual = sorted(bottom - top for top, bottom in runs if bottom - top > _LEAST * tallest)
    return [(top, bottom) for top, bottom in runs if bottom - top >= max(_LEAST * usual[len(usual) // 2], _PIXELS)]


def _profile(ink: Tensor) -> Tensor:
    """How much ink each row has in the twentieth of its width that has the second most.

    Short lines are lines, too; a stain or a stroke is none.
    """
    parts = F.avg_pool1d(ink, max(ink.shape[1] // 20, 1))
    return parts.topk(min(2, parts.shape[1]), 1).values[:, -1]


def _box(ink: Tensor, top: int, bottom: int) -> Box:
    """As wide as the ink in these rows."""
    columns = ink[top:bottom].amax(0).nonzero()[:, 0]
    return Box(top, bottom, int(columns[0]), int(columns[-1]) + 1)


def _piece(image: Tensor, box: Box, letters: float) -> Tensor:
    height, width = image.shape[1:]
    if box == (0, height, 0, width):
        return image
    room = round(letters * _ROOM - (box.bottom - box.top)) // 2
    top, bottom, left, right = box.top - room, box.bottom + room, box.left - room, box.right + room
    return F.pad(image, (-left, right - width, -top, bottom - height), value=1.0)
