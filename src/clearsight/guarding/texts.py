"""Recognizers that read as guides: line by line, judged by the character error rate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from torch import nn

from clearsight.contracts import Dataset, Recognizer, Sample
from clearsight.datasets.subset import Transcribed, take
from clearsight.errors import DataError, InvalidArgumentError, ModelError
from clearsight.evaluation.figures import draw_lines
from clearsight.evaluation.results import Shown
from clearsight.guarding.guide import VALIDATED, Splits, held_out
from clearsight.guarding.lines import Held, cut_lines
from clearsight.inference.recognizing import Predictor
from clearsight.metrics.reading import edits
from clearsight.recognizers.checks import check_fits, check_gives_logits
from clearsight.training.lines import TextLines
from clearsight.training.recognition import error_rate
from clearsight.training.samples import read_samples, resized

__all__ = ["TextGuide"]

_LINES = 2_000
"""Of a part, at most."""

_PIXELS = 8 * 32 * 400
"""Of a batch, about."""

_BETTER = 0.9
"""Of the errors that chance makes, the share that a reader may make to be a guide; and the same answer to so many lines
is none.
"""

_NO_GUIDE = (
    ": nothing can be learned from that; see whether the text files belong to the images, and whether those are dark "
    "on light, or go on with --anyway"
)


class TextGuide:
    """A reader.

    Args:
        recognizer: of the user; nothing changes it.
    """

    starts: Mapping[int, str] = {1: "restore-text", 3: "denoise-color"}
    weight = 1.0
    shown = (
        "The test lines whose character error rate falls most, from the most down, and those where it rises most, up "
        "to the most, with what is read in them."
    )

    def __init__(self, recognizer: nn.Module) -> None:
        self.recognizer = recognizer
        self._traits = cast(Recognizer, recognizer).traits

    def check_asked(self, *, size: int | None, deploy: bool) -> None:
        """Check that gradients can flow through the reader, and that nothing is asked for that lines do not have.

        Raises:
            ModelError: it gives text alone, or is to become a part of a graph.
            InvalidArgumentError: squares are to be cut.
        """
        check_gives_logits(self.recognizer)
        if size is not None:
            raise InvalidArgumentError("a reader is trained for on whole lines, not on squares: leave --size out")
        if deploy:
            raise ModelError(
                "--deploy writes a graph that gives probabilities of classes, and a reader gives text: leave it out; "
                "guided.onnx is the restorer, and guard in Python returns a reader with the restorer before it"
            )

    def relabelled(self, parts: Mapping[str, Dataset], labels: str) -> dict[str, Dataset]:
        """The images without their texts.

        Raises:
            DataError: there is a file of classes.
        """
        if labels != "none":
            raise DataError(
                f"a reader is judged by text, not by classes as of {labels}: write what is in a.png to a.txt beside "
                "it, or give --labels none"
            )
        return {name: Transcribed(part, [None] * len(part)) for name, part in parts.items()}

    def labels(self, sample: Sample) -> bool:
        """Whether it is known what is to be read."""
        return sample.text is not None

    def units(self, part: Dataset, left_out: Callable[[str], None]) -> Dataset:
        """The lines of the images."""
        return cut_lines(part, left_out, colour=self._traits.channels == 3, most=_LINES)

    def check_splits(self, splits: Splits) -> None:
        """Check that the reader can be fed with the images.

        Raises:
            ModelError: it takes images of other channels.
        """
        check_fits(self._traits, channels=len(splits.train[0].x), classes=())

    def check_reads(self, splits: Splits, n: int) -> None:
        """Check on ``n`` clean lines at most that the reader reads them: one that does not is no guide.

        Raises:
            ModelError: it misreads hardly fewer letters than those of other lines, or reads the same in all.
        """
        samples = [part[index] for part in held_out(splits, n) for index in range(len(part))]
        read = self._read(samples)
        (answer, times), *_ = Counter(read).most_common(1)
        if not splits.labelled and times > _BETTER * len(read):
            said = repr(answer) if answer else "nothing"
            raise ModelError(f"the recognizer reads {said} in {times} of {len(read)} clean lines{_NO_GUIDE}")
        if not splits.labelled:
            return
        texts = [cast(str, sample.text) for sample in samples]
        wrong = float(error_rate(edits(read, texts, unit="letters")))
        chance = _chance(read, texts)
        if wrong > _BETTER * min(chance, 100):
            raise ModelError(
                f"the recognizer has a character error rate of {wrong:.1f} % on {len(read)} clean lines, and of "
                f"{chance:.1f} % against the texts of others{_NO_GUIDE}"
            )

    def to_judge(self, part: Dataset, n: int, *, labelled: bool) -> Dataset:
        """So many lines of a part, with what the reader reads in them clean where their text is not known."""
        images = take(part, n)
        return images if labelled else Transcribed(images, self._read(images[index] for index in range(len(images))))

    def data(self, splits: Splits, *, size: int | None, seed: int) -> TextLines:
        """Whole lines, all brought to the height that half of those to train on have or less."""
        train, validation = read_samples(splits.train), read_samples(take(splits.validation, VALIDATED))
        height = sorted(sample.x.shape[1] for sample in train)[len(train) // 2]
        lines, held = (Held([_at(height, sample) for sample in part]) for part in (train, validation))
        width = sum(line.x.shape[2] for line in lines.samples) / len(lines)
        return TextLines(
            train=lines,
            validation=held,
            batch=max(4, min(64, round(_PIXELS / (height * width)))),
            seed=seed,
        )

    def notes(self, splits: Splits) -> list[str]:
        """What an image is, who says what is right, if not the texts, and what there is not."""
        return [
            "an image is a line of text: pages are cut into theirs while they are clean, what has another number of "
            "lines than its text is left out, and colours are grey",
            *([] if splits.labelled else ["no texts: right is what the recognizer reads in the clean line"]),
            "no row of a mean, for texts have none; the gate goes by the noise alone",
        ]

    def draw(self, sheet: Sequence[Shown], path: Path) -> None:
        """Each line in all its states, with what is read."""
        draw_lines(sheet, path)

    def _read(self, samples: Iterable[Sample]) -> list[str]:
        reader = Predictor(self.recognizer)
        return [reader.read(sample.x[None])[0].label for sample in samples]


def _chance(read: Sequence[str], texts: Sequence[str]) -> float:
    """The error rate of what is read against the text of the next line, where that is another; 100 where none is."""
    next_ones = [*texts[1:], texts[0]]
    others = [at for at, (text, other) in enumerate(zip(texts, next_ones, strict=True)) if text != other]
    wrong = edits([read[at] for at in others], [next_ones[at] for at in others], unit="letters")
    return float(error_rate(wrong)) if others else 100.0


def _at(height: int, sample: Sample) -> Sample:
    """A line brought to a height."""
    width = max(round(sample.x.shape[2] * height / sample.x.shape[1]), 1)
    return replace(sample, x=resized(sample.x, (height, width)))
