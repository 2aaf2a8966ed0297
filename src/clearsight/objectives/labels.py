"""What labels have to be."""

from __future__ import annotations

from torch import Tensor

from clearsight.errors import DataError

__all__ = ["check_labels"]


def check_labels(labels: Tensor, classes: int) -> None:
    """Check that labels ``(B,)`` number the classes.

    Raises:
        DataError: one is out of range.
    """
    least, most = labels.aminmax()
    if least < 0 or most >= classes:
        raise DataError(f"{classes} classes have the labels 0 to {classes - 1}, got labels from {least} to {most}")
