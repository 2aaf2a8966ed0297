"""Images by number: held in memory as bytes, or read from files when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from torch import Tensor

from clearsight.datasets.files import Files
from clearsight.datasets.reading import explained, pixels

__all__ = ["Filed", "Held", "Pictures"]


class Pictures(Protocol):
    """Images with names."""

    @property
    def names(self) -> list[str]:
        """One name an image, unique."""

    def __getitem__(self, index: int) -> Tensor:
        """One image, ``(C, H, W)`` float32 in [0, 1]."""

    def select(self, keep: Tensor) -> Self:
        """The images with these numbers, ``(n,)`` int64, in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
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

    def select(self, keep: Tensor) -> Held:
        """These images alone; the others are given up."""
        return Held([self.names[i] for i in keep.tolist()], self.values[keep], self.peak)


@dataclass(frozen=True, slots=True, eq=False)
class Filed:
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

    def select(self, keep: Tensor) -> Filed:
        """These files alone."""
        return Filed([self.names[i] for i in keep.tolist()], self.files)
