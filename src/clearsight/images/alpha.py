"""Transparency: colours multiplied by it and not, and those that it hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearsight.images.intensities import from_unit, to_unit
from clearsight.images.picture import ALPHA, Array, Meaning, Picture

__all__ = ["revealed", "with_alpha"]


def with_alpha(picture: Picture, *, premultiplied: bool | None) -> Picture:
    """The same picture with its colours multiplied by alpha, or not; ``None`` leaves it as it is.

    Where alpha is 0 colours are neither: they stay as they are, for one cannot divide by it, and light without
    coverage, a glow, is meant. Integers are rounded.
    """
    alpha = picture.alpha
    if alpha is None or premultiplied is None or picture.premultiplied == premultiplied:
        return picture
    opacity = to_unit(alpha)[..., None]
    pixels, colours = picture.pixels.copy(), [i for group in picture.groups for i in group]
    values = to_unit(pixels[..., colours])
    with np.errstate(divide="ignore", invalid="ignore"):
        changed = np.where(opacity == 0, values, values * opacity if premultiplied else values / opacity)
    pixels[..., colours] = from_unit(changed, pixels.dtype)
    new: Meaning = "premultiplied alpha" if premultiplied else "alpha"
    return replace(picture, pixels=pixels, channels=tuple(new if c in ALPHA else c for c in picture.channels))


def revealed(colours: Array, hidden: Array) -> Array:
    """Colours with those under full transparency replaced by the nearest that is seen.

    Args:
        colours: ``(H, W, C)``.
        hidden: ``(H, W)`` bool; where all is hidden nothing is replaced.
    """
    if hidden.all() or not hidden.any():
        return colours
    from scipy.ndimage import distance_transform_edt  # a third of a second, mostly not needed

    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    nearest: Array = colours[rows, columns]
    return nearest
