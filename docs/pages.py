"""Draw what happens to pages of text: each kind of degradation, and all of them by severity.

python docs/pages.py             # writes figures/document.webp and figures/severities.webp; needs no network
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from clearsight.datasets import Pages
from clearsight.degradations import parse
from clearsight.evaluation.figures import Tile, draw_pixels
from clearsight.seeds import generator_for

FIGURES = Path(__file__).with_name("figures")
HEIGHT, WIDTH, COLUMNS = 180, 300, 3
"""Pixels that are shown of a page, from its upper left, and pictures in a row."""

KINDS = (
    "faded(keep=0.5, broken=0.05)",
    "bleed-through(strength=0.4)",
    "stain(depth=0.6)",
    "fold(depth=0.4)",
    "pen-strokes(ink=0.6, count=4)",
    "stamp(ink=0.5)",
    "shadow(depth=0.6, size=150)",
    "out-of-focus(radius=1.8)",
    "shaken(length=5)",
    "low-resolution(factor=2.2)",
    "fax(kind=threshold, flipped=0.01)",
    "fax(kind=ordered)",
    "fax(kind=diffusion)",
    "camera(iso=12800)",
    "jpeg(quality=12)",
)
SEVERITIES = tuple(f"document(severity={k})" for k in range(1, 6))


def tiles(degradations: Iterable[str]) -> list[Tile]:
    """The beginning of a page after each of them, with its string below."""
    x = Pages(count=1, seed=2)[0].x[None, :, :HEIGHT, :WIDTH]
    seen = []
    for number, text in enumerate(degradations):
        y = parse(text)(x, generator=generator_for(1, number, stream="pages"))
        seen.append(Tile(torch.clamp(y, 0, 1)[0], text))
    return seen


def sheet(degradations: Iterable[str], path: Path) -> None:
    """All of them, some beside one another."""
    seen = tiles(degradations)
    rows = [seen[at : at + COLUMNS] for at in range(0, len(seen), COLUMNS)]
    draw_pixels([""] * COLUMNS, rows, path)


def main() -> None:
    """Draw both sheets; of each severity three pages."""
    sheet(KINDS, FIGURES / "document.webp")
    sheet([severity for severity in SEVERITIES for _ in range(COLUMNS)], FIGURES / "severities.webp")


if __name__ == "__main__":
    main()
