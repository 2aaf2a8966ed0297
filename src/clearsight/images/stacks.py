"""The planes of a TIFF file: pages, slices that follow one another behind a single page, volumes in one page."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffPage

from clearsight.images import exif, photoshop
from clearsight.images.photometric import interpret, refuse_unreadable
from clearsight.images.picture import Array, Metadata, Picture
from clearsight.images.tags import LAYOUT, dpi_of, kept_of, packet

__all__ = ["counted", "opened", "planes", "runs"]

_XMP, _IPTC, _PHOTOSHOP, _LAYERS = 700, 33723, 34377, 37724
_DIALECTS = {"lsm": "Zeiss LSM", "stk": "MetaMorph STK", "ndpi": "Hamamatsu NDPI"}
"""What is TIFF in name, and says in its tags where in the file things lie."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())


@contextmanager
def opened(source: Path | BytesIO) -> Iterator[TiffFile]:
    """Open a file or its content, which may be open several times."""
    with TiffFile(BytesIO(source.getvalue()) if isinstance(source, BytesIO) else source) as tif:
        yield tif


def counted(tif: TiffFile) -> list[tuple[TiffPage, int]]:
    """The pages that are pictures and how many planes each holds; smaller copies and masks are left out.

    Of OME files all pages are pictures, for their XML counts them. ImageJ and tifffile write stacks whose slices
    follow one another behind one page.

    Raises:
        ValueError: a page cannot be read; the file is of a dialect that cannot be written; or it says that it has more
            slices than there are.
    """
    for kind, name in _DIALECTS.items():
        if getattr(tif, f"is_{kind}"):
            raise ValueError(f"{name}, expected TIFF that other programs write, too: convert it to OME-TIFF")
    every = [page.aspage() for page in tif.pages]
    pages = [page for page in every if tif.is_ome or not (page.is_reduced or page.is_mask)] or every[:1]
    if pages[0].is_reduced and pages[0].subifds and not tif.is_ome:
        raise ValueError("its pages are previews of a picture inside them, expected the picture as a page")
    for page in pages:
        refuse_unreadable(page)
    behind = _behind(tif, len(every)) if tif.is_imagej or tif.is_shaped else {}
    return [(page, behind.get(page.index, page.imagedepth)) for page in pages]


def runs(tif: TiffFile, counts: list[tuple[TiffPage, int]]) -> list[tuple[TiffPage, int]]:
    """The same, planes that follow one another in the file taken together: ImageJ and tifffile look for them so."""
    starts = {series.keyframe.index for series in tif.series} if tif.is_imagej or tif.is_shaped else None
    together: list[tuple[TiffPage, int]] = []
    for page, n in counts:
        if starts is None or page.index in starts or not page.is_final or page.imagedepth > 1:
            together.append((page, n))
        else:
            first, before = together.pop()
            together.append((first, before + n))
    return together


def planes(source: Path | BytesIO) -> Iterator[Picture]:
    """Read the planes one by one, as stored: not yet upright.

    Raises:
        ValueError: the data ends before the pixels do, or the samples are of a kind that is not read.
    """
    with opened(source) as tif:
        counts = counted(tif)
        for page, n in counts:
            _refuse_truncated(page, n, tif.filehandle.size)
            painted = tif.is_imagej or tif.is_ome
            metadata, notes = _metadata(source, page, painted), _notes(tif, page, len(counts))
            for samples in _samples(page, n):
                picture = interpret(page, samples, metadata, painted=painted)
                yield replace(picture, notes=(*picture.notes, *notes))


def _behind(tif: TiffFile, pages: int) -> dict[int, int]:
    """How many planes lie behind those pages that have more than one."""
    starts = {series.keyframe.index: series for series in tif.series}
    behind = {}
    for start, end in zip(sorted(starts), [*sorted(starts)[1:], pages], strict=True):
        n = starts[start].size // starts[start].keyframe.size
        if n > end - start:
            if end - start > 1 or not starts[start].keyframe.is_final:
                raise ValueError(f"truncated: it says {n} slices, and has {end - start}")
            behind[start] = n
    said = (tif.imagej_metadata or {}).get("images", 1) if tif.is_imagej else 1
    if pages == 1 < said and not behind:
        raise ValueError(f"truncated: it says {said} slices, and has less")
    return behind


def _samples(page: TiffPage, n: int) -> Iterator[Array]:
    """The planes of a page, ``(H, W, S)``."""
    if n > 1 and page.imagedepth == 1:
        file, dtype = page.parent.filehandle, np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        for i in range(n):
            file.seek(page.dataoffsets[0] + i * page.nbytes)
            plane = np.frombuffer(file.read(page.nbytes), dtype).astype(page.dtype).reshape(page.shape)
            yield _channels_last(plane, page.axes)
        return
    samples, axes = page.asarray(), page.axes
    if "Z" not in axes:
        yield _channels_last(samples, axes)
        return
    for plane in np.moveaxis(samples, axes.index("Z"), 0):
        yield _channels_last(plane, axes.replace("Z", ""))


def _channels_last(samples: Array, axes: str) -> Array:
    if axes not in ("YX", "YXS", "SYX"):
        raise ValueError(f"axes {axes}, expected a flat image")
    return np.atleast_3d(np.moveaxis(samples, 0, -1) if axes == "SYX" else samples)


def _metadata(source: Path | BytesIO, page: TiffPage, painted: bool) -> Metadata:
    resources = photoshop.parsed(packet(page, _PHOTOSHOP))
    others = tuple(each for each in resources if each.number != photoshop.IPTC)
    iptc = next((each.content for each in resources if each.number == photoshop.IPTC), b"")
    return Metadata(
        exif=exif.from_tiff(source, page),
        icc=page.iccprofile or b"",
        dpi=dpi_of(page),
        xmp=packet(page, _XMP),
        iptc=packet(page, _IPTC) or iptc,
        native={LAYOUT: kept_of(page, painted=painted)} | ({photoshop.RESOURCES: others} if others else {}),
    )


def _notes(tif: TiffFile, page: TiffPage, pages: int) -> list[str]:
    """What of a page, or beside it, is not restored."""
    dropped = pages < len(tif.pages) or page.subifds
    return [
        *(["smaller copies and masks of it were left out"] if dropped else []),
        *(["Photoshop's layers were left out"] if _LAYERS in page.tags else []),
    ]


def _refuse_truncated(page: TiffPage, n: int, size: int) -> None:
    end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)))
    if page.imagedepth == 1:
        end += (n - 1) * page.nbytes
    if end > size:
        raise ValueError(f"truncated: its pixels end at byte {end}, the file at {size}")
    there, needed = len(page.dataoffsets), math.prod(page.chunked)
    if there < needed and not page.is_contiguous:
        raise ValueError(f"truncated: it has {there} of {needed} strips or tiles")
    if page.is_contiguous and page.dataoffsets[0] + (n if page.imagedepth == 1 else 1) * page.nbytes > size:
        raise ValueError(f"truncated: it has fewer pixels than {page.imagewidth}×{page.imagelength}")
