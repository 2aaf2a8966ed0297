"""Lines of text of one height and any width, each with what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import Batch, Dataset, Sample
from clearsight.errors import RecipeError
from clearsight.recognizers.rows import padded_width
from clearsight.seeds import generator_for
from clearsight.training.data import Data
from clearsight.training.samples import batch_of, compact, read_samples, resized

__all__ = ["TextLines"]


class TextLines(Data):
    """Whole lines of text, drawn at random; paper to the right of what is shorter than a batch is wide.

    A line is read when it is drawn, so there may be endlessly many, such as rendered ones.

    Args:
        train: what is trained on: images of one height whose text is known, or of none.
        validation: what is held out; read once.
        rows: how many rows of paper are added above a line, and below it, at random, from the least to the most; cut
            off where it is less than 0. The line is brought back to its height then, so letters change their size.
        batch: lines in a batch.
        epoch: batches between two validations.
        seed: of the choice of lines and of the rows.

    Raises:
        RecipeError: a line has no text where others have, or another height than the others.
        DataError: a data set is not there.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        validation: Dataset,
        rows: Sequence[int] = (0, 0),
        batch: int = 32,
        epoch: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        if len(rows) != 2 or rows[0] > rows[1]:
            raise RecipeError(f"data.rows is the least and the most rows that are added, got {list(rows)}")
        self.train_set, self.validation_set = train, validation
        self.rows, self.batch_size = rows, batch
        self.validation: list[Sample] = []

    def setup(self, stage: str) -> None:
        """Read what is held out, and one line."""
        if not self.validation:
            self.validation = read_samples(self.validation_set)
            self.channels, self.height = self.train_set[0].x.shape[:2]

    def draw(self, step: int) -> Batch:
        """Lines drawn with replacement."""
        generator = generator_for(self.seed, step, stream="lines")
        which = torch.randint(len(self.train_set), (self.batch_size,), generator=generator).tolist()
        added = torch.randint(self.rows[0], self.rows[1] + 1, (self.batch_size, 2), generator=generator).tolist()
        lines = [self._moved(self.train_set[index], *rows) for index, rows in zip(which, added, strict=True)]
        return self._together(lines)

    def held_out(self) -> list[Batch]:
        """The lines that are held out, from the shortest to the longest."""
        lines = sorted(self.validation, key=lambda sample: sample.x.shape[2])
        return [self._together(lines[at : at + self.batch_size]) for at in range(0, len(lines), self.batch_size)]

    def _moved(self, sample: Sample, above: int, below: int) -> Sample:
        x = _with_paper(compact(sample.x), above, below, 0)
        width = max(round(x.shape[2] * sample.x.shape[1] / x.shape[1]), 1)
        return replace(sample, x=resized(x, (sample.x.shape[1], width)))

    def _together(self, lines: Sequence[Sample]) -> Batch:
        known = any(line.text is not None for line in lines)
        for line in lines:
            if (known and line.text is None) or line.x.shape[1] != self.height:
                raise RecipeError(
                    f"lines all have a text, or none of them, and are all {self.height} pixels high, but {line.name} "
                    f"has {f'{line.x.shape[1]} pixels' if line.x.shape[1] != self.height else 'no text'}"
                )
        width = padded_width(max(line.x.shape[2] for line in lines))
        return batch_of([replace(line, x=_with_paper(line.x, 0, 0, width - line.x.shape[2])) for line in lines])


def _with_paper(x: Tensor, above: int, below: int, right: int) -> Tensor:
    """``(C, H, W)`` as held, with so many rows and columns of white more, or less."""
    return F.pad(x, (0, right, above, below), value=1 if x.is_floating_point() else 255)
