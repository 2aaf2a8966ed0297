"""What a recognizer is to a guard run; what that means depends on its task, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from torch import nn

from clearsight.contracts import Dataset, Sample
from clearsight.datasets.subset import take
from clearsight.evaluation.results import Shown
from clearsight.training.data import Data

__all__ = ["NO_GUIDE", "VALIDATED", "Guide", "Splits", "held_out"]

VALIDATED = 16
"""Images that a checkpoint is chosen on, at most."""

NO_GUIDE = (
    ": nothing can be learned from that; see whether it takes such images (size, mean, std, order of the classes), "
    "or go on with --anyway"
)


class Splits(NamedTuple):
    """Three parts of the images.

    Attributes:
        train: is trained on.
        validation: picks the best checkpoint.
        test: is reported, and nothing else.
        labelled: whether it is known what is to be recognized in the images.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    labelled: bool


def held_out(splits: Splits, n: int) -> list[Dataset]:
    """At most ``n`` images to try a recognizer on: those to choose on, and as many of those to train on as it takes."""
    parts: list[Dataset] = [take(splits.validation, n)]
    if len(parts[0]) < n:
        parts.append(take(splits.train, n - len(parts[0])))
    return parts


class Guide(Protocol):
    """A recognizer with all that a guard run has to know of its task.

    Attributes:
        recognizer: of the user.
        starts: the restorers that are trained on where none is named, by channels of the images.
        weight: λ_H where none is asked for.
        shown: which images the report shows.
    """

    recognizer: nn.Module
    starts: Mapping[int, str]
    weight: float
    shown: str

    def check_asked(self, *, size: int | None, deploy: bool) -> None:
        """Say what cannot be done with such a recognizer, before anything is read."""

    def relabelled(self, parts: Mapping[str, Dataset], labels: str) -> dict[str, Dataset]:
        """The images without what they come labelled by, for ``"none"``; or labelled by a file."""

    def labels(self, sample: Sample) -> bool:
        """Whether it is known what is to be recognized in an image."""

    def units(self, part: Dataset, left_out: Callable[[str], None]) -> Dataset:
        """What is trained on and judged of some images: they themselves, or what they are cut into."""

    def check_splits(self, splits: Splits) -> None:
        """Check that the recognizer can be fed with the images, and tells what they are labelled by."""

    def check_reads(self, splits: Splits, n: int) -> None:
        """Check on ``n`` clean images at most that the recognizer sees what is in them."""

    def to_judge(self, part: Dataset, n: int, *, labelled: bool) -> Dataset:
        """So many images of a part, with what the recognizer sees in them clean where they are not labelled."""

    def data(self, splits: Splits, *, size: int | None, seed: int) -> Data:
        """The batches that all is trained on, of squares of a size where they are squares."""

    def notes(self, splits: Splits) -> list[str]:
        """What has to be said of the images."""

    def draw(self, sheet: Sequence[Shown], path: Path) -> None:
        """Draw the images that the report shows."""
