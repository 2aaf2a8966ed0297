"""EXIF blocks: which way is up, and how they move in and out of TIFF files."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from tifffile import TiffPage

from clearsight.images import xmp
from clearsight.images.picture import Array, Picture

__all__ = ["from_tiff", "into_tiff", "normalized", "oriented", "text_tags", "upright"]

_TEXTS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
_ORIENTATION = ExifTags.Base.Orientation
_DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_TURNED = (
    (ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength),
    (ExifTags.Base.XResolution, ExifTags.Base.YResolution),
    (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight),
)
"""What changes places when a picture is turned by a quarter."""


def normalized(exif: bytes) -> tuple[int, bytes]:
    """Orientation of an EXIF block, 1 to 8, and the block with orientation 1 and without its thumbnail.

    What is said of width and of height changes places where the picture is to be turned by a quarter. Everything else
    keeps its bytes. A block that does not parse comes back as it is, with orientation 1.
    """
    block, orientation = bytearray(exif), 1
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "=")
    with suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}4xL", block)
        entries, end = _directory_entries(block, order, start)
        if _ORIENTATION in entries:
            at = entries[_ORIENTATION] + 8
            (value,) = struct.unpack_from(f"{order}H", block, at)
            orientation = value if value in range(1, 9) else 1
            struct.pack_into(f"{order}H", block, at, 1)
        if orientation >= 5:
            _turn(block, order, entries)
        struct.pack_into(f"{order}L", block, end, 0)
    return orientation, bytes(block)


def _directory_entries(block: bytearray, order: str, start: int) -> tuple[dict[int, int], int]:
    """Where each tag of a directory lies, and where its entries end."""
    (count,) = struct.unpack_from(f"{order}H", block, start)
    end = start + 2 + 12 * count
    return {struct.unpack_from(f"{order}H", block, at)[0]: at for at in range(start + 2, end, 12)}, end


def _turn(block: bytearray, order: str, entries: dict[int, int]) -> None:
    """Swap kind, count and value of what is said of width and of height, here and in the camera's directory."""
    for one, other in _TURNED:
        if one in entries and other in entries:
            a, b = (slice(entries[tag] + 2, entries[tag] + 12) for tag in (one, other))
            block[a], block[b] = block[b], block[a]
    if ExifTags.IFD.Exif in entries:
        (start,) = struct.unpack_from(f"{order}L", block, entries[ExifTags.IFD.Exif] + 8)
        inner, _ = _directory_entries(block, order, start)
        _turn(block, order, {tag: at for tag, at in inner.items() if tag != ExifTags.IFD.Exif})


def upright(array: Array, orientation: int) -> Array:
    """Turn ``(H, W, …)`` the way its EXIF orientation asks for; contiguous."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array if orientation == 1 else np.ascontiguousarray(array)


def oriented(stored: Picture) -> Picture:
    """A picture turned upright: its pixels, and its resolution with them; EXIF and XMP say so from then on."""
    orientation, exif = normalized(stored.metadata.exif)
    dpi, packet = stored.metadata.dpi, xmp.upright(stored.metadata.xmp)
    return replace(
        stored,
        pixels=upright(stored.pixels, orientation),
        metadata=replace(stored.metadata, exif=exif, xmp=packet, dpi=dpi[::-1] if dpi and orientation >= 5 else dpi),
    )


def text_tags(exif: bytes) -> list[tuple[int, str, int, bytes, bool]]:
    """Camera, author, date and the like, as the extra tags that tifffile writes."""
    parsed = _parsed(exif)
    texts = [(tag.value, _unchanged(parsed.get(tag))) for tag in _TEXTS]
    return [(tag, "s", 0, text, True) for tag, text in texts if isinstance(text, bytes)]


def from_tiff(source: Path | BytesIO, page: TiffPage) -> bytes:
    """Gather the EXIF block of a page of a TIFF file; empty if there is none or it does not parse."""
    found, kept = Image.Exif(), Image.Exif()
    with suppress(Exception), source.open("rb") if isinstance(source, Path) else BytesIO(source.getvalue()) as file:
        found.endian, found.bigtiff = page.parent.byteorder, page.parent.is_bigtiff
        found.load_from_fp(file, page.offset)
        kept.update({tag: _unchanged(found[tag]) for tag in (*_TEXTS, _ORIENTATION) if tag in found})
        for tag in _DIRECTORIES:
            kept.get_ifd(tag).update(found.get_ifd(tag))
    return kept.tobytes().removeprefix(b"Exif\0\0") if any((kept, *map(kept.get_ifd, _DIRECTORIES))) else b""


def into_tiff(path: Path, blocks: Iterable[bytes]) -> None:
    """Append the camera and GPS directories of EXIF blocks, one a page, to a TIFF file.

    tifffile writes no EXIF directories, so they go to the end of the file, followed by the page's own directory, which
    refers to them. What does not parse is left out.
    """
    with suppress(Exception), path.open("r+b") as file:
        order, big = {b"II": "<", b"MM": ">"}[file.read(2)], b"+" in file.read(2)
        pointer, count = struct.Struct(order + "LQ"[big]), struct.Struct(order + "HQ"[big])
        size, at = (20, 8) if big else (12, 4)
        for block in blocks:
            start = _number(file, at, pointer)
            entries = [file.read(size) for _ in range(_number(file, start, count))]
            following, found = file.read(pointer.size), _directories(block)
            for tag, values in found.items():
                place = file.seek(0, os.SEEK_END)
                file.write(_directory(tag, values, place, order, big))
                entries.append(struct.pack(f"{order}HH", tag, 4) + pointer.pack(1) + pointer.pack(place))
            if found:
                entries.sort(key=lambda entry: struct.unpack_from(f"{order}H", entry))
                start = file.seek(0, os.SEEK_END)
                file.write(count.pack(len(entries)) + b"".join(entries) + following)
                file.seek(at)
                file.write(pointer.pack(start))
            at = start + count.size + size * len(entries)


def _number(file: BinaryIO, at: int, kind: struct.Struct) -> int:
    file.seek(at)
    (number,) = kind.unpack(file.read(kind.size))
    return int(number)


def _unchanged(value: object) -> object:
    """Text as the bytes it was read from: Pillow decodes it as Latin-1 and encodes it as ASCII."""
    return value.encode("latin-1") if isinstance(value, str) else value


def _parsed(exif: bytes) -> Image.Exif:
    parsed = Image.Exif()
    with suppress(Exception):
        parsed.load(exif)
    return parsed


def _directories(exif: bytes) -> dict[int, dict[int, object]]:
    parsed = _parsed(exif)
    return {tag: values for tag in _DIRECTORIES if (values := parsed.get_ifd(tag))}


def _directory(tag: int, values: dict[int, object], offset: int, order: str, big: bool) -> bytes:
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}H", 43 if big else 42) + bytes(12 if big else 4)
    directory = ImageFileDirectory_v2(head, group=tag)
    for key, value in values.items():
        if key != ExifTags.IFD.Interop:
            directory[key] = value
    block = directory.tobytes(offset)
    return block + bytes(len(block) % 2)
