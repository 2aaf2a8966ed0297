"""Draw which part of clearsight imports which, ``docs/figures/imports.svg``, from the imports themselves.

python docs/diagram.py            # draw it again
python docs/diagram.py --check    # exit non-zero if the imports are others by now
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from drawing import drawing, line, rectangle, text
from generated import settle
from sources import ROOT

PACKAGE = ROOT / "src" / "clearsight"
FILE = ROOT / "docs" / "figures" / "imports.svg"

HALF_BOX, HALF_HEIGHT, CLEARANCE, ROW = 52, 17, 14, 92

Graph = dict[str, set[str]]
Point = tuple[float, float]


def imported(path: Path) -> Iterator[str]:
    """The parts of clearsight that a file imports, at its top or later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("clearsight."))


def packages() -> Graph:
    """Each package of clearsight and the others that it imports."""
    folders = {path.parent.name: path.parent for path in PACKAGE.glob("*/__init__.py")}
    found = {
        name: {part for file in folder.rglob("*.py") for part in imported(file)} for name, folder in folders.items()
    }
    return {name: parts & found.keys() - {name} for name, parts in sorted(found.items())}


def foundations() -> list[str]:
    """The modules that are no package: what all packages stand on."""
    return sorted(path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__"))


def beneath(name: str, graph: Graph) -> set[str]:
    """All that a package imports, by itself or through others."""
    return graph[name].union(*(beneath(part, graph) for part in graph[name]))


def essential(graph: Graph) -> Graph:
    """The graph without the imports that follow from others."""
    return {name: parts - set().union(*(beneath(part, graph) for part in parts)) for name, parts in graph.items()}


def level(name: str, graph: Graph) -> int:
    """0 for what imports no other package, else one more than the highest it imports."""
    return max((level(part, graph) + 1 for part in graph[name]), default=0)


def rows(graph: Graph) -> list[list[str]]:
    """The packages by level, the highest first."""
    levels = {name: level(name, graph) for name in graph}
    return [[name for name in graph if levels[name] == row] for row in range(max(levels.values()), -1, -1)]


def places(graph: Graph) -> dict[str, Point]:
    """The centre of each package's box: a row a level, each package below those that import it."""
    centres: dict[str, Point] = {}
    width = max(map(len, rows(graph))) * 2 * (HALF_BOX + CLEARANCE)
    for number, row in enumerate(rows(graph)):
        above = {name: [centres[user][0] for user in centres if name in graph[user]] for name in row}
        row.sort(key=lambda name: sum(above[name]) / len(above[name]) if above[name] else width)
        centres |= {name: (width * (i + 0.5) / len(row), ROW * (number + 0.5)) for i, name in enumerate(row)}
    return centres


def route(start: Point, end: Point, centres: Iterable[Point]) -> list[Point]:
    """From below one box to above another, straight but for a way around the boxes of the rows between."""
    rows = sorted({y for _, y in centres if start[1] < y < end[1]})
    points = [(start[0], start[1] + HALF_HEIGHT)]
    for y in rows:
        x = start[0] + (end[0] - start[0]) * (y - start[1]) / (end[1] - start[1])
        for box in (x0 for x0, y0 in centres if y0 == y and abs(x - x0) < HALF_BOX + CLEARANCE):
            x = box + (HALF_BOX + CLEARANCE) * (1 if x >= box else -1)
        points += [(x, y - HALF_HEIGHT), (x, y + HALF_HEIGHT)]
    return [*points, (end[0], end[1] - HALF_HEIGHT)]


def box(name: str, centre: Point, half_width: float = HALF_BOX) -> str:
    """A box with a name in it."""
    x, y = centre
    return rectangle(x - half_width, y - HALF_HEIGHT, 2 * half_width, 2 * HALF_HEIGHT) + text(x, y + 4, name)


def diagram() -> str:
    """The drawing."""
    graph = essential(packages())
    centres = places(graph)
    width = max(x for x, _ in centres.values()) + HALF_BOX + CLEARANCE
    ground = (width / 2, max(y for _, y in centres.values()) + ROW)
    lines = [
        line(*route(centres[name], centres[part], centres.values())) for name in graph for part in sorted(graph[name])
    ]
    boxes = [box(name, centre) for name, centre in centres.items()]
    base = box(", ".join(foundations()), ground, width / 2 - CLEARANCE)
    return drawing(width, ground[1] + ROW / 2, "Imports of clearsight, from top to bottom", [*lines, *boxes, base])


if __name__ == "__main__":
    settle({FILE: diagram()}, __doc__)
