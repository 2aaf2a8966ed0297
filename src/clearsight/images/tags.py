"""What a TIFF page says besides its pixels: read from one page, written to another."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC, PREDICTOR, RESUNIT, TiffPage, TiffTag

__all__ = ["LAYOUT", "ExtraTag", "Kept", "dpi_of", "kept_of", "packet"]

LAYOUT = "TIFF layout"
"""The key of :class:`Kept` in ``Metadata.native``."""

ExtraTag = tuple[int, int, int, Any, bool]
"""Code, data type, count, value, whether it is of the first page only: what tifffile takes."""

_DESCRIPTION, _COLORMAP, _IPTC, _LAYERS = 270, 320, 33723, 37724

_SAID = frozenset(
    (269, _DESCRIPTION, 271, 272, 280, 281, 285, 286, 287, 297, 301, 305, 306, 315, 316, 318, 319, 333, 337, 340, 341)
)
"""Of the baseline's tags those that say something of the picture, not of how it is stored."""

_STORED = frozenset(
    (*range(32995, 32999), 33421, 33422, 34665, 34675, 34853, _IPTC, _LAYERS, 40965, 50674, 50740, 50933)
)
"""Of the private tags those that say how it is stored, point elsewhere in the file, or are written by other means."""

_OFFSETS = (13, 18)
_RATIONALS = (5, 10)
_DOUBLE = 12

_LOSSLESS: dict[int, str | None] = {
    COMPRESSION.NONE: None,
    COMPRESSION.LZW: "lzw",
    COMPRESSION.ADOBE_DEFLATE: "zlib",
    COMPRESSION.DEFLATE: "zlib",
    COMPRESSION.PACKBITS: "packbits",
    COMPRESSION.LZMA: "lzma",
    COMPRESSION.ZSTD: "zstd",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kept:
    """What only TIFF knows of a picture; what is not said is how pictures from elsewhere are written.

    Attributes:
        size: height and width of the upright picture that it was said of.
        tags: as they are stored, in the byte order of the file.
        byteorder: ``"<"`` or ``">"``.
        resolution: horizontal and vertical, as numerator and denominator.
        unit: of the resolution.
        compression: none, or a lossless one; zlib for all others.
        predictor: whether differences are compressed.
        tile: height and width of a tile; empty for strips.
        separate: whether the channels are stored one after the other.
        white_is_zero: whether grey is stored upside down.
        painted: whether a palette, among the tags, is what an instrument paints its grey levels with.
    """

    size: tuple[int, int] = (0, 0)
    tags: tuple[ExtraTag, ...] = ()
    byteorder: Literal["<", ">"] = "<"
    resolution: tuple[tuple[int, int], tuple[int, int]] | None = None
    unit: int = RESUNIT.INCH
    compression: str | None = "zlib"
    predictor: bool = True
    tile: tuple[int, ...] = ()
    separate: bool = False
    white_is_zero: bool = False
    painted: bool = False

    def enlarged(self, height: int, width: int) -> Kept:
        """The same of a picture of another size: its resolution, and where on earth its pixels lie."""
        if (height, width) == self.size or 0 in self.size:
            return self
        rows, columns = self.size
        tags = tuple(_relocated(tag, self.byteorder, width / columns, height / rows) for tag in self.tags)
        resolution = self.resolution
        if resolution is not None:
            (x, x_per), (y, y_per) = resolution
            resolution = (x * width, x_per * columns), (y * height, y_per * rows)
        return replace(self, tags=tags, resolution=resolution)


def kept_of(page: TiffPage, *, painted: bool) -> Kept:
    """Gather what is kept of a page, whose palette may be what an instrument paints its grey levels with."""
    tags, compression = page.tags, page.compression
    turned = tags.valueof(274, default=1) in (5, 6, 7, 8)
    size, resolution = (page.imagelength, page.imagewidth), _resolution(page)
    return Kept(
        size=size[::-1] if turned else size,
        tags=tuple(_stored(page, tag) for tag in tags.values() if _is_said(page, tag, painted)),
        byteorder=page.parent.byteorder,
        resolution=resolution[::-1] if turned and resolution else resolution,
        unit=tags.valueof(296, default=RESUNIT.INCH),
        compression=_LOSSLESS.get(compression, "zlib"),
        predictor=page.predictor != PREDICTOR.NONE or compression not in _LOSSLESS,
        tile=_tile(page),
        separate=page.planarconfig == 2 and page.samplesperpixel > 1,
        painted=painted and page.photometric == PHOTOMETRIC.PALETTE,
        white_is_zero=page.photometric == PHOTOMETRIC.MINISWHITE,
    )


def packet(page: TiffPage, code: int) -> bytes:
    """The bytes of a tag as they are stored; empty if there is none."""
    tag = page.tags.get(code)
    return _bytes(page, tag) if tag is not None else b""


def dpi_of(page: TiffPage) -> tuple[float, float] | None:
    """Dots per inch; ``None`` where the resolution has no unit."""
    unit = page.tags.valueof(296, default=RESUNIT.INCH)
    with suppress(ValueError, ZeroDivisionError):
        if 282 in page.tags and unit in (RESUNIT.INCH, RESUNIT.CENTIMETER):
            return page.get_resolution("INCH")
    return None


def _is_said(page: TiffPage, tag: TiffTag, painted: bool) -> bool:
    if tag.code == _COLORMAP:
        return painted or page.photometric != PHOTOMETRIC.PALETTE
    private = tag.code >= 32768 and tag.code not in _STORED
    return (tag.code in _SAID or private) and tag.dtype not in _OFFSETS


def _stored(page: TiffPage, tag: TiffTag) -> ExtraTag:
    value: Any = _bytes(page, tag)
    if tag.dtype in _RATIONALS:
        value = struct.unpack(f"{page.parent.byteorder}{2 * tag.count}{'iI'[tag.dtype == 5]}", value)
    return (tag.code, int(tag.dtype), tag.count, value, tag.code != _COLORMAP)


def _bytes(page: TiffPage, tag: TiffTag) -> bytes:
    file = page.parent.filehandle
    file.seek(tag.valueoffset)
    content: bytes = file.read(tag.valuebytecount)
    return content


def _relocated(tag: ExtraTag, order: str, x: float, y: float) -> ExtraTag:
    """A tag of GeoTIFF, if it is one that speaks of pixels, for pixels x and y times smaller."""
    code, dtype, count, value, once = tag
    factors = {33550: (1 / x, 1 / y, 1), 33922: (x, y, 1, 1, 1, 1), 34264: (1 / x, 1 / y, 1, 1)}.get(code)
    if factors is None or dtype != _DOUBLE:
        return tag
    numbers = np.frombuffer(value, f"{order}f8")
    return code, dtype, count, (numbers * np.resize(factors, count)).astype(numbers.dtype).tobytes(), once


def _resolution(page: TiffPage) -> tuple[tuple[int, int], tuple[int, int]] | None:
    values = [page.tags.valueof(code, default=()) for code in (282, 283)]
    if all(len(value) == 2 and value[1] > 0 for value in values):
        return values[0], values[1]
    return None


def _tile(page: TiffPage) -> tuple[int, ...]:
    tile = page.tile or ()
    return tile if len(tile) == 2 and not (tile[0] % 16 or tile[1] % 16) else ()
