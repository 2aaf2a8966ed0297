"""PNG of any kind: its chunks here, the pixels through libpng, which keeps 16 bits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import imagecodecs
from PIL.PngImagePlugin import putchunk

from clearsight.images.boxes import Bytes, content, mapped
from clearsight.images.picture import Header, Picture
from clearsight.images.pngtext import described, described_chunks

__all__ = ["decode", "encode", "header"]

_HEADER_END = 33
_GREY, _RGB, _PALETTE, _ALPHA = 0, 2, 3, 4
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 3, _GREY + _ALPHA: 2, _RGB + _ALPHA: 4}
_PIXELS = (b"IDAT", b"fdAT")


class _Head(NamedTuple):
    width: int
    height: int
    bits: int
    kind: int


def header(source: Path | BytesIO) -> Header:
    """Read size, samples a pixel once they are decoded, and number of frames."""
    with mapped(source) as data:
        head, chunks = _head(data), dict(_chunks(data))
    frames = int.from_bytes(chunks.get(b"acTL", b"\0\0\0\1")[:4], "big")
    return Header(head.width, head.height, _SAMPLES[head.kind] + (b"tRNS" in chunks), frames=frames)


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright."""
    data = content(source)
    head, chunks = _head(data), list(_chunks(data))
    picture = Picture.of(imagecodecs.png_decode(data), described(chunks))
    if head.kind == _PALETTE:
        return picture.noting("palette colours became RGB")
    if head.bits < 8:
        picture = picture.noting(f"{head.bits}-bit grey became 8-bit grey")
    return picture.noting("a transparent colour became alpha") if b"tRNS" in dict(chunks) else picture


def encode(picture: Picture, path: Path) -> None:
    """Write the picture; what else it says goes between the header and the pixels."""
    encoded = memoryview(imagecodecs.png_encode(picture.samples))
    with path.open("wb") as file:
        file.write(encoded[:_HEADER_END])
        for kind, inside in described_chunks(picture):
            putchunk(file, kind, inside)
        file.write(encoded[_HEADER_END:])


def _head(data: Bytes) -> _Head:
    width, height, bits, kind = struct.unpack(">LLBB", data[16:26])
    if data[12:16] != b"IHDR" or kind not in _SAMPLES or not (width and height):
        raise ValueError("its header makes no sense")
    return _Head(width, height, bits, kind)


def _chunks(data: Bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each that is no pixels, up to where the file ends or makes no sense."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">L4s", data[at : at + 8])
        if kind not in _PIXELS:
            yield kind, bytes(data[at + 8 : at + 8 + length])
        if kind == b"IEND":
            return
        at += 12 + length
