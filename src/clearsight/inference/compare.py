"""Pictures beside one another, for the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clearsight.images import Picture, from_unit, to_unit

__all__ = ["side_by_side"]


def side_by_side(pictures: Sequence[Picture]) -> Picture:
    """The pictures from left to right, in 8 bits, each repeated up to the height of the tallest; grey becomes RGB."""
    tallest = max(picture.pixels.shape[0] for picture in pictures)
    columns = []
    for picture in pictures:
        factor = max(tallest // picture.pixels.shape[0], 1)
        pixels = from_unit(to_unit(picture.pixels), np.uint8).repeat(factor, 0).repeat(factor, 1)
        columns.append(np.broadcast_to(pixels, (*pixels.shape[:2], 3))[:tallest])
    return Picture(pixels=np.concatenate(columns, axis=1))
