"""The items of a HEIF file, where they lie and what is said of them: its box ``meta`` (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from clearsight.images.boxes import Bytes, boxes

__all__ = ["Extent", "Meta", "parsed"]


class Extent(NamedTuple):
    """Where a part of an item lies: in the file (method 0) or in the box ``idat`` (1); a length of 0 is all of it."""

    method: int
    start: int
    length: int


@dataclass(slots=True)
class Meta:
    """The box ``meta``, taken apart.

    Attributes:
        primary: number of the primary item.
        items: kind and, of kind ``mime``, media type of each item.
        extents: where each lies.
        references: kind, from which item, to which.
        properties: kind and content; associations count them from 1.
        associations: the properties of each item; the highest of 16 bits says that it is essential.
        data: where the content of ``idat`` begins.
    """

    primary: int = 0
    items: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    extents: dict[int, list[Extent]] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    data: int = 0

    def of(self, item: int) -> list[tuple[bytes, bytes]]:
        """The properties of an item, in their order."""
        numbers = [number & 0x7FFF for number in self.associations.get(item, [])]
        return [self.properties[number - 1] for number in numbers if 0 < number <= len(self.properties)]

    def content(self, data: Bytes, item: int) -> bytes:
        """What an item holds."""
        parts = []
        for method, start, length in self.extents.get(item, []):
            start += self.data if method == 1 else 0
            parts.append(bytes(data[start : start + length] if length else data[start:]))
        return b"".join(parts)


def parsed(data: Bytes) -> Meta:
    """Take the box ``meta`` of a file apart.

    Raises:
        ValueError: there is none.
    """
    place = next((each for each in boxes(data) if each.kind == b"meta"), None)
    if place is None:
        raise ValueError("no box of metadata")
    meta = Meta()
    for each in boxes(data, place.start + 4, place.end):
        inside = bytes(data[each.start : each.end])
        if each.kind == b"pitm":
            (meta.primary,) = struct.unpack_from(">4xL" if inside[0] else ">4xH", inside)
        elif each.kind == b"iinf":
            meta.items = dict(_entries(inside))
        elif each.kind == b"iloc":
            meta.extents = _extents(inside)
        elif each.kind == b"iref":
            meta.references = list(_references(inside))
        elif each.kind == b"idat":
            meta.data = each.start
        elif each.kind == b"iprp":
            _read_properties(inside, meta)
    return meta


def _entries(iinf: bytes) -> list[tuple[int, tuple[bytes, bytes]]]:
    entries = []
    for each in boxes(iinf, 8 if iinf[0] else 6):
        version, wide = iinf[each.start], iinf[each.start] == 3
        if each.kind == b"infe" and version >= 2:
            number, kind = struct.unpack_from(">L2x4s" if wide else ">H2x4s", iinf, each.start + 4)
            _, mime, *_ = (*iinf[each.start + (14 if wide else 12) : each.end].split(b"\0"), b"", b"")
            entries.append((number, (kind, mime if kind == b"mime" else b"")))
    return entries


def _extents(iloc: bytes) -> dict[int, list[Extent]]:
    version, sizes = iloc[0], struct.unpack_from(">H", iloc, 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(iloc):
            raise ValueError("truncated in its index")
        return int.from_bytes(iloc[at - size : at], "big")

    places = {}
    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base, extents = number(base_size), []
        for _ in range(number(2)):
            number(index_size if version else 0)
            start = base + number(offset_size)
            extents.append(Extent(method, start, number(length_size)))
        places[item] = extents
    return places


def _references(iref: bytes) -> list[tuple[bytes, int, tuple[int, ...]]]:
    letter, size, found = ("L", 4, []) if iref[0] else ("H", 2, [])
    for each in boxes(iref, 4):
        item, count = struct.unpack_from(f">{letter}H", iref, each.start)
        found.append((each.kind, item, struct.unpack_from(f">{count}{letter}", iref, each.start + size + 2)))
    return found


def _read_properties(iprp: bytes, meta: Meta) -> None:
    for each in boxes(iprp):
        if each.kind == b"ipco":
            inner = boxes(iprp, each.start, each.end)
            meta.properties = [(prop.kind, iprp[prop.start : prop.end]) for prop in inner]
        elif each.kind == b"ipma":
            wide_items, wide, at = iprp[each.start] > 0, iprp[each.start + 3] & 1, each.start + 8
            for _ in range(struct.unpack_from(">4xL", iprp, each.start)[0]):
                item, count = struct.unpack_from(">LB" if wide_items else ">HB", iprp, at)
                at += 5 if wide_items else 3
                numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", iprp, at)
                at += count * (2 if wide else 1)
                meta.associations[item] = [n if wide else n & 127 | (n & 128) << 8 for n in numbers]
