"""Images that belong to one class each, and folders with a subfolder a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets.files import Files, Folder
from clearsight.datasets.images import ImageFiles, Images
from clearsight.datasets.roots import DataRoot, find_folder, part_of, subfolders
from clearsight.errors import DataError
from clearsight.images.formats import SUFFIXES
from clearsight.registry import DATASETS

__all__ = ["Classified", "ImageFolder", "ImageNet", "by_class", "rank_in_class"]

_IMAGENET = DataRoot(what="ImageNet", names=("imagenet",), page="https://image-net.org/download.php")


class Classified:
    """Images with one label each.

    Attributes:
        classes: the names the labels stand for.
        labels: ``(N,)`` int64, from 0: how many images each class has is known without reading one.
    """

    classes: tuple[str, ...]
    labels: Tensor

    def __init__(self, images: Images, labels: Tensor, classes: Sequence[str]) -> None:
        self.images, self.labels, self.classes = images, labels, tuple(classes)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: its file is gone, or is no readable image.
            IndexError: there are fewer.
        """
        name = self.images.names[index]
        return Sample(name=name, x=self.images[index], label=int(self.labels[index]))


def rank_in_class(labels: Tensor) -> Tensor:
    """How many images of the same class come before each image.

    Example:
        >>> rank_in_class(torch.tensor([3, 1, 3, 3, 1]))
        tensor([0, 0, 1, 2, 1])
    """
    counts = F.one_hot(labels).cumsum(0)
    return counts.gather(1, labels[:, None])[:, 0] - 1


def by_class(files: Files, under: str) -> tuple[ImageFiles, Tensor, list[str]]:
    """Images, labels and classes of ``under/CLASS/…``; the classes are sorted as Python sorts text.

    Images that lie in no subfolder are left out.

    Raises:
        DataError: there is no image in any subfolder.
    """
    start = len(under) + 1 if under else 0
    names = [name for name in files.names(under) if "/" in name[start:]]
    owners = [name[start:].partition("/")[0] for name in names]
    if not names:
        raise DataError(
            f"{files.where(under)} holds no images in subfolders, expected one subfolder a class with files ending in "
            f"{', '.join(SUFFIXES)}"
        )
    numbers = {name: number for number, name in enumerate(sorted(set(owners)))}
    return ImageFiles(names, files), torch.tensor([numbers[owner] for owner in owners]), list(numbers)


@DATASETS.register("image-folder", tiny={"root": "image-folder"})
class ImageFolder(Classified):
    """Images of your own, one subfolder a class: ``DIR/CLASS/….png`` or ``DIR/PART/CLASS/….png``.

    Classes are numbered in the order of their sorted names, as torchvision does; images are in naturally sorted order.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a subfolder such as ``"train"`` that holds the class folders; without it ``root`` holds them.

    Raises:
        DataError: no such folder or part, no image in it, or a class without images.
    """

    def __init__(self, *, root: str | Path | None = None, part: str | None = None) -> None:
        folder = find_folder(root)
        inner = part_of(folder, part)
        super().__init__(*by_class(Folder(folder), part or ""))
        empty = [path.name for path in subfolders(inner) if path.name not in self.classes]
        if empty:
            raise DataError(f"{inner} has class folders without images: {', '.join(empty)}; fill or remove them")


@DATASETS.register("imagenet", tiny={"part": "val"})
class ImageNet(ImageFolder):
    """ImageNet (ILSVRC 2012): photographs of 1,000 classes, in ``imagenet/{train,val}/WNID/``.

    The classes are WordNet ids, sorted as torchvision's classifiers number them. A folder of another name is opened
    as an image folder. Source: Russakovsky et al., 2015.

    Args:
        root: the folder ``imagenet`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.
        part: ``"val"`` (50,000 images) or ``"train"``.

    Raises:
        DataError: it is not there, or has no such part.
    """

    def __init__(self, *, root: str | Path | None = None, part: str = "val") -> None:
        super().__init__(root=_IMAGENET.require(root), part=part)
