"""What the boxes of a HEIF file, AVIF or HEIC, say of its primary image (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from clearsight.images.boxes import Box, Bytes, boxes
from clearsight.images.exif import normalized
from clearsight.images.items import Meta, parsed
from clearsight.images.picture import Array, Header, Metadata

__all__ = ["XMP_TYPE", "Still", "still", "turned"]

XMP_TYPE = b"application/rdf+xml"
_TURNS = (b"clap", b"irot", b"imir")


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """The primary image of a file.

    Attributes:
        header: its size as stored, samples a pixel, frames.
        bits: a sample.
        transforms: kind and content of the boxes that crop, turn and mirror what is decoded, in their order.
        metadata: EXIF that asks for no turning, for ``transforms`` do, XMP, profile, code points of its colours;
            lossless where red, green and blue are coded as such, as lossless encoders do.
        notes: of the images besides; thumbnails, tiles and auxiliary images do not count.
    """

    header: Header
    bits: int
    transforms: tuple[tuple[bytes, bytes], ...]
    metadata: Metadata
    notes: tuple[str, ...]


def still(data: Bytes) -> Still:
    """Read what a file says of its primary image, decoding nothing.

    Raises:
        ValueError: it says no size.
    """
    meta = parsed(data)
    properties = meta.of(meta.primary)
    sizes = [content for kind, content in properties if kind == b"ispe"]
    if not sizes:
        raise ValueError("its size is not said")
    width, height = _cut(sizes[0], properties)
    depths = _depths(meta)
    icc, cicp, matrix = _colours(properties)
    grey, alpha = len(depths) == 1, _has_alpha(meta)
    exif, xmp = _described(data, meta)
    return Still(
        header=Header(width, height, (1 if grey else 3) + alpha, frames=_frames(data)),
        bits=max(depths),
        transforms=tuple(each for each in properties if each[0] in _TURNS),
        metadata=Metadata(
            exif=normalized(exif)[1],
            xmp=xmp,
            icc=icc,
            native=({"bits": max(depths)} if max(depths) > 8 else {}) | ({"CICP": cicp} if cicp else {}),
            lossless=matrix == 0,
        ),
        notes=_notes(meta),
    )


def turned(pixels: Array, transforms: tuple[tuple[bytes, bytes], ...]) -> Array:
    """Crop, turn and mirror what was decoded, ``(H, W, C)``, the way the file asks for."""
    for kind, content in transforms:
        if kind == b"irot":
            pixels = np.rot90(pixels, content[0] & 3)
        elif kind == b"imir":
            pixels = np.flip(pixels, content[0] & 1)
        else:
            left, top, width, height = _aperture(content, pixels.shape[1], pixels.shape[0])
            pixels = pixels[top : top + height, left : left + width]
    return np.ascontiguousarray(pixels)


def _cut(size: bytes, properties: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The size once it is cropped: encoders pad to blocks and crop."""
    width, height = struct.unpack_from(">4xLL", size)
    apertures = [_aperture(content, width, height) for kind, content in properties if kind == b"clap"]
    return apertures[0][2:] if apertures else (width, height)


def _aperture(clap: bytes, columns: int, rows: int) -> tuple[int, int, int, int]:
    """Left, top, width and height: said by size and distance of the middle from the middle, as fractions."""
    a, b, c, d, e, f, g, h = struct.unpack(">LLLLlLlL", clap[:32])
    width, height = round(a / b), round(c / d)
    left, top = round(e / f + (columns - width) / 2), round(g / h + (rows - height) / 2)
    if not (0 <= left < left + width <= columns and 0 <= top < top + height <= rows):
        raise ValueError("it is cropped to more than there is")
    return left, top, width, height


def _colours(properties: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes, int | None]:
    """Profile; primaries, transfer function, 0 and 1, as PNG's chunk cICP keeps them; matrix coefficients."""
    icc, cicp, matrix = b"", b"", None
    for kind, content in properties:
        if kind == b"colr" and content[:4] in (b"prof", b"rICC"):
            icc = content[4:]
        elif kind == b"colr" and content[:4] == b"nclx":
            primaries, transfer, matrix = struct.unpack_from(">HHH", content, 4)
            said = (primaries, transfer) not in ((1, 13), (2, 2), (1, 2), (2, 13))
            cicp = bytes([primaries & 255, transfer & 255, 0, 1]) if said else b""
    return icc, cicp, matrix


def _depths(meta: Meta) -> bytes:
    """Bits of each channel but alpha: as the file says, or as the coded image, or its first tile, is set up."""
    tiles = [to[0] for kind, item, to in meta.references if kind == b"dimg" and item == meta.primary and to]
    for kind, content in (each for item in (meta.primary, *tiles) for each in meta.of(item)):
        if kind == b"pixi":
            return content[5:]
        if kind == b"av1C":
            deep = 12 if content[2] & 0x20 else 10
            return bytes([deep if content[2] & 0x40 else 8]) * (1 if content[2] & 0x10 else 3)
        if kind == b"hvcC":
            return bytes([8 + (content[17] & 7)]) * (3 if content[16] & 3 else 1)
    return b"\x08\x08\x08"


def _has_alpha(meta: Meta) -> bool:
    said = [content for item in _helpers(meta) for kind, content in meta.of(item) if kind == b"auxC"]
    return any(b"auxiliary:alpha" in content or b"auxid:1\0" in content for content in said)


def _helpers(meta: Meta) -> list[int]:
    """Items that help with the primary one: its alpha, a depth map, a map of what is brighter than white."""
    return [item for kind, item, to in meta.references if kind == b"auxl" and meta.primary in to]


def _described(data: Bytes, meta: Meta) -> tuple[bytes, bytes]:
    exif = xmp = b""
    for kind, item, to in meta.references:
        if kind != b"cdsc" or meta.primary not in to:
            continue
        content = meta.content(data, item)
        if meta.items.get(item, (b"", b""))[0] == b"Exif" and len(content) > 4:
            exif = content[4 + int.from_bytes(content[:4], "big") :].removeprefix(b"Exif\0\0")
        elif meta.items.get(item, (b"", b""))[1] == XMP_TYPE:
            xmp = content
    return exif, xmp


def _notes(meta: Meta) -> tuple[str, ...]:
    """Items with a size that no other item is made of, is a thumbnail of, or is helped by; and what helps with more."""
    parts = {item for kind, item, _ in meta.references if kind in (b"thmb", b"auxl")}
    parts |= {part for kind, _, to in meta.references if kind in (b"dimg", b"base") for part in to}
    shown = {item for item in meta.items if any(kind == b"ispe" for kind, _ in meta.of(item))}
    others = len(shown - parts - {meta.primary})
    notes = (f"{others} other images in the file were left out",) if others else ()
    helping = len(_helpers(meta)) - _has_alpha(meta)
    return (*notes, "a depth map or what else helps with an image was left out") if helping > 0 else notes


def _frames(data: Bytes) -> int:
    """Of the longest track of an image sequence, where the file is one before all."""
    counts = [1]
    if bytes(data[8:12]) in (b"avis", b"hevc", b"hevx", b"msf1"):
        counts += [n for each in boxes(data) if each.kind == b"moov" for n in _samples(data, each)]
    return max(counts)


def _samples(data: Bytes, place: Box) -> list[int]:
    counts: list[int] = []
    for each in boxes(data, place.start, place.end):
        if each.kind in (b"trak", b"mdia", b"minf", b"stbl"):
            counts += _samples(data, each)
        elif each.kind in (b"stsz", b"stz2"):
            counts += struct.unpack_from(">8xL", data[each.start : each.end])
    return counts
