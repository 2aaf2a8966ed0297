"""Camera raw, through the optional part ``raw``: developed linearly at 16 bits, never its preview.

Restored is what the sensor saw, before the mosaic's colours are interpolated: there noise is white.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import ImageCms
from tifffile import PHOTOMETRIC, TiffPage

from clearsight.errors import MissingExtraError
from clearsight.images import exif
from clearsight.images.picture import Array, Header, Metadata, Mosaic, Picture
from clearsight.images.stacks import opened

__all__ = ["SIGNATURE", "SUFFIXES", "decode", "encode", "header", "is_raw"]

# fmt: off
SUFFIXES = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".raf", ".rw2", ".rwl",
    ".pef", ".srw", ".3fr", ".fff", ".iiq", ".mrw", ".x3f", ".dcr", ".kdc", ".erf", ".mef", ".mos",
)
# fmt: on

_ELSE = rb"IIR[OS]|MMOR|IIU\0|FUJIFILM|....ftypcrx|\0MRM|FOVb|II....HEAPCCDR"
_TIFF = rb"II\*\0|MM\0\*"
SIGNATURE = rb"|".join((_ELSE, _TIFF))
"""Of files that may be camera raw; of those that are TIFF, too, :func:`is_raw` tells."""

_DNG_VERSION = 50706
_SENSOR = (PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW)
_NOTE = "camera raw was developed: camera's white balance, sRGB primaries, linear light"


def is_raw(source: Path | BytesIO) -> bool:
    """Tell camera raw from other TIFF files: it is DNG or CR2, or holds the numbers of a sensor."""
    with source.open("rb") if isinstance(source, Path) else BytesIO(source.getvalue()) as file:
        head = file.read(16)
    if head[:4] not in (b"II*\0", b"MM\0*") or head[8:10] == b"CR":
        return True
    with suppress(Exception), opened(source) as tif:
        first = tif.pages.first
        pages = [page for page in (first, *(first.pages or ())) if isinstance(page, TiffPage)]
        return _DNG_VERSION in first.tags or any(page.photometric in _SENSOR for page in pages)
    return False


def header(source: Path | BytesIO) -> Header:
    """Read the size of the developed picture.

    Raises:
        MissingExtraError: rawpy is not installed.
        ValueError: LibRaw does not know the camera.
    """
    with _raw(source) as raw:
        return Header(raw.sizes.width, raw.sizes.height, 3)


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Develop the picture, upright: 16 bits, linear, the camera's white balance, sRGB primaries.

    Raises:
        MissingExtraError: rawpy is not installed.
        ValueError: LibRaw does not know the camera, or the file is damaged.
    """
    with _raw(source) as raw:
        raw.unpack()
        return replace(_developed(raw, source), mosaic=_mosaic(raw, source))


def _developed(raw: Any, source: Path | BytesIO) -> Picture:
    pixels = raw.postprocess(
        gamma=(1, 1),
        no_auto_bright=True,
        use_camera_wb=True,
        output_color=_rawpy().ColorSpace.sRGB,
        output_bps=16,
    )
    metadata = Metadata(exif=_exif(source), icc=_profile() if pixels.ndim == 3 and pixels.shape[2] == 3 else b"")
    return Picture(pixels=np.atleast_3d(pixels), metadata=metadata, format="camera raw", notes=(_NOTE,))


def _mosaic(raw: Any, source: Path | BytesIO) -> Mosaic | None:
    """The planes of a mosaic of 2×2 sites, the square root of their counts; ``None`` for other sensors.

    The root makes the noise of counted light alike in shadows and lights (Anscombe, 1948). A constant below which a
    thousandth of the sites lie is added first, for read noise goes below black.
    """
    if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2) or min(raw.raw_image_visible.shape) < 2:
        return None
    counts = _planes(raw)
    below = max(float(-np.quantile(counts, 0.001)), 0.375)
    seen = np.sqrt(np.maximum(counts + below, 0), dtype=np.float32)

    def develop(restored: Array) -> Picture:
        noise = ((restored - seen) ** 2).mean((0, 1))  # the mean of a square is that much above the square of a mean
        with _raw(source) as again:
            again.unpack()
            _put(again, restored.astype(np.float32) ** 2 + noise - below)
            return _developed(again, source)

    return Mosaic(planes=seen, develop=develop)


def _planes(raw: Any) -> Array:
    """Counts above black of the four positions, ``(H/2, W/2, 4)``; an odd last row or column is left out."""
    return np.stack([site.astype(np.float32) - black for site, black in _sites(raw)], axis=-1)


def _put(raw: Any, counts: Array) -> None:
    """Give the sensor other counts; sites that were at white stay."""
    for index, (site, black) in enumerate(_sites(raw)):
        whole = np.clip(np.rint(counts[..., index] + black), 0, raw.white_level)
        site[...] = np.where(site >= raw.white_level, site, whole)


def _sites(raw: Any) -> Iterator[tuple[Array, int]]:
    """The sites of each position, a view, and their black."""
    sensor = raw.raw_image_visible
    height, width = (2 * (size // 2) for size in sensor.shape)
    for row in range(2):
        for column in range(2):
            black = raw.black_level_per_channel[raw.raw_colors_visible[row, column]]
            yield sensor[row:height:2, column:width:2], int(black)


def encode(picture: Picture, path: Path) -> None:
    """Camera raw is only read."""
    raise NotImplementedError


@contextmanager
def _raw(source: Path | BytesIO) -> Iterator[Any]:
    rawpy = _rawpy()
    try:
        with rawpy.RawPy() as raw:
            if isinstance(source, Path):
                raw.open_file(str(source))
            else:
                raw.open_buffer(BytesIO(source.getvalue()))
            yield raw
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else error
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from error


def _exif(source: Path | BytesIO) -> bytes:
    """The EXIF block, whose picture has been turned."""
    with suppress(Exception), opened(source) as tif:
        return exif.normalized(exif.from_tiff(source, tif.pages.first))[1]
    return b""


@cache
def _profile() -> bytes:
    """The profile of sRGB with a straight line for its curve, always the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    curve = profile.index(b"para") + 12
    profile[curve : curve + 20] = struct.pack(">5l", 65536, 65536, 0, 65536, 0)
    return bytes(profile).replace("sRGB built-in".encode("utf-16-be"), "sRGB, linear ".encode("utf-16-be"))


def _rawpy() -> ModuleType:
    try:
        import rawpy
    except ImportError:
        raise MissingExtraError("camera raw", "raw") from None
    module: ModuleType = rawpy
    return module
