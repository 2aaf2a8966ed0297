"""Pages and lines of text, rendered here: the text is known to the letter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets.fonts import font, fonts_of
from clearsight.datasets.prose import entry, invented, sentences
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DATASETS

__all__ = ["Lines", "Pages"]

Paper = Literal["a4", "a5", "a6", "a7"]

_INCHES: dict[str, tuple[float, float]] = {
    "a4": (11.69, 8.27),
    "a5": (8.27, 5.83),
    "a6": (5.83, 4.13),
    "a7": (4.13, 2.91),
}
_FINER = 2
"""Times that a page is drawn finer than it comes out: letters stand anywhere between pixels."""
_POINT = 1 / 72


@DATASETS.register("pages", tiny={"count": 3})
class Pages:
    """Pages of text, rendered: prose of old books and lines of forms, black on white, grey; the text is known.

    Page ``i`` depends on its number, the part, the seed and the fonts alone. Each has one font, of those of the part
    that :data:`~clearsight.datasets.FONTS` lists, which its name tells; parts share neither fonts nor sentences.

    Args:
        part: ``"train"``, ``"val"`` or ``"test"``.
        root: a folder with more fonts, such as ``/usr/share/fonts``; without it those that matplotlib brings.
        count: how many pages there are.
        paper: ``"a4"``, ``"a5"``, ``"a6"`` or ``"a7"``.
        dpi: dots an inch, 50 to 1,200, or several, of which each page draws one.
        seed: of all that is drawn.

    Raises:
        DataError: there is no such part or folder.
        InvalidArgumentError: a number or the paper cannot be used.
    """

    classes: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        part: str = "test",
        root: str | Path | None = None,
        count: int = 100,
        paper: Paper = "a6",
        dpi: int | Sequence[int] = 150,
        seed: int = 0,
    ) -> None:
        self.dpi = (dpi,) if isinstance(dpi, int) else tuple(dpi)
        if paper not in _INCHES or count < 1 or not self.dpi or not all(50 <= each <= 1200 for each in self.dpi):
            raise InvalidArgumentError(
                f"pages are a4, a5, a6 or a7 of 50 to 1200 dpi, and at least one, got {count} of {paper} at {dpi} dpi"
            )
        self.fonts, self.part = fonts_of(part, root=root), part
        self.count, self.paper, self.seed = count, paper, seed

    def __len__(self) -> int:
        """How many pages there are."""
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Render one.

        Raises:
            IndexError: there are fewer.
        """
        rng = _drawn(self, index)
        face, dpi = rng.choice(self.fonts), rng.choice(self.dpi)
        sheet = _Sheet([round(inches * dpi) for inches in _INCHES[self.paper]], dpi, face, rng)
        sheet.fill(self.part)
        return Sample(name=f"{index:05d}-{face.stem}", x=sheet.image(), label=None, text="\n".join(sheet.lines))


