"""Which formats there are, how a file's format is told, and what each can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.WebPImagePlugin import WebPImageFile

from clearsight.images import exr, png, tiff
from clearsight.images.picture import Header, Picture
from clearsight.images.raster import Raster

__all__ = ["FORMATS", "SUFFIXES", "Codec", "Format", "by_content", "by_suffix"]


class Codec(Protocol):
    """How the files of one format are read and written; may raise anything, the callers explain it."""

    def header(self, path: Path) -> Header:
        """Read size and number of frames, decoding nothing."""

    def decode(self, path: Path) -> Picture:
        """Read the picture as stored: not yet upright."""

    def encode(self, picture: Picture, path: Path) -> None:
        """Write the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One file format.

    Attributes:
        name: what people call it.
        suffixes: what its file names end in, in lower case.
        signature: pattern of its first bytes.
        codec: how it is read and written.
        dtypes: what its pixels may be when it is written; empty where it is only read.
        alpha: whether it holds alpha when it is written.
    """

    name: str
    suffixes: tuple[str, ...]
    signature: bytes
    codec: Codec
    dtypes: tuple[str, ...]
    alpha: bool

    def holds(self, picture: Picture) -> bool:
        """Whether the picture can be written without losing bits or alpha."""
        return picture.pixels.dtype.name in self.dtypes and (self.alpha or picture.alpha is None)


FORMATS = (
    Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg"),
        signature=rb"\xff\xd8\xff",
        codec=Raster(name="JPEG", plugin=JpegImageFile, options={"quality": 95, "subsampling": 0}),
        dtypes=("uint8",),
        alpha=False,
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
        dtypes=("uint8", "uint16", "float32"),
        alpha=True,
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
        dtypes=("float32",),
        alpha=True,
    ),
)

SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)
"""What the names of images end in, in lower case."""


def by_content(path: Path) -> Format | None:
    """Tell the format of a file by its first bytes, whatever its name says."""
    with path.open("rb") as file:
        head = file.read(16)
    return next((form for form in FORMATS if re.match(form.signature, head, re.DOTALL)), None)


def by_suffix(path: Path) -> Format | None:
    """Tell the format that a file is to be written in by its name."""
    return next((form for form in FORMATS if path.suffix.lower() in form.suffixes), None)
