"""Which formats there are, and how a file's format is told."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PurePath

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.TgaImagePlugin import TgaImageFile

from clearsight.images import avif, exr, heic, jpeg, jxl, netpbm, nifti, png, raw, tiff, webp
from clearsight.images.format import Format, Source
from clearsight.images.jp2 import JPEG2000, OTHERS
from clearsight.images.photoshop import RESOURCES
from clearsight.images.pillow import Raster
from clearsight.images.pngtext import CHUNKS, COLOURS
from clearsight.images.stores import Place

__all__ = ["FORMATS", "SUFFIXES", "by_content", "by_suffix", "suffix_of"]

_VOLUME = nifti.Nifti()
_PACKED_VOLUME = nifti.Nifti(compressed=True)

_NIFTI = Format(
    name="NIfTI",
    suffixes=(".nii",),
    signature=nifti.SIGNATURE,
    told=_VOLUME.told,
    codec=_VOLUME,
    stacks=_VOLUME,
    dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"),
    colour=False,
    alpha=False,
    lossless=True,
    keeps=(nifti.HEADER,),
)

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
    _NIFTI,
    replace(
        _NIFTI,
        name="gzipped NIfTI",
        suffixes=(".nii.gz",),
        signature=rb"\x1f\x8b",
        told=_PACKED_VOLUME.told,
        codec=_PACKED_VOLUME,
        stacks=_PACKED_VOLUME,
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


def by_suffix(path: Place) -> Format | None:
    """Tell the format that a file is to be written in by its name."""
    return next((form for form in FORMATS if suffix_of(path) in form.suffixes), None)


def suffix_of(path: Place) -> str:
    """What the name of a file ends in, in lower case; two suffixes where a format's names end in two.

    Example:
        >>> suffix_of(Path("scan.one.NII.gz")), suffix_of(Path("photo.old.JPG"))
        ('.nii.gz', '.jpg')
    """
    name = PurePath(path.name)
    last = "".join(name.suffixes[-2:]).lower()
    return last if last in SUFFIXES else name.suffix.lower()
