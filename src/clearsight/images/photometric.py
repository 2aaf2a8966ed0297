"""What the samples of a TIFF page mean: grey either way up, palettes, odd bit depths, CMYK, alpha, further channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffPage

from clearsight.images.intensities import from_unit
from clearsight.images.picture import COLOUR, GREY, Array, Meaning, Metadata, Picture
from clearsight.images.pillow import picture_of

__all__ = ["interpret", "refuse_unreadable"]

_COLOURS: dict[int, int] = {
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.SEPARATED: 4,
}
_EXTRA: dict[int, Meaning] = {EXTRASAMPLE.ASSOCALPHA: "premultiplied alpha", EXTRASAMPLE.UNASSALPHA: "alpha"}
_JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG)
_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64", "bool")


def refuse_unreadable(page: TiffPage) -> None:
    """Say what of a page cannot be read, before anything is decoded.

    Raises:
        ValueError: its numbers or its colours are of a kind that is not read.
    """
    colours, dtype = _COLOURS.get(page.photometric), page.dtype
    if not page.size:
        raise ValueError("a page without pixels")
    if dtype is None or dtype.name not in _DTYPES:
        raise ValueError(f"{dtype or 'unknown'} numbers, expected integers of 8, 16 or 32 bits or floats")
    if colours is None or page.samplesperpixel < colours:
        raise ValueError(
            f"{page.samplesperpixel} samples a pixel of kind {page.photometric!r}, "
            "expected grey, RGB, palette, YCbCr or CMYK, and channels beside them"
        )


def interpret(page: TiffPage, samples: Array, metadata: Metadata, *, painted: bool = False) -> Picture:
    """What a page's decoded samples mean: grey or RGB, and the channels beside them.

    Fewer bits than 8 or 16 are scaled up, palettes are resolved, CMYK is converted to sRGB.

    Args:
        page: what they are of.
        samples: ``(H, W, S)``.
        metadata: of the picture.
        painted: whether a palette is what an instrument paints its grey levels with, which stay as they are.

    Raises:
        ValueError: the samples are of a kind that is not read.
    """
    mode = _pillow_mode(page)
    if mode:
        return _through_pillow(samples, mode, metadata)
    colours, note = _COLOURS[page.photometric], ""
    pixels = samples.view(np.uint8) if samples.dtype == np.bool_ else samples
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None and not painted:
        palette = (page.colormap.T >> 8).astype(np.uint8)
        pixels, note = np.dstack([palette[pixels[..., 0]], pixels[..., 1:]]), "palette colours became RGB"
    elif page.photometric != PHOTOMETRIC.PALETTE:
        pixels, note = _scaled(page, pixels)
    if page.photometric == PHOTOMETRIC.MINISWHITE and pixels.dtype.kind == "u":
        pixels = np.dstack([np.iinfo(pixels.dtype).max - pixels[..., :1], pixels[..., 1:]])
    picture = Picture(pixels=pixels, channels=_channels(page, samples.shape[2] - colours, pixels), metadata=metadata)
    return picture.noting(note) if note else picture


def _channels(page: TiffPage, extra: int, pixels: Array) -> tuple[Meaning, ...]:
    """What is not tagged is unspecified."""
    kinds = [*page.extrasamples, *([EXTRASAMPLE.UNSPECIFIED] * extra)][:extra]
    beside: list[Meaning] = [_EXTRA.get(kind, "other") for kind in kinds]
    return (*(COLOUR if pixels.shape[2] - extra == 3 else GREY), *beside)


def _scaled(page: TiffPage, pixels: Array) -> tuple[Array, str]:
    """Samples of fewer bits than their numbers have, by the full range of both."""
    bits = page.bitspersample
    if pixels.dtype.kind != "u" or bits >= 16 or bits == 8:
        return pixels, ""
    wider = 8 if bits < 8 else 16
    levels = from_unit(np.linspace(0, 1, 2**bits), f"uint{wider}")
    return levels[pixels], "1-bit grey became 8-bit grey" if bits == 1 else f"{bits} bits a sample became {wider}"


def _pillow_mode(page: TiffPage) -> str | None:
    """What Pillow calls the colours if it has to convert them; JPEG data comes out of its decoder as RGB."""
    if page.photometric == PHOTOMETRIC.SEPARATED:
        return "CMYK"
    return "YCbCr" if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in _JPEG else None


def _through_pillow(samples: Array, mode: str, metadata: Metadata) -> Picture:
    height, width, bands = samples.shape
    if samples.dtype != np.uint8 or bands != Image.getmodebands(mode):
        raise ValueError(f"{bands} {mode} samples of {samples.dtype}, expected 8 bits a sample and no alpha")
    image = Image.frombytes(mode, (width, height), samples.tobytes())
    image.info.update(icc_profile=metadata.icc)
    converted = picture_of(image)
    icc = b"" if mode == "CMYK" else metadata.icc
    return Picture(pixels=converted.pixels, metadata=replace(metadata, icc=icc), notes=converted.notes)
