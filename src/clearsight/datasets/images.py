"""Images by number: held in memory as bytes, or read from files when they are asked for; what is in such a file."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from clearsight.datasets.files import Files, explained
from clearsight.images.files import open_image
from clearsight.images.intensities import as_unit, to_unit
from clearsight.images.picture import Array

__all__ = ["ImageFiles", "Images", "InMemoryImages", "decoded", "grey", "labels", "on_one_scale", "pixels"]

_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue, after ITU-R BT.601."""

_INDEXED = ("1", "L", "P", "I;16", "I;16B", "I;16L", "I")


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
            return pixels(self.files.read(name), self.files.where(name))

    def select(self, keep: Tensor) -> ImageFiles:
        """These files alone."""
        return ImageFiles([self.names[i] for i in keep.tolist()], self.files)


def pixels(data: bytes, name: str) -> Tensor:
    """Decode an image as a restorer is given it: ``(C, H, W)`` float32 in [0, 1], grey with one channel, else RGB.

    8 bits mean what they always do; of other numbers black and white are found in the picture (see
    :class:`~clearsight.images.Intensities`). Alpha is left out; of a stack the first plane is taken.

    Raises:
        ImageReadError: as :func:`clearsight.images.read`.
    """
    return _tensor(as_unit(decoded(data, name)))


def decoded(data: bytes, name: str) -> Array:
    """Decode an image, ``(H, W, C)``, its numbers as they are: grey with one channel, else RGB.

    Raises:
        ImageReadError: as :func:`clearsight.images.read`.
    """
    return open_image(BytesIO(data), name=name).read().colour


def on_one_scale(noisy: Array, clean: Array) -> tuple[Tensor, Tensor]:
    """Two pictures of one thing as a restorer is given them, ``(C, H, W)``: equal numbers stay equal.

    What black and white are is found in the noisy one; of different types of numbers, each is taken by its full range.
    """
    if noisy.dtype != clean.dtype:
        return _tensor(to_unit(noisy)), _tensor(to_unit(clean))
    return _tensor(as_unit(noisy)), _tensor(as_unit(clean, like=noisy))


def grey(x: Tensor) -> Tensor:
    """The luma of an image ``(C, H, W)``, ``(1, H, W)``; grey as it is."""
    return x if len(x) == 1 else torch.tensordot(torch.tensor(_LUMA), x[:3], 1)[None]


def _tensor(pixels: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(pixels).movedim(-1, 0).contiguous()


def labels(data: bytes) -> Tensor:
    """Decode an index map: ``(H, W)`` int64; of a palette image the indices, not the colours.

    Raises:
        Exception: anything a decoder raises; see :func:`~clearsight.datasets.files.explained`.
    """
    try:
        image = ImageOps.exif_transpose(Image.open(BytesIO(data)))
    except UnidentifiedImageError:  # its text would name the buffer
        raise ValueError(f"{len(data)} bytes of no known format") from None
    if image.mode not in _INDEXED:
        raise ValueError(f"expected one channel of class numbers, got {image.mode}")
    return torch.from_numpy(np.asarray(image).astype(np.int64))
