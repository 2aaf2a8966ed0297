"""Handwritten letters and digits in black and white."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor

from clearsight.datasets.classified import Classified, rank_in_class
from clearsight.datasets.files import explained
from clearsight.datasets.images import InMemoryImages
from clearsight.datasets.roots import DataRoot, check_part
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DATASETS
from clearsight.seeds import generator_for

__all__ = ["Alphadigits"]

_ROOT = DataRoot(what="Binary Alphadigits", names=("binaryalphadigs.mat",), page="https://cs.nyu.edu/~roweis/data.html")
_CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PARTS = ("all", "train", "test")


@DATASETS.register("alphadigits")
class Alphadigits(Classified):
    """Binary Alphadigits: 39 drawings of each digit and capital letter, 20×16, black and white.

    The drawings come in no parts of their own: of each class a fifth, drawn once and for all, is the test part.
    Source: S. Roweis; the "USPS alphabets" of Chen et al., 2016.

    Args:
        part: ``"all"``, ``"train"`` (31 a class) or ``"test"`` (8 a class).
        classes: ``"letters"`` A to Z, or ``"all"`` with the digits before them.
        root: ``binaryalphadigs.mat`` or the folder it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: the file is not there or damaged, or there is no such part.
        InvalidArgumentError: ``classes`` is something else.
    """

    def __init__(
        self,
        *,
        part: str = "test",
        classes: Literal["letters", "all"] = "letters",
        root: str | Path | None = None,
    ) -> None:
        check_part("alphadigits", part, _PARTS)
        if classes not in ("letters", "all"):
            raise InvalidArgumentError(f"classes is 'letters' or 'all', got {classes!r}")
        values, labels = _read(_ROOT.require(root))
        ranks, first = rank_in_class(labels), 10 if classes == "letters" else 0
        names = [f"{_CLASSES[k]}/{rank:02}" for k, rank in zip(labels.tolist(), ranks.tolist(), strict=True)]
        keep = (_in_part(part, labels) & (labels >= first)).nonzero()[:, 0]
        super().__init__(InMemoryImages(names, values, peak=1).select(keep), labels[keep] - first, _CLASSES[first:])


def _read(path: Path) -> tuple[Tensor, Tensor]:
    """Drawings ``(N, 1, 20, 16)`` uint8, 0 or 1, and labels ``(N,)`` int64; the file is about in two layouts."""
    with explained(str(path), "Binary Alphadigits"):
        content = loadmat(path)
        if "dat" in content:  # Roweis's own: a cell a drawing, one row of cells a class
            drawings = np.stack([np.stack(list(row)) for row in content["dat"]])
            labels = np.arange(len(drawings)).repeat(drawings.shape[1])
        else:  # a matrix: a row a drawing, column by column
            drawings = content["fea"].reshape(-1, 16, 20).transpose(0, 2, 1)
            labels = content["gnd"].ravel().astype(np.int64) - 1
        values = torch.from_numpy(np.ascontiguousarray(drawings, dtype=np.uint8).reshape(-1, 1, 20, 16))
        return values, torch.from_numpy(labels)


def _in_part(part: str, labels: Tensor) -> Tensor:
    """Which drawings are in the part, ``(N,)`` bool: in a random order, the first fifth of each class is for tests."""
    if part == "all":
        return torch.ones_like(labels, dtype=torch.bool)
    order = torch.randperm(len(labels), generator=generator_for(0, 0, stream="alphadigits"))
    ranks = torch.empty_like(labels).scatter_(0, order, rank_in_class(labels[order]))
    test = ranks < (labels.bincount()[labels] / 5).round()
    return test if part == "test" else ~test
