"""Squares of images of any size, labelled or not, and zoomed regions of images with a class for each pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import Batch, Dataset
from clearsight.errors import RecipeError
from clearsight.seeds import generator_for
from clearsight.training.data import Data

__all__ = ["RandomCrops", "RandomResizedCrops"]


class _Held(NamedTuple):
    """An image as 8 bits, ``(C, H, W)``; its class, the class of each pixel ``(H, W)`` as 8 bits, or ``None``."""

    x: Tensor
    label: int | Tensor | None


class RandomCrops(Data):
    """Random squares of the images of a data set, every other one mirrored; images stay in memory as 8 bits.

    Validation is on the square in the middle of each held-out image.

    Args:
        train: what is trained on; labelled by image, by pixel or not at all.
        validation: what is held out.
        size: side of a square, in pixels; no image may be smaller.
        shrink: make images smaller first, so that the shorter side is as long as a square: the class of an image is
            that of the whole.
        batch: squares in a batch.
        epoch: batches between two validations.
        seed: of the choice of images, the squares and the mirroring.

    Raises:
        RecipeError: a data set is empty, an image is smaller than a square, or maps of pixels are to be shrunk.
        DataError: an image cannot be read.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        validation: Dataset,
        size: int,
        shrink: bool = False,
        batch: int = 16,
        epoch: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        self.train_set, self.validation_set = train, validation
        self.size, self.shrink, self.batch_size = size, shrink, batch
        self.train: list[_Held] = []
        self.validation: list[_Held] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if not self.train:
            train, validation = self.matched(self.train_set), self.matched(self.validation_set)
            self.train, self.validation = self._held(train), self._held(validation)
            self.channels, self.classes = len(self.train[0].x), tuple(train.classes) or None

    def draw(self, step: int, rank: int = 0) -> Batch:
        """Squares of images drawn with replacement."""
        generator = generator_for(self.seed, step, rank, stream="crops")
        which = torch.randint(len(self.train), (self.batch_size,), generator=generator).tolist()
        return _batch([self._random(self.train[index], generator) for index in which])

    def held_out(self) -> list[Batch]:
        """The squares in the middle, a batch at a time."""
        middle = [self._middle(held) for held in self.validation]
        return [_batch(middle[at : at + self.batch_size]) for at in range(0, len(middle), self.batch_size)]

    def _held(self, dataset: Dataset) -> list[_Held]:
        if not len(dataset):
            raise RecipeError("there is no image to train or to validate on")
        return [self._prepared(dataset, index) for index in range(len(dataset))]

    def _prepared(self, dataset: Dataset, index: int) -> _Held:
        name, x, label = (sample := dataset[index]).name, sample.x, sample.label
        if min(x.shape[1:]) < self.size:
            raise RecipeError(
                f"{name} has {x.shape[2]}×{x.shape[1]} pixels, squares have {self.size}: take a smaller size"
            )
        if self.shrink and isinstance(label, Tensor):
            raise RecipeError("maps with a class for each pixel are not shrunk: cut squares from images as they are")
        if self.shrink and min(x.shape[1:]) > self.size:
            x = _shrunk(x, self.size)
        return _Held((255 * x).round().byte(), label.byte() if isinstance(label, Tensor) else label)

    def _random(self, held: _Held, generator: torch.Generator) -> _Held:
        height, width = held.x.shape[1:]
        top = int(torch.randint(height - self.size + 1, (), generator=generator))
        left = int(torch.randint(width - self.size + 1, (), generator=generator))
        cut = self._cut(held, top, left)
        return _mirrored(cut) if torch.rand((), generator=generator) < 0.5 else cut

    def _middle(self, held: _Held) -> _Held:
        height, width = held.x.shape[1:]
        return self._cut(held, (height - self.size) // 2, (width - self.size) // 2)

    def _cut(self, held: _Held, top: int, left: int) -> _Held:
        at = (..., slice(top, top + self.size), slice(left, left + self.size))
        return _Held(held.x[at], held.label[at] if isinstance(held.label, Tensor) else held.label)


def _shrunk(x: Tensor, side: int) -> Tensor:
    """Bilinear with antialiasing, the shorter side of that length."""
    height, width = x.shape[1:]
    shape = [max(side, round(n * side / min(height, width))) for n in (height, width)]
    return F.interpolate(x[None], shape, mode="bilinear", antialias=True)[0].clamp(0, 1)


def _mirrored(held: _Held) -> _Held:
    return _Held(held.x.flip(-1), held.label.flip(-1) if isinstance(held.label, Tensor) else held.label)


def _batch(squares: list[_Held]) -> Batch:
    x, labels = torch.stack([held.x for held in squares]), [held.label for held in squares]
    if all(isinstance(label, Tensor) for label in labels):
        return Batch(x, torch.stack(labels).long())  # type: ignore[arg-type]
    if all(isinstance(label, int) for label in labels):
        return Batch(x, torch.tensor(labels))
    return Batch(x, None)


class RandomResizedCrops(Data):
    """Random regions of segmented images, zoomed, flipped, lit anew; images and maps stay in memory as 8 bits.

    Validation is on whole images, one at a time: they may be of different sizes.

    Args:
        train: what is trained on.
        validation: what is held out.
        size: height and width of a region after zooming.
        zoom: regions are enlarged by a factor between these two, drawn with a uniform logarithm.
        flip: mirror every other region, left to right.
        light: pixels are multiplied by a factor between e^−light and e^light, drawn with a uniform logarithm.
        batch: regions in a batch.
        epoch: batches between two validations.
        seed: of all these draws.

    Raises:
        RecipeError: a data set is empty, has no class for each pixel, or a training image is smaller than a region; or
            the zoom is no range of positive numbers.
        DataError: a data set is not there.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        validation: Dataset,
        size: Sequence[int] = (256, 256),
        zoom: Sequence[float] = (1, 1),
        flip: bool = True,
        light: float = 0.0,
        batch: int = 8,
        epoch: int = 400,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        if len(zoom) != 2 or not 0 < zoom[0] <= zoom[1]:
            raise RecipeError(f"data.zoom is the smallest and the largest factor, both positive, got {list(zoom)}")
        self.train_set, self.validation_set = train, validation
        self.size, self.zoom, self.flip, self.light, self.batch_size = tuple(size), zoom, flip, light, batch
        self.train: list[Batch] = []
        self.validation: list[Batch] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self.train:
            return
        train, validation = self.matched(self.train_set), self.matched(self.validation_set)
        self.train, self.validation = _held(train), _held(validation)
        self.channels, self.classes = self.train[0].x.shape[1], tuple(train.classes)
        height, width = (round(n / self.zoom[0]) for n in self.size)
        small = next((b for b in self.train if b.x.shape[2] < height or b.x.shape[3] < width), None)
        if small is not None:
            raise RecipeError(
                f"regions of {self.size[0]} rows and {self.size[1]} columns take {height} and {width} of an image "
                f"where they are zoomed by {self.zoom[0]}, but one has {small.x.shape[2]} and {small.x.shape[3]}: "
                "make data.size smaller, or the smallest data.zoom larger"
            )

    def draw(self, step: int, rank: int = 0) -> Batch:
        """Regions of images drawn with replacement."""
        generator = generator_for(self.seed, step, rank, stream="regions")
        which = torch.randint(len(self.train), (self.batch_size,), generator=generator).tolist()
        places = torch.rand(self.batch_size, 4, generator=generator).tolist()
        gains = (self.light * (2 * torch.rand(self.batch_size, 1, 1, 1, generator=generator) - 1)).exp()
        cuts = [self._cut(self.train[i], place) for i, place in zip(which, places, strict=True)]
        x = torch.cat([x for x, _ in cuts])
        lit = (gains * x).round().clamp(max=255).byte() if self.light else x
        return Batch(lit, torch.cat([labels for _, labels in cuts]).long())

    def held_out(self) -> list[Batch]:
        """The validation images."""
        return self.validation

    def _cut(self, image: Batch, place: list[float]) -> tuple[Tensor, Tensor]:
        """The region at a place: row, column, zoom and whether it is flipped, each in [0, 1)."""
        low, high = map(math.log, self.zoom)
        sides = [round(n / math.exp(low + place[2] * (high - low))) for n in self.size]
        top, left = (int(p * (n - side + 1)) for p, n, side in zip(place, image.x.shape[2:], sides, strict=False))
        assert image.labels is not None
        x, labels = (t[..., top : top + sides[0], left : left + sides[1]] for t in (image.x, image.labels))
        if sides != [*self.size]:
            x = F.interpolate(x.float(), self.size, mode="bilinear", antialias=True).round().byte()
            labels = F.interpolate(labels[None], self.size, mode="nearest-exact")[0]
        return (x.flip(3), labels.flip(2)) if self.flip and place[3] < 0.5 else (x, labels)


def _held(dataset: Dataset) -> list[Batch]:
    """Every image with its map, ``(1, C, H, W)`` and ``(1, H, W)``, as 8 bits."""
    samples = [dataset[index] for index in range(len(dataset))]
    if not samples or not all(isinstance(sample.label, Tensor) for sample in samples):
        raise RecipeError(
            f"training on regions takes images with a class for each pixel, and at least one; {type(dataset).__name__} "
            f"has {'others' if samples else 'none'}"
        )
    return [Batch((255 * s.x).round().byte()[None], torch.as_tensor(s.label).byte()[None]) for s in samples]
