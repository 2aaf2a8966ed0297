"""Slices of brains, from NIfTI volumes: the mean brain that the package nilearn carries, or volumes of one's own."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clearsight.contracts import Sample
from clearsight.datasets.files import explained
from clearsight.datasets.roots import check_part, find_folder, find_path, subfolders
from clearsight.errors import DataError, MissingExtraError
from clearsight.images.files import open_image
from clearsight.registry import DATASETS

__all__ = ["BrainSlices"]

_BUNDLED = Path("datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
_SUFFIXES = (".nii", ".nii.gz")

_PARTS = ("train", "val", "test", "all")
_BLOCKS = ("train", "train", "test", "train", "val", "train", "test", "train", "train")
"""Of a volume, from bottom to top."""

_MARGIN, _GAP = 0.1, 0.02
"""Shares of the slices: left out at either end, where there is little head; and at the sides of a training block."""

_WHITE = 99.9
"""Percentile of a volume's voxels that becomes 1."""


@DATASETS.register("brain-slices", tiny={"root": "volumes", "part": "all"})
class BrainSlices:
    """Axial slices of brains, grey, the front up; from NIfTI volumes.

    Without a root it is one volume, which needs no download: the T1-weighted mean of 152 adults, 1 mm, without skull,
    197×233 (``pip install 'clearsight[brains]'``). A mean is smoother than any brain in it. Source: V. Fonov et al.,
    "Unbiased average age-appropriate atlases for pediatric studies", 2011 (ICBM 2009a, symmetric).

    Slices that are neighbours show almost the same. So a volume is cut into nine blocks of slices, from bottom to top,
    of which two are the test part, one the validation part, six the training part; of training blocks a fiftieth of all
    slices is left out at each end, and nothing of the tenths below and above. A folder with ``train``, ``val`` and
    ``test`` in it has parts by volumes instead. Black is 0, white the 99.9th percentile of the volume.

    Args:
        part: ``"train"``, ``"val"``, ``"test"``, or ``"all"`` of each volume but the tenths.
        root: a volume, or a folder of volumes, ``.nii`` or ``.nii.gz``, relative to here or to ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: no such file, folder or part, or no volume in it.
        MissingExtraError: there is no root, and nilearn is not installed; or nibabel is not.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("brain-slices", part, _PARTS)
        paths, part = _volumes(root, part)
        self._slices = [(path, number) for path in paths for number in _numbers(_count(path), part)]

    def __len__(self) -> int:
        """How many slices there are."""
        return len(self._slices)

    def __getitem__(self, index: int) -> Sample:
        """Read one; its volume, the last one that was read, stays in memory.

        Raises:
            DataError: its volume cannot be read.
            IndexError: there are fewer.
        """
        path, number = self._slices[index]
        x = torch.from_numpy(_voxels(path)[number].copy())[None]
        return Sample(name=f"{path.name}/{number:03}", x=x, label=None)


def _volumes(root: str | Path | None, part: str) -> tuple[list[Path], str]:
    """The volumes, and which part of each."""
    if root is None:
        return [_bundled()], part
    place = find_path(root)
    if place.is_file():
        return [place], part
    if part in {folder.name for folder in subfolders(place)}:
        place, part = find_folder(place / part), "all"
    found = sorted(path for path in place.iterdir() if path.name.lower().endswith(_SUFFIXES))
    if not found:
        raise DataError(f"{place} holds no volumes, expected files ending in {' or '.join(_SUFFIXES)}")
    return found, part


def _bundled() -> Path:
    """The file itself: importing nilearn takes seconds, and all that comes with it."""
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the mean brain", "brains")
    path = Path(spec.origin).parent / _BUNDLED
    if not path.is_file():
        raise DataError(f"this version of nilearn carries no {path.name}: install nilearn 0.11 or later")
    return path


def _numbers(count: int, part: str) -> list[int]:
    """Which of so many slices belong to a part.

    Example:
        >>> _numbers(20, "test"), _numbers(20, "val")
        ([6, 13], [9, 10])
    """
    first, last = round(_MARGIN * count), count - round(_MARGIN * count)
    if part == "all":
        return list(range(first, last))
    ends = np.linspace(first, last, len(_BLOCKS) + 1).round().astype(int).tolist()
    gap = max(round(_GAP * count), 1) if part == "train" else 0
    blocks = zip(_BLOCKS, ends, ends[1:], strict=False)
    return [number for name, start, stop in blocks if name == part for number in range(start + gap, stop - gap)]


def _count(path: Path) -> int:
    with explained(str(path), "a NIfTI volume"):
        return open_image(path).header.planes


@lru_cache(maxsize=1)
def _voxels(path: Path) -> NDArray[np.float32]:
    """A volume, ``(slices, H, W)`` in [0, 1]."""
    with explained(str(path), "a NIfTI volume"):
        planes = [plane.pixels[::-1, :, 0] for plane in open_image(path).planes()]
    voxels = np.stack(planes).astype(np.float32)
    white = float(np.percentile(voxels, _WHITE))
    return (voxels / (white or 1.0)).clip(0, 1)
