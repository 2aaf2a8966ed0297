"""Recognizers that tell classes, of images or of their pixels, as guides."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from clearsight.classes import by_name
from clearsight.contracts import Dataset, RecognitionTraits, Recognizer, Sample
from clearsight.datasets.subset import Labelled, renumbered, take
from clearsight.errors import DataError, ModelError
from clearsight.evaluation.figures import draw
from clearsight.evaluation.results import Shown
from clearsight.guarding.guide import NO_GUIDE, VALIDATED, Splits, held_out
from clearsight.inference.exporting import check_deployable
from clearsight.inference.recognizing import Predictor
from clearsight.recognizers.checks import check_fits
from clearsight.text import read_text
from clearsight.training.crops import RandomCrops

__all__ = ["ClassGuide"]

_CLASSIFIED, _SEGMENTED = 128, 192
_PIXELS = 16 * 64 * 64
"""Of a batch, about."""

_ABOVE_CHANCE = 0.1
"""Of what chance leaves, the share that a recognizer has to get right to be a guide."""


class ClassGuide:
    """A classifier or a segmenter.

    Args:
        recognizer: of the user; nothing changes it.
    """

    starts: Mapping[int, str] = {1: "denoise-grey", 3: "denoise-color"}
    weight = 8.0
    shown = (
        "The test images whose right class gains most probability, from the most down, and those that lose most, up to "
        "the most."
    )

    def __init__(self, recognizer: nn.Module) -> None:
        self.recognizer = recognizer
        self._traits = cast(Recognizer, recognizer).traits

    def check_asked(self, *, size: int | None, deploy: bool) -> None:
        """Check that what is to be deployed can be.

        Raises:
            MissingExtraError: something that writes graphs is not installed.
            ModelError: the recognizer cannot become a part of a graph.
        """
        if deploy:
            check_deployable(self.recognizer)

    def relabelled(self, parts: Mapping[str, Dataset], labels: str) -> dict[str, Dataset]:
        """Without labels, for ``"none"``; or with those of a CSV file with a line ``image,class`` for each image.

        Raises:
            DataError: the file is not there, is none, names other classes than the recognizer, or lacks an image.
        """
        table = None if labels == "none" else _read_table(Path(labels), self._traits)
        return {name: _relabelled(part, table) for name, part in parts.items()}

    def labels(self, sample: Sample) -> bool:
        """Whether an image, or each of its pixels, has a class."""
        return sample.label is not None

    def units(self, part: Dataset, left_out: Callable[[str], None]) -> Dataset:
        """The images themselves."""
        return part

    def check_splits(self, splits: Splits) -> None:
        """Check that the recognizer can be fed with the images, and tells what their labels stand for.

        Raises:
            ModelError: it takes images of other channels.
            DataError: the labels are not its own.
        """
        first = splits.train[0]
        for part in splits[:3] if splits.labelled else ():
            check_fits(self._traits, channels=len(first.x), classes=part.classes)
        check_fits(self._traits, channels=len(first.x), classes=self._traits.classes)
        if splits.labelled and isinstance(first.label, Tensor) != (self._traits.task == "segment"):
            has, takes = ("pixel", "image") if isinstance(first.label, Tensor) else ("image", "pixel")
            raise DataError(
                f"the images have a class for each {has}, but the recognizer gives one for each {takes}: without "
                "labels, --labels none, its own answers are the guide"
            )

    def check_reads(self, splits: Splits, n: int) -> None:
        """Check on ``n`` clean images at most that the recognizer reads them: one that does not is no guide.

        Raises:
            ModelError: it is right hardly more often than who always says the same, or says the same of all.
        """
        reader, rights, answers = Predictor(self.recognizer), list[Tensor](), list[Tensor]()
        parts = held_out(splits, n)
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
            raise ModelError(f"the recognizer sees {said} in all of {len(rights)} clean images{NO_GUIDE}")
        if splits.labelled and hits < chance + _ABOVE_CHANCE * (100 - chance):
            raise ModelError(
                f"the recognizer is right in {hits:.1f} % of what it reads in {len(rights)} clean images, where always "
                f"the same answer is in {chance:.1f} %{NO_GUIDE}"
            )

    def to_judge(self, part: Dataset, n: int, *, labelled: bool) -> Dataset:
        """So many images of a part, with what the recognizer sees in them clean where they have no labels."""
        images = take(part, n)
        if labelled:
            return images
        reader = Predictor(self.recognizer)
        answers = [reader.logits(images[index].x[None])[0].argmax(0) for index in range(len(images))]
        return Labelled(images, [best if best.ndim else int(best) for best in answers], reader.traits.classes)

    def data(self, splits: Splits, *, size: int | None, seed: int) -> RandomCrops:
        """Squares of the images: of 128 pixels to classify, 192 to segment, or as the middle one of the images has.

        To classify, images are made to fit their squares; to segment, smaller ones are enlarged by reflection.
        """
        train, validation = (renumbered(part, self._traits.classes) for part in splits[:2])
        validation, fit = take(validation, VALIDATED), self._traits.task == "classify"
        sides = sorted(min(part[index].x.shape[1:]) for part in (train, validation) for index in range(len(part)))
        side = size or min(_CLASSIFIED if fit else _SEGMENTED, sides[len(sides) // 2])
        return RandomCrops(
            train=train,
            validation=validation,
            size=side,
            fit=fit,
            batch=max(4, min(64, _PIXELS // side**2)),
            seed=seed,
        )

    def notes(self, splits: Splits) -> list[str]:
        """Who says what is right, if not the labels."""
        return [] if splits.labelled else ["no labels: right is what the recognizer sees in the clean image"]

    def draw(self, sheet: Sequence[Shown], path: Path) -> None:
        """A row for each image, with what it is taken for."""
        draw(sheet, path)


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


def _relabelled(dataset: Dataset, table: Mapping[str, str] | None) -> Dataset:
    if table is None:
        return Labelled(dataset, [None] * len(dataset), ())
    names = [dataset[index].name for index in range(len(dataset))]
    missing = [name for name in names if name not in table]
    if missing:
        raise DataError(f"{len(missing)} of {len(names)} images have no label, the first is {missing[0]}")
    classes = tuple(sorted(set(table.values())))
    return Labelled(dataset, [classes.index(table[name]) for name in names], classes)
