"""What goes to a restorer beside the image, and whether it takes that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from clearsight.contracts import Traits
from clearsight.errors import ModelError

__all__ = ["NO_INPUTS", "Arguments", "Draws", "check_arguments", "check_size"]

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})


class Draws(NamedTuple):
    """How many restorations of an image are drawn.

    Attributes:
        n: at least 1.
        seed: the same seed gives the same draws.
    """

    n: int
    seed: int = 0


class Arguments(NamedTuple):
    """What a model is called with beside a batch of images or tiles, on its device.

    Attributes:
        sigma: the noise level of each, ``(B,)``.
        inputs: by name, as the model declares them.
        draws: how many restorations, of a sampler that is to draw.
    """

    sigma: Tensor | None
    inputs: Mapping[str, Tensor] = NO_INPUTS
    draws: Draws | None = None

    def repeated(self, n: int) -> Arguments:
        """For batches in which each image has become ``n`` that follow one another."""
        sigma = None if self.sigma is None else self.sigma.repeat_interleave(n)
        return self._replace(
            sigma=sigma, inputs={name: value.repeat_interleave(n, 0) for name, value in self.inputs.items()}
        )


def check_arguments(
    name: str, traits: Traits, sigma: float | None, inputs: Mapping[str, Any], draws: Draws | None
) -> None:
    """Say whether the model of that name can do with that σ, or with none, with these inputs, and draw.

    Raises:
        ModelError: it takes no σ and one is given, or needs one and none is; the same of another input; or it gives one
            answer only and is to draw several.
    """
    if sigma is not None and traits.sigma == "blind":
        raise ModelError(f"{name} finds the noise level itself and takes no sigma: leave sigma out")
    if sigma is None and traits.sigma == "required":
        raise ModelError(f"{name} has to be told the noise level: give sigma, such as 25/255")
    known = {one.name: one for one in traits.inputs}
    unknown, missing = inputs.keys() - known, [n for n, one in known.items() if one.required and n not in inputs]
    if unknown:
        others = ", ".join(known) or "nothing but the image"
        raise ModelError(f"{name} takes no input {' or '.join(sorted(unknown))}: it takes {others}")
    if missing:
        raise ModelError(f"{name} needs {' and '.join(missing)} beside the image: give them as inputs")
    if draws is not None and not traits.samples:
        raise ModelError(f"{name} gives one answer to an image, not several: leave samples out")


def check_size(name: str, traits: Traits, height: int, width: int, inputs: Mapping[str, Any] = NO_INPUTS) -> None:
    """Say whether the model takes an image of that size, with maps, ``(H, W, C)``, as large as it.

    Raises:
        ModelError: it takes one other size only, or a map is smaller, larger or of other channels.
    """
    if traits.size not in (None, (height, width)):
        assert traits.size is not None
        raise ModelError(
            f"{name} takes images of {traits.size[0]}×{traits.size[1]} pixels, got {height}×{width}: "
            "resize or crop them"
        )
    for one in traits.inputs:
        shape, wanted = np.shape(inputs.get(one.name, 0)), (height, width, one.channels)
        if one.kind == "map" and one.name in inputs and shape != wanted:
            raise ModelError(f"{name} takes {one.name} as large as the image, {wanted}, got {shape}")
