"""TIFF at any bit depth, through tifffile."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from tifffile import RESUNIT, TiffFile, TiffPage, imwrite

from clearsight.images import exif
from clearsight.images.photometric import interpret
from clearsight.images.picture import Header, Metadata, Picture

__all__ = ["decode", "encode", "encode_planes", "header", "planes"]

_EXTRA = {"alpha": "unassalpha", "premultiplied alpha": "assocalpha", "other": "unspecified"}

logging.getLogger("tifffile").addHandler(logging.NullHandler())


def header(source: Path | BytesIO) -> Header:
    """Read size, samples a pixel and number of pages; previews and masks are no pages."""
    with TiffFile(source) as tif:
        first, *others = (page.aspage() for page in tif.pages)
        more = [page for page in others if not (page.is_reduced or page.is_mask)]
        return Header(first.imagewidth, first.imagelength, first.samplesperpixel, planes=1 + len(more))


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright.

    Raises:
        ValueError: the data ends before the pixels do, or the samples are of a kind that is not read.
    """
    with TiffFile(source) as tif:
        page = tif.pages.first
        _refuse_truncated(page, tif.filehandle.size)
        metadata = Metadata(exif=exif.from_tiff(source), icc=page.iccprofile or b"", dpi=_dpi(page))
        return interpret(page, metadata)


def planes(source: Path | BytesIO) -> Iterator[Picture]:
    """Read the planes of a stack one by one."""
    raise NotImplementedError


def encode_planes(source: Path | BytesIO, planes: Iterable[Picture], path: Path) -> None:
    """Write a stack that is like ``source`` but for its pixels."""
    raise NotImplementedError


def encode(picture: Picture, path: Path) -> None:
    """Write the picture, losslessly compressed."""
    grey, metadata = "grey" in picture.channels, picture.metadata
    imwrite(
        path,
        picture.samples,
        byteorder="<",
        photometric="minisblack" if grey else "rgb",
        planarconfig=None if len(picture.channels) == 1 else "contig",
        extrasamples=[_EXTRA[name] for name in picture.channels if name in _EXTRA] or None,
        compression="zlib",
        predictor=True,
        resolution=metadata.dpi,
        resolutionunit="INCH" if metadata.dpi else None,
        iccprofile=picture.icc or None,
        extratags=exif.text_tags(metadata.exif),
        metadata=None,
        software=False,
    )
    exif.into_tiff(path, metadata.exif)


def _refuse_truncated(page: TiffPage, size: int) -> None:
    end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
    if end > size:
        raise ValueError(f"truncated: its pixels end at byte {end}, the file at {size}")


def _dpi(page: TiffPage) -> tuple[float, float] | None:
    unit = page.tags.valueof("ResolutionUnit", default=RESUNIT.INCH)
    with suppress(ValueError, ZeroDivisionError):
        if "XResolution" in page.tags and unit in (RESUNIT.INCH, RESUNIT.CENTIMETER):
            return page.get_resolution("INCH")
    return None
