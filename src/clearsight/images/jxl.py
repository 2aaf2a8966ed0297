"""JPEG XL at up to 16 bits and as floats, through libjxl; its container is taken apart here (ISO/IEC 18181-2)."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs

from clearsight.images.boxes import Bytes, box, boxes, content, mapped
from clearsight.images.codestream import LONGEST, SIGNATURE, Codestream, recoloured, said
from clearsight.images.depths import narrowed, widened
from clearsight.images.exif import normalized
from clearsight.images.picture import Header, Metadata, Picture

__all__ = ["decode", "encode", "header"]

_LOSSY = "lossy JPEG XL"
_DISTANCE = 0.3
"""How far what is written may be from what was lossy already, in just noticeable differences."""


def header(source: Path | BytesIO) -> Header:
    """Read size and samples a pixel.

    Raises:
        ValueError: it is an animation, or CMYK.
    """
    with mapped(source) as data:
        return said(_beginning(data)).header


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture, upright; fewer bits are scaled to the full range of 8 or 16."""
    data = content(source)
    stream = said(_beginning(data))
    samples = imagecodecs.jpegxl_decode(data)
    samples = samples.reshape(*samples.shape[:2], -1)[..., : stream.header.samples]
    if sorted(samples.shape) != sorted(stream.header[:3]):
        raise ValueError("it holds another size than it says")
    pixels = samples if samples.dtype.kind == "f" else widened(samples, 2**stream.bits - 1)
    picture = Picture.of(
        pixels, _described(data, stream), alpha="premultiplied alpha" if stream.premultiplied else "alpha"
    )
    return replace(picture, notes=stream.notes)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture: losslessly, unless it was a lossy JPEG XL of 8 bits."""
    metadata, samples = picture.metadata, picture.samples
    cicp, full = metadata.native.get("CICP", b""), 8 * samples.dtype.itemsize
    lossy = bool(metadata.native.get(_LOSSY)) and full == 8 and not cicp
    bits = int(metadata.native.get("bits", full))
    bits = bits if samples.dtype.kind == "u" and full - 8 < bits < full else full
    how: dict[str, Any] = {"distance": _DISTANCE} if lossy else {"lossless": True}
    if samples.dtype.kind == "u":
        samples = narrowed(samples, 2**bits - 1)
    coded = imagecodecs.jpegxl_encode(samples, bitspersample=bits, usecontainer=True, **how)
    plain = lossy or (samples.dtype.kind == "f" and not cicp)
    path.write_bytes(b"".join(_boxed(bytes(coded), metadata, None if plain else cicp)))


def _beginning(data: Bytes) -> bytes:
    """Of the codestream, alone or in boxes."""
    if bytes(data[:2]) == SIGNATURE:
        return bytes(data[:LONGEST])
    for each in boxes(data):
        if each.kind in (b"jxlc", b"jxlp"):
            start = each.start + (4 if each.kind == b"jxlp" else 0)
            return bytes(data[start : min(each.end, start + LONGEST)])
    raise ValueError("no image in its boxes")


def _described(data: bytes, stream: Codestream) -> Metadata:
    found: dict[bytes, bytes] = {}
    for each in boxes(data) if data[:2] != SIGNATURE else ():
        inside, kind = data[each.start : each.end], each.kind
        if kind == b"brob":
            kind, inside = inside[:4], bytes(imagecodecs.brotli_decode(inside[4:]))
        found.setdefault(kind, inside)
    exif = found.get(b"Exif", b"")
    exif = exif[4 + int.from_bytes(exif[:4], "big") :].removeprefix(b"Exif\0\0")
    native: dict[str, Any] = {} if stream.bits in (8, 16, 32) else {"bits": stream.bits}
    native |= {"CICP": stream.cicp} if stream.cicp else {}
    native |= {_LOSSY: True} if stream.lossy else {}
    return Metadata(exif=normalized(exif)[1], xmp=found.get(b"xml ", b""), native=native, lossless=not stream.lossy)


def _boxed(coded: bytes, metadata: Metadata, cicp: bytes | None) -> list[bytes]:
    """The container that libjxl wrote, with EXIF and XMP before the codestream and its colours said."""
    parts = []
    for each in boxes(coded):
        inside = coded[each.start : each.end]
        if each.kind == b"jxlc":
            parts += [box(b"Exif", bytes(4), metadata.exif)] if metadata.exif else []
            parts += [box(b"xml ", metadata.xmp)] if metadata.xmp else []
            inside = inside if cicp is None else recoloured(inside, cicp)
        parts.append(box(each.kind, inside))
    return parts
