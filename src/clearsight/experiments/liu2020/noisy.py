"""Noisy photographs with their clean twins: those that are here, or else some that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

from clearsight.contracts import Dataset, Degradation, Sample
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.pairs import Untouched
from clearsight.degradations.language import parse
from clearsight.errors import DataError

__all__ = ["Bundled", "Noisy", "noisy_sets"]

_PUBLISHED = {"polyu": "test", "cc15": "test", "sidd": "val"}
"""Sets of real noise whose clean images are public, and the part to judge on."""

_MADE_UP = "camera(iso=3200, full_well=20000) | jpeg(quality=90)"


@dataclass(frozen=True, slots=True)
class Noisy:
    """A set to judge on.

    Attributes:
        name: of its columns.
        dataset: of noisy images with clean ones as targets, or of clean ones.
        degradation: what is done to them.
    """

    name: str
    dataset: Dataset
    degradation: Degradation


class Bundled:
    """Three colour photographs that come with scikit-image."""

    classes: tuple[str, ...] = ()
    _images: tuple[Callable[[], NDArray[np.uint8]], ...] = (
        skimage.data.astronaut,
        skimage.data.chelsea,
        skimage.data.coffee,
    )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        read = self._images[index]
        return Sample(name=read.__name__, x=torch.from_numpy(read()).movedim(2, 0) / 255, label=None)


def noisy_sets(report: Callable[[str], None]) -> list[Noisy]:
    """Every published set of real noise that is here; without any, photographs with noise that is made up.

    Args:
        report: is told which are not here, and why.
    """
    found = []
    for name, part in _PUBLISHED.items():
        try:
            found.append(Noisy(name, open_dataset(name, part=part), Untouched()))
        except DataError as error:
            report(str(error))
    return found or [Noisy("made up", Bundled(), parse(_MADE_UP))]
