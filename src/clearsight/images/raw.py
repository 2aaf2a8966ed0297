"""Camera raw, through the optional part ``raw``: developed linearly at 16 bits, never its preview."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from clearsight.images.picture import Header, Metadata, Picture
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
    rawpy = _rawpy()
    with _raw(source) as raw:
        raw.unpack()
        pixels = raw.postprocess(
            gamma=(1, 1),
            no_auto_bright=True,
            use_camera_wb=True,
            output_color=rawpy.ColorSpace.sRGB,
            output_bps=16,
        )
    metadata = Metadata(exif=_exif(source), icc=_profile() if pixels.ndim == 3 and pixels.shape[2] == 3 else b"")
    return Picture(pixels=np.atleast_3d(pixels), metadata=metadata, notes=(_NOTE,))


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
