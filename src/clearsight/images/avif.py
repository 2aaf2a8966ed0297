"""AVIF at 8, 10 and 12 bits, through libavif; what else it says goes in and out of its boxes here."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import imagecodecs

from clearsight.images.boxes import box, boxes, content, mapped
from clearsight.images.depths import narrowed, widened
from clearsight.images.heif import XMP_TYPE, still, turned
from clearsight.images.items import Extent, Meta, parsed
from clearsight.images.picture import Header, Picture

__all__ = ["decode", "encode", "header"]

_QUALITY = 95
_SPEED = 6
"""Of 10: at its default libavif takes seventy times as long for files of the same size."""

_IDENTITY, _BT601 = 0, 6


def header(source: Path | BytesIO) -> Header:
    """Read size, samples a pixel and number of frames."""
    with mapped(source) as data:
        return still(data).header


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture, upright; 10 and 12 bits are scaled to the full range of 16."""
    data = content(source)
    said = still(data)
    samples = imagecodecs.avif_decode(data)
    pixels = turned(widened(samples.reshape(*samples.shape[:2], -1), 2**said.bits - 1), said.transforms)
    return replace(Picture.of(pixels, said.metadata), notes=said.notes)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture: grey, and what was lossless, losslessly, else at quality 95 without chroma subsampling."""
    native, grey = picture.metadata.native, "grey" in picture.channels
    eight, lossless = picture.pixels.dtype.itemsize == 1, picture.metadata.lossless or grey
    bits = 8 if eight else 10 if native.get("bits") == 10 else 12
    primaries, transfer = native.get("CICP", b"\1\x0d")[:2]
    encoded = imagecodecs.avif_encode(
        narrowed(picture.samples, 2**bits - 1),
        level=100 if lossless else _QUALITY,
        speed=_SPEED,
        bitspersample=bits,
        pixelformat="400" if grey else "444",
        primaries=primaries,
        transfer=transfer,
        matrix=_IDENTITY if lossless and not grey else _BT601,
    )
    path.write_bytes(_with(bytes(encoded), picture))


def _with(data: bytes, picture: Picture) -> bytes:
    """The file that libavif wrote, with EXIF, XMP and profile added to its primary image; offsets are moved."""
    metadata, icc = picture.metadata, picture.icc
    items = [(_entry(b"Exif"), b"\0\0\0\0" + metadata.exif)] if metadata.exif else []
    items += [(_entry(b"mime", XMP_TYPE), metadata.xmp)] if metadata.xmp else []
    if not (items or icc):
        return data
    meta, place = parsed(data), next(each for each in boxes(data) if each.kind == b"meta")
    first, old = max(meta.items) + 1, place.end - place.start + 8
    numbers = range(first, first + len(items))
    entries = b"".join(
        box(b"infe", struct.pack(">LH", 2 << 24, n), entry) for n, (entry, _) in zip(numbers, items, strict=True)
    )
    references = b"".join(box(b"cdsc", struct.pack(">HHH", n, 1, meta.primary)) for n in numbers)
    if icc:
        meta.properties.append((b"colr", b"prof" + icc))
        meta.associations[meta.primary].insert(0, len(meta.properties))
    contents = [each for _, each in items]
    size = len(_meta(data, meta, entries, references, contents, 0))
    written = _meta(data, meta, entries, references, contents, size - old)
    tail = b"".join(box(b"mdat", each) for each in contents)
    return data[: place.start - 8] + written + data[place.end :] + tail


def _entry(kind: bytes, mime: bytes = b"") -> bytes:
    return b"\0\0" + kind + b"\0" + (mime + b"\0" if mime else b"")


def _meta(data: bytes, meta: Meta, entries: bytes, references: bytes, contents: list[bytes], moved: int) -> bytes:
    """The box ``meta`` with what is added; all else as it was, but ``moved``."""
    place = next(each for each in boxes(data) if each.kind == b"meta")
    parts, count = {}, len(contents)
    for each in boxes(data, place.start + 4, place.end):
        inside = data[each.start : each.end]
        if each.kind == b"iinf":
            total = int.from_bytes(inside[4:6], "big") + count
            inside = inside[:4] + struct.pack(">H", total) + inside[6:] + entries
        parts[each.kind] = inside
    parts[b"iref"] = parts.get(b"iref", bytes(4)) + references
    parts[b"iloc"] = _iloc(meta, contents, len(data), moved)
    parts[b"iprp"] = _iprp(meta)
    return box(b"meta", bytes(4), *(box(kind, inside) for kind, inside in parts.items()))


def _iloc(meta: Meta, contents: list[bytes], end: int, moved: int) -> bytes:
    places = {item: [e._replace(start=e.start + moved) for e in extents] for item, extents in meta.extents.items()}
    end += moved
    for number, each in enumerate(contents, max(meta.items) + 1):
        places[number] = [Extent(0, end + 8, len(each))]
        end += 8 + len(each)
    entries = [
        struct.pack(">HHH", item, 0, len(extents)) + b"".join(struct.pack(">LL", *e[1:]) for e in extents)
        for item, extents in places.items()
    ]
    return struct.pack(">LHH", 0, 0x4400, len(entries)) + b"".join(entries)


def _iprp(meta: Meta) -> bytes:
    entries = [
        struct.pack(f">HB{len(numbers)}H", item, len(numbers), *numbers) for item, numbers in meta.associations.items()
    ]
    ipma = struct.pack(">LL", 1, len(entries)) + b"".join(entries)
    return box(b"ipco", *(box(*each) for each in meta.properties)) + box(b"ipma", ipma)
