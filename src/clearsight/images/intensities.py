"""Between the numbers of a picture and the [0, 1] that a network knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clearsight.errors import InvalidArgumentError
from clearsight.images.picture import Array

__all__ = ["Intensities", "Range", "as_unit", "from_unit", "parse_range", "to_unit"]

Range = Literal["auto", "full"] | tuple[float, float]
"""What is black and what is white: found in the picture, the whole range of its numbers, or two numbers."""

_BEYOND = 0.5
"""How far beyond [0, 1] a network is shown numbers: noise takes them there in training, too."""

_ROOM = 0.3
"""Share of what is found in a picture that is left free below and above it: a network trained on clipped files takes
what lies at its limits for clipped."""

_SCALES = (1.0, 255.0, 65535.0)
"""What people call white in floating-point pictures."""

_QUIETEST, _LOUDEST = 1 / 12, 1 / 8
"""Deviations of the noise, as shares of what is found, that are aimed at: beside lights, and at most."""

_CLIPPED = 0.15
"""Share of a picture that is exactly its least or its largest number where much of its noise is clipped there."""

_SAMPLED = 2**20
_BLOCK = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Intensities:
    """What the numbers of a picture mean, decided once a picture, so that its tiles agree.

    A network sees v = (number − black) / (white − black). What lies further than half a range beyond black or white, a
    lamp or a star, no network has seen: it is shown the nearest pixel that does not, and such lights stay as they are.

    Attributes:
        black: the number that a network sees as 0.
        white: the number that it sees as 1; larger than ``black``.
        scale: the number that σ = 1 stands for: the full range of integers; of floats 1, 255 or 65535, the first
            that holds them; of a range that was told, that range.
        limits: the least and the largest number that may come back; a picture in [0, 1] stays there.

    Example:
        >>> seen, lights = Intensities(black=100, white=300).seen(np.array([[[100.0], [200.0], [5000.0]]]))
        >>> seen.ravel().tolist(), lights.tolist()
        ([0.0, 0.5, 1.5], [[False, False, True]])
    """

    black: float = 0.0
    white: float = 1.0
    scale: float = 1.0
    limits: tuple[float, float] = (-math.inf, math.inf)

    @classmethod
    def full(cls, dtype: DTypeLike) -> Intensities:
        """The whole range of integers; of floats [0, 1], and no limits."""
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return cls()
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        return cls(black=low, white=high, scale=high - low, limits=(low, high))

    @classmethod
    def of(cls, pixels: Array, wanted: Range = "auto") -> Intensities:
        """What the numbers of ``pixels``, ``(H, W, C)`` that belong together, mean.

        8 bits mean what they always do. Of others black and white are found in the picture: a thousandth of it,
        averaged over 4×4 pixels, is darker than black, a thousandth brighter than white, or up to a hundredth where
        that is lights far beyond the rest; the noise, whose deviation is found too, is an eighth of that at most; and
        there is room left on both sides, but not where much of the noise is clipped. Where the picture takes up more
        than half of a range that people use, it is that range.

        Args:
            pixels: finite numbers.
            wanted: ``"auto"``, ``"full"``, or black and white.

        Raises:
            InvalidArgumentError: white is not above black.
        """
        full = cls.full(pixels.dtype)
        if pixels.dtype.kind == "f":
            low, high = float(pixels.min()), float(pixels.max())
            within = low >= 0 and high <= 1
            full = replace(full, limits=(0.0, 1.0) if within else (low, high))
        if isinstance(wanted, tuple):
            black, white = wanted
            if not white > black:
                raise InvalidArgumentError(f"white must be above black in a range, got {black:g}..{white:g}")
            return replace(full, black=black, white=white, scale=white - black)
        if wanted == "full" or pixels.dtype == np.uint8:
            return full
        return _found(pixels, full)

    @property
    def identity(self) -> bool:
        """Whether a float is seen as it is."""
        return self.black == 0 and self.white == 1

    def seen(self, pixels: Array) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """What a network is shown of some of the numbers, ``(H, W, C)``, and which pixels are beyond what it knows.

        Returns:
            Float32, clipped half a range beyond [0, 1]; and ``(H, W)``, ``None`` where no pixel is.
        """
        if not self.identity:
            exact: NDArray[np.floating] = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
            pixels = (exact - self.black) / (self.white - self.black)
        v: NDArray[np.float32] = pixels.astype(np.float32, copy=False)
        low, high = np.float32(-_BEYOND), np.float32(1 + _BEYOND)
        if v.min() >= low and v.max() <= high:
            return v, None
        beyond: NDArray[np.bool_] = np.any((v < low) | (v > high), axis=2)
        return v.clip(low, high), beyond

    def stored(self, x_hat: Array, dtype: DTypeLike) -> Array:
        """What a network made of the numbers, in [0, 1], as numbers of the picture; integers are rounded."""
        dtype = np.dtype(dtype)
        v = x_hat.astype(np.float64) if dtype.itemsize > 2 and not self.identity else x_hat
        numbers = np.clip(v * (self.white - self.black) + self.black, *self.limits)
        result: Array = (numbers if dtype.kind == "f" else np.rint(numbers)).astype(dtype)
        return result

    def sigma(self, sigma: float) -> float:
        """A noise level on the scale of :attr:`scale` as one on the [0, 1] that the network sees."""
        return sigma * self.scale / (self.white - self.black)

    def __str__(self) -> str:
        return f"black {self.black:g}, white {self.white:g}"


def parse_range(text: str) -> Range:
    """Read ``auto``, ``full`` or ``LOW..HIGH``.

    Raises:
        InvalidArgumentError: it is none of these.

    Example:
        >>> parse_range("100..4095")
        (100.0, 4095.0)
    """
    if text == "auto":
        return "auto"
    if text == "full":
        return "full"
    low, _, high = text.partition("..")
    try:
        levels = float(low), float(high)
    except ValueError:
        levels = math.nan, math.nan
    if not -math.inf < levels[0] < levels[1] < math.inf:
        raise InvalidArgumentError(f"a range is auto, full, or black..white such as 100..4095, got {text!r}")
    return levels


def as_unit(pixels: Array) -> NDArray[np.float32]:
    """Numbers, ``(H, W, C)``, on the [0, 1] scale, as data sets give them and recognizers take them.

    Floats in [0, 1] are meant so; of others black and white are found, as where they are restored, and what lies far
    beyond is clipped.
    """
    if pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1:
        return pixels.astype(np.float32, copy=False)
    seen, _ = Intensities.of(pixels).seen(pixels)
    return seen


def to_unit(pixels: Array) -> NDArray[np.float32]:
    """Numbers to float32 by their full range: integers to [0, 1], floats as they are.

    Example:
        >>> to_unit(np.array([0, 51, 255], np.uint8)).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32, copy=False)
    full = Intensities.full(pixels.dtype)
    return (pixels.astype(np.float32) - np.float32(full.black)) / np.float32(full.scale)


