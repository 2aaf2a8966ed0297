"""Places that are no local files: objects of a store, such as ``s3://bucket/key``, by fsspec, which is used here alone.

A store writes an object whole or not at all; so an object that is there is whole, as a file is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from clearsight.errors import ClearsightError, InvalidArgumentError, MissingExtraError, reason

__all__ = ["Place", "StorePath", "place", "present"]

_DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "memory": "fsspec"}
"""Scheme → the package that speaks to it."""

_OPTIONS = {"s3": {"max_concurrency": 1}}
"""Scheme → what its package is told: s3fs asks for an object's size before it reads, unless that is in one part."""


@dataclass(frozen=True, slots=True, order=True)
class StorePath:
    """The name of an object in a store, or of what the names of several begin with.

    Where it is used like a :class:`pathlib.Path` it is called the same.

    Attributes:
        scheme: ``s3``, ``gs``, ``az`` or ``memory``.
        key: the bucket, and what follows it.
    """

    scheme: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"

    def __truediv__(self, name: str | PurePath) -> StorePath:
        inner = name.as_posix() if isinstance(name, PurePath) else name
        return StorePath(self.scheme, f"{self.key.rstrip('/')}/{inner}")

    @property
    def name(self) -> str:
        """Its last part."""
        return PurePosixPath(self.key).name

    @property
    def parent(self) -> StorePath:
        """All but its last part."""
        return StorePath(self.scheme, PurePosixPath(self.key).parent.as_posix())

    def with_name(self, name: str) -> StorePath:
        """Another one beside it."""
        return self.parent / name

    def resolve(self) -> StorePath:
        """Itself: there are no links."""
        return self

    def exists(self) -> bool:
        """Whether there is such an object."""
        with self._asked() as store:
            return bool(store.exists(str(self)))

    def is_dir(self) -> bool:
        """Whether there are objects whose names go on after it."""
        with self._asked() as store:
            return bool(store.isdir(str(self)))

    def read(self) -> bytes:
        """The content of the object.

        Raises:
            FileNotFoundError: there is none.
        """
        with self._asked() as store:
            content: bytes = store.cat_file(str(self))
        return content

    def write(self, content: bytes, *, replace: bool = True) -> None:
        """Write the object, whole or not at all; without ``replace`` one that is there stays as it is."""
        try:
            with self._asked() as store:
                store.pipe_file(str(self), content, mode="overwrite" if replace else "create")
        except FileExistsError:
            if replace:
                raise

    def inside(self) -> list[StorePath]:
        """The objects below it, sorted by name; hidden ones as well."""
        with self._asked() as store:
            found = store.find(str(self).rstrip("/") + "/")
        return sorted(StorePath(self.scheme, key.lstrip("/")) for key in found)

    @contextmanager
    def _asked(self) -> Iterator[Any]:
        """The store; what its driver raises after its own retries has no common class, and becomes an OSError."""
        try:
            yield _store(self.scheme)
        except (ClearsightError, FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            raise OSError(errno.EIO, reason(error), str(self)) from error


Place = Path | StorePath
"""Where an image lies: a local file, or an object of a store."""


def place(name: str | os.PathLike[str] | StorePath) -> Place:
    """The place of that name: a URI of a store, else a local path, also as ``file://``.

    Raises:
        InvalidArgumentError: a URI of another kind.

    Example:
        >>> str(place("s3://bucket/a.png")), place("file:///tmp/a.png").name, place("a.png").name
        ('s3://bucket/a.png', 'a.png', 'a.png')
    """
    if not isinstance(name, str) or "://" not in name:
        return name if isinstance(name, StorePath) else Path(name)
    scheme, _, key = name.partition("://")
    if scheme == "file":
        return Path(url2pathname(urlsplit(name).path))
    if scheme not in _DRIVERS:
        known = ", ".join(f"{one}://" for one in ("file", *_DRIVERS))
        raise InvalidArgumentError(f"{name} is in no store that is known: expected a path or one of {known}")
    return StorePath(scheme, key)


def present(places: Iterable[Place]) -> frozenset[str]:
    """The names of all objects that lie where these do, by one listing of each store: a request for a thousand."""
    keys: dict[str, list[str]] = {}
    for one in places:
        if isinstance(one, StorePath):
            keys.setdefault(one.scheme, []).append(one.parent.key)
    roots = [StorePath(scheme, os.path.commonpath(each)) for scheme, each in keys.items()]
    return frozenset(str(found) for root in roots for found in root.inside())


@cache
def _store(scheme: str) -> Any:
    """The store, its listings never remembered: others write there, too."""
    if find_spec(_DRIVERS[scheme]) is None:
        if scheme == "s3":
            raise MissingExtraError("s3://", "s3")
        raise InvalidArgumentError(f"{scheme}:// needs the package {_DRIVERS[scheme]}: pip install {_DRIVERS[scheme]}")
    import fsspec

    return fsspec.filesystem(scheme, use_listings_cache=False, **_OPTIONS.get(scheme, {}))
