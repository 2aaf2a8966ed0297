"""Views of a data set: some of its images, parts of each, other labels, the same labels by other numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.classes import matched
from clearsight.contracts import VOID, Dataset, Sample
from clearsight.errors import DataError, InvalidArgumentError

__all__ = ["Centres", "Labelled", "Multiples", "Renumbered", "Squares", "Subset", "Transcribed", "renumbered", "take"]


@dataclass(frozen=True, slots=True)
class _View:
    """A change of each image of a data set."""

    dataset: Dataset

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)


class _OfThose(_View):
    """One that leaves the classes."""

    __slots__ = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the data set."""
        return self.dataset.classes


@dataclass(frozen=True, slots=True)
class Subset:
    """Some images of a data set, in an order of their own.

    Attributes:
        dataset: the whole.
        indices: which of its images.
    """

    dataset: Dataset
    indices: range | list[int]

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the whole."""
        return self.dataset.classes

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        return self.dataset[self.indices[index]]


@dataclass(frozen=True, slots=True)
class Labelled(_View):
    """Images of a data set with other labels.

    Attributes:
        dataset: the images.
        labels: of each image: its class, the class of each pixel, or ``None``.
        classes: what the labels stand for.
    """

    labels: Sequence[int | Tensor | None]
    classes: tuple[str, ...]

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        return replace(self.dataset[index], label=self.labels[index])


@dataclass(frozen=True, slots=True)
class Transcribed(_OfThose):
    """Images of a data set with other texts.

    Attributes:
        dataset: the images.
        texts: what is to be read in each; ``None`` where that is not known.
    """

    texts: Sequence[str | None]

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        return replace(self.dataset[index], text=self.texts[index])


@dataclass(frozen=True, slots=True)
class Renumbered(_View):
    """A data set whose labels have the numbers of a recognizer's classes.

    Attributes:
        dataset: with numbers of its own.
        numbers: of each of its classes, the recognizer's.
        classes: the recognizer's.
    """

    numbers: tuple[int, ...]
    classes: tuple[str, ...]

    def __getitem__(self, index: int) -> Sample:
        """Read one; of a map, pixels without a class stay so."""
        sample = self.dataset[index]
        return sample if sample.label is None else replace(sample, label=self._renumbered(sample.label))

    def _renumbered(self, label: int | Tensor) -> int | Tensor:
        if isinstance(label, int):
            return self.numbers[label]
        numbers = torch.full((VOID + 1,), VOID)
        numbers[: len(self.numbers)] = torch.tensor(self.numbers)
        return numbers[label]


@dataclass(frozen=True, slots=True)
class Centres(_OfThose):
    """The centre of each image of a data set.

    Attributes:
        dataset: of whole images.
        size: height and width that is kept.
    """

    size: int

    def __getitem__(self, index: int) -> Sample:
        """Read one and cut its centre out."""
        whole = self.dataset[index]
        target = None if whole.target is None else _middle(whole.target, self.size)
        return Sample(name=whole.name, x=_middle(whole.x, self.size), label=None, target=target)


@dataclass(frozen=True, slots=True)
class Squares(_OfThose):
    """The square in the middle of each image, resized first: what networks that classify ImageNet are tested on.

    Attributes:
        dataset: of whole images, labelled as such or not at all.
        size: side of the square, in pixels.
        shorter: what the shorter side of the image becomes, bilinearly with antialiasing.
    """

    size: int = 224
    shorter: int = 256

    def __getitem__(self, index: int) -> Sample:
        """Read one, resize it and cut its centre out."""
        whole = self.dataset[index]
        least = min(whole.x.shape[1:])
        height, width = (max(self.shorter, round(n * self.shorter / least)) for n in whole.x.shape[1:])
        x = F.interpolate(whole.x[None], (height, width), mode="bilinear", antialias=True)[0]
        return Sample(name=whole.name, x=_middle(x, self.size), label=whole.label)


def _middle(image: Tensor, size: int) -> Tensor:
    """The square in the middle of ``(C, H, W)``."""
    top, left = ((n - size) // 2 for n in image.shape[1:])
    return image[:, top : top + size, left : left + size]


@dataclass(frozen=True, slots=True)
class Multiples(_OfThose):
    """Images without the last rows and columns that a number does not divide, as super-resolution is judged on.

    Attributes:
        dataset: of whole images.
        number: that divides height and width of what is kept.
    """

    number: int

    def __getitem__(self, index: int) -> Sample:
        """Read one and cut the rest off.

        Raises:
            DataError: nothing is left of it.
        """
        whole = self.dataset[index]
        height, width = (n - n % self.number for n in whole.x.shape[1:])
        if not height * width:
            sides = "×".join(map(str, whole.x.shape[1:]))
            raise DataError(f"{whole.name} has {sides} pixels, expected at least {self.number} in height and width")
        return Sample(name=whole.name, x=whole.x[:, :height, :width], label=None)


def take(dataset: Dataset, n: int) -> Subset:
    """``n`` images spread evenly over a data set, so that one that is sorted by class gives some of each.

    Number ``i`` is image ⌊i·N / n⌋ of N; the whole, where it has no more than ``n``.

    Raises:
        InvalidArgumentError: ``n`` is less than 1.

    Example:
        >>> take(range(10), 4).indices
        [0, 2, 5, 7]
    """
    if n < 1:
        raise InvalidArgumentError(f"take at least 1 image, got {n}")
    n = min(n, len(dataset))
    return Subset(dataset, [i * len(dataset) // n for i in range(n)])


def renumbered(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """A data set with its labels numbered as a recognizer numbers its classes, :func:`~clearsight.classes.matched`.

    One without labels, or with these numbers already, is itself.

    Raises:
        DataError: the names do not fit.
    """
    if not dataset.classes:
        return dataset
    numbers, wanted = matched(dataset.classes, classes), tuple(classes)
    if numbers == tuple(range(len(wanted))):
        return dataset
    return Renumbered(dataset, numbers, wanted)
