"""Numbers that are fixed or drawn anew for each image, and how people write them.

Random ones are drawn where the generator lives and then moved: same seed, same numbers on any device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.errors import InvalidArgumentError

__all__ = [
    "Range",
    "chosen_pixels",
    "format_number",
    "normal_like",
    "parse_number",
    "per_image",
    "uniform_like",
    "whole_number",
]


def parse_number(text: str) -> float:
    """Read ``0.1``, ``1e-3`` or ``25/255``.

    Raises:
        InvalidArgumentError: it is no finite number.

    Example:
        >>> parse_number("51/255")
        0.2
    """
    numerator, slash, denominator = text.strip().partition("/")
    try:
        value = float(numerator) / float(denominator) if slash else float(numerator)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not math.isfinite(value):
        raise InvalidArgumentError(f"expected a number such as 0.1 or 25/255, got {text.strip()!r}")
    return value


def format_number(value: float) -> str:
    """Write a finite number the shortest way that :func:`parse_number` reads back to the same float.

    Example:
        >>> format_number(25 / 255), format_number(0.5), format_number(60.0)
        ('25/255', '0.5', '60')
    """
    decimal, levels = repr(float(value)).removesuffix(".0"), f"{round(value * 255, 1):g}"
    shorter = len(f"{levels}/255") < len(decimal)
    return f"{levels}/255" if shorter and float(levels) / 255 == value else decimal


def whole_number(value: float | str, low: int, high: int, name: str) -> int:
    """Read a whole number in [low, high], or say that ``name`` must be one.

    Raises:
        InvalidArgumentError: it is not whole, or lies outside.

    Example:
        >>> whole_number("8", 1, 16, "bits")
        8
    """
    number = parse_number(value) if isinstance(value, str) else value
    if number not in range(low, high + 1):
        raise InvalidArgumentError(f"{name} must be a whole number from {low} to {high}, got {value}")
    return int(number)


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval from which each image draws uniformly; a fixed number where both ends agree.

    Args:
        low: lower end, finite.
        high: upper end, finite.

    Raises:
        InvalidArgumentError: an end is not finite, or ``low`` is above ``high``.

    Example:
        >>> str(Range.of("0..55/255")), str(Range.of(0.5))
        ('0..55/255', '0.5')
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise InvalidArgumentError(f"a range goes from low to high, got {self.low:g}..{self.high:g}")

    @classmethod
    def of(cls, value: Range | float | str) -> Range:
        """Make a range of a range, a number, or a string such as ``15/255..60/255``.

        Raises:
            InvalidArgumentError: an end is no finite number, or the ends are in the wrong order.
        """
        if isinstance(value, Range):
            return value
        if isinstance(value, str):
            low, dots, high = value.partition("..")
            return cls(parse_number(low), parse_number(high if dots else low))
        return cls(float(value), float(value))

    def within(self, low: float, high: float, name: str) -> Range:
        """Return itself, or say that ``name`` must lie in [low, high].

        Raises:
            InvalidArgumentError: an end lies outside.
        """
        if low <= self.low and self.high <= high:
            return self
        bounds = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise InvalidArgumentError(f"{name} must be {bounds}, got {self}")

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` values, shape ``(n,)``, float32, on the generator's device."""
        uniform = torch.rand(n, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * uniform

    def one(self, generator: torch.Generator) -> float:
        """Draw one value."""
        return float(self.draw(1, generator))

    def __str__(self) -> str:
        low, high = format_number(self.low), format_number(self.high)
        return low if self.low == self.high else f"{low}..{high}"


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Shape ``(B,)`` to ``(B, 1, 1, 1)`` on the device and in the dtype of ``like``."""
    return values.to(like).view(-1, 1, 1, 1)


def normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers with the shape, device and dtype of ``x``."""
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def uniform_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers from 0 to 1 with the shape, device and dtype of ``x``."""
    return torch.rand(x.shape, generator=generator, device=generator.device).to(x)


def chosen_pixels(x: Tensor, share: Range | float | str, generator: torch.Generator) -> Tensor:
    """A ``(B, 1, H, W)`` mask, true at each pixel independently with the share its image draws."""
    shares = Range.of(share).draw(len(x), generator).view(-1, 1, 1, 1)
    chances = torch.rand(x[:, :1].shape, generator=generator, device=generator.device)
    return (chances < shares).to(x.device)
