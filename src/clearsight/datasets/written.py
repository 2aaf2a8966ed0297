"""Images of your own whose text is known: each beside a text file of its name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from clearsight.contracts import Sample
from clearsight.datasets.files import Folder
from clearsight.datasets.images import ImageFiles
from clearsight.datasets.roots import find_folder, part_of
from clearsight.errors import DataError
from clearsight.registry import DATASETS
from clearsight.text import read_text

__all__ = ["TextFolder", "has_texts"]


@DATASETS.register("text-folder", tiny={"root": "text-folder"})
class TextFolder:
    """Images of your own with their text: ``DIR/….png`` beside ``DIR/….txt``, or ``DIR/PART/…``.

    Images without a text file are left out; the text is UTF-8, in the order in which people read it.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a subfolder to take alone.

    Raises:
        DataError: no such folder or part, or no image in it that has a text.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, *, root: str | Path | None = None, part: str | None = None) -> None:
        folder = find_folder(root)
        inner, self._files = part_of(folder, part), Folder(folder)
        names = [name for name in self._files.names(part or "") if (folder / _text_of(name)).is_file()]
        self.images = ImageFiles(names, self._files)
        if not names:
            raise DataError(f"{inner} holds no images with their text, expected files such as a.png beside a.txt")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: a file is gone, or is no readable image or no text.
            IndexError: there are fewer.
        """
        name = self.images.names[index]
        text = read_text(self._files.path / _text_of(name), DataError)
        return Sample(name=name, x=self.images[index], label=None, text=text)


def has_texts(folder: Path, names: Iterable[str]) -> bool:
    """Whether any of some images of a folder has its text beside it."""
    return any((folder / _text_of(name)).is_file() for name in names)


def _text_of(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(".txt"))
