"""Trained on one kind of strokes, tested on others: beyond the paper."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from clearsight.degradations.language import parse
from clearsight.evaluation.figures import write_figure
from clearsight.experiments.chen2016.budgets import BUDGETS, ENCODER
from clearsight.experiments.chen2016.judging import Judged, judge
from clearsight.experiments.chen2016.methods import Methods
from clearsight.experiments.chen2016.triplets import Kind, Triplets, mnist
from clearsight.experiments.experiment import Experiment, Result, RunConfig
from clearsight.seeds import generator_for

__all__ = ["SENSITIVITY"]

Row = dict[str, Any]

_KINDS: tuple[Kind, ...] = ("light", "heavy", "both")
_TESTS = {
    "light": "strokes(kind=light)",
    "light, twice": "strokes(kind=light) | strokes(kind=light)",
    "heavy": "strokes(kind=heavy)",
    "heavy, twice": "strokes(kind=heavy) | strokes(kind=heavy)",
    "both": "strokes",
}
_METHODS = ("joint", "joint-net")


def _run(config: RunConfig) -> Result:
    rows: list[Row] = []
    budget = BUDGETS[config.preset]
    for kind in _KINDS:
        split = mnist(kind, limit=budget.limit, seed=config.seed)
        tests = {name: _test(split.test, way, config.seed) for name, way in _TESTS.items()}
        makers = Methods(split, encoder=ENCODER, budget=budget, config=config).makers()
        found = {
            test: judge([makers[name]() for name in _METHODS], images, torch.nn.Identity())
            for test, images in tests.items()
        }
        rows += [_row(name, kind, test, found[test][name]) for name in _METHODS for test in tests]
    cells = [
        [name, kind, *(_cell(_of(rows, name, kind, test)) for test in _TESTS)] for name in _METHODS for kind in _KINDS
    ]
    header = ["method", "trained on", *(f"{test}: dB / %" for test in _TESTS)]
    return Result(header, cells, {"tests": _TESTS, "rows": rows}, _headline(rows), partial(_draw, rows))


def _test(images: Triplets, way: str, seed: int) -> Triplets:
    noisy = parse(way)(images.clean, generator=generator_for(seed, 0, stream="chen2016/sensitivity"))
    return images._replace(noisy=noisy)


def _row(name: str, kind: Kind, test: str, judged: Judged) -> Row:
    psnr, error = judged.row["psnr"], judged.row["error"]
    return {"method": name, "trained_on": kind, "tested_on": test, "psnr": psnr, "error": error}


def _of(rows: list[Row], method: str, kind: Kind, test: str) -> Row:
    return next(row for row in rows if (row["method"], row["trained_on"], row["tested_on"]) == (method, kind, test))


def _cell(row: Row) -> str:
    return f"{row['psnr']:.2f} / {row['error']:.2f}"


def _headline(rows: list[Row]) -> str:
    ours = [_of(rows, "joint-net", kind, "heavy")["error"] for kind in _KINDS]
    return "heavy strokes, joint-net trained on " + ", ".join(
        f"{kind}: {error:.2f} %" for kind, error in zip(_KINDS, ours, strict=True)
    )


def _draw(rows: list[Row], path: Path) -> None:
    """The error of each net on each kind, as maps."""
    figure = Figure(figsize=(9, 2.6), dpi=150)
    for axes, name in zip(figure.subplots(1, len(_METHODS)), _METHODS, strict=True):
        errors = Tensor([[_of(rows, name, kind, test)["error"] for test in _TESTS] for kind in _KINDS])
        axes.imshow(errors.sqrt().numpy(), cmap="Reds", aspect="auto", vmin=0, vmax=10)
        for (i, j), error in zip(
            ((i, j) for i in range(len(_KINDS)) for j in range(len(_TESTS))), errors.flatten(), strict=True
        ):
            axes.text(j, i, f"{error:.1f}", ha="center", va="center", color="white" if error > 40 else "black")
        axes.set_xticks(range(len(_TESTS)), list(_TESTS), fontsize=7)
        axes.set_yticks(range(len(_KINDS)), list(_KINDS), fontsize=8)
        axes.set_title(f"{name}: error in %, trained on (down), tested on (across)", fontsize=8)
    figure.tight_layout()
    write_figure(figure, path)


SENSITIVITY = Experiment(
    "chen2016/sensitivity",
    "Joint models trained on one kind of strokes and tested on others, also on twice as many",
    {"smoke": "a minute", "cpu": "an hour on two cores, less after tables 1 and 2", "paper": "half an hour on a GPU"},
    _run,
)
