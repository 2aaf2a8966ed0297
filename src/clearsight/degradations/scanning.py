"""What lamp, lens and line do to a page that is scanned, photographed or faxed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.kernels import disc, filtered, segment, smooth_field
from clearsight.degradations.ranges import Range, uniform_like
from clearsight.degradations.step import OneByOne
from clearsight.errors import UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["Fax", "LowResolution", "OutOfFocus", "Shadow", "Shaken"]

Screen = Literal["threshold", "ordered", "diffusion", "any"]


@DEGRADATIONS.register("shadow", tiny={"depth": "0.3..0.6"})
@dataclass(frozen=True, kw_only=True)
class Shadow(OneByOne):
    """Uneven light: y = x·(1 − depth·s), s a smooth field from 0 to 1, soft as of a lamp or sharp as of a hand.

    Args:
        depth: share of the light that is gone where it is darkest, 0 to 1, or a range each image draws from.
        size: pixels over which the light changes, 1 to 100,000, or a range.

    Raises:
        InvalidArgumentError: a number is out of range.

    Example:
        >>> str(Shadow(depth=0.4))
        'shadow(depth=0.4)'
    """

    depth: Range | float | str
    size: Range | float | str = "100..900"

    def __post_init__(self) -> None:
        self._bound("depth", 0, 1)
        self._bound("size", 1, 100_000)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        depth, size = (self._drawn(name, generator) for name in ("depth", "size"))
        sharpness = math.exp(Range(0, 2.5).one(generator))
        return x * (1 - depth * torch.sigmoid(sharpness * smooth_field(x, size, generator)))


@DEGRADATIONS.register("out-of-focus", tiny={"radius": "1..2"})
@dataclass(frozen=True, kw_only=True)
class OutOfFocus(OneByOne):
    """A lens out of focus: blurred by a disc; border pixels go on beyond the border.

    Args:
        radius: of the disc in pixels, 0 to 50, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``radius`` is out of range.

    Example:
        >>> str(OutOfFocus(radius=2))
        'out-of-focus(radius=2)'
    """

    radius: Range | float | str

    def __post_init__(self) -> None:
        self._bound("radius", 0, 50)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        return filtered(x, disc(self._drawn("radius", generator)))


@DEGRADATIONS.register("shaken", tiny={"length": "3..6"})
@dataclass(frozen=True, kw_only=True)
class Shaken(OneByOne):
    """A hand that moved: blurred along a straight line of any direction, the middle stays where it is.

    Args:
        length: of the line in pixels, 0 to 100, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``length`` is out of range.

    Example:
        >>> str(Shaken(length=5))
        'shaken(length=5)'
    """

    length: Range | float | str

    def __post_init__(self) -> None:
        self._bound("length", 0, 100)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        return filtered(x, segment(self._drawn("length", generator), Range(0, math.pi).one(generator)))


@DEGRADATIONS.register("low-resolution", tiny={"factor": "1.5..3"})
@dataclass(frozen=True, kw_only=True)
class LowResolution(OneByOne):
    """Scanned with too few dots: made smaller by area, and larger again by bicubic interpolation.

    Args:
        factor: pixels of the image in one of the scan, in each direction, 0 to 64, or a range each image draws from; 1
            and less leave the image as it is.

    Raises:
        InvalidArgumentError: ``factor`` is out of range.

    Example:
        >>> str(LowResolution(factor=2))
        'low-resolution(factor=2)'
    """

    factor: Range | float | str

    def __post_init__(self) -> None:
        self._bound("factor", 0, 64)

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        factor, size = self._drawn("factor", generator), x.shape[-2:]
        if factor <= 1:
            return x
        small = [max(round(side / factor), 1) for side in size]
        return F.interpolate(F.interpolate(x, small, mode="area"), size, mode="bicubic")


@DEGRADATIONS.register("fax", tiny={"kind": "any"})
@dataclass(frozen=True, kw_only=True)
class Fax(OneByOne):
    """One bit a pixel, black or white: by a threshold, an ordered screen or error diffusion; some dots are wrong.

    Args:
        kind: ``"threshold"``, one that each image draws; ``"ordered"``, Bayer's 8×8; ``"diffusion"``, Floyd and
            Steinberg's; ``"any"``: each image draws one of the three.
        flipped: share of the pixels that the line turns over, 0 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``flipped`` is out of range.
        UnknownNameError: there is no such kind.

    Example:
        >>> str(Fax(kind="ordered"))
        'fax(kind=ordered)'
    """

    kind: Screen = "any"
    flipped: Range | float | str = "0..0.01"

    def __post_init__(self) -> None:
        self._bound("flipped", 0, 1)
        if self.kind not in get_args(Screen):
            raise UnknownNameError("kind of fax", str(self.kind), get_args(Screen))

    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image."""
        which, threshold = torch.rand(2, generator=generator, device=generator.device).tolist()
        kind = self.kind if self.kind != "any" else ("threshold", "ordered", "diffusion")[int(3 * which)]
        if kind == "diffusion":
            white = torch.stack([_diffused(plane) for plane in x[0]])[None].to(x.device)
        else:
            white = x > (0.35 + 0.4 * threshold if kind == "threshold" else _screen(x))
        wrong = uniform_like(x, generator) < self._drawn("flipped", generator)
        return (white ^ wrong).to(x)


def _screen(x: Tensor) -> Tensor:
    """Bayer's thresholds, repeated over the image."""
    levels = torch.zeros(1, 1)
    for _ in range(3):
        levels = torch.cat([torch.cat([4 * levels, 4 * levels + 2], 1), torch.cat([4 * levels + 3, 4 * levels + 1], 1)])
    down, across = (-(-side // 8) for side in x.shape[-2:])
    tiled: Tensor = ((levels + 0.5) / 64).repeat(down, across)[: x.shape[-2], : x.shape[-1]]
    return tiled.to(x)


def _diffused(plane: Tensor) -> Tensor:
    """Black or white, each error handed on to the neighbours: ``(H, W)`` to the same, bool."""
    grey = Image.fromarray((plane.clamp(0, 1) * 255).round().byte().cpu().numpy())
    return torch.from_numpy(np.array(grey.convert("1")))
