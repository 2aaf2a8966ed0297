"""JPEG: the pixels through Pillow, its segments here."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from clearsight.images import photoshop, xmp
from clearsight.images.photoshop import IPTC, RESOURCES, Resource
from clearsight.images.picture import Header, Metadata, Picture
from clearsight.images.pillow import header_of, picture_of

__all__ = ["DENSEST", "RESOURCES", "decode", "encode", "header"]

DENSEST = 65_535
"""Dots per inch."""

_EXIF, _XMP, _MORE_XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC, _PHOTOSHOP, _SEVERAL = b"ICC_PROFILE\0", b"Photoshop 3.0\0", b"MPF\0"
_ROOM = 65_533
_COUNT = 0xB001


def header(source: Path | BytesIO) -> Header:
    """Read size and bands."""
    with JpegImageFile(source) as image:
        return header_of(image)


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright; of several in one file the first."""
    with JpegImageFile(source) as image:
        picture, segments = picture_of(image), list(image.applist)  # type: ignore[attr-defined,unused-ignore]
    others = max((_several(content) for _, content in segments), default=0)
    picture = replace(picture, metadata=_metadata(picture.metadata, segments))
    return picture.noting(f"{others} other images in the file were left out") if others > 0 else picture


def encode(picture: Picture, path: Path) -> None:
    """Write the picture at quality 95 without chroma subsampling."""
    dpi = picture.metadata.dpi
    dense = dpi is not None and max(dpi) > DENSEST
    segments = (struct.pack(">BBH", 0xFF, name, len(content) + 2) + content for name, content in _segments(picture))
    Image.fromarray(picture.samples).save(
        path, "JPEG", quality=95, subsampling=0, dpi=(0, 0) if dense or dpi is None else dpi, extra=b"".join(segments)
    )


def _metadata(metadata: Metadata, segments: list[tuple[str, bytes]]) -> Metadata:
    """What Pillow does not gather: XMP and image resources over several segments, and every comment."""
    resources = photoshop.parsed(b"".join(_all(segments, "APP13", _PHOTOSHOP)))
    others = tuple(each for each in resources if each.number != IPTC)
    more = _all(segments, "APP1", _MORE_XMP)
    parts = sorted((int.from_bytes(each[36:40], "big"), each[40:]) for each in more)
    standard, digest = b"".join(_all(segments, "APP1", _XMP)[:1]), more[0][:32] if more else b""
    return replace(
        metadata,
        xmp=xmp.joined(standard, digest, b"".join(part for _, part in parts)),
        iptc=next((each.content for each in resources if each.number == IPTC), b""),
        comment=b"\n".join(_all(segments, "COM", b"")),
        native={RESOURCES: others} if others else {},
    )


def _all(segments: list[tuple[str, bytes]], name: str, start: bytes) -> list[bytes]:
    return [content[len(start) :] for marker, content in segments if marker == name and content.startswith(start)]


def _several(segment: bytes) -> int:
    """How many images follow the first, by an index of multi-picture format."""
    if not segment.startswith(_SEVERAL):
        return 0
    order = "<" if segment[4:6] == b"II" else ">"
    at = 4 + int.from_bytes(segment[8:12], "little" if order == "<" else "big")
    for entry in range(at + 2, len(segment) - 11, 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHLL", segment, entry)
        if tag == _COUNT:
            return int(value) - 1
    return 0


def _segments(picture: Picture) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each."""
    metadata = picture.metadata
    if metadata.exif:
        yield 0xE1, _EXIF + metadata.exif
    standard, digest, extended = xmp.parted(metadata.xmp, _ROOM - len(_XMP))
    if standard:
        yield 0xE1, _XMP + standard
    for at, part in _pieces(extended, _ROOM - len(_MORE_XMP) - 40):
        yield 0xE1, _MORE_XMP + digest + struct.pack(">LL", len(extended), at) + part
    profile = list(_pieces(picture.icc, _ROOM - len(_ICC) - 2))
    for number, (_, part) in enumerate(profile, 1):
        yield 0xE2, _ICC + bytes([number, len(profile)]) + part
    resources = [Resource(IPTC, b"", metadata.iptc)] if metadata.iptc else []
    block = photoshop.packed([*resources, *metadata.native.get(RESOURCES, ())])
    for _, part in _pieces(block, _ROOM - len(_PHOTOSHOP)):
        yield 0xED, _PHOTOSHOP + part
    for _, part in _pieces(metadata.comment, _ROOM):
        yield 0xFE, part


def _pieces(block: bytes, room: int) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(block), room):
        yield at, block[at : at + room]
