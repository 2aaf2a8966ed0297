"""What is trained on, and what is judged by."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from clearsight.contracts import Dataset
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.subset import Centres, take
from clearsight.degradations.language import parse
from clearsight.experiments.lehtinen2018.budgets import TRAINED_ON, Budget
from clearsight.seeds import generator_for
from clearsight.training.patches import Patches

__all__ = ["NoisyOnce", "SomePatches", "judged_images"]

_HELD_OUT = 4
"""To follow a training by; no figure comes of them."""


class SomePatches(Patches):
    """Patches of some images of the folder, evenly spread.

    Args:
        budget: patches, batches, images.
        size: height and width of a patch.
        seed: of the cuts.
    """

    def __init__(self, budget: Budget, *, size: int, seed: int) -> None:
        super().__init__(
            images=TRAINED_ON,
            size=size,
            batch=budget.batch,
            epoch=budget.epoch,
            hold_out=min(_HELD_OUT, (budget.images or 2 * _HELD_OUT) // 2),
            validation_size=size,
            seed=seed,
        )
        self._images = budget.images

    def _paths(self) -> list[Path]:
        """Those that are read."""
        found = super()._paths()
        n = len(found) if self._images is None else min(self._images, len(found))
        return [found[k * len(found) // n] for k in range(n)]


class NoisyOnce(SomePatches):
    """The same of images that were degraded once and for all: whatever is cut, nobody sees them clean.

    Args:
        budget: patches, batches, images.
        degradation: what became of them; they are held unclipped.
        size: height and width of a patch.
        seed: of the noise and the cuts.
    """

    def __init__(self, budget: Budget, degradation: str, *, size: int, seed: int) -> None:
        super().__init__(budget, size=size, seed=seed)
        self._degradation = parse(degradation)

    def _read(self) -> list[Tensor]:
        """Each with noise of its own."""
        return [self._degraded(image, number) for number, image in enumerate(super()._read())]

    def _degraded(self, image: Tensor, number: int) -> Tensor:
        x = image[None].float() / 255 if image.dtype == torch.uint8 else image[None]
        return self._degradation(x, generator=generator_for(self.seed, number, stream="shot"))[0]


def judged_images(name: str, budget: Budget) -> Dataset:
    """The images of a test set, or the centres of some."""
    dataset: Dataset = Photographs(root=name)
    some = dataset if budget.judged is None else take(dataset, budget.judged)
    return some if budget.centre is None else Centres(some, budget.centre)
