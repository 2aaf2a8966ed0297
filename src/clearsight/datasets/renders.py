"""Monte Carlo renders of the same rooms with independent noise, and what surfaces are seen in them."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets.roots import find_folder, part_of, subfolders
from clearsight.errors import DataError
from clearsight.images.files import read
from clearsight.images.picture import Array, Picture
from clearsight.registry import DATASETS

__all__ = ["Renders"]

_NAME = re.compile(r"(\d+)spp-(\d+)\.exr")
_MAPS = ("albedo", "normal")

Shot = tuple[int, int]
"""Samples a pixel, and which of those with as many."""


@DATASETS.register("renders", tiny={"root": "renders", "part": "train"})
class Renders:
    """Pairs of renders of one room each, as ``clearsight render`` makes them: ``ROOT/PART/00000/8spp-1.exr``.

    Every render of ``samples`` a pixel is an input, and every other one of ``target`` its target: with ``8`` and ``8``
    two that are as noisy, with ``8`` and ``256`` one that is nearly clean. Radiance is linear, from 0 without an upper
    end; the inputs ``albedo`` and ``normal`` are those of the input's own render.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a folder below it; ``None`` for ``root`` itself.
        samples: a pixel, of the inputs; ``None`` for any.
        target: the same of the targets.

    Raises:
        DataError: there is no such folder, or no pair in it.
    """

    classes: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        root: str | Path | None = None,
        part: str | None = None,
        samples: int | None = None,
        target: int | None = None,
    ) -> None:
        self._folder = part_of(find_folder(root), part)
        self._pairs = [
            (folder.name, one, other)
            for folder in subfolders(self._folder)
            for one, other in permutations(_shots(folder), 2)
            if samples in (None, one[0]) and target in (None, other[0])
        ]
        if not self._pairs:
            raise DataError(
                f"{self._folder} holds no rooms that are rendered twice as asked for, expected files such as "
                "00000/8spp-1.exr and 00000/8spp-2.exr: make them by clearsight render"
            )

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one: the input is ``x``, beside its target.

        Raises:
            DataError: a file lacks its colours, its albedo or its normals, or the two differ in size.
            ImageReadError: a file cannot be read.
            IndexError: there are fewer.
        """
        room, one, other = self._pairs[index]
        given, target = (read(self._folder / room / _name(shot)) for shot in (one, other))
        path = self._folder / room / _name(one)
        missing = [name for name in _MAPS if name not in given.maps]
        if missing:
            raise DataError(f"{path} has no layer for {' and '.join(missing)}, expected albedo.R and normal.X beside R")
        if given.pixels.shape != target.pixels.shape:
            raise DataError(f"{path} and {_name(other)} differ in size or channels: render both alike")
        inputs = {name: _tensor(given.maps[name]) for name in _MAPS}
        return Sample(
            name=f"{room}/{_name(one)} {_name(other)}",
            x=_radiance(given),
            label=None,
            target=_radiance(target),
            inputs=inputs,
        )


def _shots(folder: Path) -> list[Shot]:
    matched = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted((int(found[1]), int(found[2])) for found in matched if found)


def _name(shot: Shot) -> str:
    return f"{shot[0]}spp-{shot[1]}.exr"


def _radiance(picture: Picture) -> Tensor:
    return _tensor(picture.colour).clamp(min=0)


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1).contiguous()