@DATASETS.register("lines", tiny={"count": 4})
class Lines:
    """Single lines of text, rendered as those of the pages are, of one height, black on white; the text is known.

    Args:
        part: ``"train"``, ``"val"`` or ``"test"``.
        root: a folder with more fonts; without it those that matplotlib brings.
        count: how many lines there are.
        height: of the images in pixels, 16 to 256; their widths follow from the text.
        letters: of a line, at most.
        invented: share of lines of made-up words, numbers and signs, for readers that are to learn letters and not the
            few sentences that there are.
        seed: of all that is drawn.

    Raises:
        DataError: there is no such part or folder.
        InvalidArgumentError: a number cannot be used.
    """

    classes: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        part: str = "test",
        root: str | Path | None = None,
        count: int = 1000,
        height: int = 32,
        letters: int = 48,
        invented: float = 0.0,
        seed: int = 0,
    ) -> None:
        if count < 1 or not 16 <= height <= 256 or letters < 1 or not 0 <= invented <= 1:
            raise InvalidArgumentError(
                f"lines are 16 to 256 pixels high, of one letter at least, and at least one, a share of 0 to 1 of them "
                f"invented, got {count} of {letters} letters and {height} pixels, {invented} invented"
            )
        self.fonts, self.part = fonts_of(part, root=root), part
        self.count, self.height, self.letters, self.seed = count, height, letters, seed
        self.invented = invented

    def __len__(self) -> int:
        """How many lines there are."""
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Render one.

        Raises:
            IndexError: there are fewer.
        """
        rng = _drawn(self, index)
        text = self._text(rng)
        face = rng.choice(self.fonts)
        x = _line_image(text, face, self.height, rng)
        return Sample(name=f"{index:06d}-{face.stem}", x=x, label=None, text=text)

    def _text(self, rng: random.Random) -> str:
        """What stands on a line."""
        if self.invented and rng.random() < self.invented:
            return invented(rng, self.letters)
        return rng.choice([*_broken(_paragraph(self.part, rng), lambda line: len(line) <= self.letters)])


def _drawn(dataset: Pages | Lines, index: int) -> random.Random:
    """What one sample is drawn from.

    Raises:
        IndexError: there are fewer.
    """
    if not 0 <= index < dataset.count:
        raise IndexError(f"there are {dataset.count}, got number {index}")
    return random.Random(f"{type(dataset).__name__} {dataset.part} {dataset.seed} {index}")


def _paragraph(part: str, rng: random.Random) -> str:
    """Two to six sentences, or a line of a form."""
    known = sentences(part)
    return " ".join(rng.choices(known, k=rng.randint(2, 6))) if rng.random() < 0.7 else entry(rng)


def _broken(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Lines of a text, each of as many words as fit; a word that does not is a line."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and not fits(longer):
            yield line
            longer = word
        line = longer
    yield line


class _Sheet:
    """A page that is filled line by line, from top to bottom.

    Attributes:
        lines: what is printed on it.
    """

    def __init__(self, size: Sequence[int], dpi: int, face: Path, rng: random.Random) -> None:
        self._rng, self._face, self.lines = rng, face, list[str]()
        self._canvas = Image.new("L", (_FINER * size[1], _FINER * size[0]), 255)
        self._pen = ImageDraw.Draw(self._canvas)
        self._size = _FINER * dpi * _POINT * rng.choice((8, 9, 10, 10, 11, 12, 14))
        self._leading = rng.uniform(1.15, 1.5)
        margin = rng.uniform(0.06, 0.12) * self._canvas.width
        self._left, self._right = margin, self._canvas.width - margin
        self._top, self._bottom = margin * rng.uniform(0.7, 1.3), self._canvas.height - margin
        self._ink = rng.choice((0, 0, 0, 25, 50))

    def fill(self, part: str) -> None:
        """A title, perhaps, and paragraphs, until there is no room for another line."""
        if self._rng.random() < 0.4:
            self._print(self._rng.choice(sentences(part)).split(",")[0].strip('"'), self._size * 1.5)
        while self._print(_paragraph(part, self._rng), self._size):
            self._top += self._rng.uniform(0.2, 0.9) * self._size

    def image(self) -> Tensor:
        """``(1, H, W)``."""
        return torch.from_numpy(np.array(self._canvas.reduce(_FINER), np.float32))[None] / 255

    def _print(self, text: str, size: float) -> bool:
        """Print a text, and say whether all of it had room."""
        letters = font(self._face, round(size))
        for line in _broken(text, lambda line: letters.getlength(line) <= self._right - self._left):
            if self._top + size * self._leading > self._bottom:
                return False
            self._pen.text((self._left, self._top), line, fill=self._ink, font=letters)
            self.lines.append(line)
            self._top += size * self._leading
        return True


def _line_image(text: str, face: Path, height: int, rng: random.Random) -> Tensor:
    """One line in the middle of its strip, ``(1, height, W)``."""
    size = _FINER * height * rng.uniform(0.5, 0.72)
    letters = font(face, round(size))
    width = round(letters.getlength(text) / _FINER + height * rng.uniform(0.3, 0.8))
    canvas = Image.new("L", (_FINER * width, _FINER * height), 255)
    place = (canvas.width / 2, canvas.height * rng.uniform(0.47, 0.53))
    ImageDraw.Draw(canvas).text(place, text, fill=rng.choice((0, 0, 25, 50)), font=letters, anchor="mm")
    return torch.from_numpy(np.array(canvas.reduce(_FINER), np.float32))[None] / 255
