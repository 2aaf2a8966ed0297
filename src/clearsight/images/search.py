"""Finding images in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from clearsight.errors import ImageReadError
from clearsight.images.formats import SUFFIXES

__all__ = ["find"]


def find(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Files as they are named; folders as the images in and below them, sorted, hidden ones left out.

    Raises:
        ImageReadError: a path does not exist, or a folder holds no image.
    """
    found = (file for path in map(Path, paths) for file in (_inside(path) if path.is_dir() else [_existing(path)]))
    return list(dict.fromkeys(found))


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ImageReadError(f"{path} does not exist, expected an image or a folder of images: check the path")
    return path


def _inside(folder: Path) -> list[Path]:
    images = sorted(path for path in folder.rglob("*") if _is_visible_image(path, folder))
    if not images:
        raise ImageReadError(f"{folder} holds no images, expected files ending in {', '.join(SUFFIXES)}")
    return images


def _is_visible_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in SUFFIXES and path.is_file()
