"""Between the numbers of a picture and the [0, 1] that a network knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from clearsight.errors import InvalidArgumentError
from clearsight.images.levels import find_levels
from clearsight.images.picture import Array

__all__ = ["Intensities", "Range", "as_unit", "from_unit", "parse_range", "to_unit"]

Range = Literal["auto", "full"] | tuple[float, float]
"""What is black and what is white: found in the picture, the whole range of its numbers, or two numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intensities:
    """What the numbers of a picture mean, decided once a picture, so that its tiles agree.

    A network sees v = (number − black) / (white − black). What lies further than half a range beyond black or white, a
    lamp or a star, no network has seen: it is shown the nearest pixel that does not, and such lights stay as they are.
    So do pixels that are no measurement.

    Attributes:
        black: the number that a network sees as 0.
        white: the number that it sees as 1; larger than ``black``.
        scale: the number that σ = 1 stands for: the full range of integers of 8 and 16 bits; of others 1, 255 or
            65535, the first that holds them; of a range that was told, that range.
        limits: the least and the largest number that may come back; a picture in [0, 1] stays there.
        fills: colours, a number a channel, that stand for no measurement: no data, no object; they stay as they are.
        headroom: how far beyond [0, 1] a network is shown numbers; the noise of training takes them there, too.

    Example:
        >>> seen, lights = Intensities(black=100, white=300).seen(np.array([[[100.0], [200.0], [5000.0]]]))
        >>> seen.ravel().tolist(), lights.tolist()
        ([0.0, 0.5, 1.5], [[False, False, True]])
    """

    black: float = 0.0
    white: float = 1.0
    scale: float = 1.0
    limits: tuple[float, float] = (-math.inf, math.inf)
    fills: tuple[tuple[float, ...], ...] = ()
    headroom: float = 0.5

    @classmethod
    def linear(cls, dtype: DTypeLike, wanted: Range = "auto") -> Intensities:
        """Linear light from 0 up, for a network that takes that: nothing is too bright to be shown or to come back.

        Args:
            dtype: of the picture; floats are shown as they are, integers as shares of their largest.
            wanted: two numbers for what is to be shown as 0 and 1, an exposure; anything else changes nothing.

        Example:
            >>> Intensities.linear("float32").seen(np.array([[[1000.0]]]))[1] is None
            True
        """
        full = cls.full(dtype)
        black, white = wanted if isinstance(wanted, tuple) else (0.0, full.white)
        limits = (max(full.limits[0], black), full.limits[1])
        return replace(full, black=black, white=white, limits=limits, headroom=math.inf)

    @classmethod
    def full(cls, dtype: DTypeLike) -> Intensities:
        """The whole range of integers; of floats [0, 1], and no limits."""
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return cls()
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        return cls(black=low, white=high, scale=high - low, limits=(low, high))

    @classmethod
    def of(
        cls, pixels: Array, wanted: Range = "auto", *, hidden: NDArray[np.bool_] | None = None, areas: bool = True
    ) -> Intensities:
        """What the numbers of ``pixels``, ``(H, W, C)`` that belong together, mean.

        8 bits mean what they always do. Of others black and white are found in the picture: a thousandth of it,
        averaged over 4×4 pixels, is darker than black, a thousandth brighter than white, or up to a hundredth where
        that is lights far beyond the rest, or more where the noise would else be too small for a network; the noise,
        whose deviation is found too, is an eighth of that at most; and there is room left on both sides, but not where
        much of the noise is clipped. Where the picture takes up more than half of a range that people use, it is that
        range. Areas of one colour, far from all others, are no measurement, but in floats that take up more than half
        of [0, 1]: those are what they are. Where there is one colour only, it stays.

        Args:
            pixels: finite numbers.
            wanted: ``"auto"``, ``"full"``, or black and white.
            hidden: ``(H, W)``, which pixels nobody sees: they have no say.
            areas: whether areas without a measurement are looked for, which stay as they are.

        Raises:
            InvalidArgumentError: white is not above black.
        """
        if pixels.dtype == np.uint8 and not isinstance(wanted, tuple):
            return cls.full(np.uint8)
        seen = pixels if hidden is None or hidden.all() else pixels[~hidden]
        full, low, high = cls.full(pixels.dtype), float(seen.min()), float(seen.max())
        if pixels.dtype.kind == "f":
            within = low >= 0 and high <= 1
            full = replace(full, limits=(0.0, 1.0) if within else (low, high))
        if isinstance(wanted, tuple):
            black, white = wanted
            if not white > black:
                raise InvalidArgumentError(f"white must be above black in a range, got {black:g}..{white:g}")
            return replace(full, black=black, white=white, scale=white - black)
        if wanted == "full" or (full.limits == (0.0, 1.0) and _is_full(seen)):
            return full
        if low == high:
            full = replace(full, limits=(low, high))
        wide = pixels.dtype.itemsize > 2 or pixels.dtype.kind == "f"  # which nobody fills
        base, scale = (0.0, None) if wide else (full.black, full.scale)
        levels = find_levels(pixels, base=base, scale=scale, hidden=None if seen is pixels else hidden, areas=areas)
        return replace(full, **levels._asdict())

    @property
    def identity(self) -> bool:
        """Whether a float is seen as it is."""
        return self.black == 0 and self.white == 1

    def seen(self, pixels: Array) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """What a network is shown of some of the numbers, ``(H, W, C)``, and which pixels are beyond what it knows.

        Returns:
            Float32, clipped half a range beyond [0, 1]; and ``(H, W)``, ``None`` where no pixel is.
        """
        v: NDArray[np.floating] = pixels
        if not self.identity:
            exact: NDArray[np.floating] = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
            v = (exact - self.black) / (self.white - self.black)
        low, high = -self.headroom, 1 + self.headroom
        beyond = np.zeros(pixels.shape[:2], np.bool_)
        if v.min() < low or v.max() > high:
            beyond |= np.any((v < low) | (v > high), axis=2)
            v = v.clip(low, high)
        for fill in self.fills:
            beyond |= np.all(pixels == fill, axis=2)
        return v.astype(np.float32, copy=False), beyond if beyond.any() else None

    def stored(self, x_hat: Array, dtype: DTypeLike) -> Array:
        """What a network made of the numbers, in [0, 1], as numbers of the picture; integers are rounded."""
        dtype = np.dtype(dtype)
        v = x_hat.astype(np.float64) if dtype.itemsize > 2 and not self.identity else x_hat
        numbers = np.clip(v * (self.white - self.black) + self.black, *self.limits)
        result: Array = (numbers if dtype.kind == "f" else np.rint(numbers)).astype(dtype)
        return result

    def sigma(self, sigma: float) -> float:
        """A noise level on the scale of :attr:`scale` as one on the [0, 1] that the network sees, which is its most."""
        return min(sigma * self.scale / (self.white - self.black), 1.0)

    def __str__(self) -> str:
        return f"black {self.black:g}, white {self.white:g}"


def _is_full(pixels: Array) -> bool:
    """Whether floats in [0, 1] take up more than half of it, a hundredth on each side apart."""
    low, high = np.percentile(pixels.ravel()[:: max(1, pixels.size // 2**18)], (1, 99))
    return bool(high - low > 0.5)


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


def as_unit(pixels: Array, *, like: Array | None = None) -> NDArray[np.float32]:
    """Numbers, ``(H, W, C)``, on the [0, 1] scale, as data sets give them and recognizers take them.

    Floats in [0, 1] are meant so; of others black and white are found, as where they are restored, and what lies far
    beyond is clipped.

    Args:
        pixels: finite numbers.
        like: of the same type: black and white are what they are in this picture instead.
    """
    measured = pixels if like is None else like
    if measured.dtype.kind == "f" and measured.min() >= 0 and measured.max() <= 1:
        return pixels.astype(np.float32, copy=False)
    seen, _ = Intensities.of(measured, areas=False).seen(pixels)
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
