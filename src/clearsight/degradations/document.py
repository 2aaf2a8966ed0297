"""A page as people send it: a sheet that has suffered, light, lens, sensor and file, at five severities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.degradations.camera import Camera
from clearsight.degradations.codec import Jpeg
from clearsight.degradations.marks import PenStrokes, Stamp
from clearsight.degradations.noise import Gaussian
from clearsight.degradations.paper import BleedThrough, Faded, Fold, Stain
from clearsight.degradations.ranges import Range
from clearsight.degradations.scanning import Fax, LowResolution, OutOfFocus, Shadow, Shaken
from clearsight.degradations.step import OneByOne, Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Document"]

_DPI = 150
"""Dots an inch that lengths in pixels are for."""


class _Kind(NamedTuple):
    """One thing that may happen to a page.

    Attributes:
        made: what happens.
        chance: of it, among those of its stage.
        amounts: by the name of an argument its ranges at severities 1 to 5, or one for all.
        lengths: names of those that are in pixels.
    """

    made: type[Step]
    chance: float
    amounts: Mapping[str, str]
    lengths: frozenset[str] = frozenset()


_STAGES: Sequence[Sequence[_Kind]] = (
    (
        _Kind(
            Faded,
            0.5,
            {"keep": "0.8..1 0.6..1 0.45..0.9 0.35..0.75 0.25..0.6", "broken": "0 0 0..0.05 0..0.1 0..0.2"},
        ),
    ),
    (_Kind(BleedThrough, 0.4, {"strength": "0..0.1 0.05..0.2 0.1..0.3 0.15..0.4 0.2..0.5"}),),
    (
        _Kind(
            Stain,
            0.4,
            {"depth": "0..0.2 0.1..0.4 0.2..0.55 0.3..0.7 0.4..0.85", "radius": "30..150"},
            frozenset({"radius"}),
        ),
    ),
    (
        _Kind(
            PenStrokes,
            0.35,
            {
                "ink": "0.1..0.3 0.15..0.45 0.2..0.6 0.3..0.75 0.4..0.9",
                "count": "1 1..2 1..3 2..4 2..6",
                "width": "1..4",
                "length": "60..600",
            },
            frozenset({"width", "length"}),
        ),
    ),
    (
        _Kind(
            Stamp,
            0.2,
            {"ink": "0.1..0.3 0.15..0.4 0.2..0.5 0.25..0.6 0.3..0.7", "radius": "40..110"},
            frozenset({"radius"}),
        ),
    ),
    (
        _Kind(
            Fold,
            0.4,
            {"depth": "0.05..0.15 0.1..0.3 0.15..0.4 0.2..0.5 0.3..0.6", "width": "10..60", "wear": "0..2"},
            frozenset({"width", "wear"}),
        ),
    ),
    (
        _Kind(
            Shadow,
            0.7,
            {"depth": "0.05..0.2 0.1..0.35 0.2..0.5 0.3..0.65 0.4..0.8", "size": "100..900"},
            frozenset({"size"}),
        ),
    ),
    (
        _Kind(OutOfFocus, 0.4, {"radius": "0..0.7 0.5..1.1 0.8..1.5 1.1..1.9 1.4..2.4"}, frozenset({"radius"})),
        _Kind(Shaken, 0.25, {"length": "0..1.5 1..2.5 2..3.5 3..5 4..6.5"}, frozenset({"length"})),
        _Kind(LowResolution, 0.25, {"factor": "1..1.2 1.1..1.5 1.3..1.8 1.6..2.2 1.9..2.6"}, frozenset({"factor"})),
    ),
    (
        _Kind(Gaussian, 0.5, {"sigma": "0..5/255 3/255..12/255 6/255..20/255 12/255..32/255 20/255..48/255"}),
        _Kind(Camera, 0.4, {"iso": "100..800 400..3200 1600..6400 3200..12800 6400..25600"}),
    ),
    (
        _Kind(Fax, 0.15, {"flipped": "0..0.001 0..0.003 0..0.01 0.003..0.02 0.01..0.04"}),
        _Kind(Jpeg, 0.7, {"quality": "70..95 50..85 30..65 18..45 10..28"}),
    ),
)
"""What may happen, stage by stage; of each stage one kind at most."""


@DEGRADATIONS.register("document", tiny={"severity": "1..5"})
@dataclass(frozen=True, kw_only=True)
class Document(OneByOne):
    """A page of text as people send it: faded, stained, folded, in shadow, blurred, noisy, compressed; clipped.

    Each image draws what of it happens, and how much within its severity, in this order: faded ink, bleed-through, a
    stain, strokes of a pen, a stamp, a fold; a shadow; out of focus, shaken or of low resolution; white noise or a
    camera's; a fax or a JPEG file. :meth:`drawn` tells the degradations of single kinds that it comes to.

    Args:
        severity: from 1 to 5, or a range each image draws a whole number from.
        dpi: dots an inch of the page, 50 to 1,200: lengths grow and shrink with it.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Document(severity=3))
        'document(severity=3)'
    """

    severity: Range | float | str = "1..5"
    dpi: Range | float | str = _DPI

    def __post_init__(self) -> None:
        self._bound("severity", 1, 5)
        self._bound("dpi", 50, 1200)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        for step in self.drawn(generator):
            x = step(x, generator=generator)
        return x.clamp(0, 1)

    def drawn(self, generator: torch.Generator) -> list[Step]:
        """What happens to one page."""
        ends = Range.of(self.severity)
        level = min(int(Range(ends.low, ends.high + 1).one(generator)), int(ends.high)) - 1
        scale = self._drawn("dpi", generator) / _DPI
        chances = torch.rand(len(_STAGES), generator=generator, device=generator.device).tolist()
        picked = (_picked(stage, chance) for stage, chance in zip(_STAGES, chances, strict=True))
        return [_made(kind, level, scale) for kind in picked if kind is not None]


def _picked(stage: Sequence[_Kind], chance: float) -> _Kind | None:
    for kind in stage:
        if chance < kind.chance:
            return kind
        chance -= kind.chance
    return None


def _made(kind: _Kind, level: int, scale: float) -> Step:
    """A kind at a severity, 0 to 4, lengths times the scale."""
    amounts = {name: Range.of((text.split() * 5)[level]) for name, text in kind.amounts.items()}
    scaled = {name: Range(amounts[name].low * scale, amounts[name].high * scale) for name in kind.lengths}
    return kind.made(**amounts | scaled)
