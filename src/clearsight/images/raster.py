"""JPEG, WebP, BMP and GIF, through Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from clearsight.images.picture import Array, Header, Metadata, Picture

__all__ = ["Raster", "header_of", "metadata_of", "picture_of"]

_PLAIN = ("L", "LA", "RGB", "RGBA")
_STRIP = 2**22


@dataclass(frozen=True, kw_only=True, slots=True)
class Raster:
    """A format that Pillow decodes and encodes at 8 bits.

    The plugin is called directly: ``Image.open`` has a limit on pixels of its own, which is global and warns.

    Attributes:
        name: what Pillow calls the format.
        plugin: the class that opens it.
        options: how it is encoded.
    """

    name: str
    plugin: type[ImageFile]
    options: Mapping[str, Any] = field(default_factory=dict)

    def header(self, path: Path) -> Header:
        """Read size and number of frames."""
        with self.plugin(path) as image:
            return header_of(image)

    def decode(self, path: Path) -> Picture:
        """Read the picture as stored: not yet upright."""
        with self.plugin(path) as image:
            return picture_of(image)

    def encode(self, picture: Picture, path: Path) -> None:
        """Write the picture."""
        metadata: dict[str, Any] = {"icc_profile": picture.icc or None}
        if picture.metadata.exif:
            metadata["exif"] = b"Exif\0\0" + picture.metadata.exif
        if picture.metadata.dpi:
            metadata["dpi"] = picture.metadata.dpi
        Image.fromarray(picture.samples).save(path, self.name, **self.options, **metadata)


def header_of(image: Image.Image) -> Header:
    """Size and number of frames of an opened image."""
    return Header(image.width, image.height, getattr(image, "n_frames", 1))


def metadata_of(image: Image.Image) -> Metadata:
    """What an opened image says besides its pixels."""
    return Metadata(
        exif=image.info.get("exif", b"").removeprefix(b"Exif\0\0"),
        icc=image.info.get("icc_profile") or b"",
        dpi=image.info.get("dpi"),
    )


def picture_of(image: Image.Image) -> Picture:
    """Decode an opened image of any 8-bit mode; palettes are resolved, CMYK is converted to sRGB."""
    image.load()
    metadata = metadata_of(image)
    if image.mode == "CMYK":
        image, metadata = _srgb(image, metadata.icc), Metadata(exif=metadata.exif, dpi=metadata.dpi)
    return Picture.of(_samples(_plain(image)), metadata)


def _plain(image: Image.Image) -> Image.Image:
    if image.has_transparency_data and image.mode not in ("LA", "RGBA"):
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    return image if image.mode in _PLAIN else image.convert("L" if image.mode == "1" else "RGB")


def _srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        converted = None
    return converted or image.convert("RGB")


def _samples(image: Image.Image) -> Array:
    """Copy strip by strip: in one piece Pillow would hold the pixels three times over."""
    samples = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        samples[top : top + rows] = np.asarray(strip).reshape(-1, *samples.shape[1:])
    return samples
