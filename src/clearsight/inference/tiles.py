"""Which part of an image to compute from which: tiles whose seams cannot be found, as large as memory allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clearsight.contracts import Traits

__all__ = ["CPU_BUDGET", "Span", "Tile", "cut", "enlarged", "fitting", "window_pixels"]

CPU_BUDGET = 600 * 2**20
"""Bytes that a tile's activations may take on a CPU: a 100-megapixel image then restores in under 2 GB."""

_ALIVE = 4
"""Activations of the largest layer that are alive at once: a skip, an input, a product and an output."""

_NARROWEST = 64
"""Of what is kept of a tile at least so many pixels are high and wide, whatever memory allows."""

Area = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in input pixels.

    Attributes:
        start: first pixel that is kept.
        stop: one past the last pixel that is kept.
        before: first pixel that is computed.
        after: one past the last pixel that is computed; beyond the image's end where the size has to be padded.
    """

    start: int
    stop: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the output and the larger one it is computed from."""

    rows: Span
    columns: Span

    @property
    def window(self) -> Area:
        """What it is computed from, as far as there is an image."""
        return slice(self.rows.before, self.rows.after), slice(self.columns.before, self.columns.after)

    def kept(self, scale: int) -> tuple[Area, Area]:
        """Which part of its result is kept, and where in the enlarged image that goes."""
        spans = (self.rows, self.columns)
        source = (slice((s.start - s.before) * scale, (s.stop - s.before) * scale) for s in spans)
        target = (slice(s.start * scale, s.stop * scale) for s in spans)
        return (next(source), next(source)), (next(target), next(target))


def cut(height: int, width: int, *, size: tuple[int, int] | None, radius: int | None, multiple: int) -> Iterator[Tile]:
    """Cover an image with tiles, row by row.

    Every window is a multiple of ``multiple`` wide and starts at one, and reaches ``radius`` pixels beyond what is
    kept, or to the image's end; so a tile is computed from the same numbers as the whole image.

    Args:
        height: of the image.
        width: of the image.
        size: height and width of what is kept of a tile; ``None`` for the whole image at once.
        radius: the model's receptive radius; ``None`` forces the whole image.
        multiple: the model's size multiple.

    Example:
        >>> [(t.columns.before, t.columns.start, t.columns.stop, t.columns.after)
        ...  for t in cut(4, 10, size=(4, 4), radius=2, multiple=2)]
        [(0, 0, 4, 6), (2, 4, 8, 10), (6, 8, 10, 10)]
    """
    if size is None or radius is None:
        size, radius = (height, width), 0
    high, wide = (_up(max(n, 1), multiple) for n in size)
    margin = _up(radius, multiple)
    for rows in _spans(height, high, margin, multiple):
        for columns in _spans(width, wide, margin, multiple):
            yield Tile(rows, columns)


def enlarged(pixels: NDArray[np.generic], scale: int) -> NDArray[np.generic]:
    """``(H, W, …)`` with every pixel repeated, ``(scale·H, scale·W, …)``."""
    return pixels if scale == 1 else pixels.repeat(scale, 0).repeat(scale, 1)


def fitting(height: int, width: int, *, pixels: int, radius: int, multiple: int) -> tuple[int, int] | None:
    """Height and width of what is kept of tiles whose windows fit, so that the least is computed twice.

    Args:
        height: of the image.
        width: of the image.
        pixels: how many a window may have; tiles of 64 × 64 have what they need.
        radius: the model's receptive radius.
        multiple: the model's size multiple.

    Returns:
        The size for :func:`cut`; ``None`` where the image fits as a whole.

    Example:
        >>> fitting(3000, 2000, pixels=4_000_000, radius=100, multiple=8)
        (1504, 2000)
    """
    high, wide, margin = _up(height, multiple), _up(width, multiple), 2 * _up(radius, multiple)
    if high * wide <= pixels:
        return None
    best, least = (_NARROWEST, _NARROWEST), math.inf
    for rows in range(1, math.ceil(high / _NARROWEST) + 1):
        kept_high = _up(math.ceil(height / rows), multiple)
        longest = pixels // min(kept_high + margin, high)
        kept_wide = wide if longest >= wide else (longest - margin) // multiple * multiple
        if kept_wide < min(_NARROWEST, wide):
            continue
        columns = math.ceil(wide / kept_wide)
        computed = (high + (rows - 1) * margin) * (wide + (columns - 1) * margin)
        if computed < least:
            best, least = (kept_high, _up(math.ceil(width / columns), multiple)), computed
    return best


def window_pixels(model: nn.Module, traits: Traits, device: torch.device) -> int:
    """How many pixels a tile's window may have.

    The largest activation of the model, in bytes for each input pixel, is measured on a small input.
    """
    budget = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else CPU_BUDGET
    return int(budget / (_ALIVE * _bytes_per_pixel(model, traits, device)))


@torch.inference_mode()
def _bytes_per_pixel(model: nn.Module, traits: Traits, device: torch.device) -> float:
    side = 16 * traits.multiple
    sizes = [4.0 * 3 * traits.scale**2]

    def note(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size() / side**2)

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        model(
            torch.zeros(1, traits.channels or 3, side, side, device=device),
            None if traits.sigma == "blind" else torch.full((1,), 0.1, device=device),
            **{one.name: torch.zeros(one.example(side, side), device=device) for one in traits.inputs if one.required},
        )
    finally:
        for hook in hooks:
            hook.remove()
    return max(sizes)


def _spans(length: int, size: int, margin: int, multiple: int) -> list[Span]:
    end = _up(length, multiple)
    return [
        Span(start, min(start + size, length), max(start - margin, 0), min(start + size + margin, end))
        for start in range(0, length, size)
    ]


def _up(n: int, multiple: int) -> int:
    return math.ceil(n / multiple) * multiple
