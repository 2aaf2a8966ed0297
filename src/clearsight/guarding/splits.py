"""The user's images: what is trained on, what choices are made on, what is reported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from clearsight.classes import by_name
from clearsight.contracts import Dataset, RecognitionTraits
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import Labelled, Subset, renumbered, take
from clearsight.errors import DataError, ImageReadError, ModelError
from clearsight.inference.recognizing import Predictor
from clearsight.recognizers.checks import check_fits
from clearsight.seeds import generator_for
from clearsight.text import read_text

__all__ = ["Splits", "check_reads", "check_splits", "open_splits", "to_judge"]

_LEAST = 8
_SHARES = {"val": 10, "test": 5}
"""Of the images that come in one part: a tenth to validate, a fifth to test."""

_LARGEST = 2_000
"""Training images that are held in memory at most, evenly spread over all."""

_DEALT = 5_000
"""Images of a part that are looked at, at most, evenly spread over all."""


_ABOVE_CHANCE = 0.1
"""Of what chance leaves, the share that a recognizer has to get right to be a guide."""

_NO_GUIDE = (
    ": nothing can be learned from that; see whether it takes such images (size, mean, std, order of the classes), "
    "or go on with --anyway"
)


class Splits(NamedTuple):
    """Three parts of the images.

    Attributes:
        train: is trained on.
        validation: picks the best checkpoint.
        test: is reported, and nothing else.
        labelled: whether the images have labels of their own.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    labelled: bool


def open_splits(
    source: str | Path,
    *,
    labels: str | Path | None,
    traits: RecognitionTraits,
    seed: int,
    left_out: Callable[[str], None] = lambda line: None,
) -> Splits:
    """Open images and deal them out.

    The parts train, val and test of a data set or a folder are taken as they are; what is missing of them is cut from
    the training part, or from the whole: a tenth to validate, a fifth to test.

    Args:
        source: a data set's name, or a folder, as :func:`~clearsight.datasets.open_dataset` takes it.
        labels: ``None`` for the labels that the images come with, if any; ``"none"`` to do without; or a CSV file with
            a line ``image,class`` for each image.
        traits: of the recognizer.
        seed: of the dealing.
        left_out: is told of each image that cannot be read; the others are dealt out.

    Raises:
        DataError: there are fewer than 8 images, labels are missing, or they are not the recognizer's.
        ModelError: the recognizer takes images of other channels.
    """
    parts = {name: _readable(take(part, _DEALT), left_out) for name, part in _parts(source).items()}
    if labels is not None:
        table = None if labels == "none" else _read_table(Path(labels), traits)
        parts = {name: _relabelled(dataset, table) for name, dataset in parts.items()}
    counts = {name: len(dataset) for name, dataset in parts.items()}
    if sum(counts.values()) < _LEAST:
        raise DataError(
            f"{source} holds {sum(counts.values())} images, expected at least {_LEAST}: to train, to choose and to "
            "report on"
        )
    splits = _dealt(parts, seed)
    check_splits(splits, traits)
    return splits


def check_splits(splits: Splits, traits: RecognitionTraits) -> None:
    """Check that a recognizer can be fed with the images, and tells what their labels stand for.

    Raises:
        ModelError: it takes images of other channels.
        DataError: the labels are not its own.
    """
    first = splits.train[0]
    for part in splits[:3] if splits.labelled else ():
        check_fits(traits, channels=len(first.x), classes=part.classes)
    check_fits(traits, channels=len(first.x), classes=traits.classes)
    if splits.labelled and isinstance(first.label, Tensor) != (traits.task == "segment"):
        has, takes = ("pixel", "image") if isinstance(first.label, Tensor) else ("image", "pixel")
        raise DataError(
            f"the images have a class for each {has}, but the recognizer gives one for each {takes}: without labels, "
            "--labels none, its own answers are the guide"
        )


