"""PNG of any kind: the header through Pillow, the pixels through libpng, which keeps 16 bits."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import imagecodecs
from PIL.PngImagePlugin import PngImageFile, putchunk

from clearsight.images.picture import Header, Picture
from clearsight.images.pillow import header_of, metadata_of

__all__ = ["decode", "encode", "header"]

_HEADER_END = 33
_INCHES_PER_METRE = 1 / 0.0254


def header(source: Path | BytesIO) -> Header:
    """Read size, bands and number of frames."""
    with PngImageFile(source) as image:
        return header_of(image)


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright."""
    content = source.getvalue() if isinstance(source, BytesIO) else source.read_bytes()
    with PngImageFile(BytesIO(content)) as image:
        metadata = metadata_of(image)
    return Picture.of(imagecodecs.png_decode(content), metadata)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture; the metadata goes between the header and the pixels."""
    encoded = memoryview(imagecodecs.png_encode(picture.samples))
    with path.open("wb") as file:
        file.write(encoded[:_HEADER_END])
        if picture.icc:
            putchunk(file, b"iCCP", b"ICC Profile\0\0", zlib.compress(picture.icc))
        if picture.metadata.dpi:
            per_metre = [round(dpi * _INCHES_PER_METRE) for dpi in picture.metadata.dpi]
            putchunk(file, b"pHYs", *(n.to_bytes(4, "big") for n in per_metre), b"\1")
        if picture.metadata.exif:
            putchunk(file, b"eXIf", picture.metadata.exif)
        file.write(encoded[_HEADER_END:])
