"""Which formats there are, how a file's format is told, and what each can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.WebPImagePlugin import WebPImageFile

from clearsight.images import exr, png, tiff
from clearsight.images.picture import ALPHA, COLOUR, GREY, Header, Picture
from clearsight.images.pillow import Raster

__all__ = ["FORMATS", "SUFFIXES", "Codec", "Format", "Source", "Stacks", "by_content", "by_suffix"]


Source = Path | BytesIO
"""A file, or its content."""


class Codec(Protocol):
    """How the files of one format are read and written; may raise anything, the callers explain it."""

    def header(self, source: Source) -> Header:
        """Read what a file says of itself, decoding nothing."""

    def decode(self, source: Source, layer: str | None) -> Picture:
        """Read the picture as stored: not yet upright; of a stack the first plane."""

    def encode(self, picture: Picture, path: Path) -> None:
        """Write the picture."""


class Stacks(Protocol):
    """How stacks are read and written, plane by plane, by a format that holds them."""

    def planes(self, source: Source) -> Iterator[Picture]:
        """Read the planes one by one, as stored."""

    def encode_planes(self, source: Source, planes: Iterable[Picture], path: Path) -> None:
        """Write a stack that is like ``source`` but for its pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One file format.

    Attributes:
        name: what people call it.
        suffixes: what its file names end in, in lower case; the first is the usual one.
        signature: pattern of its first bytes.
        codec: how it is read and written.
        stacks: how stacks of planes are, where it holds them.
        dtypes: what its pixels may be when it is written; empty where it is only read.
        alpha: whether it holds alpha when it is written.
        premultiplied: whether its colours are multiplied by alpha; ``None`` where the file says which.
        extra: whether it holds channels that are neither grey, colour nor alpha.
        layers: whether a picture is one of several layers.
        exif: the most bytes of EXIF it holds.
        left_out: what of a picture that was read from this format is not written, a clause each; told whether the
            format stays.
    """

    name: str
    suffixes: tuple[str, ...]
    signature: bytes
    codec: Codec
    stacks: Stacks | None = None
    dtypes: tuple[str, ...]
    alpha: bool
    premultiplied: bool | None = False
    extra: bool = False
    layers: bool = False
    exif: int = 2**32
    left_out: Callable[[Picture, bool], tuple[str, ...]] = lambda picture, stays: ()

    def lacks(self, picture: Picture) -> str:
        """What of a picture would be lost in this format; empty if nothing would."""
        dtype, channels = picture.pixels.dtype.name, set(picture.channels)
        if not (self.extra or channels - set(ALPHA) in (set(GREY), set(COLOUR))):
            return f"channels besides grey or RGB ({', '.join(picture.channels)})"
        if picture.alpha is not None and not self.alpha:
            return f"{dtype} and alpha" if dtype not in self.dtypes else "alpha"
        if dtype not in self.dtypes:
            return dtype
        size = len(picture.metadata.exif)
        return f"{size:,} bytes of EXIF" if size > self.exif else ""


FORMATS = (
    Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg", ".jfif", ".jpe"),
        signature=rb"\xff\xd8\xff",
        codec=Raster(name="JPEG", plugin=JpegImageFile, options={"quality": 95, "subsampling": 0}),
        dtypes=("uint8",),
        alpha=False,
        exif=65_527,
    ),
    Format(
        name="PNG",
        suffixes=(".png",),
        signature=rb"\x89PNG\r\n\x1a\n",
        codec=png,
        dtypes=("uint8", "uint16"),
        alpha=True,
    ),
    Format(
        name="WebP",
        suffixes=(".webp",),
        signature=rb"RIFF....WEBP",
        codec=Raster(name="WEBP", plugin=WebPImageFile, options={"quality": 95}),
        dtypes=("uint8",),
        alpha=True,
    ),
    Format(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        signature=rb"II[*+]\0|MM\0[*+]",
        codec=tiff,
        stacks=tiff,
        dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"),
        alpha=True,
        premultiplied=None,
        extra=True,
    ),
    Format(
        name="BMP",
        suffixes=(".bmp",),
        signature=rb"BM",
        codec=Raster(name="BMP", plugin=BmpImageFile),
        dtypes=("uint8",),
        alpha=False,
    ),
    Format(
        name="GIF",
        suffixes=(".gif",),
        signature=rb"GIF8[79]a",
        codec=Raster(name="GIF", plugin=GifImageFile),
        dtypes=(),
        alpha=False,
    ),
    Format(
        name="OpenEXR",
        suffixes=(".exr",),
        signature=rb"v/1\x01",
        codec=exr,
        dtypes=("float16", "float32"),
        alpha=True,
        premultiplied=True,
        layers=True,
        left_out=exr.left_out,
    ),
)

SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)
"""What the names of images end in, in lower case."""


def by_content(source: Source) -> Format | None:
    """Tell the format of a file by its first bytes, whatever its name says."""
    if isinstance(source, BytesIO):
        head = bytes(source.getbuffer()[:16])
    else:
        with source.open("rb") as file:
            head = file.read(16)
    return next((form for form in FORMATS if re.match(form.signature, head, re.DOTALL)), None)


def by_suffix(path: Path) -> Format | None:
    """Tell the format that a file is to be written in by its name."""
    return next((form for form in FORMATS if path.suffix.lower() in form.suffixes), None)
