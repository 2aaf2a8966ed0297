"""What the chunks of a PNG say besides its pixels: text, profiles, colours, resolution."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from clearsight.images import photoshop
from clearsight.images.exif import normalized
from clearsight.images.photoshop import IPTC, Resource
from clearsight.images.picture import Metadata, Picture

__all__ = ["CHUNKS", "COLOURS", "described", "described_chunks"]

CHUNKS, COLOURS = "PNG chunks", "PNG colour chunks"
"""What they are called in what only one format understands; the latter say that colours are not sRGB."""

_COMMENT, _XMP = "Comment", "XML:com.adobe.xmp"
_RAW = "Raw profile type "
_METRES_PER_INCH = 0.0254
_LONGEST = 2**24
"""Bytes that a compressed chunk may become."""

_SRGB_GAMMA = range(45000, 46001)
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_COLOUR_KINDS = (b"gAMA", b"cHRM")
_STALE = (b"IHDR", b"PLTE", b"IEND", b"tRNS", b"hIST", b"acTL", b"fcTL", b"bKGD", b"sPLT")
"""What is said of pixels that are others when they are restored, or of a palette."""

Chunks = Sequence[tuple[bytes, bytes]]


def described(chunks: Chunks) -> Metadata:
    """What the chunks of a file say, in its order; of the same thing said twice the proper chunk holds."""
    metadata, texts, others = Metadata(lossless=True), list[tuple[str, str]](), list[tuple[bytes, bytes]]()
    for kind, inside in chunks:
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            key, text, plain = _text(kind, inside)
            if plain:
                texts.append((key, text))
            elif key:
                others.append((kind, inside))
        elif kind == b"iCCP":
            metadata = replace(metadata, icc=_inflated(inside.partition(b"\0")[2][1:]))
        elif kind == b"eXIf":
            metadata = replace(metadata, exif=inside.removeprefix(b"Exif\0\0"))
        elif kind == b"pHYs" and inside[8:] == b"\1":
            x, y = struct.unpack(">LL", inside[:8])
            metadata = replace(metadata, dpi=(x * _METRES_PER_INCH, y * _METRES_PER_INCH) if x and y else None)
        elif kind not in _STALE and kind[:1].islower():
            others.append((kind, inside))
    metadata = _with_texts(metadata, texts)
    return replace(metadata, native=_native(others, metadata))


def described_chunks(picture: Picture) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that say what a picture says, in an order that the specification allows."""
    metadata = picture.metadata
    if cicp := metadata.native.get("CICP"):
        yield b"cICP", cicp
    if picture.icc:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(picture.icc)
    for kind, inside in (*metadata.native.get(COLOURS, ()), *metadata.native.get(CHUNKS, ())):
        if kind != b"sBIT" or len(inside) == len(picture.channels):
            yield kind, inside
    if metadata.dpi:
        yield b"pHYs", struct.pack(">LLB", *(round(dpi / _METRES_PER_INCH) for dpi in metadata.dpi), 1)
    if metadata.exif:
        yield b"eXIf", metadata.exif
    if metadata.xmp:
        yield b"iTXt", _XMP.encode() + bytes(5) + metadata.xmp
    if metadata.iptc:
        yield b"zTXt", _raw("iptc", photoshop.packed([Resource(IPTC, b"", metadata.iptc)]))
    comment = [(_COMMENT, _decoded(metadata.comment))] if metadata.comment else []
    for key, text in (*comment, *metadata.text):
        yield _written(key, text)


def _native(chunks: list[tuple[bytes, bytes]], metadata: Metadata) -> dict[str, Any]:
    """What stays as it is; colours that are not sRGB, where no profile says so too, are said apart."""
    kinds = dict(chunks)
    cicp = kinds.pop(b"cICP", b"")
    _swap_aspect(chunks, metadata)
    gamma, points = kinds.get(b"gAMA", b""), kinds.get(b"cHRM", b"")
    usual = (not gamma or int.from_bytes(gamma, "big") in _SRGB_GAMMA) and (not points or _usual(points))
    special = () if usual or b"sRGB" in kinds or metadata.icc or cicp else _COLOUR_KINDS
    colours = tuple(each for each in chunks if each[0] in special)
    others = tuple(each for each in chunks if each[0] not in (*special, b"cICP"))
    named = {"CICP": cicp, COLOURS: colours, CHUNKS: others}
    return {name: value for name, value in named.items() if value}


