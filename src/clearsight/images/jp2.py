"""JPEG 2000 at up to 16 bits, through OpenJPEG; its boxes are read and written here (ISO/IEC 15444-1, annex I)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import imagecodecs

from clearsight.images.boxes import Box, Bytes, box, boxes, content, mapped
from clearsight.images.depths import narrowed, widened
from clearsight.images.exif import normalized
from clearsight.images.picture import COLOUR, GREY, Header, Meaning, Metadata, Picture

__all__ = ["JPEG2000", "OTHERS"]

_SIGNATURE = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
_EXIF = b"JpgTiffExif->JP2"
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_KEPT = (b"xml ", b"uuid", b"uinf", b"asoc", b"jp2i")
OTHERS = "JPEG 2000 boxes"
"""What they are called in what only one format understands."""

_SRGB, _GREY, _SYCC = 16, 17, 18
_PROFILES = (2, 3)
_ALPHAS: dict[int, Meaning] = {1: "alpha", 2: "premultiplied alpha"}
_METRES_PER_INCH = 0.0254


@dataclass(frozen=True, kw_only=True, slots=True)
class JPEG2000:
    """JPEG 2000 in boxes, or a bare codestream, which says nothing but its pixels.

    Attributes:
        bare: whether it is written without boxes; both are read.
    """

    bare: bool = False

    def header(self, source: Path | BytesIO) -> Header:
        """Read size and samples a pixel."""
        with mapped(source) as data:
            return _said(data).header

    def decode(self, source: Path | BytesIO, layer: str | None) -> Picture:
        """Read the picture; fewer bits are scaled to the full range of 8 or 16.

        Raises:
            ValueError: its numbers or its colours are of a kind that is not read.
        """
        data = content(source)
        said = _said(data)
        samples = imagecodecs.jpeg2k_decode(_without_profile(data))
        samples = samples.reshape(*samples.shape[:2], -1)
        if samples.shape != (said.header.height, said.header.width, said.header.samples):
            raise ValueError("it holds another size than it says")
        pixels = widened(samples, 2**said.bits - 1)
        return Picture(pixels=pixels, channels=said.channels, metadata=said.metadata, notes=said.notes)

    def encode(self, picture: Picture, path: Path) -> None:
        """Write the picture losslessly."""
        metadata, samples = picture.metadata, picture.samples
        bits, full = int(metadata.native.get("bits", 0)), 8 * samples.dtype.itemsize
        bits = bits if full - 8 < bits < full else full
        colour = "red" in picture.channels
        coded = imagecodecs.jpeg2k_encode(
            narrowed(samples, 2**bits - 1),
            level=0,
            reversible=True,
            bitspersample=bits,
            codecformat="j2k",
            colorspace="SRGB" if colour else "GRAY",
            mct=colour,
        )
        path.write_bytes(coded if self.bare else _SIGNATURE + _boxed(picture, bits) + box(b"jp2c", bytes(coded)))


@dataclass(slots=True)
class _Said:
    """What a file says before its pixels."""

    header: Header
    bits: int
    channels: tuple[Meaning, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()


def _said(data: Bytes) -> _Said:
    if bytes(data[:2]) == b"\xff\x4f":
        return _sized(data, 0)
    top = list(boxes(data))
    streams = [each.start for each in top if each.kind == b"jp2c"]
    if not streams:
        raise ValueError("no image in its boxes")
    said = _sized(data, streams[0])
    if len(streams) > 1:
        said.notes += (f"{len(streams) - 1} other images in the file were left out",)
    for each in top:
        if each.kind == b"jp2h":
            _read_header(data, each, said)
        elif each.kind in _KEPT:
            said.metadata = _described(said.metadata, each.kind, bytes(data[each.start : each.end]))
    return said


def _without_profile(data: bytes) -> bytes:
    """The same file with its profile hidden, which the decoder would apply to the pixels."""
    hidden = bytearray(data)
    for header in boxes(data) if data[:2] != b"\xff\x4f" else ():
        for each in boxes(data, header.start, header.end) if header.kind == b"jp2h" else ():
            if each.kind == b"colr" and data[each.start] in _PROFILES:
                hidden[each.start - 4 : each.start] = b"free"
    return bytes(hidden)


def _sized(data: Bytes, start: int) -> _Said:
    """By the marker SIZ of the codestream."""
    if bytes(data[start : start + 4]) != b"\xff\x4f\xff\x51":
        raise ValueError("its codestream does not begin")
    right, bottom, left, top = struct.unpack(">LLLL", data[start + 8 : start + 24])
    (count,) = struct.unpack(">H", data[start + 40 : start + 42])
    depths = set(data[start + 42 : start + 42 + 3 * count : 3])
    bits = (max(depths, default=0) & 127) + 1
    if len(depths) != 1 or max(depths) & 128 or bits > 16:
        raise ValueError("samples that are signed, of more than 16 bits or of several depths")
    metadata = Metadata(native={"bits": bits} if bits not in (8, 16) else {})
    return _Said(Header(right - left, bottom - top, count), bits, _meanings(count, {}), metadata)


def _meanings(count: int, said: dict[int, Meaning], *, grey: bool = False) -> tuple[Meaning, ...]:
    colours = GREY if grey or count < 3 else COLOUR
    return (*colours, *(said.get(i, "other") for i in range(len(colours), count)))


def _read_header(data: Bytes, place: Box, said: _Said) -> None:
    grey, meanings = False, dict[int, Meaning]()
    for each in boxes(data, place.start, place.end):
        inside = bytes(data[each.start : each.end])
        if each.kind == b"colr":
            grey |= _read_colours(inside, said)
        elif each.kind == b"pclr":
            _, columns = struct.unpack_from(">HB", inside)
            said.header, said.bits = said.header._replace(samples=columns), (inside[3] & 127) + 1
            said.notes += ("palette colours became RGB",)
        elif each.kind == b"cdef":
            triples = (struct.unpack_from(">HHH", inside, 2 + 6 * i) for i in range(len(inside) // 6))
            meanings |= {channel: _ALPHAS[kind] for channel, kind, _ in triples if kind in _ALPHAS}
        elif each.kind == b"res ":
            said.metadata = replace(said.metadata, dpi=_resolution(inside))
    said.channels = _meanings(said.header.samples, meanings, grey=grey)


def _read_colours(colr: bytes, said: _Said) -> bool:
    """Note the profile; whether the colours are grey."""
    if colr[0] in _PROFILES:
        said.metadata = replace(said.metadata, icc=colr[3:])
        return colr[19:23] == b"GRAY"
    (space,) = struct.unpack_from(">L", colr, 3)
    if space not in (_SRGB, _GREY, _SYCC):
        raise ValueError(f"colours of kind {space}, expected grey or sRGB")
    return bool(space == _GREY)


def _resolution(res: bytes) -> tuple[float, float] | None:
    """Vertical and horizontal points a metre, as fractions and powers of ten; those of capture come first."""
    for each in sorted(boxes(res)):
        a, b, c, d, e, f = struct.unpack_from(">HHHHbb", res, each.start)
        if b and d:
            return c / d * 10**f * _METRES_PER_INCH, a / b * 10**e * _METRES_PER_INCH
    return None


def _described(metadata: Metadata, kind: bytes, inside: bytes) -> Metadata:
    name, block = (inside[:16], inside[16:]) if kind == b"uuid" else (b"", b"")
    if name == _EXIF:
        return replace(metadata, exif=normalized(block.removeprefix(b"Exif\0\0"))[1])
    if name == _XMP:
        return replace(metadata, xmp=block)
    if name == _IPTC:
        return replace(metadata, iptc=block)
    others = (*metadata.native.get(OTHERS, ()), (kind, inside))
    return replace(metadata, native={**metadata.native, OTHERS: others})


def _boxed(picture: Picture, bits: int) -> bytes:
    """The boxes before the codestream."""
    (height, width, count), metadata = picture.pixels.shape, picture.metadata
    parts = [box(b"ihdr", struct.pack(">LLHBBBB", height, width, count, bits - 1, 7, 0, 0))]
    space = struct.pack(">BBBL", 1, 0, 0, _SRGB if "red" in picture.channels else _GREY)
    parts += [box(b"colr", b"\2\0\0" + picture.icc if picture.icc else space)]
    if set(picture.channels) - {*GREY, *COLOUR}:
        kinds = [next((k for k, v in _ALPHAS.items() if v == name), 0) for name in picture.channels]
        triples = [_meaning(i, kind, picture.channels[i]) for i, kind in enumerate(kinds)]
        parts += [box(b"cdef", struct.pack(">H", count), *triples)]
    if metadata.dpi:
        parts += [box(b"res ", box(b"resc", *map(_per_metre, metadata.dpi[::-1]), bytes(2)))]
    blocks = ((_EXIF, metadata.exif), (_XMP, metadata.xmp), (_IPTC, metadata.iptc))
    described = [box(b"uuid", name, block) for name, block in blocks if block]
    described += [box(kind, inside) for kind, inside in metadata.native.get(OTHERS, ())]
    return box(b"jp2h", *parts) + b"".join(described)


def _meaning(channel: int, kind: int, name: Meaning) -> bytes:
    """Its number, what it is, and what it belongs to: all of the image, one of its colours, or nothing."""
    if name == "other":
        return struct.pack(">HHH", channel, 65535, 65535)
    return struct.pack(">HHH", channel, kind, 0 if kind else channel + 1)


def _per_metre(dpi: float) -> bytes:
    """Points a metre as a fraction of 16 bits each."""
    points = dpi / _METRES_PER_INCH
    under = max(1, min(65535, int(65535 / points)))
    over = round(points * under)
    return struct.pack(">HH", over, under) if over < 65536 else struct.pack(">HH", 65535, 1)
