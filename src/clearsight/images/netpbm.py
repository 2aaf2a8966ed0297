"""PBM, PGM and PPM, P1 to P6, at up to 16 bits."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clearsight.images.boxes import Bytes, content, mapped
from clearsight.images.depths import narrowed, widened
from clearsight.images.picture import Array, Header, Metadata, Picture

__all__ = ["decode", "encode", "header"]

_WHITE = "maxval"
_LONGEST = 2**16


class _Said(NamedTuple):
    kind: int
    width: int
    height: int
    white: int
    comment: bytes
    start: int

    @property
    def samples(self) -> int:
        return 3 if self.kind in (3, 6) else 1

    @property
    def bilevel(self) -> bool:
        return self.kind in (1, 4)


def header(source: Path | BytesIO) -> Header:
    """Read size and samples a pixel."""
    with mapped(source) as data:
        said = _said(data)
        return Header(said.width, said.height, said.samples)


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read the picture; fewer bits are scaled to the full range of 8 or 16.

    Raises:
        ValueError: the data ends before the pixels do.
    """
    data = content(source)
    said = _said(data)
    count = said.width * said.height * said.samples
    samples, end = _plain(data, said, count) if said.kind < 4 else _raw(data, said)
    if samples.size < count:
        raise ValueError(f"truncated: {samples.size} of {count} samples")
    pixels = widened(samples, said.white).reshape(said.height, said.width, said.samples)
    native = {} if said.white in (1, 255, 65535) else {_WHITE: said.white}
    notes = ["1-bit grey became 8-bit grey"] if said.bilevel else []
    if re.match(rb"\s*P[1-6]\s", data[end : end + 16]):
        notes.append("other images in the file were left out")
    return Picture(pixels=pixels, metadata=Metadata(comment=said.comment, native=native), notes=tuple(notes))


def encode(picture: Picture, path: Path) -> None:
    """Write the picture as numbers of one or two bytes: P5 or P6."""
    samples, metadata = picture.samples, picture.metadata
    full = int(np.iinfo(samples.dtype).max)
    white = int(metadata.native.get(_WHITE, full))
    white = white if (white < 256) == (full < 256) else full
    (height, width), kind = samples.shape[:2], b"P5" if "grey" in picture.channels else b"P6"
    comments = b"".join(b"#" + line + b"\n" for line in metadata.comment.splitlines())
    with path.open("wb") as file:
        file.write(kind + b"\n" + comments + b"%d %d\n%d\n" % (width, height, white))
        file.write(narrowed(samples, white).astype(f">u{samples.dtype.itemsize}", copy=False).tobytes())


def _said(data: Bytes) -> _Said:
    kind, at, numbers, comments = data[1] - ord("0"), 2, [], []
    head = bytes(data[:_LONGEST])
    for _ in range(2 if kind in (1, 4) else 3):
        for line in re.findall(rb"#([^\r\n]*)", head[at : _until(head, at)]):
            comments.append(line)
        at = _until(head, at)
        digits = re.match(rb"\d+", head[at:])
        if digits is None or len(digits[0]) > 10:
            raise ValueError("its header holds no size")
        numbers.append(int(digits[0]))
        at += len(digits[0])
    width, height, white = (*numbers, 1)[:3]
    if not (width and height and 0 < white < 65536):
        raise ValueError("its header makes no sense")
    return _Said(kind, width, height, white, b"\n".join(comments), at + (kind > 3))


def _until(head: bytes, at: int) -> int:
    """Where white space and comments end."""
    gap = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])*").match(head, at)
    return gap.end() if gap else at


def _raw(data: bytes, said: _Said) -> tuple[Array, int]:
    if said.bilevel:
        row = -(-said.width // 8)
        end = said.start + row * said.height
        packed = np.frombuffer(data[said.start : end], np.uint8)
        if packed.size < row * said.height:
            raise ValueError("truncated in its pixels")
        return 1 - np.unpackbits(packed.reshape(said.height, row), axis=1)[:, : said.width], end
    dtype = np.dtype(np.uint8 if said.white < 256 else ">u2")
    end = said.start + said.width * said.height * said.samples * dtype.itemsize
    body = data[said.start : end]
    samples = np.frombuffer(body[: len(body) // dtype.itemsize * dtype.itemsize], dtype)
    return samples.astype(dtype.newbyteorder("="), copy=False), end


def _plain(data: bytes, said: _Said, count: int) -> tuple[Array, int]:
    body = re.sub(rb"#[^\r\n]*", b"", data[said.start :])
    if said.bilevel:
        digits = np.frombuffer(re.sub(rb"[^01]", b"", body)[:count], np.uint8)
        return 1 - (digits - ord("0")), len(data)
    numbers = body.split(maxsplit=count)[:count]
    samples = np.array(numbers, np.uint32)
    if samples.size and samples.max() > said.white:
        raise ValueError(f"a sample above {said.white}, which is white")
    return samples.astype(np.uint16), len(data)
