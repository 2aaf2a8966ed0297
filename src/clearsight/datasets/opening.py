"""A data set by its name, or a folder by its layout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from clearsight.contracts import Dataset
from clearsight.datasets.amat import AMat
from clearsight.datasets.classified import ImageFolder
from clearsight.datasets.files import Folder, is_image
from clearsight.datasets.mnist import MNIST
from clearsight.datasets.paired import WORDS, PairFolder, is_paired
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.roots import check_part, find_folder, subfolders
from clearsight.datasets.segmented import SegmentationFolder
from clearsight.datasets.written import TextFolder, has_texts
from clearsight.errors import DataError
from clearsight.images.formats import SUFFIXES
from clearsight.registry import DATASETS

__all__ = ["held_out", "open_dataset"]

_PARTS = {"train", "val", "test"}
"""Names of folders that are taken for parts, never for classes."""


def open_dataset(source: str | Path, *, part: str = "test") -> Dataset:
    """Open a registered data set, or a folder whose layout tells what it is.

    =============================================  =======================================
    the folder holds                               it is
    =============================================  =======================================
    ``MNIST/raw``                                  MNIST
    ``.amat`` files                                images of 28×28 in rows, with parts
    ``images`` and ``labels``                      a segmentation folder
    ``noisy`` and ``clean``, or images that all    pairs
    are called so, two and two
    images, some beside ``.txt`` files             images with their text
    other image files                              photographs
    two or more folders with images                an image folder, one class each
    folders that hold one of the five above        parts, of which ``part`` is opened
    =============================================  =======================================

    Folders named train, val and test are parts, never classes, whatever lies beside them. A folder without parts is
    the same whatever part is asked for.

    Args:
        source: a name, or a folder, relative to here or to ``$CLEARSIGHT_DATA``. The name goes before a folder of that
            name, which is ``./mnist`` or ``Path("mnist")``.
        part: the part of it.

    Raises:
        DataError: there is no such data set, folder or part, or the folder holds nothing that is recognized.
    """
    if source in DATASETS:
        return cast(Dataset, DATASETS[str(source)].cls(part=part))
    try:
        folder = find_folder(source)
    except DataError as error:
        raise DataError(f"{error}; the data sets that have a name are {', '.join(DATASETS)}") from None
    if (folder / "MNIST" / "raw").is_dir():
        return MNIST(part=part, root=folder)
    if any(folder.glob("*.amat")):
        return AMat(root=folder, part=part)
    if whole := _layout(folder):
        return whole(root=folder)
    parts = {path.name: layout for path in subfolders(folder) if (layout := _layout(path))}
    if not parts:
        raise _unrecognized(folder)
    check_part(str(folder), part, parts)
    return parts[part](root=folder, part=part)


def held_out(source: str | Path, *, part: str) -> Dataset | None:
    """Images to choose on where a part is judged: those of ``val``, else of ``train``; ``None`` where there are none.

    Raises:
        DataError: as :func:`open_dataset`, of the part that is judged.
    """
    judged = open_dataset(source, part=part)
    for name in ("val", "train"):
        with suppress(DataError):
            found = open_dataset(source, part=name)
            if name != part and (len(found), found[0].name) != (len(judged), judged[0].name):
                return found
    return None


def _layout(folder: Path) -> Callable[..., Dataset] | None:
    """What a folder is that has no parts."""
    inner = subfolders(folder)
    if any(path.name in _PARTS and _layout(path) for path in inner):
        return None
    kinds = {path.name for path in inner}
    if {"images", "labels"} <= kinds:
        return SegmentationFolder
    if any(set(words) <= kinds for words in WORDS):
        return PairFolder
    if _has_images(folder):
        names = Folder(folder).names()
        return PairFolder if is_paired(names) else TextFolder if has_texts(folder, names) else Photographs
    filled = [path.name for path in inner if path.name not in _PARTS and _has_images(path)]
    return ImageFolder if len(filled) > 1 else None


def _has_images(folder: Path) -> bool:
    return any(is_image(path.name) for path in folder.iterdir())


def _unrecognized(folder: Path) -> DataError:
    if not any(folder.iterdir()):
        return DataError(f"{folder} is empty, expected images")
    return DataError(
        f"{folder} holds no images that are recognized: expected files ending in {', '.join(SUFFIXES)}, in the folder, "
        "in one subfolder a class, or in images with their maps in labels"
    )
