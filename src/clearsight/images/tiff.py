"""TIFF at any bit depth, through tifffile: one image, or stacks that stream to the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from tifffile import TiffFile, TiffPage, TiffWriter

from clearsight.images import exif, photoshop
from clearsight.images.picture import COLOUR, Array, Header, Picture
from clearsight.images.stacks import counted, opened, planes, runs
from clearsight.images.tags import LAYOUT, ExtraTag, Kept

__all__ = ["decode", "encode", "encode_planes", "header", "left_out", "planes"]

_CLASSIC = 2**32 - 2**25
"""Bytes of pixels that a file of 32-bit offsets is trusted with; more become BigTIFF."""

_EXTRA = {"alpha": "unassalpha", "premultiplied alpha": "assocalpha"}
_XMP, _IPTC, _PHOTOSHOP, _DESCRIPTION = 700, 33723, 34377, 270
_BYTES, _UNDEFINED = 1, 7
_ELSEWHERE = {_DESCRIPTION, 271, 272, 305, 306, 315, 33432, _PHOTOSHOP}
"""Tags whose content other formats hold, too."""


def header(source: Path | BytesIO) -> Header:
    """Read the size and the samples a pixel of the largest page, and the number of planes."""
    with opened(source) as tif:
        counts = counted(tif)
        largest = max((page for page, _ in counts), key=lambda page: page.size)
        samples = largest.samplesperpixel * largest.imagedepth
        return Header(largest.imagewidth, largest.imagelength, samples, planes=sum(n for _, n in counts))


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture as stored: not yet upright.

    Raises:
        ValueError: the data ends before the pixels do, or the samples are of a kind that is not read.
    """
    return next(planes(source))


def encode(picture: Picture, path: Path) -> None:
    """Write the picture: compressed without loss, unless it was read from a TIFF file that was not compressed."""
    bigtiff = picture.pixels.nbytes > _CLASSIC
    with TiffWriter(path, bigtiff=bigtiff, byteorder=_kept(picture).byteorder) as writer:
        writer.write(_stored(picture), **_arguments(picture))
    exif.into_tiff(path, [picture.metadata.exif])


def left_out(picture: Picture, stays: bool) -> tuple[str, ...]:
    """What the file said and is not written where the format does not stay: tags that only TIFF has."""
    tags = () if stays else _kept(picture).tags
    return ("TIFF's own tags were left out",) if {code for code, *_ in tags} - _ELSEWHERE else ()


def encode_planes(source: Path | BytesIO, planes: Iterable[Picture], path: Path) -> None:
    """Write a stack that is like ``source`` but for its pixels: the same pages, with the same to say.

    Planes that lie behind one page get a page each, and still follow one another.

    Raises:
        ValueError: the planes are larger than those of ``source``, whose description says how large they are.
    """
    waiting, blocks = iter(planes), []
    with opened(source) as tif:
        counts = counted(tif)
        bigtiff = tif.is_bigtiff or sum(page.nbytes * n for page, n in counts) > _CLASSIC
        with TiffWriter(path, bigtiff=bigtiff, byteorder=tif.byteorder) as writer:
            for page, n in runs(tif, counts):
                first = next(waiting)
                _refuse_misfit(tif, first)
                blocks += [first.metadata.exif, *([b""] * (n - 1))]
                _write(writer, page, first, n, waiting)
    exif.into_tiff(path, blocks)


def _write(writer: TiffWriter, page: TiffPage, first: Picture, n: int, waiting: Iterator[Picture]) -> None:
    arguments = _arguments(first)
    if n == 1:
        writer.write(_stored(first), **arguments)
        return
    arguments["extratags"] = [_whole(tag) for tag in arguments["extratags"]]
    stored = _stored(first)
    following = map(_stored, chain([first], islice(waiting, n - 1)))
    if page.imagedepth > 1:
        writer.write(np.stack(list(following)), volumetric=True, **arguments)
    else:
        writer.write(following, shape=(n, *stored.shape), dtype=stored.dtype, **arguments)


def _stored(picture: Picture) -> Array:
    """The pixels the way the file holds them: colours first, one channel after the other where it was so."""
    pixels, kept = picture.take(_order(picture)), _kept(picture)
    if kept.white_is_zero and pixels.dtype.kind == "u":
        pixels = np.dstack([np.iinfo(pixels.dtype).max - pixels[..., :1], pixels[..., 1:]])
    if pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0) if kept.separate and pixels.ndim == 3 else pixels)


def _order(picture: Picture) -> tuple[int, ...]:
    first = picture.groups[0]
    return (*first, *(i for i in range(len(picture.channels)) if i not in first))


def _kept(picture: Picture) -> Kept:
    kept: Kept = picture.metadata.native.get(LAYOUT, Kept())
    return kept.enlarged(*picture.pixels.shape[:2])


def _arguments(picture: Picture) -> dict[str, Any]:
    """What tifffile is told of one picture."""
    kept, order = _kept(picture), _order(picture)
    colours = len(picture.groups[0])
    extra = [_EXTRA.get(picture.channels[i], "unspecified") for i in order[colours:]]
    grey = "palette" if kept.painted else "miniswhite" if kept.white_is_zero else "minisblack"
    dpi = picture.metadata.dpi
    return {
        "photometric": "rgb" if colours == len(COLOUR) else grey,
        "planarconfig": None if len(order) == 1 else "separate" if kept.separate else "contig",
        "extrasamples": extra or None,
        "compression": kept.compression,
        "predictor": bool(kept.compression and kept.predictor),
        "tile": kept.tile or None,
        "resolution": kept.resolution or dpi,
        "resolutionunit": kept.unit if kept.resolution else "INCH" if dpi else None,
        "iccprofile": picture.icc or None,
        "extratags": _extratags(picture, kept),
        "metadata": None,
        "software": False,
    }


def _extratags(picture: Picture, kept: Kept) -> list[ExtraTag]:
    metadata = picture.metadata
    tags = list(kept.tags) if LAYOUT in metadata.native else exif.text_tags(metadata.exif)
    resources = photoshop.packed(metadata.native.get(photoshop.RESOURCES, ()))
    packets = ((_XMP, _BYTES, metadata.xmp), (_IPTC, _UNDEFINED, metadata.iptc), (_PHOTOSHOP, _UNDEFINED, resources))
    there = {tag[0] for tag in tags}
    more = [(code, dtype, len(data), data, True) for code, dtype, data in packets if data and code not in there]
    return [*tags, *more]


def _whole(tag: ExtraTag) -> ExtraTag:
    """What tifffile says of slices behind one page, now that each has a page of its own."""
    code, dtype, count, value, once = tag
    if code != _DESCRIPTION or not value.startswith(b"{") or b'"truncated"' not in value:
        return tag
    said = json.loads(value.rstrip(b"\0"))
    del said["truncated"]
    return code, dtype, count, json.dumps(said).encode(), once


def _refuse_misfit(tif: TiffFile, picture: Picture) -> None:
    size, said = picture.pixels.shape[:2], picture.metadata.native[LAYOUT].size
    if size != said and (tif.is_ome or tif.is_shaped):
        raise ValueError(
            f"planes of {said[1]}×{said[0]} became {size[1]}×{size[0]}, and its description would be wrong"
        )
