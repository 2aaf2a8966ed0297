"""Which part of an image to compute from which: tiles whose seams cannot be found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Span", "Tile", "cut"]


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in input pixels.

    Attributes:
        start: first pixel that is kept.
        stop: one past the last pixel that is kept.
        before: first pixel that is computed.
        after: one past the last pixel that is computed; beyond the image's end where the size has to be padded.
    """

    start: int
    stop: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the output and the larger one it is computed from."""

    rows: Span
    columns: Span


def cut(height: int, width: int, *, size: int | None, radius: int | None, multiple: int) -> Iterator[Tile]:
    """Cover an image with tiles, row by row.

    Every window is a multiple of ``multiple`` wide and starts at one, and reaches ``radius`` pixels beyond what is
    kept, or to the image's end; so a tile is computed from the same numbers as the whole image.

    Args:
        height: of the image.
        width: of the image.
        size: height and width of what is kept of a tile; ``None`` for the whole image at once.
        radius: the model's receptive radius; ``None`` forces the whole image.
        multiple: the model's size multiple.

    Example:
        >>> [(t.columns.before, t.columns.start, t.columns.stop, t.columns.after)
        ...  for t in cut(4, 10, size=4, radius=2, multiple=2)]
        [(0, 0, 4, 6), (2, 4, 8, 10), (6, 8, 10, 10)]
    """
    if size is None or radius is None:
        size, radius = max(height, width), 0
    size = _up(max(size, 1), multiple)
    margin = _up(radius, multiple)
    for rows in _spans(height, size, margin, multiple):
        for columns in _spans(width, size, margin, multiple):
            yield Tile(rows, columns)


def _spans(length: int, size: int, margin: int, multiple: int) -> list[Span]:
    end = _up(length, multiple)
    return [
        Span(start, min(start + size, length), max(start - margin, 0), min(start + size + margin, end))
        for start in range(0, length, size)
    ]


def _up(n: int, multiple: int) -> int:
    return math.ceil(n / multiple) * multiple
