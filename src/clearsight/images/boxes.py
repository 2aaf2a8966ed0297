"""Boxes, of which HEIF, JPEG 2000 and JPEG XL files are made: a size, a kind of four letters, content."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

__all__ = ["Box", "box", "boxes", "content", "mapped"]

Bytes = bytes | mmap.mmap
"""What is sliced to bytes: a file's content, or the file as if it were in memory."""


class Box(NamedTuple):
    """Where the content of a box lies.

    Attributes:
        kind: four letters.
        start: of its content.
        end: of its content.
    """

    kind: bytes
    start: int
    end: int


def boxes(data: Bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes that follow one another in a part of a file; the last one may be cut short.

    Raises:
        ValueError: a size makes no sense.

    Example:
        >>> data = box(b"xml ", b"text")
        >>> next(boxes(data)), data[8:12]
        (Box(kind=b'xml ', start=8, end=12), b'text')
    """
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack(">L4s", data[start : start + 8])
        head = 8
        if size == 1:
            (size,), head = struct.unpack(">Q", data[start + 8 : start + 16]), 16
        size = size or end - start
        if size < head:
            raise ValueError(f"a box {kind.decode('latin-1')!r} of {size} bytes")
        yield Box(kind, start + head, min(start + size, end))
        start += size


def box(kind: bytes, *content: bytes) -> bytes:
    """Make a box."""
    size = 8 + sum(map(len, content))
    if size >= 2**32:
        return b"".join((struct.pack(">L4sQ", 1, kind, size + 8), *content))
    return b"".join((struct.pack(">L4s", size, kind), *content))


def content(source: Path | BytesIO) -> bytes:
    """All of a file."""
    return source.getvalue() if isinstance(source, BytesIO) else source.read_bytes()


@contextmanager
def mapped(source: Path | BytesIO) -> Iterator[Bytes]:
    """A file as if it were in memory: only what is looked at is read."""
    if isinstance(source, BytesIO):
        yield source.getvalue()
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
