"""What a file format is: how its files are told, read and written, and what it holds of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from clearsight.images.exif import says_resolution
from clearsight.images.picture import ALPHA, COLOUR, GREY, Header, Metadata, Picture
from clearsight.images.pngtext import CHUNKS
from clearsight.images.tags import LAYOUT

__all__ = ["Codec", "Format", "Source", "Stacks"]

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
        colour: whether it holds red, green and blue when it is written.
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
    colour: bool = True
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
        if not self.colour and set(COLOUR) <= channels:
            return "colour"
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
