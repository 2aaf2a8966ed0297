"""Numbers of any few bits ↔ the full range of 8 or 16, exactly and back."""

from __future__ import annotations

import numpy as np

from clearsight.images.picture import Array

__all__ = ["narrowed", "widened"]


def widened(samples: Array, top: int) -> Array:
    """Numbers of which ``top`` is white, up to 65535, in the full range of 8 bits where they fit, else 16.

    Example:
        >>> widened(np.array([0, 512, 1023], np.uint16), 1023).tolist()
        [0, 32800, 65535]
    """
    dtype, full = (np.dtype(np.uint8), 255) if top < 256 else (np.dtype(np.uint16), 65535)
    if top == full:
        return samples.astype(dtype, copy=False)
    levels = (np.arange(top + 1, dtype=np.uint64) * full + top // 2) // top
    return levels.astype(dtype)[np.minimum(samples, top)]


def narrowed(samples: Array, top: int) -> Array:
    """Undo :func:`widened`; numbers between two levels go to the nearest.

    Example:
        >>> narrowed(widened(np.arange(1024, dtype=np.uint16), 1023), 1023)[[0, 1, 1023]].tolist()
        [0, 1, 1023]
    """
    full = 255 if samples.dtype.itemsize == 1 else 65535
    if top == full:
        return samples
    levels = (np.arange(full + 1, dtype=np.uint64) * top + full // 2) // full
    return levels.astype(np.uint8 if top < 256 else np.uint16)[samples]
