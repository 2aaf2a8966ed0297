"""A few photographs of ImageNet, their classes in a table beside them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path

import torch

from clearsight.classes import IMAGENET
from clearsight.datasets.classified import Classified
from clearsight.datasets.files import Folder
from clearsight.datasets.images import ImageFiles
from clearsight.datasets.roots import DataRoot, check_part
from clearsight.errors import DataError
from clearsight.registry import DATASETS
from clearsight.text import read_text

__all__ = ["ImageNetSample"]

_SAMPLE = DataRoot(
    what="sample of ImageNet", names=("imagenet-sample",), page="https://image-net.org/download.php, a few a class"
)


@DATASETS.register("imagenet-sample", tiny={"part": "test"})
class ImageNetSample(Classified):
    """A few photographs of ImageNet: ``imagenet-sample/{train,test}/`` with tables ``train.csv`` and ``test.csv``.

    A table has a line of titles, of which ``image`` is the file's name, ``wnid`` the WordNet id of what it shows. The
    classes are the 1,000 of ImageNet, WordNet ids in their order, whichever of them occur.

    Args:
        root: the folder ``imagenet-sample`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.
        part: ``"train"``, ``"val"``, every tenth image to train on, ``"train+val"`` or ``"test"``.

    Raises:
        DataError: it is not there, has no such part, or a table has no such columns or names other classes.
    """

    def __init__(self, *, root: str | Path | None = None, part: str = "test") -> None:
        folder = _SAMPLE.require(root)
        check_part(str(folder), part, _PARTS)
        name, kept = _PARTS[part]
        lines = [line for number, line in enumerate(_table(folder / f"{name}.csv")) if kept(number)]
        labels = torch.tensor([IMAGENET.index(line["wnid"]) for line in lines])
        super().__init__(ImageFiles([f"{name}/{line['image']}" for line in lines], Folder(folder)), labels, IMAGENET)


def _table(path: Path) -> list[dict[str, str]]:
    lines = list(csv.DictReader(StringIO(read_text(path, DataError), newline="")))
    if not lines or not all(line.get("image") and line.get("wnid") in _CLASSES for line in lines):
        raise DataError(f"{path} is no table of ImageNet's images: expected columns image and wnid, such as n01440764")
    return lines


_CLASSES = set(IMAGENET)
_PARTS: Mapping[str, tuple[str, Callable[[int], bool]]] = {
    "train": ("train", lambda number: number % 10 != 9),
    "val": ("train", lambda number: number % 10 == 9),
    "train+val": ("train", lambda number: True),
    "test": ("test", lambda number: True),
}
"""The table of each part, and which of its lines are of it."""
