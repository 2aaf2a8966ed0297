"""A model fitted to the noise of one picture, with nothing clean to learn from."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clearsight.errors import ModelError
from clearsight.images.alpha import revealed
from clearsight.images.intensities import Intensities
from clearsight.images.noise import is_white
from clearsight.inference.engine import Engine
from clearsight.restorers.stabilized import find_photon_noise

__all__ = ["adapted", "check_adaptable"]

_LOG = logging.getLogger(__name__)

_MEASURED = 1024
"""Rows and columns in the middle of a picture that are measured."""

_UNTOUCHED = "restored as without adapt: "
_COLOURED = _UNTOUCHED + "the noise is not white, as a camera's processing and JPEG leave it"
_EVEN = _UNTOUCHED + "the noise does not grow with the light"


def check_adaptable(engine: Engine) -> None:
    """Say whether its model can be fitted to the noise of pictures.

    Raises:
        ModelError: it enlarges them, has to be told the noise, or takes further inputs.
    """
    traits = engine.traits
    if traits.scale != 1 or traits.sigma == "required" or traits.inputs:
        raise ModelError(
            f"{engine.name} cannot be fitted to the noise of pictures: adapt takes a model that keeps their size and "
            "needs nothing but the picture"
        )


def adapted(
    engine: Engine, pixels: NDArray[Any], intensities: Intensities, hidden: NDArray[np.bool_] | None
) -> tuple[Engine, str | None]:
    """The engine for one picture, its model between a transform that makes photon noise even, and its inverse.

    The noise is found in what the model by itself takes away from the middle of the picture, at most a megapixel.

    Args:
        engine: that passes :func:`check_adaptable`.
        pixels: the picture, ``(H, W, C)``.
        intensities: what its numbers mean.
        hidden: ``(H, W)``, which pixels nobody sees.

    Returns:
        A new engine that shares the weights; or the same, and why.
    """
    corners = [max(n - _MEASURED, 0) // 2 for n in pixels.shape[:2]]
    window = tuple(slice(corner, corner + _MEASURED) for corner in corners)
    inside = pixels[window]
    if not is_white(inside):
        return engine, _COLOURED
    v, beyond = intensities.seen(inside)
    unseen = beyond if hidden is None else hidden[window] | (False if beyond is None else beyond)
    if unseen is not None:
        v = revealed(v, unseen)
    y = torch.from_numpy(np.ascontiguousarray(v)).movedim(-1, 0)[None]
    noise = find_photon_noise(y, engine.restore_batch(y), None if unseen is None else torch.from_numpy(~unseen))
    if noise is None:
        return engine, _EVEN
    _LOG.info("  noise: a variance of %.3g·v + %.3g", *noise)
    return engine.stabilized(noise), None
