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
from PIL.TgaImagePlugin import TgaImageFile

from clearsight.images import avif, exr, heic, jpeg, jxl, netpbm, png, raw, tiff, webp
from clearsight.images.exif import says_resolution
from clearsight.images.jp2 import JPEG2000, OTHERS
from clearsight.images.photoshop import RESOURCES
from clearsight.images.picture import ALPHA, COLOUR, GREY, Header, Metadata, Picture
from clearsight.images.pillow import Raster
from clearsight.images.pngtext import CHUNKS, COLOURS
from clearsight.images.tags import LAYOUT

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
        told: by what else than its signature it is told, where other formats share that.
        codec: how it is read and written.
        stacks: how stacks of planes are, where it holds them.
        dtypes: what its pixels may be when it is written; empty where it is only read.
        alpha: whether it holds alpha when it is written.
        premultiplied: whether its colours are multiplied by alpha; ``None`` where the file says which.
        extra: whether it holds channels that are neither grey, colour nor alpha.
        layers: whether a picture is one of several layers.
        bits: the most bits a sample it holds of integers.
        lossless: whether nothing is lost by it, ever.
        exif: the most bytes of EXIF it holds.
        instead: what the results of its files end in, where it is only read.
        densest: the most dots per inch it holds.
        keeps: what it holds besides pixels: of ``icc exif xmp iptc comment text dpi``, and what of
            ``Metadata.native`` it understands.
        named: whether it is told by its name, too, for many files begin like that.
        left_out: what of a picture that was read from this format is not written, a clause each; told whether the
            format stays.
    """

    name: str
    suffixes: tuple[str, ...]
    signature: bytes
    told: Callable[[Source], bool] = lambda source: True
    codec: Codec
    stacks: Stacks | None = None
    dtypes: tuple[str, ...]
    alpha: bool
    premultiplied: bool | None = False
    extra: bool = False
    layers: bool = False
    bits: int = 32
    lossless: bool = False
    exif: int = 2**32
    instead: str = ""
    densest: float = float("inf")
    keeps: tuple[str, ...] = ()
    named: bool = False
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
        return f"{size:,} bytes of EXIF" if "exif" in self.keeps and size > self.exif else ""

    def leaves(self, picture: Picture) -> tuple[str, ...]:
        """What of a picture is left out in this format without harm to its pixels, a clause each."""
        metadata, bits = picture.metadata, 8 * picture.pixels.dtype.itemsize
        lost = [what for name, what in _NAMES.items() if getattr(metadata, name) and not self._holds(name, metadata)]
        lost += ["the colour profile"] if picture.icc and "icc" not in self.keeps else []
        lost += [name for name in metadata.native if name not in (*self.keeps, *_SILENT)]
        notes = [f"{what} left out, which {self.name} does not hold" for what in lost]
        stored = int(metadata.native.get("bits", bits))
        if picture.pixels.dtype.kind == "u" and stored > self.bits:
            notes.append(f"{stored} bits became {self.bits}, the most {self.name} holds")
        return tuple(notes)

    def _holds(self, name: str, metadata: Metadata) -> bool:
        if name != "dpi" or metadata.dpi is None:
            return name in self.keeps
        within = "dpi" in self.keeps and max(metadata.dpi) <= self.densest
        return within or ("exif" in self.keeps and says_resolution(metadata.exif))


_NAMES = {
    "exif": "EXIF",
    "xmp": "XMP",
    "iptc": "IPTC records",
    "comment": "a comment",
    "text": "text",
    "dpi": "the resolution",
}
_SILENT = ("OpenEXR", "bits", "maxval", "lossy JPEG XL", CHUNKS, LAYOUT)
"""What one format understands and nobody misses in another, or what it says of by itself."""


FORMATS = (
    Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg", ".jfif", ".jpe", ".mpo"),
        signature=rb"\xff\xd8\xff",
        codec=jpeg,
        dtypes=("uint8",),
        alpha=False,
        exif=65_527,
        densest=jpeg.DENSEST,
        keeps=("icc", "exif", "xmp", "iptc", "comment", "dpi", RESOURCES),
    ),
    Format(
        name="PNG",
        suffixes=(".png",),
        signature=rb"\x89PNG\r\n\x1a\n",
        codec=png,
        dtypes=("uint8", "uint16"),
        alpha=True,
        lossless=True,
        keeps=("icc", "exif", "xmp", "iptc", "comment", "text", "dpi", "CICP", CHUNKS, COLOURS),
    ),
    Format(
        name="WebP",
        suffixes=(".webp",),
        signature=rb"RIFF....WEBP",
        codec=webp,
        dtypes=("uint8",),
        alpha=True,
        keeps=("icc", "exif", "xmp"),
    ),
    Format(
        name="camera raw",
        suffixes=raw.SUFFIXES,
        signature=raw.SIGNATURE,
        told=raw.is_raw,
        codec=raw,
        dtypes=(),
        alpha=False,
        instead=".tif",
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
        lossless=True,
        keeps=("icc", "exif", "xmp", "iptc", "dpi", RESOURCES),
        left_out=tiff.left_out,
    ),
    Format(
        name="BMP",
        suffixes=(".bmp", ".dib"),
        signature=rb"BM",
        codec=Raster(name="BMP", plugin=BmpImageFile),
        dtypes=("uint8",),
        alpha=False,
        lossless=True,
        keeps=("dpi",),
    ),
    Format(
        name="GIF",
        suffixes=(".gif",),
        signature=rb"GIF8[79]a",
        codec=Raster(name="GIF", plugin=GifImageFile),
        dtypes=(),
        alpha=False,
        lossless=True,
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
        lossless=True,
        left_out=exr.left_out,
    ),
    Format(
        name="AVIF",
        suffixes=(".avif",),
        signature=rb"....ftyp(....)*?avi[fs]",
        codec=avif,
        dtypes=("uint8", "uint16"),
        alpha=True,
        bits=12,
        keeps=("icc", "exif", "xmp", "CICP"),
    ),
    Format(
        name="HEIC",
        suffixes=(".heic", ".heif", ".hif"),
        signature=rb"....ftyp(....)*?(hei[cxms]|hev[cxms]|mif1|msf1)",
        codec=heic,
        dtypes=("uint8", "uint16"),
        alpha=True,
        bits=12,
        keeps=("icc", "exif", "xmp", "CICP"),
    ),
    Format(
        name="JPEG XL",
        suffixes=(".jxl",),
        signature=rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
        codec=jxl,
        dtypes=("uint8", "uint16", "float32"),
        alpha=True,
        keeps=("exif", "xmp", "CICP"),
    ),
    Format(
        name="JPEG 2000",
        suffixes=(".jp2", ".jpx", ".jpf"),
        signature=rb"\0\0\0\x0cjP  \r\n\x87\n",
        codec=JPEG2000(),
        dtypes=("uint8", "uint16"),
        alpha=True,
        premultiplied=None,
        extra=True,
        keeps=("icc", "exif", "xmp", "iptc", "dpi", OTHERS),
    ),
    Format(
        name="JPEG 2000 codestream",
        suffixes=(".j2k", ".j2c", ".jpc"),
        signature=rb"\xff\x4f\xff\x51",
        codec=JPEG2000(bare=True),
        dtypes=("uint8", "uint16"),
        alpha=False,
    ),
    Format(
        name="Netpbm",
        suffixes=(".ppm", ".pgm", ".pbm", ".pnm"),
        signature=rb"P[1-6][\s#]",
        codec=netpbm,
        dtypes=("uint8", "uint16"),
        alpha=False,
        lossless=True,
        keeps=("comment",),
    ),
    Format(
        name="TGA",
        suffixes=(".tga",),
        signature=rb".[\0\1][\1\2\3\x09\x0a\x0b].{13}[\x08\x0f\x10\x18\x20].",
        codec=Raster(name="TGA", plugin=TgaImageFile, options={"compression": "tga_rle"}, comment="id_section"),
        dtypes=("uint8",),
        alpha=True,
        lossless=True,
        keeps=("comment",),
        named=True,
    ),
)

SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)
"""What the names of images end in, in lower case."""


def by_content(source: Source, name: str = "") -> Format | None:
    """Tell the format of a file by its first bytes, whatever its name says; of TGA, which has no signature, by both."""
    suffix = Path(name).suffix.lower()
    with source.open("rb") if isinstance(source, Path) else BytesIO(source.getvalue()) as file:
        head = file.read(64)
    told = (form for form in FORMATS if re.match(form.signature, head, re.DOTALL))
    named = (form for form in told if not form.named or suffix in form.suffixes)
    return next((form for form in named if form.told(source)), None)


def by_suffix(path: Path) -> Format | None:
    """Tell the format that a file is to be written in by its name."""
    return next((form for form in FORMATS if path.suffix.lower() in form.suffixes), None)
