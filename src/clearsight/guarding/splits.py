"""The user's images: what is trained on, what choices are made on, what is reported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

from clearsight.contracts import Dataset
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import Subset, take
from clearsight.errors import DataError, ImageReadError
from clearsight.guarding.guide import Guide, Splits
from clearsight.seeds import generator_for

__all__ = ["open_splits"]

_LEAST = 8
_SHARES = {"val": 10, "test": 5}
"""Of the images that come in one part: a tenth to validate, a fifth to test."""

_LARGEST = 2_000
"""Training images that are held in memory at most, evenly spread over all."""

_DEALT = 5_000
"""Images of a part that are looked at, at most, evenly spread over all."""


def open_splits(
    source: str | Path,
    *,
    labels: str | Path | None,
    guide: Guide,
    seed: int,
    left_out: Callable[[str], None] = lambda line: None,
) -> Splits:
    """Open images and deal them out.

    The parts train, val and test of a data set or a folder are taken as they are; what is missing of them is cut from
    the training part, or from the whole: a tenth to validate, a fifth to test.

    Args:
        source: a data set's name, or a folder, as :func:`~clearsight.datasets.open_dataset` takes it.
        labels: ``None`` for the labels that the images come with, if any; ``"none"`` to do without; or a file of them.
        guide: what they are opened for.
        seed: of the dealing.
        left_out: is told of each image that cannot be read; the others are dealt out.

    Raises:
        DataError: there are fewer than 8 images, labels are missing, or they are not the recognizer's.
        ModelError: the recognizer takes images of other channels.
    """
    parts = {name: _readable(take(part, _DEALT), left_out) for name, part in _parts(source).items()}
    if labels is not None:
        parts = guide.relabelled(parts, str(labels))
    counts = {name: len(dataset) for name, dataset in parts.items()}
    if sum(counts.values()) < _LEAST:
        raise DataError(
            f"{source} holds {sum(counts.values())} images, expected at least {_LEAST}: to train, to choose and to "
            "report on"
        )
    train, validation, test = (guide.units(part, left_out) for part in _dealt(parts, seed))
    splits = Splits(take(train, _LARGEST), validation, test, guide.labels(train[0]))
    guide.check_splits(splits)
    return splits


def _parts(source: str | Path) -> dict[str, Dataset]:
    """Those of train, val and test that there are, by name; what has no parts, or none to train on, is to train on."""
    found, error = {}, DataError(f"{source} holds no images")
    for part in ("train", "val", "test"):
        try:
            found[part] = open_dataset(source, part=part)
        except DataError as missing:
            if (Path(source) / part).exists():  # it is there, and cannot be used
                raise
            error = missing
    if not found:
        raise error
    first = {(len(dataset), _first_name(dataset)) for dataset in found.values()}
    if len(first) == 1:
        return {"train": next(iter(found.values()))}
    return found if "train" in found else {"train": found["val"], "test": found["test"]}


def _first_name(dataset: Dataset) -> str:
    """Of the first image that can be read."""
    for index in range(len(dataset)):
        with suppress(ImageReadError, DataError):
            return dataset[index].name
    return ""


def _readable(part: Dataset, left_out: Callable[[str], None]) -> Dataset:
    """The images of a part that can be read."""
    found = []
    for index in range(len(part)):
        try:
            part[index]
        except (ImageReadError, DataError) as error:
            left_out(f"left out: {error}")
        else:
            found.append(index)
    return Subset(part, found)


def _dealt(parts: dict[str, Dataset], seed: int) -> tuple[Dataset, Dataset, Dataset]:
    """To train on, to choose on, to report on; what is missing is cut from the training part."""
    rest = {name: dataset for name, dataset in parts.items() if name != "train"}
    if list(rest) == ["val"]:  # of ImageNet, say, which is reported on its validation part
        rest = {"test": rest["val"]}
    whole = parts["train"]
    order = torch.randperm(len(whole), generator=generator_for(seed, 0, stream="guard/parts")).tolist()
    for name, share in _SHARES.items():
        if name not in rest:
            n = max(1, len(whole) // share)
            rest[name], order = Subset(whole, sorted(order[:n])), order[n:]
    return Subset(whole, sorted(order)), rest["val"], rest["test"]
