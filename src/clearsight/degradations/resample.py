"""Fewer pixels: the image a super-resolver starts from."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.step import Step
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Area", "Bicubic"]


def _smaller(x: Tensor, step: Step) -> tuple[int, int]:
    """Height and width after down-sampling."""
    height, width = x.shape[-2:]
    if height % step.scale or width % step.scale:
        raise InvalidArgumentError(
            f"{step} needs a height and a width that {step.scale} divides, got {height}×{width}; crop it"
        )
    return height // step.scale, width // step.scale


@DEGRADATIONS.register("area", tiny={"scale": 2})
@dataclass(frozen=True, kw_only=True)
class Area(Step):
    """Down-sampling by area: each output pixel is the mean of scale × scale input pixels.

    Args:
        scale: input size over output size, 2 to 64.

    Raises:
        InvalidArgumentError: ``scale`` is no whole number in that range, or does not divide the image's size.

    Example:
        >>> str(Area(scale=2))
        'area(scale=2)'
    """

    scale: int = field()

    def __post_init__(self) -> None:
        self._bound_whole("scale", 2, 64)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)`` to ``(B, C, H/scale, W/scale)``."""
        return F.interpolate(x, _smaller(x, self), mode="area")


@DEGRADATIONS.register("bicubic", tiny={"scale": 2})
@dataclass(frozen=True, kw_only=True)
class Bicubic(Step):
    """Antialiased bicubic down-sampling (Keys' kernel, a = -½, stretched by the scale); may overshoot [0, 1].

    Args:
        scale: input size over output size, 2 to 64.

    Raises:
        InvalidArgumentError: ``scale`` is no whole number in that range, or does not divide the image's size.

    Source:
        R. Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 29(6), 1981.

    Example:
        >>> str(Bicubic(scale=4))
        'bicubic(scale=4)'
    """

    scale: int = field()

    def __post_init__(self) -> None:
        self._bound_whole("scale", 2, 64)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)`` to ``(B, C, H/scale, W/scale)``."""
        return F.interpolate(x, _smaller(x, self), mode="bicubic", antialias=True)
