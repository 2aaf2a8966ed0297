"""Image resources of Photoshop, in which JPEG and PNG files keep IPTC records."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["IPTC", "RESOURCES", "Resource", "packed", "parsed", "records"]

IPTC = 0x0404
_STALE = (0x03ED, 0x0409, 0x040C)
"""Resolution and thumbnails: a restored picture has others."""

RESOURCES = "Photoshop resources"
"""What they are called in ``Metadata.native``, and where they are left out."""


class Resource(NamedTuple):
    """One of them: its number, its name and what it holds."""

    number: int
    name: bytes
    content: bytes


def parsed(block: bytes) -> list[Resource]:
    """Take a block of resources apart; it ends where it makes no sense.

    Example:
        >>> parsed(packed([Resource(IPTC, b"", b"abc")]))
        [Resource(number=1028, name=b'', content=b'abc')]
    """
    found, at = [], 0
    while block[at : at + 4] == b"8BIM" and len(block) >= at + 12:
        (number, length), at = struct.unpack_from(">HB", block, at + 4), at + 7
        name, at = block[at : at + length], at + length + (length + 1) % 2
        size, at = int.from_bytes(block[at : at + 4], "big"), at + 4
        found.append(Resource(number, name, block[at : at + size]))
        at += size + size % 2
    return [each for each in found if each.number not in _STALE]


def packed(resources: Iterable[Resource]) -> bytes:
    """Undo :func:`parsed`."""
    return b"".join(
        struct.pack(">4sHB", b"8BIM", each.number, len(each.name))
        + each.name
        + bytes((len(each.name) + 1) % 2)
        + struct.pack(">L", len(each.content))
        + each.content
        + bytes(len(each.content) % 2)
        for each in resources
    )


def records(block: bytes) -> bytes:
    """The IPTC records in a block of resources, or the block itself where it is no such thing."""
    if not block.startswith(b"8BIM"):
        return block
    return next((each.content for each in parsed(block) if each.number == IPTC), b"")