def _usual(points: bytes) -> bool:
    return len(points) == 32 and all(
        abs(a - b) < 200 for a, b in zip(struct.unpack(">8L", points), _SRGB_POINTS, strict=True)
    )


def _swap_aspect(chunks: list[tuple[bytes, bytes]], metadata: Metadata) -> None:
    """The shape of pixels without a unit, turned with the picture."""
    for i, (kind, inside) in enumerate(chunks):
        if kind == b"pHYs" and len(inside) == 9 and normalized(metadata.exif)[0] >= 5:
            chunks[i] = (kind, inside[4:8] + inside[:4] + inside[8:])


def _text(kind: bytes, inside: bytes) -> tuple[str, str, bool]:
    """Keyword and text, and whether there is no more to it, such as a language."""
    key, _, rest = inside.partition(b"\0")
    name = key.decode("latin-1")
    if kind == b"tEXt":
        return name, rest.decode("latin-1"), True
    if kind == b"zTXt":
        return name, _inflated(rest[1:]).decode("latin-1"), True
    packed, (language, _, rest) = rest[:1] == b"\1", rest[2:].partition(b"\0")
    translated, _, rest = rest.partition(b"\0")
    text = (_inflated(rest) if packed else rest).decode("utf-8", "surrogateescape")
    return name, text, not (language or translated) or name == _XMP


def _with_texts(metadata: Metadata, texts: list[tuple[str, str]]) -> Metadata:
    """Text, and the profiles, packets and comments that hide in it."""
    plain, found = [], dict[str, bytes]()
    for key, text in texts:
        if key == _XMP:
            found["xmp"] = text.encode("utf-8", "surrogateescape")
        elif key == _COMMENT and "comment" not in found:
            found["comment"] = text.encode()
        elif key.startswith(_RAW) and (block := _unhexed(text)) is not None:
            found |= {name: inside for name, inside in _profile(key[len(_RAW) :].lower(), block) if name not in found}
        else:
            plain.append((key, text))
    missing: dict[str, Any] = {name: inside for name, inside in found.items() if not getattr(metadata, name)}
    return replace(metadata, text=tuple(plain), **missing)


def _profile(kind: str, block: bytes) -> list[tuple[str, bytes]]:
    """What a raw profile of ImageMagick's is."""
    if kind in ("exif", "app1") and not block.startswith(b"http"):
        return [("exif", block.removeprefix(b"Exif\0\0"))]
    if kind in ("xmp", "app1"):
        return [("xmp", block.partition(b"\0")[2] if block.startswith(b"http") else block)]
    names = {"iptc": "iptc", "8bim": "iptc", "icc": "icc", "icm": "icc"}
    return [(names[kind], photoshop.records(block) if names[kind] == "iptc" else block)] if kind in names else []


def _unhexed(text: str) -> bytes | None:
    """The bytes of a raw profile: a name, their number, and two letters each."""
    match = re.fullmatch(r"\s*\S*\s+(\d{1,9})\s+([0-9a-fA-F\s]*)", text)
    if match is None:
        return None
    digits = re.sub(r"\s", "", match[2])
    return bytes.fromhex(digits)[: int(match[1])] if len(digits) % 2 == 0 else None


def _raw(kind: str, block: bytes) -> bytes:
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{kind}\n{len(block):8}\n{lines}\n"
    return f"{_RAW}{kind}".encode() + b"\0\0" + zlib.compress(text.encode())


def _written(key: str, text: str) -> tuple[bytes, bytes]:
    name = (key.encode("latin-1", "replace")[:79] or b"Text").replace(b"\0", b" ")
    try:
        return b"tEXt", name + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", name + bytes(5) + text.encode("utf-8", "surrogateescape")


def _decoded(comment: bytes) -> str:
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _inflated(block: bytes) -> bytes:
    """Empty where it cannot be."""
    try:
        return zlib.decompressobj().decompress(block, _LONGEST)
    except zlib.error:
        return b""
