"""Black and white, found in a picture: robust against lights, noise, and values that stand for no measurement."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearsight.images.picture import Array

__all__ = ["Levels", "find_levels"]

_ROOM = 0.3
"""Share of what is found in a picture that is left free below and above it: a network trained on clipped files takes
what lies at its limits for clipped."""

_SCALES = (1.0, 255.0, 65535.0)
"""What people call white in floating-point pictures."""

_QUIETEST, _LOUDEST = 1 / 12, 1 / 8
"""Deviations of the noise, as shares of what is found, that are aimed at: beside lights, and at most."""

_FLOOR = 1 / 150
"""Deviation of the noise, as a share of what is found, below which a network errs by more than the noise."""

_FAR = 4
"""How many times further than the rest lights reach."""

_CLIPPED = 0.15
"""Share of a picture that is exactly its least or its largest number where much of its noise is clipped there."""

_FILLED, _RAGGED, _APART = 0.001, 0.75, 0.02
"""What fill is: a share of the picture, with less of an edge than if it were strewn over it by so much, apart from the
rest by a share of what that spans."""

_NEARLY_ALL = 0.95
_COLOURS, _FREQUENT, _LOOKED_AT = 16, 3, 4096

_SAMPLED = 2**18
_BLOCK = 32

Sample = NDArray[np.float64]
Colour = tuple[float, ...]


class Levels(NamedTuple):
    """What is found.

    Attributes:
        black: a level with room below what is dark.
        white: a level with room above what is bright, lights apart.
        scale: the number that people call white.
        fills: colours, a number a channel, that stand for no measurement.
    """

    black: float
    white: float
    scale: float
    fills: tuple[Colour, ...] = ()


def find_levels(
    pixels: Array, *, base: float, scale: float | None, hidden: NDArray[np.bool_] | None = None, areas: bool = True
) -> Levels:
    """Find the levels of a picture, from a quarter of a megapixel of it at most.

    Args:
        pixels: ``(H, W, C)`` that belong together, finite.
        base: the least number that integers of its kind can be, 0 for floats.
        scale: the range of integers of its kind; ``None`` for floats.
        hidden: ``(H, W)``, which pixels have no say.
        areas: whether fill is looked for.
    """
    sample = _sample(pixels).astype(np.float64)
    if hidden is not None:
        sample[_sample(hidden)] = np.nan
    sample, fills = _without_fill(sample) if areas else (sample, ())
    measured = sample[~np.isnan(sample)]
    only = fills[0][0] if fills else float(pixels[0, 0, 0])
    least, largest = (float(measured.min()), float(measured.max())) if measured.size else (only, only)
    if least == largest:
        return _around(least, pixels.dtype, scale, fills)
    sigma = noise(sample)
    low, *tops = np.nanpercentile(_means(sample), (0.1, 99.9, 99, 95, 90, 75, 50))
    high = _below_lights(low, tops, sigma)
    if high <= low:
        low, high = least, largest
    scale = scale or next((s for s in _SCALES if high <= 1.1 * s), high)
    darkest, brightest = np.percentile(measured, (1, 99)) - base
    if brightest - darkest > scale / 2 and darkest >= -scale / 2 and brightest <= 1.5 * scale:
        return Levels(base, base + scale, scale, fills)
    middle, half = (low + high) / 2, max(high - low, sigma / _LOUDEST) / 2
    ends = [middle - half, middle + half]
    clipped = [np.mean(measured == end) > _CLIPPED for end in (least, largest)]
    if not any(clipped):
        ends = [middle - half * (1 + 2 * _ROOM), middle + half * (1 + 2 * _ROOM)]
    elif clipped[0]:
        ends[0] = max(ends[0], least)
    return Levels(float(ends[0]), float(ends[1]), scale, fills)


def noise(sample: Sample) -> float:
    """σ by the median of the diagonal Haar coefficients d of 2×2 pixels: median |d| / 0.6745; NaN is no pixel."""
    height, width = (n - n % 2 for n in sample.shape[:2])
    even, odd = sample[0:height:2], sample[1:height:2]
    d = (even[:, 0:width:2] - even[:, 1:width:2] - odd[:, 0:width:2] + odd[:, 1:width:2]) / 2
    d = np.abs(d[~np.isnan(d)])
    return float(np.median(d) / 0.6745) if d.size else 0.0


def _below_lights(low: float, tops: list[float], sigma: float) -> float:
    """How bright the picture is, lights apart: a hundredth of it, or more where the noise would else be too small."""
    high = tops[0]
    for number, top in enumerate(tops[1:]):
        if high - low > _FAR * (top - low) and (number == 0 or 0 < sigma < _FLOOR * (high - low)):
            high = min(high, max(top, low + sigma / _QUIETEST))
    return float(high)


def _around(value: float, dtype: np.dtype[np.generic], scale: float | None, fills: tuple[Colour, ...]) -> Levels:
    """Levels so close around the only number there is that no network can change it."""
    step = 1.0
    if dtype.kind == "f":
        kind = np.finfo(dtype)  # type: ignore[type-var]
        step = float(kind.eps) * abs(value) or float(kind.tiny)
    white = next((s for s in _SCALES if value <= 1.1 * s), value)
    return Levels(value - step, value + step, scale or white, fills)


def _without_fill(sample: Sample) -> tuple[Sample, tuple[Colour, ...]]:
    """NaN where pixels of one colour fill areas and are far from all others; and these colours.

    Noise would spread a measurement, and clipping leaves no gap: no data, no object, the ground of a drawing.
    """
    fills: list[Colour] = []
    while len(fills) < _COLOURS:
        found = next((colour for colour in _candidates(sample) if _is_fill(sample, colour)), None)
        if found is None:
            break
        sample = np.where(np.all(sample == found, axis=2, keepdims=True), np.nan, sample)
        fills.append(found)
    return sample, tuple(fills)


def _candidates(sample: Sample) -> list[Colour]:
    """The darkest and the brightest there can be, and the most frequent colours of every n-th pixel."""
    pixels = sample[~np.isnan(sample[..., 0])]
    if not len(pixels):
        return []
    colours, counts = np.unique(pixels[:: math.ceil(len(pixels) / _LOOKED_AT)], axis=0, return_counts=True)
    frequent = colours[np.argsort(-counts, kind="stable")[:_FREQUENT]]
    ends = ([end] * pixels.shape[1] for end in (pixels.min(), pixels.max()))
    return [tuple(map(float, colour)) for colour in (*ends, *frequent)]


def _is_fill(sample: Sample, colour: Colour) -> bool:
    at = np.all(sample == colour, axis=2)
    if at.mean() < _FILLED or _is_strewn(at):
        return False
    others = sample[~at & ~np.isnan(sample[..., 0])]
    if not len(others):
        return True
    least, largest = np.percentile(others, (0.1, 99.9))
    apart = max(6 * noise(np.where(at[..., None], np.nan, sample)), _APART * (largest - least))
    return bool(np.abs(others - colour).max(axis=1).min() > apart)


def _is_strewn(at: NDArray[np.bool_]) -> bool:
    """Whether pixels lie among others as if by chance: neighbours differ as often as in a picture of dots."""
    share = float(at.mean())
    differ = [float((a != b).mean()) for a, b in ((at[1:], at[:-1]), (at[:, 1:], at[:, :-1])) if a.size]
    return share < _NEARLY_ALL and max(differ, default=1.0) > _RAGGED * 2 * share * (1 - share)


def _sample(pixels: Array) -> Array:
    """A quarter of a megapixel at most, in blocks spread evenly over the picture."""
    every = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / _SAMPLED))
    if every == 1:
        return pixels
    rows, columns = (np.flatnonzero(np.arange(n) // _BLOCK % every == 0) for n in pixels.shape[:2])
    return pixels[np.ix_(rows, columns)]


def _means(sample: Sample) -> Sample:
    """Means of 4×4 pixels, in which noise is a quarter of what it was; of narrower pictures the pixels."""
    (height, width), channels = (n - n % 4 for n in sample.shape[:2]), sample.shape[2]
    if not height or not width:
        return sample
    blocks = sample[:height, :width].reshape(height // 4, 4, width // 4, 4, channels)
    count = (~np.isnan(blocks)).sum((1, 3))
    means: Sample = np.nansum(blocks, (1, 3))[count > 0] / count[count > 0]
    return means if means.size else sample
