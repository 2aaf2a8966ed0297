"""TIFF at any bit depth, through tifffile."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from tifffile import RESUNIT, TiffFile, TiffPage, imwrite

from clearsight.images import exif
from clearsight.images.photometric import interpret
from clearsight.images.picture import Header, Metadata, Picture

__all__ = ["decode", "encode", "header"]

logging.getLogger("tifffile").addHandler(logging.NullHandler())


def header(path: Path) -> Header:
    """Read size and number of pages; previews and masks are no pages."""
    with TiffFile(path) as tif:
        first, *others = (page.aspage() for page in tif.pages)
        more = [page for page in others if not (page.is_reduced or page.is_mask)]
        return Header(first.imagewidth, first.imagelength, 1 + len(more))


def decode(path: Path) -> Picture:
    """Read the picture as stored: not yet upright.

    Raises:
        ValueError: the data ends before the pixels do, or the samples are of a kind that is not read.
    """
    with TiffFile(path) as tif:
        page = tif.pages.first
        _refuse_truncated(page, tif.filehandle.size)
        metadata = Metadata(exif=exif.from_tiff(path), icc=page.iccprofile or b"", dpi=_dpi(page))
        return interpret(page, metadata)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture, losslessly compressed."""
    grey, metadata = picture.pixels.shape[2] == 1, picture.metadata
    imwrite(
        path,
        picture.samples,
        byteorder="<",
        photometric="minisblack" if grey else "rgb",
        planarconfig=None if grey and picture.alpha is None else "contig",
        extrasamples=None if picture.alpha is None else ["unassalpha"],
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
