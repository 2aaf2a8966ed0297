"""The header of a JPEG XL codestream, a number of bits at a time (ISO/IEC 18181-1, annexes D and E)."""

from __future__ import annotations

from dataclasses import dataclass

from clearsight.images.picture import Header

__all__ = ["LONGEST", "SIGNATURE", "Codestream", "recoloured", "said"]

SIGNATURE = b"\xff\x0a"
LONGEST = 2**14
"""Bytes of a codestream that its header may take up."""

_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_ALPHA, _SPOT, _BLACK, _FILTER = 0, 2, 4, 5
_RGB, _GREY = 0, 1
_CUSTOM = 2
_D65, _RELATIVE = 1, 1
_P3 = {11: 12, 12: 11}
"""What JPEG XL and coding-independent code points call the primaries of P3 around D65."""


@dataclass(slots=True)
class Codestream:
    """What is said before the pixels.

    Attributes:
        header: size, as stored, and samples a pixel.
        bits: a sample.
        lossy: whether it is coded in XYB.
        premultiplied: whether colours are multiplied by alpha.
        cicp: code points of its colours, as PNG's chunk cICP keeps them; empty for sRGB.
        notes: what cannot be read.
        colours: first and last bit of what is said of colours.
        end: last bit of the header; 0 where it goes on in ways that are not known here.
    """

    header: Header
    bits: int = 8
    lossy: bool = True
    premultiplied: bool = False
    cicp: bytes = b""
    notes: tuple[str, ...] = ()
    colours: tuple[int, int] = (0, 0)
    end: int = 0


class _Bits:
    """Numbers of any width, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._number, self._length, self.at = int.from_bytes(data, "little"), 8 * len(data), 0

    def u(self, width: int) -> int:
        self.at += width
        if self.at > self._length:
            raise ValueError("truncated in its header")
        return self._number >> (self.at - width) & ((1 << width) - 1)

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four widths, each with what is added."""
        width, offset = choices[self.u(2)]
        return self.u(width) + offset

    def enum(self) -> int:
        return self.u32((0, 0), (0, 1), (4, 2), (6, 18))


def said(data: bytes) -> Codestream:
    """Read the header of a codestream, or of its beginning.

    Raises:
        ValueError: it is an animation, or CMYK, or cut short.
    """
    bits = _Bits(data[:LONGEST])
    bits.u(16)
    width, height = _size(bits)
    found = Codestream(Header(width, height, 3))
    if bits.u(1):
        return found
    more = bits.u(1)
    if more:
        _more(bits)
    found.bits = _depth(bits)
    bits.u(1)
    extra = [_extra(bits) for _ in range(bits.u32((0, 0), (0, 1), (4, 2), (12, 1)))]
    kinds = [kind for kind, _ in extra]
    if _BLACK in kinds:
        raise ValueError("CMYK, expected grey or RGB")
    alpha = _ALPHA in kinds
    found.premultiplied = any(associated for _, associated in extra)
    if len(kinds) > alpha:
        found.notes += ("channels besides colour and alpha were left out",)
    found.lossy = bool(bits.u(1))
    start = bits.at
    grey = not bits.u(1) and _colours(bits, found)
    found.header, found.colours = Header(width, height, (1 if grey else 3) + alpha), (start, bits.at)
    plain = not more and bits.u(2) == 0 and bits.u(1)
    found.end = bits.at if plain else 0
    return found


def recoloured(data: bytes, cicp: bytes) -> bytes:
    """The same codestream, which is not coded in XYB, its colours said to be these code points; sRGB if empty."""
    found = said(data)
    primaries, transfer = cicp[:2] or (1, 13)
    if found.lossy or not found.end:
        raise ValueError("a header that cannot be changed")
    grey = found.header.samples < 3
    fields = [(0, 2), *_enum(_GREY if grey else _RGB), *_enum(_D65)]
    fields += [] if grey else _enum(_P3.get(primaries, primaries))
    fields += [(0, 1), *_enum(transfer), *_enum(_RELATIVE)]
    start, end = found.colours
    head = int.from_bytes(data[:LONGEST], "little")
    fields = [
        (head & ((1 << start) - 1), start),
        *fields,
        (head >> end & ((1 << found.end - end) - 1), found.end - end),
    ]
    number = at = 0
    for value, width in fields:
        number |= value << at
        at += width
    return number.to_bytes(-(-at // 8), "little") + data[-(-found.end // 8) :]


def _enum(value: int) -> list[tuple[int, int]]:
    """Values and widths that say one of a list."""
    return [(value, 2)] if value < 2 else [(2, 2), (value - 2, 4)] if value < 18 else [(3, 2), (value - 18, 6)]


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.u(1)

    def length() -> int:
        return 8 * (bits.u(5) + 1) if small else bits.u32((9, 1), (13, 1), (18, 1), (30, 1))

    height, ratio = length(), bits.u(3)
    if not ratio:
        return length(), height
    over, under = _RATIOS[ratio]
    return height * over // under, height


def _more(bits: _Bits) -> None:
    """Orientation, which the decoder applies; another size to be shown at; a preview; an animation."""
    bits.u(3)
    if bits.u(1):
        _size(bits)
    if bits.u(1):
        widths = ((0, 16), (0, 32), (5, 1), (9, 33)) if bits.u(1) else ((6, 1), (8, 65), (10, 321), (12, 1345))
        bits.u32(*widths)
        if not bits.u(3):
            bits.u32(*widths)
    if bits.u(1):
        raise ValueError("it is an animation; clearsight restores single images: extract the frames first")


def _depth(bits: _Bits) -> int:
    if bits.u(1):
        depth = bits.u32((0, 32), (0, 16), (0, 24), (6, 1))
        bits.u(4)
        return depth
    return bits.u32((0, 8), (0, 10), (0, 12), (6, 1))


def _extra(bits: _Bits) -> tuple[int, bool]:
    """Kind of an extra channel, and whether colours are multiplied by it."""
    if bits.u(1):
        return _ALPHA, False
    kind = bits.enum()
    _depth(bits)
    bits.u32((0, 0), (0, 3), (0, 4), (3, 1))
    bits.u(8 * bits.u32((0, 0), (4, 0), (5, 16), (10, 48)))
    if kind == _SPOT:
        bits.u(64)
    elif kind == _FILTER:
        bits.u32((0, 1), (2, 0), (4, 3), (8, 19))
    return kind, kind == _ALPHA and bool(bits.u(1))


def _colours(bits: _Bits, found: Codestream) -> bool:
    """Note what is said of colours; whether they are grey."""
    profile, space = bits.u(1), bits.enum()
    if profile:
        found.notes += ("the colour profile of a JPEG XL could not be read",)
        return space == _GREY
    white, primaries = bits.enum(), 1
    if white == _CUSTOM:
        _point(bits)
    if space == _RGB:
        primaries = bits.enum()
        for _ in range(3 if primaries == _CUSTOM else 0):
            _point(bits)
    transfer = (bits.u(24), _CUSTOM)[1] if bits.u(1) else bits.enum()
    bits.enum()
    if _CUSTOM in (white, primaries, transfer):
        found.notes += ("colours of a JPEG XL that are not sRGB are taken for sRGB",)
    elif (primaries, transfer) != (1, 13):
        found.cicp = bytes([_P3.get(primaries, primaries) if white == _D65 else primaries, transfer, 0, 1])
    return space == _GREY


def _point(bits: _Bits) -> None:
    for _ in range(2):
        bits.u32((19, 0), (19, 2**19), (20, 2**20), (21, 2**21))
