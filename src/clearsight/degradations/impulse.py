"""Noise that replaces some pixels and leaves the others as they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range, chosen_pixels, uniform_like
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["RandomImpulse", "SaltAndPepper"]


@DEGRADATIONS.register("salt-and-pepper", tiny={"amount": "0.05..0.3"})
@dataclass(frozen=True, kw_only=True)
class SaltAndPepper(Step):
    """White and black dots: a share of the pixels becomes 1 or 0, each with probability ½.

    A pixel is replaced as a whole, in all its channels.

    Args:
        amount: share of the pixels replaced, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``amount`` is out of range.

    Example:
        >>> str(SaltAndPepper(amount=0.1))
        'salt-and-pepper(amount=0.1)'
    """

    amount: Range | float | str

    def __post_init__(self) -> None:
        self._bound("amount", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        replaced = chosen_pixels(x, self.amount, generator)
        salt = chosen_pixels(x, 0.5, generator)
        return torch.where(replaced, salt.to(x), x)


@DEGRADATIONS.register("random-impulse", tiny={"amount": "0.05..0.3"})
@dataclass(frozen=True, kw_only=True)
class RandomImpulse(Step):
    """Random-valued impulse noise: a share of the pixels takes a uniformly random grey or colour.

    A pixel is replaced as a whole; each of its channels draws its own value from [0, 1].

    Args:
        amount: share of the pixels replaced, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``amount`` is out of range.

    Source:
        J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
        section 3.2.

    Example:
        >>> str(RandomImpulse(amount="0..0.95"))
        'random-impulse(amount=0..0.95)'
    """

    amount: Range | float | str

    def __post_init__(self) -> None:
        self._bound("amount", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        replaced = chosen_pixels(x, self.amount, generator)
        return torch.where(replaced, uniform_like(x, generator), x)
