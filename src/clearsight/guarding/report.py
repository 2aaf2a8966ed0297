"""What a guard run has found, for people and for programs: report.html, report.json, pictures."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from clearsight.evaluation.figures import write_figure
from clearsight.evaluation.results import Evaluation
from clearsight.evaluation.selection import CLEAN
from clearsight.guarding.verdict import measure_of, rights_of
from clearsight.images.files import atomically

__all__ = ["write_report"]

_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid #ddd; }
tr.guided td { font-weight: bold; } img { max-width: 100%; }"""


def write_report(
    folder: Path,
    record: dict[str, Any],
    found: Sequence[Evaluation],
    others: dict[str, list[Evaluation]],
    shown: str,
    draw: Callable[[Path], None],
) -> None:
    """Write all of it.

    Args:
        folder: that it goes to.
        record: what was asked for and done, for JSON.
        found: an evaluation for each condition.
        others: the same with recognizers that nothing was trained for, by their names.
        shown: which test images are shown, in a sentence.
        draw: draws them, as they are under the last condition.

    Raises:
        ImageWriteError: a picture cannot be written.
    """
    tables = {
        "conditions": [one.as_json() for one in found],
        "others": {name: [one.as_json() for one in ones] for name, ones in others.items()},
    }
    with atomically(folder / "report.json") as part:
        part.write_text(json.dumps({**record, **tables}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draw(folder / "images.png")
    _draw_curves(found, folder / "curves.png")
    with atomically(folder / "report.html") as part:
        part.write_text(_page(folder, record, found, others, shown), encoding="utf-8")


def _draw_curves(found: Sequence[Evaluation], path: Path) -> None:
    """How much is recognized against what goes wrong, every row a line that bears its name; one colour a family."""
    rights = [rights_of(one) for one in found]
    figure = Figure(figsize=(8.6, 4.6), dpi=130)
    axes, at = figure.subplots(), range(len(found))
    names = [name for name in rights[0] if name != "clean"]
    for name, place in zip(names, _spread([rights[-1][name].value for name in names], found), strict=True):
        values = [one[name] for one in rights]
        colour, width = _COLOURS.get(name, "#999999"), 2.8 if name in _OURS else 1.4
        axes.plot(at, [one.value for one in values], color=colour, lw=width, marker="o", ms=3)
        axes.annotate(
            f"{name} {values[-1].value:.0f}",
            (at[-1], values[-1].value),
            (at[-1] + 0.12, place),
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
            weight="bold" if name in _OURS else "normal",
        )
        if name in _OURS:
            axes.fill_between(at, [one.low for one in values], [one.high for one in values], color=colour, alpha=0.12)
    axes.set_xticks(at, [_broken(_title(one)) for one in found], fontsize=8)
    axes.set_ylabel(measure_of(found[0]).title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    figure.tight_layout(rect=(0, 0, 0.84, 1))
    write_figure(figure, path)


_LONG = 16
"""Letters of a condition that have room in one line below the curves."""

_OURS = ("guided", "gate")
_COLOURS = {
    "degraded": "#000000",
    "bm3d": "#8c6d31",
    "separate": "#1f77b4",
    "guided": "#d62728",
    "mean": "#ff9896",
    "gate": "#7f0000",
    "retrained on degraded": "#2ca02c",
    "retrained on restored": "#98df8a",
}


def _broken(title: str) -> str:
    """A long title in lines, so that it does not run into the next one."""
    return re.sub("(?<=[(,|]) ?", "\n", title) if len(title) > _LONG else title


def _spread(values: Sequence[float], found: Sequence[Evaluation]) -> list[float]:
    """Where the names of lines that end at these values stand, so that none covers another."""
    everything = [right.value for one in found for right in rights_of(one).values()]
    least = max(max(everything) - min(everything), 1) / 20
    places, before = dict[int, float](), float("-inf")
    for number in sorted(range(len(values)), key=lambda number: values[number]):
        before = places[number] = max(values[number], before + least)
    return [places[number] for number in range(len(values))]


def _page(
    folder: Path,
    record: dict[str, Any],
    found: Sequence[Evaluation],
    others: dict[str, list[Evaluation]],
    shown: str,
) -> str:
    facts = "".join(
        f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>"
        for key, value in {
            **record["asked"],
            **{f"{name}, steps": done["steps"] for name, done in record["trained"].items() if "/" not in name},
            "seconds": record["seconds"],
            "precision": record["precision"],
        }.items()
    )
    tables = "".join(f"<h2>{html.escape(_title(one))}</h2>{_table(one)}" for one in found)
    for name, ones in others.items():
        tables += f"<h1>Read by {html.escape(name)}, which nothing was trained for</h1>"
        tables += "".join(f"<h2>{html.escape(_title(one))}</h2>{_table(one)}" for one in ones)
    notes = _items([*record["notes"], *found[0].conventions()])
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>clearsight guard</title><style>{_STYLE}</style>"
        f"<h1>A restorer in front of {html.escape(str(record['asked']['recognizer']))}</h1>"
        f"<p>{html.escape(record['headline'])}</p>{_embedded(folder / 'curves.png')}"
        f"<h2>When not to use it</h2><ul>{_items(record['when not'])}</ul>{tables}"
        f"<h2>Where guided gains and loses most against separate, {html.escape(found[-1].degradation)}</h2>"
        f"<p>{html.escape(shown)}</p>{_embedded(folder / 'images.png')}"
        f"<h2>Notes</h2><ul>{notes}</ul><h2>The run</h2><table>{facts}</table></html>\n"
    )


def _title(one: Evaluation) -> str:
    return "clean input" if one.degradation == CLEAN else one.degradation


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{html.escape(line)}</li>" for line in lines)


def _table(one: Evaluation) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for title in one.header())
    rows = "".join(
        f"<tr class='{html.escape(cells[0])}'>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in one.cells()
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _embedded(path: Path) -> str:
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}'>"
