"""Fixed degradations that span one with ranges."""

from __future__ import annotations

from dataclasses import fields, replace

from clearsight.degradations import Pipeline, Step
from clearsight.degradations.ranges import Range

__all__ = ["conditions_of"]

_POINTS = 4


def conditions_of(degradation: Pipeline) -> list[str]:
    """Four degradations, evenly from one end of all ranges to the other; the degradation itself if it has none.

    Example:
        >>> from clearsight.degradations import parse
        >>> conditions_of(parse("gaussian(sigma=15/255..60/255)"))[:2]
        ['gaussian(sigma=15/255)', 'gaussian(sigma=30/255)']
    """
    points = [Pipeline(tuple(_at(step, k / (_POINTS - 1)) for step in degradation.steps)) for k in range(_POINTS)]
    return list(dict.fromkeys(map(str, points)))


def _at(step: Step, share: float) -> Step:
    ranges = {field.name: getattr(step, field.name) for field in fields(step)}  # type: ignore[arg-type]
    fixed = {name: _between(value, share) for name, value in ranges.items() if isinstance(value, Range)}
    return replace(step, **fixed)  # type: ignore[type-var]


def _between(ends: Range, share: float) -> Range:
    """A point of the range; where it is a tenth of a grey level, that exactly."""
    value = ends.low + share * (ends.high - ends.low)
    level = round(255 * value, 1) / 255
    value = level if abs(level - value) < 1e-9 else round(value, 4)
    return Range(value, value)
