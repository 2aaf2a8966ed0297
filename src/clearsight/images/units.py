"""Stored numbers ↔ the [0, 1] scale that everything else works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clearsight.images.picture import Array

__all__ = ["from_unit", "to_unit"]


def to_unit(pixels: Array) -> NDArray[np.float32]:
    """Stored numbers to float32: integers to [0, 1], floats as they are.

    Example:
        >>> to_unit(np.array([0, 51, 255], np.uint8)).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32, copy=False)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def from_unit(array: Array, dtype: DTypeLike) -> Array:
    """The inverse of :func:`to_unit`: integers are clipped and rounded, floats are left as they are.

    Example:
        >>> from_unit(np.array([-0.1, 0.2, 1.5]), np.uint8).tolist()
        [0, 51, 255]
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return array.astype(dtype, copy=False)
    levels: Array = np.rint(np.clip(array, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return levels
