"""Whether a recognizer, its images and their labels go together: asked before any work is done."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from clearsight.contracts import RecognitionTraits
from clearsight.errors import DataError, ModelError

__all__ = ["check_fits", "check_input"]


def check_fits(traits: RecognitionTraits, *, channels: int, classes: Sequence[str]) -> None:
    """Check that a recognizer can be fed and judged with a data set.

    Grey images are not repeated for a recognizer of colour ones: what it then makes of them would not be its
    performance. Classes are compared by their number; logit *k* stands for label *k*.

    Args:
        traits: the recognizer's.
        channels: of the images, 1 for grey, 3 for RGB.
        classes: the names that the labels stand for.

    Raises:
        ModelError: the images have another number of channels than the recognizer takes.
        DataError: the labels have another number of classes than the recognizer tells apart.

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
    if len(classes) != len(traits.classes):
        raise DataError(
            f"the recognizer tells {len(traits.classes)} classes apart, the labels have {len(classes)}: "
            "give it a data set with the classes it was trained on"
        )


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
