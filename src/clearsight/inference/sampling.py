"""Several restorations of one image: their mean, and how far they lie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearsight.images.picture import ALPHA, Metadata, Picture
from clearsight.inference.arrays import ImageLike

__all__ = ["Samples", "mean_and_spread", "visible_spread"]


class Samples(NamedTuple, Generic[ImageLike]):
    """Several restorations of one image.

    Attributes:
        samples: each of the kind that the image was.
        mean: of them, the same kind.
        spread: their standard deviation in each channel of each pixel, in the image's numbers, ``(H, W, C)`` float32;
            of a batch ``(B, H, W, C)``.
    """

    samples: list[ImageLike]
    mean: ImageLike
    spread: NDArray[np.float32]


def mean_and_spread(samples: Sequence[Picture]) -> tuple[Picture, NDArray[np.float32]]:
    """The mean of pictures of one size, rounded where they are integers, and their deviation, ``(H, W, C)``."""
    mean = sum(picture.pixels.astype(np.float64) for picture in samples) / np.float64(len(samples))
    variance = sum((picture.pixels - mean) ** 2 for picture in samples) / len(samples)
    dtype = samples[0].pixels.dtype
    pixels = (mean if dtype.kind == "f" else np.rint(mean)).astype(dtype)
    return replace(samples[0], pixels=pixels), np.sqrt(variance).astype(np.float32)


def visible_spread(picture: Picture, spread: NDArray[np.float32]) -> Picture:
    """A spread as a picture like ``picture``, enlarged by a power of two to be seen, which a note says; no alpha."""
    kept, dtype = [i for i, name in enumerate(picture.channels) if name not in ALPHA], picture.pixels.dtype
    white = 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
    spread = spread[..., kept]
    factor = 2.0 ** max(math.floor(math.log2(white / max(float(spread.max()), white / 2**16))), 0)
    numbers = spread * factor
    return replace(
        picture,
        pixels=(numbers if dtype.kind == "f" else np.rint(numbers)).astype(dtype),
        channels=tuple(picture.channels[i] for i in kept),
        metadata=Metadata(),
    ).noting(f"its spread is shown {factor:g} times as large")
