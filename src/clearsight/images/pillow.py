"""Pillow's images ↔ pictures, and the formats that Pillow decodes and encodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from clearsight.errors import InvalidArgumentError
from clearsight.images.exif import oriented
from clearsight.images.picture import Array, Header, Metadata, Picture

__all__ = ["Raster", "from_pillow", "header_of", "metadata_of", "picture_of", "to_pillow"]

_PLAIN = ("L", "LA", "RGB", "RGBA")
_DEEP = ("I;16", "I;16L", "I;16B", "I", "F")
_BECOMES = {"1": "1-bit grey became 8-bit grey", "P": "palette colours became RGB", "CMYK": "CMYK became RGB"}
"""What is said of modes that a restored image cannot have."""
_STRIP = 2**22


@dataclass(frozen=True, kw_only=True, slots=True)
class Raster:
    """A format that Pillow decodes and encodes at 8 bits.

    The plugin is called directly: ``Image.open`` has a limit on pixels of its own, which is global and warns.

    Attributes:
        name: what Pillow calls the format.
        plugin: the class that opens it.
        options: how it is encoded.
        comment: what Pillow calls the comment, where the format has one.
    """

    name: str
    plugin: type[ImageFile]
    options: Mapping[str, Any] = field(default_factory=dict)
    comment: str = "comment"

    def header(self, source: Path | BytesIO) -> Header:
        """Read size, bands and number of frames."""
        with self.plugin(source) as image:
            return header_of(image)

    def decode(self, source: Path | BytesIO, layer: str | None) -> Picture:
        """Read the picture as stored: not yet upright."""
        with self.plugin(source) as image:
            image.info.setdefault("comment", image.info.get(self.comment, b""))
            return picture_of(image)

    def encode(self, picture: Picture, path: Path) -> None:
        """Write the picture."""
        saved = _saved(picture)
        comment = {self.comment: saved.pop("comment")} if "comment" in saved else {}
        Image.fromarray(picture.samples).save(path, self.name, **self.options, **saved, **comment)


def header_of(image: Image.Image) -> Header:
    """Size, bands once palettes are resolved, and number of frames of an opened image."""
    bands = 3 + image.has_transparency_data if image.mode == "P" else len(image.getbands())
    return Header(image.width, image.height, bands, frames=getattr(image, "n_frames", 1))


def metadata_of(image: Image.Image) -> Metadata:
    """What an opened image says besides its pixels."""
    return Metadata(
        exif=image.info.get("exif", b"").removeprefix(b"Exif\0\0"),
        icc=image.info.get("icc_profile") or b"",
        dpi=image.info.get("dpi"),
        xmp=_bytes(image.info.get("xmp")),
        comment=_bytes(image.info.get("comment")),
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else b""


def from_pillow(image: Image.Image) -> Picture:
    """A Pillow image of any mode as an upright picture, with its EXIF block, profile and resolution.

    Raises:
        InvalidArgumentError: Pillow cannot turn its mode into grey or RGB.
    """
    try:
        return oriented(picture_of(image))
    except ValueError as error:
        raise InvalidArgumentError(
            f"a Pillow image of mode {image.mode} cannot be used ({error}): convert it first"
        ) from None


def to_pillow(picture: Picture) -> Image.Image:
    """A picture as a Pillow image; what its file said besides is in ``info``."""
    image = Image.fromarray(picture.samples)
    image.info.update(_saved(picture))
    return image


def picture_of(image: Image.Image) -> Picture:
    """Decode an opened image of any mode, as stored; palettes are resolved, CMYK is converted to sRGB."""
    image.load()
    metadata, became = metadata_of(image), _BECOMES.get(image.mode)
    if image.mode in _DEEP:
        deep = np.asarray(image)
        return Picture.of(deep.astype(deep.dtype.newbyteorder("=")), metadata)
    if image.mode == "CMYK":
        image, metadata = _srgb(image, metadata.icc), replace(metadata, icc=b"")
    picture = Picture.of(_samples(_plain(image)), metadata)
    return picture.noting(became) if became else picture


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in _PLAIN and not (image.has_transparency_data and image.mode in ("L", "RGB")):
        return image
    if image.mode in ("La", "RGBa"):
        return image.convert(image.mode.upper())
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def _saved(picture: Picture) -> dict[str, Any]:
    """The metadata as Pillow's ``save`` and ``info`` name it."""
    metadata = picture.metadata
    saved: dict[str, Any] = {"icc_profile": picture.icc} if picture.icc else {}
    if metadata.exif:
        saved["exif"] = b"Exif\0\0" + metadata.exif
    named = {"dpi": metadata.dpi, "xmp": metadata.xmp, "comment": metadata.comment}
    return saved | {name: value for name, value in named.items() if value}


def _srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
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
