"""Patches of photographs, what lies behind digits and inside rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import skimage.data
import torch
from torch import Tensor

from clearsight.datasets.images import grey
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.subset import take

__all__ = ["draw_patches", "grey_photographs"]

_BUNDLED = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "moon",
    "rocket",
    "stereo_motorcycle",
)
"""Photographs that come with scikit-image itself, without a download."""

_COUNT = 20
"""As many as were published."""


def grey_photographs(root: str | Path | None = None, count: int = _COUNT) -> list[Tensor]:
    """Grey photographs, ``(H, W)`` in [0, 1]: some of a folder, spread evenly over it, or those of scikit-image.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``; without it eleven that come with scikit-image.
        count: so many of the folder.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if root is not None:
        photographs = take(Photographs(root=root), count)
        return [grey(photographs[index].x)[0] for index in range(len(photographs))]
    return _bundled()


@cache
def _bundled() -> list[Tensor]:
    found = (getattr(skimage.data, name)() for name in _BUNDLED)
    pixels = (one[0] if isinstance(one, tuple) else one for one in found)
    return [grey(torch.from_numpy(one.reshape(*one.shape[:2], -1)).movedim(-1, 0) / 255)[0] for one in pixels]


def draw_patches(
    photographs: Sequence[Tensor], n: int, size: int, *, spread: float = 0.0, generator: torch.Generator
) -> Tensor:
    """Square patches from random places of random photographs, ``(n, size, size)``.

    Args:
        photographs: ``(H, W)``, at least as large as a patch.
        n: how many.
        size: height and width of one.
        spread: patches whose standard deviation is lower are drawn anew.
        generator: of all random numbers.
    """
    patches = torch.empty(0, size, size)
    while len(patches) < n:
        drawn = _drawn(photographs, n, size, generator)
        patches = torch.cat([patches, drawn[drawn.flatten(1).std(1) >= spread]])
    return patches[:n]


def _drawn(photographs: Sequence[Tensor], n: int, size: int, generator: torch.Generator) -> Tensor:
    chosen = torch.randint(len(photographs), (n,), generator=generator)
    places = torch.rand(n, 2, generator=generator)
    patches = torch.empty(n, size, size)
    for index, photograph in enumerate(photographs):
        mine = (chosen == index).nonzero()[:, 0]
        room = torch.tensor([side - size + 1 for side in photograph.shape])
        top, left = (places[mine] * room).long().T
        span = torch.arange(size)
        patches[mine] = photograph[(top[:, None] + span)[:, :, None], (left[:, None] + span)[:, None, :]]
    return patches
