"""Small photographs of ten things."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from clearsight.datasets.classified import Classified, by_class, rank_in_class
from clearsight.datasets.files import Archive, Folder
from clearsight.datasets.images import Images, InMemoryImages
from clearsight.datasets.roots import DataRoot, check_part
from clearsight.errors import DataError
from clearsight.registry import DATASETS
from clearsight.vision import torchvision

__all__ = ["CIFAR10"]

_ORIGINAL = "cifar-10-batches-py"
_ROOT = DataRoot(what="CIFAR-10", names=(_ORIGINAL, "cifar10", "cifar10.zip"))
_PARTS = ("train", "val", "train+val", "test")


@DATASETS.register("cifar10")
class CIFAR10(Classified):
    """CIFAR-10: 60,000 photographs of ten things, 32×32, colour.

    Held out for validation is every tenth training image of each class. Three layouts are read: torchvision's
    ``cifar-10-batches-py``, image files in ``cifar10/{train,test}/CLASS/``, and the same in ``cifar10.zip``, which is
    not unpacked. Source: Krizhevsky, 2009.

    Args:
        part: ``"train"`` (45,000), ``"val"`` (5,000), ``"train+val"`` (50,000) or ``"test"`` (10,000).
        root: one of the three, or the folder it lies in; without it ``$CLEARSIGHT_DATA``, then torchvision's download.

    Raises:
        DataError: it is nowhere, is damaged, or has no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("cifar10", part, _PARTS)
        images, labels, classes = _read("test" if part == "test" else "train", _ROOT.find(root))
        keep = _kept(part, labels)
        super().__init__(images.select(keep), labels[keep], classes)


def _read(part: str, found: Path | None) -> tuple[Images, Tensor, list[str]]:
    if found is None:
        datasets = torchvision("datasets")
        found = _ROOT.fetch(lambda cache: datasets.CIFAR10(cache, download=True)) / _ORIGINAL
    if found.name == _ORIGINAL:
        return _from_batches(found, part)
    files = Folder(found.parent) if found.is_dir() else Archive(found)
    return by_class(files, f"cifar10/{part}")


def _from_batches(folder: Path, part: str) -> tuple[InMemoryImages, Tensor, list[str]]:
    """The pickles of the original; torchvision opens them only if their checksums are right."""
    try:
        original = torchvision("datasets").CIFAR10(folder.parent, train=part == "train")
    except RuntimeError:
        raise DataError(f"{folder} is incomplete, or its checksums are wrong: remove it and get it again") from None
    labels = torch.tensor(original.targets)
    ranks = rank_in_class(labels)
    names = [
        f"cifar10/{part}/{original.classes[k]}/{rank:04}"
        for k, rank in zip(labels.tolist(), ranks.tolist(), strict=True)
    ]
    return InMemoryImages(names, torch.from_numpy(original.data).permute(0, 3, 1, 2)), labels, original.classes


def _kept(part: str, labels: Tensor) -> Tensor:
    if part not in ("train", "val"):
        return torch.arange(len(labels))
    held = rank_in_class(labels) % 10 == 9
    return (held if part == "val" else ~held).nonzero()[:, 0]
