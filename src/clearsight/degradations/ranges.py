"""Numbers that are fixed or drawn anew for each image, and how people write them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from clearsight.errors import InvalidArgumentError

__all__ = ["Range", "format_number", "parse_number"]


def parse_number(text: str) -> float:
    """Read ``0.1``, ``1e-3`` or ``25/255``.

    Raises:
        InvalidArgumentError: it is no number.

    Example:
        >>> parse_number("51/255")
        0.2
    """
    numerator, slash, denominator = text.strip().partition("/")
    try:
        return float(numerator) / float(denominator) if slash else float(numerator)
    except (ValueError, ZeroDivisionError):
        raise InvalidArgumentError(f"expected a number such as 0.1 or 25/255, got {text.strip()!r}") from None


def format_number(value: float) -> str:
    """Write a number the shortest way that :func:`parse_number` reads back to the same float.

    Example:
        >>> format_number(25 / 255), format_number(0.5), format_number(60.0)
        ('25/255', '0.5', '60')
    """
    if float(value).is_integer():
        return str(int(value))
    eighth_bit = Fraction(round(value * 2550), 10)
    numerator = f"{float(eighth_bit):g}"
    if float(numerator) / 255 == value:
        return f"{numerator}/255"
    return repr(float(value))


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval from which each image draws uniformly; a fixed number where both ends agree.

    Example:
        >>> str(Range.of("0..55/255")), str(Range.of(0.5))
        ('0..55/255', '0.5')
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise InvalidArgumentError(f"a range goes from low to high, got {self}")

    @classmethod
    def of(cls, value: Range | float | str) -> Range:
        """Make a range of a range, a number, or a string such as ``15/255..60/255``."""
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
        if not (low <= self.low and self.high <= high):
            bounds = f"between {format_number(low)} and {format_number(high)}" if high < float("inf") else (
                f"at least {format_number(low)}"
            )
            raise InvalidArgumentError(f"{name} must be {bounds}, got {self}")
        return self

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` values, shape ``(n,)``, float32, on the generator's device."""
        uniform = torch.rand(n, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * uniform

    def __str__(self) -> str:
        low, high = format_number(self.low), format_number(self.high)
        return low if self.low == self.high else f"{low}..{high}"
