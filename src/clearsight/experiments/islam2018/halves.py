"""Digits whose lower half is missing, under noise: what is trained on and what is tested."""

from __future__ import annotations

from clearsight.contracts import Dataset
from clearsight.datasets.mnist import MNIST
from clearsight.datasets.subset import Subset, take
from clearsight.training.data import WholeImages

__all__ = ["CORRUPTION", "images", "judged_digits"]

CORRUPTION = "lower-half | salt-and-pepper(amount=0.1) or gaussian(sigma=50/255) | quantize"
"""Either noise, as published, which names no strength, and then what an image file holds of it."""

_TRAINED = 52_500
"""75 % of the 70,000, as published."""

_VALIDATED = 500


def images(limit: int | None, *, batch: int, epoch: int) -> WholeImages:
    """Digits to train on, and others to follow the training by.

    Args:
        limit: so many of each from the 5,000 that need no download; ``None`` for 52,500 and 500 of MNIST.
        batch: digits a step.
        epoch: steps between two validations.
    """
    if limit is not None:
        train, validation = _dealt(limit, 0), _dealt(limit, 1)
    else:
        train = Subset(MNIST(part="train"), range(_TRAINED))
        validation = take(MNIST(part="val"), _VALIDATED)
    return WholeImages(train=train, validation=validation, batch=batch, epoch=epoch)


def judged_digits(limit: int | None) -> Dataset:
    """Those that are judged on: all 10,000 test digits, or ``limit`` that are neither trained on nor validated on."""
    return MNIST(part="test") if limit is None else _dealt(limit, 2)


def _dealt(limit: int, hand: int) -> Subset:
    """Every third digit of as many as three hands hold, spread over all classes."""
    held = take(MNIST(part="val"), 3 * limit)
    return Subset(held, range(hand, len(held), 3))
