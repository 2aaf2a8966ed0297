"""Whether a recognizer, its images and their labels go together: asked before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard, cast

from torch import Tensor, nn

from clearsight.classes import matched
from clearsight.contracts import RecognitionTraits, Recognizer
from clearsight.errors import DataError, ModelError

__all__ = ["check_fits", "check_gives_logits", "check_input", "check_task", "check_tells_classes", "tells_classes"]


def tells_classes(recognizer: nn.Module | None) -> TypeGuard[nn.Module]:
    """Whether there is a recognizer, and it tells classes, not text."""
    return recognizer is not None and cast(Recognizer, recognizer).traits.task != "read"


def check_tells_classes(recognizer: nn.Module) -> None:
    """Check that a recognizer tells classes.

    Raises:
        ModelError: it reads text.
    """
    if not tells_classes(recognizer):
        raise ModelError(
            f"{type(recognizer).__name__} reads text and tells no classes: take a classifier or a segmenter"
        )


def check_gives_logits(recognizer: nn.Module) -> None:
    """Check that a recognizer gives logits, which can be learned from; of a reader, those of its letters.

    Raises:
        ModelError: it gives text alone.
    """
    traits = cast(Recognizer, recognizer).traits
    if traits.task == "read" and not traits.classes:
        raise ModelError(
            f"{type(recognizer).__name__} gives text, and no logits through which gradients could flow: take a "
            "classifier, a segmenter or the reader ocr-lines"
        )


def check_fits(traits: RecognitionTraits, *, channels: int, classes: Sequence[str]) -> None:
    """Check that a recognizer can be fed and judged with a data set.

    Grey images are not repeated for a recognizer of colour ones: what it then makes of them would not be its
    performance. Classes are matched by their names, as :func:`~clearsight.classes.matched` does.

    Args:
        traits: the recognizer's.
        channels: of the images, 1 for grey, 3 for RGB.
        classes: the names that the labels stand for.

    Raises:
        ModelError: the images have another number of channels than the recognizer takes.
        DataError: the labels are of classes that the recognizer does not tell apart.

    Example:
        >>> from clearsight.recognizers import DigitNet
        >>> check_fits(DigitNet().traits, channels=3, classes=list("0123456789"))
        Traceback (most recent call last):
        ...
        clearsight.errors.ModelError: the recognizer takes grey images, got colour images: give it the kind it takes
    """
    if traits.channels not in (None, channels):
        raise ModelError(
            f"the recognizer takes {_kind(traits.channels)}, got {_kind(channels)}: give it the kind it takes"
        )
    matched(classes, traits.classes)


def check_task(traits: RecognitionTraits, *, maps: bool) -> None:
    """Check that labels are of what the recognizer tells: whole images or, maps, each pixel.

    Raises:
        DataError: they are not.
    """
    if maps != (traits.task == "segment"):
        has, takes = ("pixel", "image") if maps else ("image", "pixel")
        raise DataError(f"the data set has a class for each {has}, but the recognizer gives one for each {takes}")


def _kind(channels: int | None) -> str:
    return {1: "grey images", 3: "colour images"}.get(channels or 0, f"images of {channels} channels")


def check_input(x: Tensor, traits: RecognitionTraits) -> None:
    """Check that a batch has the shape that the traits ask for.

    Raises:
        ModelError: it has not.
    """
    wanted = ("B", traits.channels or "C", *(traits.size or ("H", "W")))
    fits = x.ndim == 4 and all(isinstance(n, str) or n == m for n, m in zip(wanted, x.shape, strict=True))
    if not fits:
        raise ModelError(
            f"the recognizer takes images of shape ({', '.join(map(str, wanted))}), got {tuple(x.shape)}: "
            "convert or resize them first"
        )
