"""What saving an image to a file does to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step, per_image
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Quantize"]


@DEGRADATIONS.register("quantize")
@dataclass(frozen=True, kw_only=True)
class Quantize(Step):
    """Clip to [0, 1] and round to 2^bits levels, as an image file does.

    Args:
        bits: bits a channel, 1 to 16.
        probability: share of the images it happens to, so that one training run sees files and ideal noise alike.

    Raises:
        InvalidArgumentError: ``bits`` or ``probability`` is out of range.
    """

    bits: int = 8
    probability: float = 1

    def __post_init__(self) -> None:
        if self.bits not in range(1, 17):
            raise InvalidArgumentError(f"bits must be a whole number from 1 to 16, got {self.bits}")
        Range.of(self.probability).within(0, 1, "probability")

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        levels = 2**self.bits - 1
        rounded = (x.clamp(0, 1) * levels).round() / levels
        chosen = torch.rand(len(x), generator=generator, device=generator.device) < self.probability
        return torch.where(per_image(chosen, x).bool(), rounded, x)
