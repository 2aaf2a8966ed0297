"""Variables of MATLAB files, read as data: nothing in such a file is ever run.

Versions 5 to 7 are read here, no byte beyond what holds it, because scipy crashes on damaged ones; 7.3 is HDF5, by
h5py. Letters are taken for ASCII. Source: MathWorks, "MAT-File Format".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearsight.errors import MissingExtraError, WeightsError, reason

__all__ = ["read"]

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "u1", 2: "u1", 4: "u2", 16: "u1", 17: "u2", 18: "u4"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR, _NUMERIC = 1, 2, 4, range(6, 16)
_MOST_BYTES = 2**30


def read(path: Path, variable: str) -> Any:
    """One variable: a struct as a dict, a cell as a list, text as a str, numbers as an array of MATLAB's shape.

    Raises:
        WeightsError: it is no MATLAB file, a damaged one, or one without that variable.
        MissingExtraError: it is of version 7.3, and h5py is not installed.
    """
    try:
        with path.open("rb") as file:
            header = file.read(128)
            order = {b"IM": "<", b"MI": ">"}.get(header[126:])
            if order is None:
                raise ValueError("it has no header of one")
            is_hdf5 = struct.unpack(f"{order}H", header[124:126]) == (0x0200,)
            found = _read_hdf5(path) if is_hdf5 else dict(_variables(memoryview(file.read()), order))
    except MissingExtraError:
        raise
    except Exception as error:  # h5py raises anything at a file that is damaged
        why = reason(error) if isinstance(error, ValueError | OSError) else "it is damaged"
        raise WeightsError(f"{path} is no MATLAB file that can be read: {why}") from None
    if variable not in found:
        raise WeightsError(f"{path} holds no variable {variable!r}, which is the network in files of MatConvNet")
    return found[variable]


def _variables(data: memoryview, order: str) -> Iterator[tuple[str, Any]]:
    for kind, content in _elements(data, order):
        if kind == _COMPRESSED:
            yield from _variables(memoryview(zlib.decompressobj().decompress(content, _MOST_BYTES)), order)
        elif kind == _MATRIX:
            yield _matrix(content, order)


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Types and contents; those of at most four bytes may stand in their own tag, others fill eights."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        start, small = at + 8, kind >> 16
        if small:
            kind, size, start = kind & 0xFFFF, small, at + 4
        if start + size > (at + 8 if small else len(data)):
            raise ValueError("it ends too soon")
        yield kind, data[start : start + size]
        at = at + 8 if small else start + size + (0 if kind == _COMPRESSED else -size % 8)


def _matrix(data: memoryview, order: str) -> tuple[str, Any]:
    """Name and value; all that MATLAB knows are arrays, a struct, a cell or a text, too."""
    if not data:
        return "", np.empty((0, 0))
    elements = _elements(data, order)
    (_, flags), (_, sizes), (_, name) = (_next(elements) for _ in range(3))
    kind, shape = int(np.frombuffer(flags, f"{order}u4")[0]) & 0xFF, np.frombuffer(sizes, f"{order}i4").tolist()
    return bytes(name).decode("latin-1"), _value(kind, shape, elements, order)


def _next(elements: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    found = next(elements, None)
    if found is None:
        raise ValueError("it ends too soon")
    return found


def _value(kind: int, shape: list[int], elements: Iterator[tuple[int, memoryview]], order: str) -> Any:
    if kind == _CELL:
        return [_matrix(_next(elements)[1], order)[1] for _ in range(prod(shape))]
    if kind == _STRUCT:
        (_, length), (_, joined) = _next(elements), _next(elements)
        width = int(np.frombuffer(length, f"{order}i4")[0])
        names = [bytes(joined[at : at + width]).rstrip(b"\0").decode("latin-1") for at in range(0, len(joined), width)]
        if prod(shape) != 1:
            raise ValueError("it has an array of structs")
        return {name: _matrix(_next(elements)[1], order)[1] for name in names}
    stored, content = _next(elements)
    if kind == _CHAR:
        return "".join(map(chr, np.frombuffer(content, f"{order}{_LETTERS[stored]}")))
    if kind not in _NUMERIC:
        raise ValueError(f"it has an array of class {kind}, which is neither numbers, text, cell nor struct")
    numbers: NDArray[Any] = np.frombuffer(content, f"{order}{_NUMBERS[stored]}")
    return numbers.reshape(shape, order="F")


def _read_hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("a MATLAB file of version 7.3", "mat") from None
    with h5py.File(path, "r") as file:
        return {name: _dereferenced(file, item) for name, item in file.items() if name != "#refs#"}


def _dereferenced(file: Any, item: Any) -> Any:
    """As HDF5 holds it to plain: the axes are the other way round, a cell is an array of references."""
    if hasattr(item, "items"):
        return {name: _dereferenced(file, one) for name, one in item.items()}
    kind, empty = item.attrs.get("MATLAB_class", b""), "MATLAB_empty" in item.attrs
    if kind == b"cell":
        return [] if empty else [_dereferenced(file, file[reference]) for reference in item[()].ravel()]
    if kind == b"char":
        return "" if empty else "".join(map(chr, item[()].ravel()))
    return item[()].T
