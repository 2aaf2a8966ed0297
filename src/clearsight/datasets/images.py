"""Images by number: held in memory as bytes, or read from files when they are asked for; what is in such a file."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Protocol, Self

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from clearsight.datasets.files import Files, explained

__all__ = ["ImageFiles", "Images", "InMemoryImages", "labels", "pixels"]

_GREY = ("1", "L", "LA", "La")
_DEEP = ("I;16", "I;16B", "I;16L", "I")
_INDEXED = ("1", "L", "P", *_DEEP)


class Images(Protocol):
    """Images with names."""

    @property
    def names(self) -> list[str]:
        """One name an image, unique."""

    def __getitem__(self, index: int) -> Tensor:
        """One image, ``(C, H, W)`` float32 in [0, 1]."""

    def select(self, keep: Tensor) -> Self:
        """The images with these numbers, ``(n,)`` int64, in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemoryImages:
    """Small images in memory.

    Attributes:
        names: of the images.
        values: ``(N, C, H, W)`` uint8.
        peak: the value that stands for 1.
    """

    names: list[str]
    values: Tensor
    peak: int = 255

    def __getitem__(self, index: int) -> Tensor:
        """One image."""
        return self.values[index].float() / self.peak

    def select(self, keep: Tensor) -> InMemoryImages:
        """These images alone; the others are given up."""
        return InMemoryImages([self.names[i] for i in keep.tolist()], self.values[keep], self.peak)


@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """Images in files.

    Attributes:
        names: of the files.
        files: where they lie.
    """

    names: list[str]
    files: Files

    def __getitem__(self, index: int) -> Tensor:
        """Read and decode one image.

        Raises:
            DataError: the file is gone, or is no readable image.
        """
        name = self.names[index]
        with explained(self.files.where(name), "an image"):
            return pixels(self.files.read(name))

    def select(self, keep: Tensor) -> ImageFiles:
        """These files alone."""
        return ImageFiles([self.names[i] for i in keep.tolist()], self.files)


def pixels(data: bytes) -> Tensor:
    """Decode an image: ``(C, H, W)`` float32 in [0, 1], grey with one channel, everything else as RGB.

    16-bit grey keeps its precision; 16-bit colour is read with 8, as Pillow does. Alpha is left out.

    Raises:
        Exception: anything a decoder raises; see :func:`~clearsight.datasets.files.explained`.
    """
    image = _upright(data)
    if image.mode == "F":
        raise ValueError("floating-point pixels of unknown range")
    deep = image.mode in _DEEP
    plain = image if deep else image.convert("L" if image.mode in _GREY else "RGB")
    values = torch.from_numpy(np.array(plain, dtype=np.float32)) / (65535 if deep else 255)
    if values.min() < 0 or values.max() > 1:
        raise ValueError("32-bit pixels of unknown range")
    return values.permute(2, 0, 1).contiguous() if values.ndim == 3 else values[None]


def labels(data: bytes) -> Tensor:
    """Decode an index map: ``(H, W)`` int64; of a palette image the indices, not the colours.

    Raises:
        Exception: anything a decoder raises; see :func:`~clearsight.datasets.files.explained`.
    """
    image = _upright(data)
    if image.mode not in _INDEXED:
        raise ValueError(f"expected one channel of class numbers, got {image.mode}")
    return torch.from_numpy(np.asarray(image).astype(np.int64))


def _upright(data: bytes) -> Image.Image:
    try:
        return ImageOps.exif_transpose(Image.open(BytesIO(data)))
    except UnidentifiedImageError:  # its text would name the buffer
        raise ValueError(f"{len(data)} bytes of no known format") from None
