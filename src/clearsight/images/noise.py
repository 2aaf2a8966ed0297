"""Whether the noise of a picture is white, or what a camera and a compression left of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_white"]

_WINDOW, _MOST_WINDOWS, _FLATTEST = 18, 4096, 10
_WHITE = 0.8
_SEEN = 2.0
"""Mean square of differences of whole numbers, below which they may be rounding."""


def is_white(pixels: NDArray[Any]) -> bool:
    """Whether the noise is white: neighbours differ as much as pixels at a distance of two.

    A camera's interpolation and smoothing and the compression of a JPEG make neighbours alike: there D₁/D₂, the mean
    squares of those differences, is from 0.3 to 0.8 where it is from 0.8 to 1 for white noise of σ ≥ 15/255 (24
    photographs of bsds432). Both are taken over the flattest tenth of some 4,096 windows, of those whose differences
    are more than rounding. Where those are too few, as in a picture without noise, or pixels fewer than 18×18, the
    answer is no.

    Args:
        pixels: ``(H, W, C)``, on any scale.

    Source: our own; D₁ and D₂ are the first values of a variogram (Matheron, 1963).

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(64, 64, 3))
        >>> is_white(noise), is_white(noise[1:] + noise[:-1])
        (True, False)
    """
    height, width = pixels.shape[:2]
    if min(height, width) < _WINDOW:
        return False
    stride = max(_WINDOW - 2, math.isqrt(height * width // _MOST_WINDOWS))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (_WINDOW, _WINDOW), (0, 1))[::stride, ::stride]
    values = windows.astype(np.float64)
    near, far = _differences(values, 1), _differences(values, 2)
    order = np.argsort(far)
    count = max(len(far) // _FLATTEST, 1)
    seen = order[far[order] > (_SEEN if pixels.dtype.kind in "iu" else 0)][:count]
    return len(seen) == count and bool(near[seen].sum() > _WHITE * far[seen].sum())


def _differences(windows: NDArray[np.float64], distance: int) -> NDArray[np.float64]:
    """Of each window ``(rows, columns, C, n, n)`` the mean square of differences at a distance, both ways."""
    here, there = slice(_WINDOW - 2), slice(distance, distance + _WINDOW - 2)
    still = windows[..., here, here]
    squares = np.zeros(windows.shape[:2])
    for moved in (windows[..., here, there], windows[..., there, here]):
        squares += ((moved - still) ** 2).mean((2, 3, 4)) / 2
    return squares.ravel()
