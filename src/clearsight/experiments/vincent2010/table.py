"""The table: five classifiers on eight data sets, ours beside the published errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from clearsight.evaluation.figures import write_figure
from clearsight.experiments.experiment import Experiment, Result, RunConfig, published
from clearsight.experiments.vincent2010.budgets import BUDGETS
from clearsight.experiments.vincent2010.columns import COLUMNS, Cell, Columns
from clearsight.experiments.vincent2010.splits import open_split, sets_at_hand

__all__ = ["TABLE", "run"]

Row = dict[str, Any]

_BELOW_SVM = ("rot", "bg-img", "bg-img-rot", "rect-img")
"""Where the paper's SDAE-3 is ahead of the SVM."""

_Z = 1.96


def run(config: RunConfig, sets: Sequence[str] | None = None) -> Result:
    """Train every column on every data set.

    Args:
        config: preset, seed, and where to keep and report.
        sets: names of data sets; all that are at hand if ``None``.
    """
    rows = [_row(name, config) for name in sets or sets_at_hand()]
    claims = _claims(rows)
    header = ["error %", *(title for name in COLUMNS for title in (name, "published"))]
    record = {"rows": rows, "claims": claims}
    return Result(header, [_cells(row) for row in rows], record, _headline(claims), partial(_draw, rows))


def _row(name: str, config: RunConfig) -> Row:
    budget, figures = BUDGETS[config.preset], published("vincent2010")
    split = open_split(name, budget.limits, config.seed)
    columns = Columns(split, budget, config)
    cells = {column: columns.cell(column) for column in COLUMNS}
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return {
        "set": name,
        "source": split.source,
        "images": {part: len(found.labels) for part, found in parts.items()},
        "columns": {column: _figures(cells[column], figures["table"][name][column]) for column in COLUMNS},
        "corruption_published": figures["corruption"][name] / 100,
        "sdae_minus_sae": _difference(cells["SDAE-3"].wrong, cells["SAE-3"].wrong),
        "sdae_minus_svm": _difference(cells["SDAE-3"].wrong, cells["SVM"].wrong),
    }


def _figures(cell: Cell, published: Sequence[float]) -> dict[str, Any]:
    error = float(cell.wrong.float().mean())
    return {
        "error": round(100 * error, 3),
        "interval": round(100 * _Z * math.sqrt(error * (1 - error) / len(cell.wrong)), 3),
        "validation": round(cell.validation, 3),
        "chosen": cell.chosen,
        "training_seconds": round(cell.seconds, 1),
        "published": published,
    }


def _difference(one: Tensor, other: Tensor) -> dict[str, float]:
    """Of two errors on the same images, in %, with its 95 % interval."""
    difference = 100 * (one.float() - other.float())
    half = _Z * float(difference.std()) / math.sqrt(len(difference))
    value = float(difference.mean())
    return {"value": round(value, 3), "low": round(value - half, 3), "high": round(value + half, 3)}


def _claims(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What the paper says of SDAE-3, and on which sets it holds here."""
    sets = {row["set"]: row for row in rows if row["set"] != "tzanetakis"}
    return [
        _claim("SDAE-3 no worse than SAE-3", sets, "sdae_minus_sae"),
        _claim("SDAE-3 below the SVM", {name: sets[name] for name in _BELOW_SVM if name in sets}, "sdae_minus_svm"),
    ]


def _claim(text: str, rows: Mapping[str, Row], key: str) -> dict[str, Any]:
    strict = key == "sdae_minus_svm"
    holds = [name for name, row in rows.items() if row[key]["value"] < 0 or (not strict and not row[key]["value"])]
    sure = [name for name, row in rows.items() if row[key]["high"] < 0]
    against = [name for name, row in rows.items() if row[key]["low"] > 0]
    return {"claim": text, "sets": list(rows), "holds": holds, "beyond_doubt": sure, "beyond_doubt_not": against}


def _headline(claims: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{one['claim']} on {len(one['holds'])} of {len(one['sets'])} sets" for one in claims)


def _cells(row: Row) -> list[str]:
    cells = [cell for column in COLUMNS for cell in _pair(column, row["columns"][column], row["corruption_published"])]
    return [row["set"], *cells]


def _pair(column: str, figures: Mapping[str, Any], corruption: float) -> tuple[str, str]:
    ours = f"{figures['error']:.2f} ± {figures['interval']:.2f}"
    theirs = "{:.2f} ± {:.2f}".format(*figures["published"])
    if column != "SDAE-3":
        return ours, theirs
    return f"{ours} ({figures['chosen']['corruption']:.0%})", f"{theirs} ({corruption:.0%})"


def _draw(rows: Sequence[Row], path: Path) -> None:
    """Errors with their intervals, ours filled and published hollow."""
    figure = Figure(figsize=(1.4 * len(rows) + 1.5, 3.4), dpi=150)
    axes = figure.subplots()
    for place, column in enumerate(COLUMNS):
        found = [row["columns"][column] for row in rows]
        at = [index + (place - 2) / 7 for index in range(len(rows))]
        colour = f"C{place}"
        errors, spans = [one["error"] for one in found], [one["interval"] for one in found]
        axes.errorbar(at, errors, spans, fmt="o", markersize=4, color=colour, label=column)
        theirs = [one["published"][0] for one in found]
        axes.plot([x + 0.05 for x in at], theirs, "o", markersize=4, color=colour, fillstyle="none", alpha=0.6)
    axes.set_xticks(range(len(rows)), [row["set"] for row in rows], fontsize=8)
    axes.set_ylabel("test error, %; published hollow", fontsize=8)
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=len(COLUMNS))
    figure.tight_layout()
    write_figure(figure, path)


TABLE = Experiment(
    "vincent2010/table",
    "SVM, stacks of Boltzmann machines, of autoencoders and of denoising autoencoders on eight data sets",
    {"smoke": "a minute", "cpu": "an hour on two cores", "paper": "days on a GPU"},
    run,
)