def check_reads(splits: Splits, recognizer: nn.Module, n: int) -> None:
    """Check that a recognizer reads clean images: one that does not is no guide.

    Args:
        splits: those held out are read, and as many of those to train on as it takes.
        recognizer: classifier or segmenter.
        n: images at most.

    Raises:
        ModelError: it is right hardly more often than who always says the same, or says the same of all.
    """
    reader, rights, answers = Predictor(recognizer), list[Tensor](), list[Tensor]()
    parts: list[Dataset] = [take(splits.validation, n)]
    if len(parts[0]) < n:
        parts.append(take(splits.train, n - len(parts[0])))
    if splits.labelled:
        parts = [renumbered(part, reader.traits.classes) for part in parts]
    for image in (part[index] for part in parts for index in range(len(part))):
        answer = reader.logits(image.x[None])[0].argmax(0).flatten()
        right = answer if image.label is None else torch.as_tensor(image.label).flatten()
        counts = (right >= 0) & (right < len(reader.traits.classes))
        answers.append(answer[counts])
        rights.append(right[counts])
    right, answer = torch.cat(rights), torch.cat(answers)
    hits, chance = (100 * float(each.float().mean()) for each in (right == answer, right == right.mode().values))
    if not splits.labelled and bool((answer == answer[0]).all()):
        said = reader.traits.classes[int(answer[0])]
        raise ModelError(f"the recognizer sees {said} in all of {len(rights)} clean images{_NO_GUIDE}")
    if splits.labelled and hits < chance + _ABOVE_CHANCE * (100 - chance):
        raise ModelError(
            f"the recognizer is right in {hits:.1f} % of what it reads in {len(rights)} clean images, where always "
            f"the same answer is in {chance:.1f} %{_NO_GUIDE}"
        )


def to_judge(part: Dataset, recognizer: nn.Module, n: int, *, labelled: bool) -> Dataset:
    """So many images of a part, with what a recognizer sees in them clean where they have no labels."""
    images = take(part, n)
    if labelled:
        return images
    reader = Predictor(recognizer)
    answers = [reader.logits(images[index].x[None])[0].argmax(0) for index in range(len(images))]
    return Labelled(images, [best if best.ndim else int(best) for best in answers], reader.traits.classes)


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


def _dealt(parts: dict[str, Dataset], seed: int) -> Splits:
    """What is missing is cut from the training part."""
    rest = {name: dataset for name, dataset in parts.items() if name != "train"}
    if list(rest) == ["val"]:  # of ImageNet, say, which is reported on its validation part
        rest = {"test": rest["val"]}
    whole = parts["train"]
    order = torch.randperm(len(whole), generator=generator_for(seed, 0, stream="guard/parts")).tolist()
    for name, share in _SHARES.items():
        if name not in rest:
            n = max(1, len(whole) // share)
            rest[name], order = Subset(whole, sorted(order[:n])), order[n:]
    train = take(Subset(whole, sorted(order)), _LARGEST)
    return Splits(train, rest["val"], rest["test"], whole[0].label is not None)


def _read_table(path: Path, traits: RecognitionTraits) -> dict[str, str]:
    """The name of each image's class."""
    if not path.is_file():
        raise DataError(f"there is no file {path} with labels: expected none, or a CSV file of lines image,class")
    lines = _lines(path)
    if any(len(line) != 2 for line in lines):
        raise DataError(f"{path} has lines that are not image,class")
    labels = sorted({label for _, label in lines})
    unknown = [label for label, number in zip(labels, by_name(labels, traits.classes), strict=True) if number is None]
    if unknown:
        raise DataError(
            f"{path} names the class {unknown[0]!r}, which the recognizer does not tell: it tells "
            f"{', '.join(traits.classes[:5])}{', …' if len(traits.classes) > 5 else ''}"
        )
    return dict(lines)


def _lines(path: Path) -> list[list[str]]:
    """Of a CSV file, with a mark of its byte order or without; those that name the columns left out."""
    text = read_text(path, DataError)
    try:
        lines = [[cell.strip() for cell in line] for line in csv.reader(StringIO(text, newline="")) if line]
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file ({error}): expected lines image,class") from None
    return lines[1:] if lines[:1] == [["image", "class"]] else lines


def _relabelled(dataset: Dataset, table: dict[str, str] | None) -> Labelled:
    if table is None:
        return Labelled(dataset, [None] * len(dataset), ())
    names = [dataset[index].name for index in range(len(dataset))]
    missing = [name for name in names if name not in table]
    if missing:
        raise DataError(f"{len(missing)} of {len(names)} images have no label, the first is {missing[0]}")
    classes = tuple(sorted(set(table.values())))
    return Labelled(dataset, [classes.index(table[name]) for name in names], classes)
