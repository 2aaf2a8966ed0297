"""The files that vincent2010's data sets once came as, where a user has them: a row an image, its label last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets.files import explained
from clearsight.datasets.roots import DataRoot, check_part, find_folder
from clearsight.errors import DataError
from clearsight.registry import DATASETS

__all__ = ["AMat", "Tzanetakis", "read_amat"]

_PARTS = ("train", "val", "test")
_HELD_OUT = {12_000: 2_000, 8_000: 1_000, 1_200: 200}
"""Of the rows of a published training file, those at its end that are for validation."""

_TZANETAKIS = DataRoot(what="tzanetakis as .amat", names=("tzanetakis.amat",), page="http://marsyas.info")
_FEATURES = 592


def read_amat(path: Path, features: int) -> tuple[Tensor, Tensor]:
    """Numbers in rows, the label last: values ``(N, features)`` float32 and labels ``(N,)`` int64.

    Raises:
        DataError: it is no such file or empty, a row has a column too few or too many, or a label is no whole number.
    """
    with explained(str(path), "an .amat file"), path.open(encoding="ascii") as lines:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty, expected rows of {features + 1} columns")
        table = np.loadtxt(_checked(lines, path, features + 1), dtype=np.float32, ndmin=2)
    labels = table[:, -1]
    if (labels != labels.round()).any() or labels.min() < 0:
        raise DataError(f"{path} holds no labels: expected a whole number in the last of {features + 1} columns")
    return torch.from_numpy(table[:, :-1].copy()), torch.from_numpy(labels.astype(np.int64))


def _checked(lines: Iterator[str], path: Path, columns: int) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        found = len(line.split())
        if found and found != columns:
            raise DataError(
                f"{path} has {found} columns in line {number}, expected {columns}: {columns - 1} values and the label; "
                "is one missing?"
            )
        yield line


class _Rows:
    """Values with a label each, as images of one channel.

    Attributes:
        classes: the numbers that the labels stand for.
        labels: ``(N,)`` int64.
        values: ``(N, 1, H, W)`` float32 in [0, 1].
    """

    def __init__(self, values: Tensor, labels: Tensor, name: str, classes: int) -> None:
        self.values, self.labels, self._name = values, labels, name
        self.classes = tuple(map(str, range(classes)))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        """Take one."""
        return Sample(name=f"{self._name}/{index:05}", x=self.values[index], label=int(self.labels[index]))


@DATASETS.register("amat", tiny={"root": "amat", "size": [2, 3]})
class AMat(_Rows):
    """Images of your own in .amat files, such as the published variants of MNIST: rows of pixels, the label last.

    A folder with one file whose name ends in ``train.amat`` or ``train_valid.amat`` and one in ``test.amat``, as the
    published archives hold them. Of the training file the last rows are for validation: 2,000 of 12,000, 200 of 1,200
    and 1,000 of 8,000, as published, else a sixth. Source: H. Larochelle et al., ICML 2007.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: ``"train"``, ``"val"`` or ``"test"``.
        size: height and width of the images, row by row.

    Raises:
        DataError: no such folder, part or file; a row has a column too few or too many; a pixel is not in [0, 1].
    """

    def __init__(self, *, root: str | Path | None = None, part: str = "test", size: Sequence[int] = (28, 28)) -> None:
        folder = find_folder(root)
        check_part(str(folder), part, _PARTS)
        height, width = size
        path = _file(folder, ("test",) if part == "test" else ("train", "train_valid"))
        values, labels = read_amat(path, height * width)
        if values.min() < 0 or values.max() > 1:
            raise DataError(f"{path} has pixels from {values.min():g} to {values.max():g}, expected [0, 1]")
        keep = _kept(part, len(labels))
        images = values[keep].view(-1, 1, height, width)
        super().__init__(images, labels[keep], f"{folder.name}/{part}", int(labels.max()) + 1)


def _file(folder: Path, endings: Sequence[str]) -> Path:
    found = [path for path in sorted(folder.rglob("*.amat")) if path.stem.endswith(tuple(endings))]
    if len(found) != 1:
        names = " or ".join(f"*{ending}.amat" for ending in endings)
        raise DataError(f"{folder} holds {len(found)} files {names}, expected one")
    return found[0]


def _kept(part: str, rows: int) -> slice:
    if part == "test":
        return slice(None)
    start = rows - _HELD_OUT.get(rows, rows // 6)
    return slice(start) if part == "train" else slice(start, None)


@DATASETS.register("tzanetakis", tiny={})
class Tzanetakis(_Rows):
    """GTZAN, ten genres of music by 592 features a clip, from a file of your own; the recordings are not read.

    ``tzanetakis.amat``: a row a clip of three seconds, 592 MPC features and the genre, 0 to 9. The rows are dealt out
    once and for all: 8 tenths to train on, 1 tenth each to validate and to test on. Features come as images of one row,
    each scaled to [0, 1] by its least and largest value in the training part, and clipped. Source: J. Bergstra et al.,
    "Aggregate Features and AdaBoost for Music Classification", 2006; vincent2010 has ten folds of 10,000 clips.

    Args:
        root: ``tzanetakis.amat`` or the folder it lies in; without it ``$CLEARSIGHT_DATA``.
        part: ``"train"``, ``"val"`` or ``"test"``.

    Raises:
        DataError: the file is not there, a row has a column too few or too many, or there is no such part.
    """

    def __init__(self, *, root: str | Path | None = None, part: str = "test") -> None:
        check_part("tzanetakis", part, _PARTS)
        values, labels = read_amat(_TZANETAKIS.require(root), _FEATURES)
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        tenth = len(labels) // 10
        parts = torch.split(order, [len(labels) - 2 * tenth, tenth, tenth])
        low, high = values[parts[0]].aminmax(dim=0)
        scaled = ((values - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        mine = parts[_PARTS.index(part)]
        super().__init__(scaled[mine][:, None, None], labels[mine], f"tzanetakis/{part}", int(labels.max()) + 1)
