"""WebP through Pillow: lossless stays lossless, and so does what would suffer from half the resolution of colours."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL.WebPImagePlugin import WebPImageFile

from clearsight.images.boxes import Bytes, mapped
from clearsight.images.picture import Array, Picture
from clearsight.images.pillow import Raster

__all__ = ["decode", "encode", "header"]

_LOSSY = Raster(name="WEBP", plugin=WebPImageFile, options={"quality": 95})
_LOSSLESS = Raster(name="WEBP", plugin=WebPImageFile, options={"lossless": True, "exact": True, "quality": 80})
_SEEN, _SHARE = 40, 0.005
"""An error of a colour that is seen, of 255, and the share of pixels that may have it."""

header = _LOSSY.header


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright."""
    picture = _LOSSY.decode(source, layer)
    with mapped(source) as data:
        lossless = _kind(data) == b"VP8L"
    return replace(picture, metadata=replace(picture.metadata, lossless=lossless))


def encode(picture: Picture, path: Path) -> None:
    """Write the picture: at quality 95, or losslessly what was lossless, or has hard edges of colour."""
    if not picture.metadata.lossless:
        _LOSSY.encode(picture, path)
        if _close(picture.colour, _LOSSY.decode(path, None).colour):
            return
    _LOSSLESS.encode(picture, path)


def _close(before: Array, after: Array) -> bool:
    """Rows at a time, so that no copy of the picture is made."""
    rows = max(1, 2**20 // before.shape[1])
    seen = 0
    for top in range(0, len(before), rows):
        error = np.abs(before[top : top + rows].astype(np.int16) - after[top : top + rows])
        seen += int(np.count_nonzero(error.max(axis=2) > _SEEN))
    return seen <= _SHARE * len(before) * len(before[0])


def _kind(data: Bytes) -> bytes:
    """Of the first chunk that holds pixels."""
    at = 12
    while at + 8 <= len(data):
        kind, size = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in (b"VP8 ", b"VP8L"):
            return kind
        at += 8 + size + size % 2
    return b""
