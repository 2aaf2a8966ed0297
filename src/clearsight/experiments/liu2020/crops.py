"""Squares of Kodak24 images, which the figures are of."""

from __future__ import annotations

from typing import NamedTuple

from clearsight.contracts import Sample
from clearsight.datasets.photographs import Photographs

__all__ = ["Crop"]


class Crop(NamedTuple):
    """A square of an image.

    Attributes:
        image: its name in the set.
        top: its first row.
        left: its first column.
    """

    image: str
    top: int
    left: int

    def cut(self, size: int) -> Sample:
        """The square, ``size`` pixels wide and high, named by its place."""
        dataset = Photographs(root="kodak24")
        whole = dataset[dataset.images.names.index(self.image)].x
        x = whole[:, self.top : self.top + size, self.left : self.left + size]
        return Sample(name=f"{self.image} from row {self.top}, column {self.left}", x=x, label=None)
