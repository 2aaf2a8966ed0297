"""A sheet of images: degraded, restored by each method, the reference, the difference that is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from clearsight.evaluation.gradients import Explanation
from clearsight.evaluation.results import Shown
from clearsight.images.files import write
from clearsight.images.picture import Picture

__all__ = ["Tile", "draw", "draw_lines", "draw_pixels", "draw_pulls", "draw_tiles", "write_figure"]

_INCHES = 1.3

_DPI = 100
_TITLE, _CAPTION, _GAP, _NAMES = 18, 16, 4, 64
"""Of a sheet at 100 %: pixels for the titles, for a caption, between images, and for names to their left."""


class Tile(NamedTuple):
    """One image of a sheet.

    Attributes:
        image: ``(C, H, W)`` in [0, 1].
        caption: below it.
        colour: of the caption.
    """

    image: Tensor
    caption: str = ""
    colour: str = "black"


def draw(rows: Sequence[Shown], path: Path) -> None:
    """Draw one row an image and write the sheet, in the format that the file's name ends in.

    The last columns are the reference and the absolute difference of the last method from it, from black, 0, to white,
    1, where there is one. Under each image stands what the recognizer takes it for, red where that is wrong.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    names = [name for name in rows[0].states if name != "clean"]
    compared = ["reference", "difference"] if rows[0].has_reference else []
    draw_tiles([*names, *compared], [_tiles(shown, names) for shown in rows], path)


def draw_tiles(titles: Sequence[str], rows: Sequence[Sequence[Tile]], path: Path) -> None:
    """Draw images of one size in rows below their titles and write the sheet.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    height, width = rows[0][0].image.shape[1:]
    figure = Figure(figsize=(_INCHES * len(titles), (_INCHES * height / width + 0.25) * len(rows)), dpi=150)
    grid = figure.subplots(len(rows), len(titles), squeeze=False)
    for axes, tiles in zip(grid, rows, strict=True):
        for axis, tile in zip(axes, tiles, strict=True):
            _draw_image(axis, tile.image)
            axis.set_xlabel(tile.caption, fontsize=7, color=tile.colour, labelpad=1)
    for axis, title in zip(grid[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    figure.tight_layout(pad=0.3)
    write_figure(figure, path)


def draw_pixels(titles: Sequence[str], rows: Sequence[Sequence[Tile]], path: Path) -> None:
    """Draw images of one size as :func:`draw_tiles` does, at 100 %: a pixel of the sheet for a pixel of an image.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    height, width = rows[0][0].image.shape[1:]
    whole = (len(titles) * (width + _GAP) + _GAP, _TITLE + len(rows) * (height + _CAPTION) + _GAP)
    figure = Figure(figsize=(whole[0] / _DPI, whole[1] / _DPI), dpi=_DPI)
    for down, tiles in enumerate(rows):
        for right, (title, tile) in enumerate(zip(titles, tiles, strict=True)):
            left, bottom = _GAP + right * (width + _GAP), _GAP + (len(rows) - down) * (height + _CAPTION) - height
            axis = figure.add_axes((left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]))
            _draw_image(axis, tile.image)
            axis.set_frame_on(False)
            axis.set_xlabel(tile.caption, fontsize=6, color=tile.colour, labelpad=2)
            if not down:
                axis.set_title(title, fontsize=6, pad=4)
    write_figure(figure, path)


def draw_lines(rows: Sequence[Shown], path: Path) -> None:
    """Draw lines of text at 100 %, each in all its states below one another, and write the sheet.

    Below each stands what is read there and its character error rate, red where it is wrong.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    blocks = [_strips(shown) for shown in rows]
    strips = [strip for block in blocks for strip in block]
    width = _NAMES + max(strip.image.shape[2] for strip in strips) + _GAP
    height = sum(strip.image.shape[1] + _CAPTION for strip in strips) + _TITLE * len(blocks)
    figure, down = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI), 0
    for block in blocks:
        for name, image, caption, colour in block:
            high, wide = image.shape[1:]
            axis = figure.add_axes((_NAMES / width, 1 - (down + high) / height, wide / width, high / height))
            _draw_image(axis, image)
            axis.set_frame_on(False)
            at = 1 - (down + high / 2) / height
            figure.text(_GAP / width, at, name, fontsize=7, va="center")
            down += high + _CAPTION
            under = 1 - (down - _GAP) / height
            figure.text(_NAMES / width, under, caption, fontsize=7, color=colour, va="bottom", parse_math=False)
        down += _TITLE
    write_figure(figure, path)


class _Strip(NamedTuple):
    name: str
    image: Tensor
    caption: str
    colour: str


def _strips(shown: Shown) -> list[_Strip]:
    """A line in all its states, the clean one last."""
    found = []
    for name in sorted(shown.states, key=lambda name: name == "clean"):
        wrong = shown.departures[name]
        caption = f"{' '.join(shown.read[name].split()) or '(nothing)'}   CER {100 * wrong:.0f} %"
        found.append(_Strip(name, shown.states[name], caption, "red" if wrong else "black"))
    return found


def draw_pulls(explanation: Explanation, path: Path) -> None:
    """Draw the image clean, degraded and restored, and beside them the gradient of each part, in one row.

    A gradient is drawn as its length at each pixel, √Σ g² over the channels, from black, 0, to white, its 99.5 %
    quantile; what its norm is stands below. Under the images stands what the recognizer takes them for, red where that
    is wrong.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    states, pulls = explanation.states, explanation.pulls
    height, width = states["clean"].shape[1:]
    size = (2 * _INCHES * (len(states) + len(pulls)), 2 * _INCHES * height / width + 0.4)
    figure = Figure(figsize=size, dpi=150)
    (axes,) = figure.subplots(1, len(states) + len(pulls), squeeze=False)
    for axis, (name, state) in zip(axes, states.items(), strict=False):
        _draw_image(axis, state.clamp(0, 1))
        axis.set_title(name, fontsize=8)
        answer, colour = _named(explanation.answers.get(name), explanation.truth)
        axis.set_xlabel(answer, fontsize=7, color=colour, labelpad=1)
    for axis, (name, pull) in zip(axes[len(states) :], pulls.items(), strict=True):
        length = pull.gradient.square().sum(0, keepdim=True).sqrt()
        _draw_image(axis, length / length.flatten().quantile(0.995).clamp(min=torch.finfo(length.dtype).tiny))
        axis.set_title(f"gradient, {name}", fontsize=8)
        axis.set_xlabel(f"norm {pull.norm:.2g}", fontsize=7, labelpad=1)
    figure.tight_layout(pad=0.3)
    write_figure(figure, path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the file's name ends in, whole or not at all.

    Raises:
        ImageWriteError: the file cannot be written.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Picture(pixels=pixels.copy()), path)


def _tiles(shown: Shown, names: list[str]) -> list[Tile]:
    reference, truth = shown.sample.x, shown.truth
    states = [Tile(shown.states[name], *_named(shown.answers.get(name), truth)) for name in names]
    if not shown.has_reference:
        return states
    difference = Tile((shown.states[names[-1]] - reference).abs())
    return [*states, Tile(reference, *_named(shown.answers.get("clean"), truth)), difference]


def _named(answer: str | None, truth: str) -> tuple[str, str]:
    """What an image is taken for, and the colour of that."""
    return answer or "", "black" if answer == truth else "red"


def _draw_image(axis: Axes, image: Tensor) -> None:
    pixels = image.movedim(0, -1).numpy()
    axis.imshow(pixels if pixels.shape[2] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=1)
    axis.set_xticks([])
    axis.set_yticks([])
