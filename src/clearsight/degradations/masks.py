"""Parts of the image that are missing: they become 0."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range, chosen_pixels
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Block", "Erase", "LowerHalf"]


@DEGRADATIONS.register("erase", tiny={"probability": "0.1..0.9"})
@dataclass(frozen=True, kw_only=True)
class Erase(Step):
    """Pixels erased at random: each becomes 0, in all its channels, with the same probability.

    Args:
        probability: that a pixel is erased, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``probability`` is out of range.

    Example:
        >>> str(Erase(probability=0.5))
        'erase(probability=0.5)'
    """

    probability: Range | float | str

    def __post_init__(self) -> None:
        self._bound("probability", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return x.masked_fill(chosen_pixels(x, self.probability, generator), 0)


def _stretch(n: int, length: int, size: int, generator: torch.Generator) -> Tensor:
    """``(n, size)`` masks, each true along ``length`` neighbours at a random place."""
    starts = torch.randint(size - length + 1, (n, 1), generator=generator, device=generator.device)
    places = torch.arange(size, device=generator.device)
    return (starts <= places) & (places < starts + length)


@DEGRADATIONS.register("block", tiny={"size": 5})
@dataclass(frozen=True, kw_only=True)
class Block(Step):
    """A black square at a random place, whole where the image is large enough for it.

    Every place inside the image is as likely; a side longer than the image is cut to it.

    Args:
        size: side in pixels, 1 to 65536.

    Raises:
        InvalidArgumentError: ``size`` is not a whole number in that range.

    Example:
        >>> str(Block(size=10))
        'block(size=10)'
    """

    size: int

    def __post_init__(self) -> None:
        self._bound_whole("size", 1, 65536)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        n, _, height, width = x.shape
        rows = _stretch(n, min(self.size, height), height, generator)
        columns = _stretch(n, min(self.size, width), width, generator)
        inside = rows[:, None, :, None] & columns[:, None, None, :]
        return x.masked_fill(inside.to(x.device), 0)


@DEGRADATIONS.register("lower-half")
@dataclass(frozen=True, kw_only=True)
class LowerHalf(Step):
    """The lower half missing: the last ⌊H/2⌋ rows become 0.

    Example:
        >>> str(LowerHalf())
        'lower-half'
    """

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        height = x.shape[-2]
        lower = torch.arange(height, device=x.device) >= height - height // 2
        return x.masked_fill(lower[:, None], 0)
