"""Image files in a folder, or in a zip archive that stays packed; whatever goes wrong with one is one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from zipfile import ZipFile

from clearsight.errors import ClearsightError, DataError, ImageReadError, reason
from clearsight.images.folders import walk
from clearsight.images.formats import SUFFIXES

__all__ = ["Archive", "Files", "Folder", "explained", "is_image"]


class Files(Protocol):
    """Files that are listed once and read one at a time, by any thread of any process."""

    def names(self, under: str = "") -> list[str]:
        """The images below a folder in naturally sorted order, hidden ones left out; ``/`` parts folders."""

    def read(self, name: str) -> bytes:
        """The content of one file; may raise anything, the callers explain it."""

    def where(self, name: str) -> str:
        """The file as messages name it."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files below a folder.

    Attributes:
        path: the folder, which names are relative to.
    """

    path: Path

    def names(self, under: str = "") -> list[str]:
        """The images below a folder; links are followed."""
        below = (path.relative_to(self.path).as_posix() for path in walk(self.path / under))
        return _sorted(name for name in below if is_image(name))

    def read(self, name: str) -> bytes:
        """The content of one file."""
        return (self.path / name).read_bytes()

    def where(self, name: str) -> str:
        """Its path."""
        return str(self.path / name)


@dataclass(frozen=True, slots=True)
class Archive:
    """The files in a zip archive, which is never unpacked.

    Attributes:
        path: the archive.
    """

    path: Path

    def names(self, under: str = "") -> list[str]:
        """The images below a folder of the archive.

        Raises:
            DataError: the file is no zip archive.
        """
        with explained(str(self.path), "a zip archive"):
            return list(_listed(self.path, under, os.getpid()))

    def read(self, name: str) -> bytes:
        """The content of one file."""
        return _opened(self.path, os.getpid()).read(name)

    def where(self, name: str) -> str:
        """The archive's path and the name within it."""
        return f"{self.path}/{name}"


@lru_cache(maxsize=8)
def _opened(path: Path, process: int) -> ZipFile:
    """One handle a process: threads share it behind its own lock, a fork would share its position in the file."""
    return ZipFile(path)


@lru_cache(maxsize=8)
def _listed(path: Path, under: str, process: int) -> tuple[str, ...]:
    """As long as the handle is kept: tens of thousands of names take a second to sort."""
    names = _opened(path, process).namelist()
    return tuple(_sorted(name for name in names if name.startswith(f"{under}/" if under else "") and is_image(name)))


def is_image(name: str) -> bool:
    """Whether a name is that of an image that is not hidden."""
    file = name.rpartition("/")[2]
    return file.lower().endswith(SUFFIXES) and not file.startswith(".")


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(sorted(names), key=_natural)


def _natural(name: str) -> list[str | int]:
    """What puts ``2.png`` before ``10.png``: texts and numbers in turn."""
    return [int(token) if at % 2 else token for at, token in enumerate(re.split("([0-9]+)", name))]


@contextmanager
def explained(where: str, what: str) -> Iterator[None]:
    """Turn whatever reading raises into one sentence.

    Args:
        where: the file.
        what: what it was to be, with its article.

    Raises:
        DataError: the file is missing, damaged, or something else.
    """
    try:
        yield
    except ImageReadError as error:
        raise DataError(str(error)) from error
    except ClearsightError:
        raise
    except FileNotFoundError:
        raise DataError(
            f"{where} does not exist, expected {what}: was it moved, or the data set copied in part?"
        ) from None
    except Exception as error:
        raise DataError(f"{where} cannot be read as {what} ({reason(error)}): copy it again, or remove it") from error
