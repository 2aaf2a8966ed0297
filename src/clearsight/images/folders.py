"""Finding images in folders."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from clearsight.errors import ImageReadError
from clearsight.images.formats import SUFFIXES, suffix_of

__all__ = ["find", "left_out", "walk"]


def find(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are named; folders as the images in and below them, sorted, hidden ones left out.

    Raises:
        ImageReadError: a path does not exist, or a folder holds no image.
    """
    found = (file for path in map(Path, paths) for file in (_inside(path) if path.is_dir() else [_existing(path)]))
    return list(dict.fromkeys(found))


def left_out(folder: Path) -> dict[str, int]:
    """How many files in and below a folder are no images that can be read, by suffix; hidden ones do not count."""
    return dict(Counter(suffix_of(path) for path in walk(folder) if suffix_of(path) not in SUFFIXES))


def walk(folder: Path) -> Iterator[Path]:
    """The files in and below a folder, hidden ones left out; no folder is entered twice, linked ones last."""
    seen: set[Path] = set()
    waiting = deque([folder])
    while waiting:
        for at, inner, files in os.walk(waiting.popleft()):
            here, real = Path(at), Path(at).resolve()
            folders = [] if real in seen else [here / name for name in sorted(inner) if not name.startswith(".")]
            if real not in seen:
                yield from (here / name for name in files if not name.startswith("."))
            seen.add(real)
            waiting.extend(path for path in folders if path.is_symlink())
            inner[:] = [path.name for path in folders if not path.is_symlink()]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ImageReadError(f"{path} does not exist, expected an image or a folder of images: check the path")
    return path


def _inside(folder: Path) -> list[Path]:
    images = sorted(path for path in walk(folder) if suffix_of(path) in SUFFIXES)
    if not images:
        raise ImageReadError(f"{folder} holds no images, expected files ending in {', '.join(SUFFIXES)}")
    return images
