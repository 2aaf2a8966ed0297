"""What a sensor adds when it is read: rows that are off, and pixels that are always bright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range, per_image
from clearsight.degradations.step import Step
from clearsight.errors import UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["Banding", "HotPixels"]

Axis = Literal["rows", "columns", "either"]


@DEGRADATIONS.register("banding", tiny={"sigma": "0..10/255", "axis": "either"})
@dataclass(frozen=True, kw_only=True)
class Banding(Step):
    """Rows or columns that are brighter or darker as a whole: y = x + σ·n, one n ~ N(0, 1) a row, for all channels.

    Args:
        sigma: standard deviation on the [0, 1] scale, or a range each image draws from.
        axis: ``"rows"``, ``"columns"``, or ``"either"``: each image draws one with probability ½.

    Raises:
        InvalidArgumentError: σ is out of range.
        UnknownNameError: there is no such axis.

    Example:
        >>> str(Banding(sigma=5/255)), str(Banding(sigma=0.1, axis="columns"))
        ('banding(sigma=5/255)', 'banding(sigma=0.1, axis=columns)')
    """

    sigma: Range | float | str
    axis: Axis = "rows"

    def __post_init__(self) -> None:
        self._bound("sigma", 0, 1)
        if self.axis not in get_args(Axis):
            raise UnknownNameError("axis of banding", str(self.axis), get_args(Axis))

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        n, _, height, width = x.shape
        sigma = per_image(Range.of(self.sigma).draw(n, generator), x)
        upright = torch.rand(n, generator=generator, device=generator.device) < {"rows": 1, "columns": 0}.get(
            self.axis, 0.5
        )
        rows = torch.randn(n, 1, height, 1, generator=generator, device=generator.device)
        columns = torch.randn(n, 1, 1, width, generator=generator, device=generator.device)
        return x + sigma * torch.where(per_image(upright, rows).bool(), rows, columns).to(x)


@DEGRADATIONS.register("hot-pixels", tiny={"amount": "0.01..0.1"})
@dataclass(frozen=True, kw_only=True)
class HotPixels(Step):
    """Single sites of the sensor that are bright whatever they see: y = max(x, v), v uniform from ½ to 1.

    A site has one colour: in an image of three channels one of them is hot.

    Args:
        amount: share of the pixels that are hot, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``amount`` is out of range.

    Example:
        >>> str(HotPixels(amount="0..0.001"))
        'hot-pixels(amount=0..0.001)'
    """

    amount: Range | float | str

    def __post_init__(self) -> None:
        self._bound("amount", 0, 1)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        shares = Range.of(self.amount).draw(len(x), generator).view(-1, 1, 1, 1)
        chances, colours, brightness = torch.rand(
            3, *x[:, :1].shape, generator=generator, device=generator.device
        ).unbind()
        channels = torch.arange(x.shape[1], device=generator.device).view(-1, 1, 1)
        hot = (chances < shares) & ((colours * x.shape[1]).long() == channels)
        return torch.where(hot.to(x.device), torch.maximum(x, (0.5 + brightness / 2).to(x)), x)
