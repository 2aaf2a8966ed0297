"""A part of a data set."""

from __future__ import annotations

from dataclasses import dataclass

from clearsight.contracts import Dataset, Sample
from clearsight.errors import InvalidArgumentError

__all__ = ["Subset", "take"]


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
