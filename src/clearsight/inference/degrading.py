"""Degrade pictures, and images in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from clearsight.contracts import Degradation
from clearsight.degradations.language import parse
from clearsight.images.intensities import from_unit, to_unit
from clearsight.images.picture import Picture
from clearsight.inference.arrays import ImageLike, like, pictures_of

__all__ = ["degrade", "degrade_picture"]


def degrade(image: ImageLike, degradation: Degradation | str, *, seed: int = 0) -> ImageLike:
    """Degrade one image in memory; the same kind comes back, and the same seed gives the same bytes.

    Integers are clipped and rounded, as in a file; floats are neither.

    Args:
        image: as :func:`~clearsight.inference.restore` takes it.
        degradation: a degradation, or the string that makes it: ``gaussian(sigma=25/255)``.
        seed: of its random numbers.

    Raises:
        InvalidArgumentError: the image or the degradation cannot be used.
        UnknownNameError: the string names what there is not.
    """
    chosen = parse(degradation) if isinstance(degradation, str) else degradation
    generator = torch.Generator().manual_seed(seed)
    return like(image, [degrade_picture(picture, chosen, generator) for picture in pictures_of(image)])


def degrade_picture(picture: Picture, degradation: Degradation, generator: torch.Generator) -> Picture:
    """Degrade one picture by the full range of its numbers; alpha is carried over unless the size changes."""
    pixels, degraded = picture.pixels, {}
    for group in picture.groups:
        x = torch.from_numpy(to_unit(picture.take(group))).permute(2, 0, 1)[None]
        y = degradation(x, generator=generator)[0].permute(1, 2, 0).numpy()
        degraded[group] = from_unit(y, pixels.dtype)
    channels = {i: part[..., j] for group, part in degraded.items() for j, i in enumerate(group)}
    if next(iter(channels.values())).shape == pixels.shape[:2]:
        channels |= {i: pixels[..., i] for i in range(pixels.shape[2]) if i not in channels}
    kept = sorted(channels)
    return replace(
        picture, pixels=np.dstack([channels[i] for i in kept]), channels=tuple(picture.channels[i] for i in kept)
    )
