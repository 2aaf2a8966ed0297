"""What a guard run has found, for people and for programs: report.html, report.json, pictures."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from clearsight.evaluation.figures import draw, write_figure
from clearsight.evaluation.results import Evaluation, Row, Shown
from clearsight.images.files import atomically

__all__ = ["headline_of", "write_report"]

_COLUMNS = ("error", "miou")
"""What is recognized, by the key of the metric; one of them is there."""

_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid #ddd; }
tr.guided td { font-weight: bold; } img { max-width: 100%; }"""


def write_report(
    folder: Path,
    record: dict[str, Any],
    found: Sequence[Evaluation],
    others: dict[str, list[Evaluation]],
    sheet: list[Shown],
) -> None:
    """Write all of it.

    Args:
        folder: that it goes to.
        record: what was asked for and done, for JSON.
        found: an evaluation for each condition.
        others: the same with recognizers that nothing was trained for, by their names.
        sheet: some test images under the last condition.

    Raises:
        ImageWriteError: a picture cannot be written.
    """
    tables = {
        "conditions": [one.as_json() for one in found],
        "others": {name: [one.as_json() for one in ones] for name, ones in others.items()},
    }
    with atomically(folder / "report.json") as part:
        part.write_text(json.dumps({**record, **tables}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draw(sheet, folder / "images.png")
    _draw_curves(found, folder / "curves.png")
    with atomically(folder / "report.html") as part:
        part.write_text(_page(folder, record, found, others), encoding="utf-8")


def headline_of(found: Sequence[Evaluation]) -> str:
    """What is recognized under the last condition, in one sentence."""
    last = found[-1]
    key = "error" if any("error" in row.figures for row in last.rows) else "miou"
    title = next(metric.title for metric in last.metrics if metric.key == key)
    rows = {row.name: row.figures[key].value for row in last.rows if key in row.figures}
    shown = ", ".join(
        f"{name} {rows[name]:.1f}" for name in ("clean", "degraded", "separate", "guided") if name in rows
    )
    return f"{last.degradation}: {title}: {shown}"


def _draw_curves(found: Sequence[Evaluation], path: Path) -> None:
    """What is recognized, and how images look, against the condition; a row has one colour in both."""
    keys = [key for key in (*_COLUMNS, "psnr") if any(key in row.figures for row in found[0].rows)]
    figure = Figure(figsize=(4.6 * len(keys), 3.4), dpi=130)
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        for number, row in enumerate(found[0].rows):
            if key in row.figures and not (key == "psnr" and row.name.startswith("retrained")):
                values = [_named(one, row.name).figures[key].value for one in found]
                width = 2.5 if row.name == "guided" else 1.2
                axes.plot(values, marker="o", label=row.name, lw=width, color=f"C{number}")
        axes.set_xticks(range(len(found)), [one.degradation for one in found], fontsize=6, rotation=15)
        axes.set_title(next(metric.title for metric in found[0].metrics if metric.key == key), fontsize=9)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6)
    figure.tight_layout()
    write_figure(figure, path)


def _named(one: Evaluation, name: str) -> Row:
    return next(row for row in one.rows if row.name == name)


def _page(
    folder: Path, record: dict[str, Any], found: Sequence[Evaluation], others: dict[str, list[Evaluation]]
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
    tables = "".join(f"<h2>{html.escape(one.degradation)}</h2>{_table(one)}" for one in found)
    for name, ones in others.items():
        tables += f"<h1>Read by {html.escape(name)}, which nothing was trained for</h1>"
        tables += "".join(f"<h2>{html.escape(one.degradation)}</h2>{_table(one)}" for one in ones)
    notes = "".join(f"<li>{html.escape(line)}</li>" for line in [*record["notes"], *found[0].conventions()])
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>clearsight guard</title><style>{_STYLE}</style>"
        f"<h1>A restorer in front of {html.escape(str(record['asked']['recognizer']))}</h1>"
        f"<p>{html.escape(record['headline'])}</p>{_embedded(folder / 'curves.png')}{tables}"
        f"<h2>Test images, {html.escape(found[-1].degradation)}</h2>{_embedded(folder / 'images.png')}"
        f"<h2>Notes</h2><ul>{notes}</ul><h2>The run</h2><table>{facts}</table></html>\n"
    )


def _table(one: Evaluation) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for title in one.header())
    rows = "".join(
        f"<tr class='{html.escape(cells[0])}'>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in one.cells()
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _embedded(path: Path) -> str:
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}'>"
