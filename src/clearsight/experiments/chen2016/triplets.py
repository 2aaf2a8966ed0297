"""Noisy image, clean image, label: what every method of chen2016 is trained and judged on."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import Dataset
from clearsight.datasets.alphadigits import Alphadigits
from clearsight.datasets.mnist import MNIST
from clearsight.datasets.subset import Subset, take
from clearsight.degradations.strokes import Strokes
from clearsight.seeds import generator_for

__all__ = ["Kind", "Split", "Triplets", "alphadigits", "mnist"]

Kind = Literal["light", "heavy", "both"]
"""Of strokes: the paper's type 1, its type 2, either."""

COPIES = 10
"""Noisy copies of each drawing of Alphadigits, as published."""


class Triplets(NamedTuple):
    """Images of one size in both states.

    Attributes:
        noisy: ``(N, 1, H, W)``, 0 or 1.
        clean: ``(N, 1, H, W)`` in [0, 1].
        labels: ``(N,)``.
    """

    noisy: Tensor
    clean: Tensor
    labels: Tensor

    def at(self, rows: Tensor) -> Triplets:
        """Those with these numbers."""
        return Triplets(*(column[rows] for column in self))


class Split(NamedTuple):
    """What is trained on, what choices are made on, what is reported.

    Attributes:
        source: of the clean images and how they are split, such as ``"mnist"``.
        kind: of the strokes.
        train: of the training images.
        validation: of others; nothing is trained on them.
        test: of others again; looked at once, at the end.
        classes: the names of the labels.
    """

    source: str
    kind: Kind
    train: Triplets
    validation: Triplets
    test: Triplets
    classes: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.train.clean.shape[2:]
        return height, width


def mnist(kind: Kind, *, limit: int | None, seed: int) -> Split:
    """MNIST with one noisy copy of each image.

    Deviation: 5,000 of the 60,000 training images are kept back to make choices on.

    Args:
        kind: of the strokes.
        limit: so many images of each part only.
        seed: of the strokes.
    """
    parts = {part: MNIST(part=part) for part in ("train", "val", "test")}
    held = [_with_strokes(_some(dataset, limit), kind, seed, part) for part, dataset in parts.items()]
    return Split("mnist", kind, held[0], held[1], held[2], parts["test"].classes)


def alphadigits(split: Literal["pairs", "drawings"], *, limit: int | None, seed: int) -> Split:
    """The 26 letters of Binary Alphadigits under heavy strokes, ten copies of each drawing, 70/10/20.

    Split by pairs, as published, copies of one drawing fall on both sides; split by drawings, no test drawing has been
    seen. Deviation: a tenth is kept back to make choices on.

    Args:
        split: what is dealt out.
        limit: so many drawings only.
        seed: of the strokes and of the split.
    """
    dataset = Alphadigits(part="all", classes="letters")
    drawings = _some(dataset, limit)
    copies = [_with_strokes(drawings, "heavy", seed, f"alphadigits/{copy}") for copy in range(COPIES)]
    every = Triplets(*(torch.cat(columns) for columns in zip(*copies, strict=True)))
    n, generator = len(drawings), generator_for(seed, 0, stream=f"chen2016/{split}")
    order = torch.randperm(n if split == "drawings" else n * COPIES, generator=generator)
    test, validation = round(0.2 * len(order)), round(0.1 * len(order))
    parts = [order[test + validation :], order[test : test + validation], order[:test]]
    if split == "drawings":
        parts = [(part[:, None] + n * torch.arange(COPIES)).flatten() for part in parts]
    held = [every.at(part) for part in parts]
    return Split(f"alphadigits-{split}", "heavy", held[0], held[1], held[2], dataset.classes)


def _some(dataset: Dataset, limit: int | None) -> Dataset | Subset:
    return dataset if limit is None else take(dataset, limit)


def _with_strokes(dataset: Dataset | Subset, kind: Kind, seed: int, part: str) -> Triplets:
    samples = [dataset[index] for index in range(len(dataset))]
    clean = torch.stack([sample.x for sample in samples])
    noisy = Strokes(kind=kind)(clean, generator=generator_for(seed, 0, stream=f"chen2016/{part}"))
    return Triplets(noisy, clean, torch.tensor([sample.label for sample in samples]))
