"""The few SVG elements that the drawings in these pages are made of; they follow the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["COLOURS", "circle", "drawing", "line", "rectangle", "text"]

COLOURS = ("#3f51b5", "#00897b", "#d9822b")

_STYLE = """
text { font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #6e7781 }
.strong { font-weight: 600 }
.box { fill: #f3f5fa; stroke: #8c959f }
.line { fill: none; stroke: #8c959f }
.grid { stroke: #8c959f; stroke-opacity: 0.3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.small { fill: #9198a1 }
.box { fill: #262c3a }
}
"""


def text(x: float, y: float, words: str, *, anchor: str = "middle", kind: str = "") -> str:
    """Words at a place; ``anchor`` is start, middle or end, ``kind`` small, strong or nothing."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def line(*points: tuple[float, float], kind: str = "line") -> str:
    """Straight from point to point."""
    return f'<polyline points="{" ".join(f"{x:g},{y:g}" for x, y in points)}" class="{kind}"/>'


def rectangle(x: float, y: float, width: float, height: float) -> str:
    """A box with its upper left corner at (x, y)."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="box"/>'


def circle(x: float, y: float, colour: str, *, says: str) -> str:
    """A dot that says something to those who point at it."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{colour}"><title>{escape(says)}</title></circle>'


def drawing(width: float, height: float, title: str, elements: Iterable[str]) -> str:
    """An SVG file; what comes later lies above what came before."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", *elements, "</svg>\n"])
