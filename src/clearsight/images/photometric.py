"""What the samples of a TIFF page mean: grey either way up, palettes, odd bit depths, CMYK, alpha."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffPage

from clearsight.images.intensities import from_unit
from clearsight.images.picture import Array, Metadata, Picture
from clearsight.images.pillow import picture_of

__all__ = ["interpret"]

_COLOURS: dict[int, int] = {
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.SEPARATED: 4,
}
_JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG)


def interpret(page: TiffPage, metadata: Metadata) -> Picture:
    """Decode a page to grey or RGB.

    Fewer bits than 8 or 16 are scaled up, palettes are resolved, CMYK is converted to sRGB, and premultiplied
    alpha is divided out.

    Raises:
        ValueError: the samples are of a kind that is not read.
    """
    samples = _narrowed(_interleaved(page))
    mode = _pillow_mode(page)
    if mode:
        return _through_pillow(samples, mode, metadata)
    table = _table(page, samples)
    _refuse_extra(page, samples, allowed=int(table is None))
    if table is not None:
        return Picture(pixels=table[samples] if table.ndim == 1 else table[samples[..., 0]], metadata=metadata)
    associated = EXTRASAMPLE.ASSOCALPHA in page.extrasamples
    return Picture.of(samples, metadata, alpha="premultiplied alpha" if associated else "alpha")


def _interleaved(page: TiffPage) -> Array:
    """Decode to ``(H, W, S)``."""
    samples = page.asarray()
    if page.axes not in ("YX", "YXS", "SYX"):
        raise ValueError(f"a volume with axes {page.axes}, expected a flat image")
    if samples.dtype == np.bool_:
        samples = samples.view(np.uint8)
    return np.atleast_3d(np.moveaxis(samples, 0, -1) if page.axes == "SYX" else samples)


def _narrowed(samples: Array) -> Array:
    """Any numbers to uint8, uint16 or float32, without changing a value."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    if samples.dtype in (np.uint8, np.uint16):
        return samples
    if samples.dtype.kind in "iu" and samples.min() >= 0 and samples.max() < 2**16:
        return samples.astype(np.uint16)
    raise ValueError(f"{samples.dtype} numbers outside 0..65535, expected 8 or 16 bits or floats")


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
    image.info.update(icc_profile=metadata.icc, exif=metadata.exif, dpi=metadata.dpi)
    return picture_of(image)


def _table(page: TiffPage, samples: Array) -> Array | None:
    """What each stored number stands for: ``(N,)`` grey levels or ``(N, 3)`` colours; ``None`` if itself."""
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        return (page.colormap.T >> 8).astype(np.uint8)
    bits, inverted = page.bitspersample, page.photometric == PHOTOMETRIC.MINISWHITE
    if samples.dtype.kind == "f" or bits > 16 or (bits in (8, 16) and not inverted):
        return None
    levels = from_unit(np.linspace(0, 1, 2**bits), np.uint8 if bits <= 8 else np.uint16)
    return levels[::-1] if inverted else levels


def _refuse_extra(page: TiffPage, samples: Array, *, allowed: int) -> None:
    colours = _COLOURS.get(page.photometric)
    if colours is None or not colours <= samples.shape[2] <= colours + allowed:
        raise ValueError(
            f"{samples.shape[2]} samples a pixel of kind {page.photometric!r}, "
            "expected grey or RGB and one alpha at most"
        )
