"""Handwriting crossed out: ink that no pixel statistics tell from the writing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from clearsight.degradations.step import Step
from clearsight.errors import UnknownNameError
from clearsight.registry import DEGRADATIONS

__all__ = ["Strokes"]

_THRESHOLD = 0.2
_PERIOD = 12
_SAMPLES = 11


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Uniform numbers ``(n, 1, 1)``."""
    return low + (high - low) * torch.rand(n, 1, 1, generator=generator, device=generator.device)


def _curve(heights: Tensor, rows: int) -> Tensor:
    """Pixels ``(n, rows, W)`` that a curve passes through, whose heights in each column are ``(n, W, samples)``."""
    row = torch.arange(rows, device=heights.device)[:, None]
    return (heights.amin(-1)[:, None] < row + 1) & (heights.amax(-1)[:, None] >= row)


def _thicken(mask: Tensor) -> Tensor:
    """Dilate ``(n, H, W)`` by the 3×3 plus: a pixel and its four neighbours."""
    ink = mask[:, None].float()
    taller, wider = F.max_pool2d(ink, (3, 1), 1, (1, 0)), F.max_pool2d(ink, (1, 3), 1, (0, 1))
    return torch.maximum(taller, wider).squeeze(1).bool()


def _light(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Masks ``(n, H, W)``: a row, a column or a wave, three pixels thick."""
    centre = _uniform(n, height / 6, height * 5 / 6, generator)
    phase = _uniform(n, 0, 2 * math.pi, generator)
    place = _uniform(n, 0, width, generator)
    which = torch.randint(3, (n, 1, 1), generator=generator, device=generator.device)
    column = torch.arange(width, device=generator.device)
    across = column[:, None] + torch.linspace(0, 1, _SAMPLES, device=generator.device)
    amplitude = torch.where(which == 0, 0, height / 12)  # a row is a wave of no height
    wave = _curve(centre + amplitude * torch.sin(2 * math.pi / _PERIOD * across + phase), height)
    return _thicken(torch.where(which == 1, place.floor() == column, wave))


def _heavy(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Masks ``(n, H, W)``: two bars at a right angle, turned about the image's centre."""
    thickness = math.floor(max(1, height / 6) / 2 + 1.5)
    across, down = (_uniform(n, -size / 2, size / 2, generator) for size in (width, height))
    angle = _uniform(n, 0, 2 * math.pi, generator)
    y, x = (torch.arange(size, device=generator.device) - (size - 1) / 2 for size in (height, width))
    turned_x = angle.cos() * x + angle.sin() * y[:, None]
    turned_y = angle.cos() * y[:, None] - angle.sin() * x
    distance = torch.minimum((turned_x - across).abs(), (turned_y - down).abs())
    return distance < thickness / 2


def _either(n: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Masks ``(n, H, W)``, each light or heavy with probability ½."""
    heavy = torch.rand(n, 1, 1, generator=generator, device=generator.device) < 0.5
    return torch.where(heavy, _heavy(n, height, width, generator), _light(n, height, width, generator))


_MASKS: dict[str, Callable[[int, int, int, torch.Generator], Tensor]] = {
    "light": _light,
    "heavy": _heavy,
    "both": _either,
}


@DEGRADATIONS.register("strokes", tiny={"kind": "heavy"})
@dataclass(frozen=True, kw_only=True)
class Strokes(Step):
    """Handwriting crossed out by lines, waves or bars; the result is binary: y = [x + m > 0.2].

    One mask m ∈ {0, 1} an image, shared by its channels, on an image of H×W:

    - *light* (type 1): a row, a column or a sine wave, with probability ⅓ each, dilated by the 3×3 plus. The
      wave has a period of 12 pixels and a uniform phase. Positions are uniform; rows and the wave's axis stay
      H/6 away from the upper and the lower border.
    - *heavy* (type 2): two bars, ⌊max(1, H/6)/2 + 3/2⌋ pixels thick, that cross at a uniform point at a right
      angle, the pair turned by a uniform angle about the image's centre.

    Args:
        kind: ``"light"``, ``"heavy"``, or ``"both"``: each image draws its kind with probability ½.

    Raises:
        UnknownNameError: there is no such kind.

    Source:
        G. Chen, Y. Li, S. N. Srihari, "Joint Visual Denoising and Classification using Deep Learning", ICIP 2016,
        section 4.2; the sizes are those of the authors' release. Where those miss the mean PSNR of noisy against
        clean images that the paper prints, the print decides. Clean are the grey digits, PSNR is the mean over the
        images that changed:

        ======================= ======= =======
        test set                printed here
        ======================= ======= =======
        MNIST, light            9.7     9.7
        MNIST, heavy            7.65    7.6
        Alphadigits, heavy      8.12    8.1
        ======================= ======= =======

        So we deviate: the wave is H/6 high from trough to crest (H/6 from its axis gives 9.1 dB). The bars are
        exact, reach the border at every angle and are whole pixels thick (3 in both data sets); the release
        rotates a picture of them by bicubic interpolation, which cuts their ends and thickens them as its threshold
        has it, here 0.2 for both kinds.

    Example:
        >>> str(Strokes(kind="heavy")), str(Strokes())
        ('strokes(kind=heavy)', 'strokes')
    """

    kind: Literal["light", "heavy", "both"] = "both"

    def __post_init__(self) -> None:
        if self.kind not in _MASKS:
            raise UnknownNameError("kind of strokes", str(self.kind), _MASKS)

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)`` to 0 and 1."""
        n, _, height, width = x.shape
        mask = _MASKS[self.kind](n, height, width, generator)
        return (x + mask[:, None].to(x) > _THRESHOLD).to(x)
