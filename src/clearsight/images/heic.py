"""HEIC at 8, 10 and 12 bits, through the optional part ``heif``."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np

from clearsight.errors import MissingExtraError
from clearsight.images.boxes import content, mapped
from clearsight.images.depths import narrowed, widened
from clearsight.images.heif import still
from clearsight.images.picture import Header, Meaning, Picture

__all__ = ["decode", "encode", "header"]

_QUALITY = 95
_IDENTITY, _BT601 = 0, 6


def header(source: Path | BytesIO) -> Header:
    """Read size, samples a pixel and number of frames."""
    with mapped(source) as data:
        return still(data).header


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture, upright; 10 and 12 bits are scaled to the full range of 16.

    Raises:
        MissingExtraError: pillow-heif is not installed.
    """
    data = content(source)
    said = still(data)
    images = _heif().open_heif(BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    image = images[images.primary_index]
    samples = np.asarray(image).reshape(image.size[1], image.size[0], -1)
    if said.header.samples == 2 and samples.shape[2] == 4:
        samples = samples[..., [0, 3]]
    pixels = np.ascontiguousarray(widened(samples, 2**said.bits - 1))
    alpha: Meaning = "premultiplied alpha" if image.premultiplied_alpha else "alpha"
    return replace(Picture.of(pixels, said.metadata, alpha=alpha), notes=said.notes)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture: what was lossless losslessly, else at quality 95, without chroma subsampling.

    Raises:
        MissingExtraError: pillow-heif is not installed.
    """
    metadata, height, width = picture.metadata, *picture.pixels.shape[:2]
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(picture.channels)]
    bits, samples = 8, picture.samples
    if samples.dtype.itemsize == 2:
        bits = 10 if metadata.native.get("bits") == 10 else 12
        mode, samples = f"{mode};16", narrowed(samples, 2**bits - 1) << (16 - bits)
    primaries, transfer = metadata.native.get("CICP", b"\1\x0d")[:2]
    said = {"exif": metadata.exif and b"Exif\0\0" + metadata.exif, "xmp": metadata.xmp, "icc_profile": picture.icc}
    with path.open("wb") as file:
        _heif().encode(
            mode,
            (width, height),
            samples.tobytes(),
            file,
            quality=-1 if metadata.lossless else _QUALITY,
            chroma=444,
            bit_depth=bits,
            color_primaries=primaries,
            transfer_characteristics=transfer,
            matrix_coefficients=_IDENTITY if metadata.lossless else _BT601,
            full_range_flag=1,
            **{name: block for name, block in said.items() if block},
        )


def _heif() -> ModuleType:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError("HEIC", "heif") from None
    module: ModuleType = pillow_heif
    return module
