"""Lines of text: images of one each, and those that clean pages are cut into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.contracts import Dataset, Sample
from clearsight.errors import DataError
from clearsight.recognizers.rows import Box, pieces, rows_of
from clearsight.seeds import generator_for

__all__ = ["CutLines", "Held", "cut_lines"]


@dataclass(frozen=True, slots=True)
class Held:
    """Samples in memory as a data set.

    Attributes:
        samples: of it.
    """

    samples: Sequence[Sample]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many there are."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """One of them."""
        return self.samples[index]


class CutLines:
    """The lines of images, each at its own size; those of the last image that was read are kept.

    Args:
        images: of one line or many.
        boxes: where the lines of an image are, by its number; of those that are not named nothing is taken.
        colour: whether they stay in colour; else they are grey.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, images: Dataset, boxes: Mapping[int, Sequence[Box]], *, colour: bool) -> None:
        self.images, self.boxes, self.colour = images, boxes, colour
        self._places = [(image, line) for image in boxes for line in range(len(boxes[image]))]
        self._last, self._lines = -1, list[Sample]()

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self._places)

    def __getitem__(self, index: int) -> Sample:
        """Cut one out."""
        image, line = self._places[index]
        if image != self._last:
            self._last, self._lines = image, _cut(self.images[image], self.boxes[image], colour=self.colour)
        return self._lines[line]


def cut_lines(images: Dataset, left_out: Callable[[str], None], *, colour: bool, most: int) -> CutLines:
    """Find the lines of clean images by their rows of ink, and their texts in those of the images.

    Args:
        images: of one line each, or upright pages of one column, dark on light; their text, if it is known, is that
            of the lines, one below the other.
        left_out: is told of each image whose lines are not found, or are not as many as its text has.
        colour: lines stay in colour.
        most: lines that are looked for; where there are more images, those are drawn at random.

    Raises:
        DataError: no image has lines.
    """
    found, reasons = dict[int, list[Box]](), list[str]()
    for index in torch.randperm(len(images), generator=generator_for(0, 0, stream="guard/lines")).tolist():
        sample = images[index]
        boxes = rows_of(sample.x.mean(0))
        if why := _unlike(sample, len(boxes)):
            reasons.append(f"{sample.name}: {why}")
            left_out(f"left out: {reasons[-1]}")
        else:
            found[index] = boxes
        if sum(map(len, found.values())) >= most:
            break
    if not found:
        raise DataError(
            f"none of {len(images)} images can be cut into lines of text, the first is {reasons[0]}: expected images "
            "of a line each, or level pages of one column, dark on light, with as many lines in the text file; with "
            "--labels none texts are not looked at"
        )
    return CutLines(images, dict(sorted(found.items())), colour=colour)


def _unlike(sample: Sample, lines: int) -> str | None:
    """Why the lines of an image cannot be taken."""
    if not lines:
        return "no line of text is found"
    if sample.text is not None and len(_written(sample.text)) != lines:
        return f"its text has {len(_written(sample.text))} lines, {lines} are found"
    return None


def _written(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _cut(sample: Sample, boxes: Sequence[Box], *, colour: bool) -> list[Sample]:
    x: Tensor = sample.x if colour else sample.x.mean(0, keepdim=True)
    texts: Sequence[str | None] = [None] * len(boxes) if sample.text is None else _written(sample.text)
    names = [sample.name] if len(boxes) == 1 else [f"{sample.name}, line {n + 1}" for n in range(len(boxes))]
    return [
        Sample(name=name, x=piece, label=None, text=text)
        for name, piece, text in zip(names, pieces(x, boxes), texts, strict=True)
    ]
