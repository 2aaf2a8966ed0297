"""Views of a data set: some of its images, their centres, other labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from clearsight.contracts import Dataset, Sample
from clearsight.errors import InvalidArgumentError

__all__ = ["Centres", "Labelled", "Subset", "take"]


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
class Labelled:
    """Images of a data set with other labels.

    Attributes:
        dataset: the images.
        labels: of each image: its class, the class of each pixel, or ``None``.
        classes: what the labels stand for.
    """

    dataset: Dataset
    labels: Sequence[int | Tensor | None]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        sample = self.dataset[index]
        return Sample(name=sample.name, x=sample.x, label=self.labels[index])


@dataclass(frozen=True, slots=True)
class Centres:
    """The centre of each image of a data set.

    Attributes:
        dataset: of whole images.
        size: height and width that is kept.
    """

    dataset: Dataset
    size: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the whole images."""
        return self.dataset.classes

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one and cut its centre out."""
        whole = self.dataset[index]
        top, left = ((n - self.size) // 2 for n in whole.x.shape[1:])
        x = whole.x[:, top : top + self.size, left : left + self.size]
        return Sample(name=whole.name, x=x, label=None)


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
