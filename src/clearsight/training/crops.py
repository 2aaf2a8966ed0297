"""Squares of images of any size, labelled or not, and zoomed regions of images with a class for each pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import Batch, Dataset, Input, Sample
from clearsight.errors import RecipeError
from clearsight.restorers.padding import enlarged
from clearsight.seeds import generator_for
from clearsight.training.data import Data
from clearsight.training.samples import batch_of, check_alike, read_samples, resized, say_small, transformed

__all__ = ["RandomCrops", "RandomResizedCrops"]


class RandomCrops(Data):
    """Random squares of the images of a data set, every other one mirrored if wanted; images stay in memory.

    Targets and maps are cut and mirrored with the images, values and whole inputs stay as they are. Held are 8 bits
    where an image has no more, else float32. Validation is on the square in the middle of each held-out image. Images
    that are smaller than a square are enlarged to it by reflection, where they are not fitted; how many is said.

    Args:
        train: what is trained on; labelled by image, by pixel or not at all.
        validation: what is held out.
        size: side of a square, in pixels.
        fit: resize images first, so that the shorter side is as long as a square: the class of an image is that of the
            whole.
        mirror: mirror every other square, left to right; not where there is text.
        batch: squares in a batch.
        epoch: batches between two validations.
        seed: of the choice of images, the squares and the mirroring.

    Raises:
        RecipeError: a data set is empty, maps of pixels are to be resized, or samples do not go together.
        DataError: an image cannot be read.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        validation: Dataset,
        size: int,
        fit: bool = False,
        mirror: bool = True,
        batch: int = 16,
        epoch: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        self.train_set, self.validation_set = train, validation
        self.size, self.fit, self.mirror, self.batch_size = size, fit, mirror, batch
        self.train: list[Sample] = []
        self.validation: list[Sample] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if not self.train:
            train, validation = self.matched(self.train_set), self.matched(self.validation_set)
            self.train = self._held(train, "training images")
            self.validation = self._held(validation, "held-out images")
            self.channels, self.classes = len(self.train[0].x), tuple(train.classes) or None

    def draw(self, step: int) -> Batch:
        """Squares of images drawn with replacement."""
        generator = generator_for(self.seed, step, stream="crops")
        which = torch.randint(len(self.train), (self.batch_size,), generator=generator).tolist()
        return batch_of([self._random(self.train[index], generator) for index in which])

    def held_out(self) -> list[Batch]:
        """The squares in the middle, a batch at a time."""
        middle = [self._middle(sample) for sample in self.validation]
        return [batch_of(middle[at : at + self.batch_size]) for at in range(0, len(middle), self.batch_size)]

    def _held(self, dataset: Dataset, what: str) -> list[Sample]:
        if not len(dataset):
            raise RecipeError("there is no image to train or to validate on")
        samples = read_samples(dataset, self.declared)
        check_alike(samples, self.declared)
        if not self.fit:
            return _filled(samples, self.size, self.size, what, self.declared)
        if isinstance(samples[0].label, Tensor):
            raise RecipeError("maps with a class for each pixel are not resized: cut squares from images as they are")
        return [self._fitted(sample) for sample in samples]

    def _fitted(self, sample: Sample) -> Sample:
        height, width = sample.x.shape[1:]
        size = [max(self.size, round(n * self.size / min(height, width))) for n in (height, width)]
        if size == [height, width]:
            return sample
        return transformed(sample, partial(resized, size=size), self.declared)

    def _random(self, sample: Sample, generator: torch.Generator) -> Sample:
        height, width = sample.x.shape[1:]
        top = int(torch.randint(height - self.size + 1, (), generator=generator))
        left = int(torch.randint(width - self.size + 1, (), generator=generator))
        return self._cut(sample, top, left, mirrored=self.mirror and bool(torch.rand((), generator=generator) < 0.5))

    def _middle(self, sample: Sample) -> Sample:
        height, width = sample.x.shape[1:]
        return self._cut(sample, (height - self.size) // 2, (width - self.size) // 2)

    def _cut(self, sample: Sample, top: int, left: int, *, mirrored: bool = False) -> Sample:
        def change(values: Tensor) -> Tensor:
            square = values[..., top : top + self.size, left : left + self.size]
            return square.flip(-1) if mirrored else square

        return replace(transformed(sample, change, self.declared), text=None)  # of a page, nobody knows it of a square


class RandomResizedCrops(Data):
    """Random regions of segmented images, zoomed, flipped, lit anew; images and maps stay in memory.

    Targets and maps are cut, zoomed and flipped with the images, targets also lit; values and whole inputs stay as they
    are. Held are 8 bits where an image has no more, else float32. Training images that are smaller than a region are
    enlarged to it by reflection; how many is said. Validation is on whole images, one at a time: they may be of
    different sizes.

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
        RecipeError: a data set is empty or has no class for each pixel, or the zoom is no range of positive numbers.
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
        self.train: list[Sample] = []
        self.validation: list[Sample] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self.train:
            return
        train, validation = self.matched(self.train_set), self.matched(self.validation_set)
        height, width = (round(n / self.zoom[0]) for n in self.size)
        self.train = _filled(self._held(train), height, width, "training images", self.declared)
        self.validation = self._held(validation)
        self.channels, self.classes = len(self.train[0].x), tuple(train.classes)

    def draw(self, step: int) -> Batch:
        """Regions of images drawn with replacement."""
        generator = generator_for(self.seed, step, stream="regions")
        which = torch.randint(len(self.train), (self.batch_size,), generator=generator).tolist()
        places = torch.rand(self.batch_size, 4, generator=generator).tolist()
        gains = (self.light * (2 * torch.rand(self.batch_size, 1, 1, 1, generator=generator) - 1)).exp()
        drawn = batch_of([self._cut(self.train[i], place) for i, place in zip(which, places, strict=True)])
        if not self.light:
            return drawn
        target = None if drawn.target is None else _lit(drawn.target, gains)
        return drawn._replace(x=_lit(drawn.x, gains), target=target)

    def held_out(self) -> list[Batch]:
        """The validation images."""
        return [batch_of([sample]) for sample in self.validation]

    def _cut(self, sample: Sample, place: list[float]) -> Sample:
        """The region at a place: row, column, zoom and whether it is flipped, each in [0, 1)."""
        low, high = map(math.log, self.zoom)
        sides = [round(n / math.exp(low + place[2] * (high - low))) for n in self.size]
        top, left = (int(p * (n - side + 1)) for p, n, side in zip(place, sample.x.shape[1:], sides, strict=False))

        def change(values: Tensor, resize: Callable[[Tensor, Sequence[int]], Tensor] = resized) -> Tensor:
            region = values[..., top : top + sides[0], left : left + sides[1]]
            region = region if sides == [*self.size] else resize(region, self.size)
            return region.flip(-1) if self.flip and place[3] < 0.5 else region

        return transformed(sample, change, self.declared, labels=partial(change, resize=_nearest))

    def _held(self, dataset: Dataset) -> list[Sample]:
        samples = read_samples(dataset, self.declared)
        if not samples or not all(isinstance(sample.label, Tensor) for sample in samples):
            raise RecipeError(
                f"training on regions takes images with a class for each pixel, and at least one; "
                f"{type(dataset).__name__} has {'others' if samples else 'none'}"
            )
        check_alike(samples, self.declared)
        return samples


def _filled(samples: Sequence[Sample], height: int, width: int, what: str, declared: Sequence[Input]) -> list[Sample]:
    """Samples of at least a size; how many were smaller is said."""
    say_small([sample.x for sample in samples], height, width, what, "enlarged by reflection")
    return [transformed(sample, partial(enlarged, height=height, width=width), declared) for sample in samples]


def _nearest(label: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(label[None, None], tuple(size), mode="nearest-exact")[0, 0]


def _lit(x: Tensor, gains: Tensor) -> Tensor:
    """Multiplied; 8 bits are clipped, as a camera does, floats go on beyond 1."""
    return gains * x if x.is_floating_point() else (gains * x).round().clamp(max=255).byte()
