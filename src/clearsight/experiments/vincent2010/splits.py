"""The data sets of the table, in three parts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import Dataset
from clearsight.datasets.amat import AMat, Tzanetakis
from clearsight.datasets.roots import DataRoot
from clearsight.datasets.variants import KINDS, Variants

__all__ = ["Part", "Split", "open_split", "sets_at_hand"]

_AMAT = DataRoot(what="the published .amat files", names=("amat",))
_TZANETAKIS = DataRoot(what="tzanetakis as .amat", names=("tzanetakis.amat",))


class Part(NamedTuple):
    """Some images.

    Attributes:
        images: ``(N, 1, H, W)`` in [0, 1].
        labels: ``(N,)``.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Part:
        """The same on a device."""
        return Part(self.images.to(device), self.labels.to(device))


class Split(NamedTuple):
    """What is trained on, what choices are made on, what is reported.

    Attributes:
        name: of the data set.
        source: ``"drawn"`` by us, or ``"amat"``, a user's own files.
        train: of the training images.
        validation: of others; nothing is trained on them.
        test: of others again; looked at once, at the end.
        classes: the names of the labels.
    """

    name: str
    source: str
    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.train.images.shape[2:]
        return height, width


def sets_at_hand() -> tuple[str, ...]:
    """The eight, and tzanetakis where there is a ``tzanetakis.amat``."""
    return (*KINDS, "tzanetakis") if _TZANETAKIS.find(None) else KINDS


def open_split(name: str, limits: tuple[int | None, int | None, int | None], seed: int) -> Split:
    """A data set by its name: a user's files in ``$CLEARSIGHT_DATA/amat/NAME``, else drawn.

    Args:
        name: of the data set.
        limits: so many images of the training, validation and test part only; ``None`` for all.
        seed: of what is drawn.
    """
    folder = _AMAT.find(None)
    given = folder is not None and (folder / name).is_dir()

    def dataset(part: str, limit: int | None) -> Dataset:
        if name == "tzanetakis":
            return Tzanetakis(part=part)
        if folder is not None and given:
            return AMat(root=folder / name, part=part)
        return Variants(kind=name, part=part, limit=limit, seed=seed)  # type: ignore[arg-type]

    found = [dataset(part, limit) for part, limit in zip(("train", "val", "test"), limits, strict=True)]
    train, validation, test = (_part(one, limit) for one, limit in zip(found, limits, strict=True))
    source = "amat" if given or name == "tzanetakis" else "drawn"
    return Split(name, source, train, validation, test, found[0].classes)


def _part(dataset: Dataset, limit: int | None) -> Part:
    samples = [dataset[index] for index in range(min(len(dataset), limit or len(dataset)))]
    return Part(torch.stack([sample.x for sample in samples]), torch.tensor([sample.label for sample in samples]))
