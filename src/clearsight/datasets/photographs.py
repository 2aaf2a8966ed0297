"""Images without labels."""

from __future__ import annotations

from pathlib import Path

from clearsight.contracts import Sample
from clearsight.datasets.files import Folder
from clearsight.datasets.images import ImageFiles
from clearsight.datasets.roots import find_folder, part_of
from clearsight.errors import DataError
from clearsight.images.formats import SUFFIXES
from clearsight.registry import DATASETS

__all__ = ["Photographs"]


@DATASETS.register("photographs", tiny={"root": "photographs"})
class Photographs:
    """Images of your own, without labels: every image in and below a folder, in naturally sorted order.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a subfolder to take alone.

    Raises:
        DataError: no such folder or part, or no image in it.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, *, root: str | Path | None = None, part: str | None = None) -> None:
        folder = find_folder(root)
        inner, files = part_of(folder, part), Folder(folder)
        self.images = ImageFiles(files.names(part or ""), files)
        if not self.images.names:
            raise DataError(f"{inner} holds no images, expected files ending in {', '.join(SUFFIXES)}")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: its file is gone, or is no readable image.
            IndexError: there are fewer.
        """
        return Sample(name=self.images.names[index], x=self.images[index], label=None)
