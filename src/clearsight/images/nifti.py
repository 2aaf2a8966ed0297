"""NIfTI, the files of brain scans, through the optional part ``mri``: a volume is a stack of slices."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NamedTuple, cast

import numpy as np

from clearsight.errors import MissingExtraError
from clearsight.images.picture import Array, Header, Metadata, Picture

__all__ = ["HEADER", "SIGNATURE", "Nifti"]

HEADER = "the NIfTI header"
"""The key of :attr:`Metadata.native` under which a slice keeps what its file says: affine, units, extensions."""

SIGNATURE = rb"\x5c\x01\0\0|\0\0\x01\x5c|\x1c\x02\0\0n\+2\0|\0\0\x02\x1cn\+2\0"
"""Of version 1, which has its magic word elsewhere, and 2, in either byte order."""

_GZIP = b"\x1f\x8b"
_MAGIC = {348: (344, (b"n+1\0",)), 540: (4, (b"n+2\0",))}
_KINDS = "uif"


class _Said(NamedTuple):
    """What is before the voxels.

    Attributes:
        head: as it lies in the file, up to the first voxel.
        shape: of the volume, ``(X, Y, …)``.
        dtype: of the voxels, in their byte order.
    """

    head: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def planes(self) -> int:
        """Slices of all volumes."""
        return math.prod(self.shape[2:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Nifti:
    """Reads and writes NIfTI-1 and -2 in one file; a slice is what the first two axes span, a row what the first does.

    Voxels stay the numbers they are in the file: its slope and intercept stay in the header, which is kept byte by
    byte, with affine, units and extensions. Slices pass one by one, so that no volume is ever in memory.

    Args:
        compressed: whether files are gzipped, ``.nii.gz``.
    """

    compressed: bool = False

    def told(self, source: Path | BytesIO) -> bool:
        """Whether it is one, in one file; the pairs of files that end in .hdr and .img are none."""
        try:
            with self._opened(source) as file:
                head = file.read(352)
        except (OSError, EOFError):
            return False
        sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
        known = [_MAGIC[size] for size in sizes if size in _MAGIC]
        return any(head[at : at + 4] in words for at, words in known)

    def header(self, source: Path | BytesIO) -> Header:
        """Read the size of a slice and the number of slices.

        Raises:
            ValueError: its voxels are of a kind that is not read.
            MissingExtraError: nibabel is not installed.
        """
        with self._opened(source) as file:
            said = _read_head(file)
        return Header(said.shape[0], said.shape[1], planes=said.planes)

    def decode(self, source: Path | BytesIO, layer: str | None) -> Picture:
        """Read the first slice.

        Raises:
            ValueError: the voxels are of a kind that is not read, or there are too few of them.
            MissingExtraError: nibabel is not installed.
        """
        return next(self.planes(source))

    def planes(self, source: Path | BytesIO) -> Iterator[Picture]:
        """Read the slices one by one, ``(Y, X)`` each, in the order of the file.

        Raises:
            ValueError: the voxels are of a kind that is not read, or there are too few of them.
            MissingExtraError: nibabel is not installed.
        """
        with self._opened(source) as file:
            said = _read_head(file)
            width, height = said.shape[:2]
            for number in range(said.planes):
                data = file.read(width * height * said.dtype.itemsize)
                if len(data) < width * height * said.dtype.itemsize:
                    raise ValueError(f"truncated: it says {said.planes} slices, and ends in slice {number + 1}")
                voxels = np.frombuffer(data, said.dtype).astype(said.dtype.newbyteorder("="))
                metadata = Metadata(native={HEADER: said})
                yield Picture(pixels=voxels.reshape(height, width, 1), metadata=metadata)

    def encode(self, picture: Picture, path: Path) -> None:
        """Write one slice, below the header it came with, or below one that knows its size alone.

        Raises:
            MissingExtraError: nibabel is not installed.
        """
        said = picture.metadata.native.get(HEADER)
        with self._created(path) as file:
            kept = isinstance(said, _Said) and said.planes == 1 and _fits(said, picture)
            said = said if kept and isinstance(said, _Said) else _fresh(picture.pixels)
            file.write(said.head)
            file.write(_stored(picture, said))

    def encode_planes(self, source: Path | BytesIO, planes: Iterable[Picture], path: Path) -> None:
        """Write a volume that is like ``source`` but for its voxels.

        Raises:
            ValueError: the slices are larger than those of ``source``, whose affine says where each voxel lies.
            MissingExtraError: nibabel is not installed.
        """
        with self._opened(source) as file:
            said = _read_head(file)
        with self._created(path) as file:
            file.write(said.head)
            for plane in planes:
                if not _fits(said, plane):
                    size = plane.pixels.shape[1::-1]
                    raise ValueError(
                        f"slices of {said.shape[0]}×{said.shape[1]} became {size[0]}×{size[1]}, "
                        "and its affine would be wrong"
                    )
                file.write(_stored(plane, said))

    @contextmanager
    def _opened(self, source: Path | BytesIO) -> Iterator[IO[bytes]]:
        with source.open("rb") if isinstance(source, Path) else BytesIO(source.getvalue()) as file:
            if not self.compressed:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as inside:
                yield cast(IO[bytes], inside)

    @contextmanager
    def _created(self, path: Path) -> Iterator[IO[bytes]]:
        """No name and no time go into a gzipped file: the same voxels are the same bytes."""
        with path.open("wb") as file:
            if not self.compressed:
                yield file
                return
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as inside:
                yield cast(IO[bytes], inside)


def _read_head(file: IO[bytes]) -> _Said:
    """Read all that lies before the first voxel."""
    nibabel = _nibabel()
    start = file.read(540)
    version2 = 540 in (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big"))
    kind, size = (nibabel.Nifti2Header, 540) if version2 else (nibabel.Nifti1Header, 348)
    header = kind(start[:size], check=False)
    shape, dtype = tuple(int(n) for n in header.get_data_shape()), header.get_data_dtype()
    _refuse(shape, dtype)
    offset = max(int(header["vox_offset"]), size + 4)
    head = start[:offset] + file.read(max(offset - len(start), 0))
    if len(head) < offset:
        raise ValueError(f"truncated: its voxels begin at byte {offset}")
    if offset < len(start):  # what was read beyond the header, of a slice
        file.seek(offset)
    return _Said(head, shape, dtype)


def _refuse(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Say what is no volume of numbers that a picture holds."""
    if len(shape) < 2 or 0 in shape or min(shape) < 0:
        raise ValueError(f"a shape of {shape}, expected slices")
    if dtype.kind not in _KINDS or dtype.itemsize not in ((4, 8) if dtype.kind == "f" else (1, 2, 4)):
        raise ValueError(f"voxels of {dtype}, expected integers of 8, 16, 32 bits or floats of 32, 64")


def _fits(said: _Said, picture: Picture) -> bool:
    same = said.dtype.newbyteorder("=") == picture.pixels.dtype
    return same and picture.pixels.shape == (said.shape[1], said.shape[0], 1)


def _fresh(pixels: Array) -> _Said:
    """A header of a slice that came from elsewhere: voxels of 1 mm, the first at the origin."""
    header = _nibabel().Nifti1Header(endianness="<")
    shape = (pixels.shape[1], pixels.shape[0], 1)
    header.set_data_shape(shape)
    header.set_data_dtype(pixels.dtype)
    header.set_sform(np.eye(4), code="unknown")
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return _Said(header.binaryblock + bytes(4), shape, header.get_data_dtype())


def _stored(picture: Picture, said: _Said) -> bytes:
    return picture.pixels.astype(said.dtype, copy=False).tobytes()


def _nibabel() -> ModuleType:
    try:
        import nibabel
    except ImportError:
        raise MissingExtraError("NIfTI", "mri") from None
    module: ModuleType = nibabel
    return module