def from_unit(array: Array, dtype: DTypeLike) -> Array:
    """The inverse of :func:`to_unit`: integers are clipped and rounded, floats are left as they are.

    Example:
        >>> from_unit(np.array([-0.1, 0.2, 1.5]), np.uint8).tolist()
        [0, 51, 255]
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return array.astype(dtype, copy=False)
    return Intensities.full(dtype).stored(array, dtype)


def _found(pixels: Array, full: Intensities) -> Intensities:
    """Black and white of the picture itself."""
    sample = _sample(pixels).astype(np.float64)
    sigma = _noise(sample)
    low, most, top = np.percentile(_means(sample), (0.1, 99, 99.9))
    high = top if top - low <= 4 * (most - low) else min(top, max(most, low + sigma / _QUIETEST))
    scale = full.scale if pixels.dtype.kind != "f" else next((s for s in _SCALES if high <= 1.1 * s), high)
    least, largest = np.percentile(sample, (1, 99)) - full.black
    if high <= low or (largest - least > scale / 2 and least >= -scale / 2 and largest <= 1.5 * scale):
        return replace(full, white=full.black + scale, scale=scale)
    middle, half = (low + high) / 2, max(high - low, sigma / _LOUDEST) / 2
    ends = [middle - half, middle + half]
    clipped = [np.mean(sample == end) > _CLIPPED for end in (sample.min(), sample.max())]
    if not any(clipped):
        ends = [middle - half * (1 + 2 * _ROOM), middle + half * (1 + 2 * _ROOM)]
    elif clipped[0]:
        ends[0] = float(sample.min())
    return replace(full, black=float(ends[0]), white=float(ends[1]), scale=scale)


def _sample(pixels: Array) -> Array:
    """About a megapixel at most, in blocks spread evenly over the picture."""
    every = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / _SAMPLED))
    if every == 1:
        return pixels
    rows, columns = (np.flatnonzero(np.arange(n) // _BLOCK % every == 0) for n in pixels.shape[:2])
    return pixels[np.ix_(rows, columns)]


def _means(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 4×4 pixels, in which noise is a quarter of what it was."""
    (height, width), channels = (n - n % 4 for n in sample.shape[:2]), sample.shape[2]
    if not height or not width:
        return sample
    means: NDArray[np.float64] = sample[:height, :width].reshape(height // 4, 4, width // 4, 4, channels).mean((1, 3))
    return means


def _noise(sample: NDArray[np.float64]) -> float:
    """σ by the median of the diagonal Haar coefficients d of 2×2 pixels: median |d| / 0.6745."""
    height, width = (n - n % 2 for n in sample.shape[:2])
    if not height or not width:
        return 0.0
    even, odd = sample[0:height:2], sample[1:height:2]
    d = (even[:, 0:width:2] - even[:, 1:width:2] - odd[:, 0:width:2] + odd[:, 1:width:2]) / 2
    return float(np.median(np.abs(d)) / 0.6745)
