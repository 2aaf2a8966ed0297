"""Points of curves in the plane: what an autoencoder makes of noisy ones, and what it misses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from clearsight.datasets.curves import CURVES, Curve
from clearsight.evaluation.figures import write_figure
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.fleuret_dlc.budgets import BUDGETS
from clearsight.experiments.fleuret_dlc.points import Points, autoencoder, near, sample
from clearsight.seeds import generator_for

__all__ = ["FIGURES"]

_RADIUS = 0.03
"""Of what counts as near x̃: a third of the noise."""

_DRAWN = 1000
_ARROWS = 300


class Denoised(NamedTuple):
    """Points of a curve in three states, ``(N, 2)`` each."""

    clean: Tensor
    noisy: Tensor
    restored: Tensor


class Posterior(NamedTuple):
    """What X may have been, given one x̃.

    Attributes:
        given: x̃, ``(2,)``.
        near: the X of pairs whose X̃ is near it.
        drawn: as many samples, step by step.
        answer: the autoencoder's, ``(2,)``.
    """

    given: Tensor
    near: Tensor
    drawn: Tensor
    answer: Tensor


@torch.inference_mode()
def _denoised(curve: Curve, points: Points, net: torch.nn.Module) -> Denoised:
    clean = curve.draw(_DRAWN, points.generator)
    noisy = points.noisy(clean)
    return Denoised(clean, noisy, net(noisy))


def _run_curves(config: RunConfig) -> Result:
    budget, found = BUDGETS[config.preset], {}
    for name, curve in CURVES.items():
        points = Points(curve, budget, config.seed)
        with torch.enable_grad():
            net = autoencoder(points, config.seed)
        found[name] = _denoised(curve, points, net)
        config.report(f"{name}: trained")
    rows = [_distances(name, states) for name, states in found.items()]
    cells = [[row["curve"], f"{row['noisy']:.4f}", f"{row['restored']:.4f}"] for row in rows]
    header = ["mean distance from the curve", "noisy points", "restored"]
    headline = "mean distance from the curve " + ", ".join(
        f"{row['curve']} {row['noisy']:.3f} → {row['restored']:.3f}" for row in rows
    )
    return Result(header, cells, {"rows": rows}, headline, partial(_draw_curves, found))


def _distances(name: str, states: Denoised) -> dict[str, Any]:
    far = {state: round(float(CURVES[name].distance(getattr(states, state)).mean()), 5) for state in states._fields[1:]}
    return {"curve": name, **far}


def _draw_curves(found: Mapping[str, Denoised], path: Path) -> None:
    """A row a curve: its points, noisy ones, where the autoencoder moves these."""
    figure = Figure(figsize=(9, 3 * len(found)), dpi=110)
    for axes, (clean, noisy, restored) in zip(figure.subplots(len(found), 3), found.values(), strict=True):
        _dots(axes[0], clean, "X", "black")
        _dots(axes[1], noisy, "X + ε", "tab:blue")
        moves = (restored - noisy)[:_ARROWS]
        axes[2].quiver(*noisy[:_ARROWS].T, *moves.T, angles="xy", scale_units="xy", scale=1, width=0.003)
        _dots(axes[2], restored, "φ(X + ε)", "tab:red")
    figure.tight_layout()
    write_figure(figure, path)


def _dots(axes: Axes, points: Tensor, title: str, colour: str, size: float = 2) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, label=title, linewidths=0)
    axes.set_aspect("equal")
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(-1.6, 1.6)
    axes.legend(fontsize=7, loc="upper left")


def _run_posterior(config: RunConfig) -> Result:
    budget, curve = BUDGETS[config.preset], CURVES["circle"]
    points = Points(curve, budget, config.seed)
    net = autoencoder(points, config.seed)
    generator = generator_for(config.seed, 0, stream="fleuret_dlc/pairs")
    found = {}
    for name, given in {"at the opening": curve.opening, "on the far side": (-1.15, 0.0)}.items():
        y = torch.tensor(given)
        with torch.inference_mode():
            found[name] = Posterior(
                y,
                near(curve, y, budget.pairs, _RADIUS, generator),
                sample(points, y.expand(_DRAWN, 2)),
                net(y[None])[0],
            )
    rows = [_row(name, posterior, curve) for name, posterior in found.items()]
    return Result(_HEADER, [_cells(row) for row in rows], {"rows": rows}, _headline(rows), partial(_draw, found))


_HEADER = [
    "x̃",
    "pairs near it",
    "distance from the curve: MSE answer",
    "mean of the pairs",
    "median of our samples",
    "samples above the axis",
    "pairs above it",
]


def _row(name: str, posterior: Posterior, curve: Curve) -> dict[str, Any]:
    def far(points: Tensor) -> float:
        return round(float(curve.distance(points).median()), 5)

    return {
        "given": name,
        "pairs": len(posterior.near),
        "answer": far(posterior.answer[None]),
        "mean": far(posterior.near.mean(0, keepdim=True)),
        "samples": far(posterior.drawn),
        "above": round(float((posterior.drawn[:, 1] > 0).float().mean()), 4),
        "pairs_above": round(float((posterior.near[:, 1] > 0).float().mean()), 4),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    far = [f"{row[key]:.3f}" for key in ("answer", "mean", "samples")]
    return [row["given"], f"{row['pairs']:,}", *far, *(f"{100 * row[key]:.0f} %" for key in ("above", "pairs_above"))]


def _headline(rows: list[dict[str, Any]]) -> str:
    opening = rows[0]
    return f"at the opening the MSE answer is {opening['answer']:.3f} from the curve, samples {opening['samples']:.3f}"


def _draw(found: Mapping[str, Posterior], path: Path) -> None:
    """The curve, x̃, the X of near pairs and their mean, beside it our samples and the autoencoder's answer."""
    figure = Figure(figsize=(7, 3.5 * len(found)), dpi=110)
    curve = CURVES["circle"].at(torch.linspace(0, 1, 500))
    for axes, posterior in zip(figure.subplots(len(found), 2), found.values(), strict=True):
        shown = (
            (posterior.near, "X | X̃ near x̃", posterior.near.mean(0), "their mean"),
            (posterior.drawn, "our samples of X | x̃", posterior.answer, "MSE answer"),
        )
        for axis, (samples, title, point, caption) in zip(axes, shown, strict=True):
            _dots(axis, curve, "density", "lightgrey")
            _dots(axis, samples, title, "tab:red", 4)
            _dots(axis, posterior.given[None], "x̃", "tab:blue", 30)
            _dots(axis, point[None], caption, "tab:green", 30)
    figure.tight_layout()
    write_figure(figure, path)


_COST: dict[Preset, str] = {"smoke": "seconds", "cpu": "a minute", "paper": "minutes"}
FIGURES = [
    Experiment(
        "fleuret_dlc/curve2d", "Noisy points of curves, and where an autoencoder moves them", _COST, _run_curves
    ),
    Experiment(
        "fleuret_dlc/posterior2d", "What a point may have been, and its mean, off the curve", _COST, _run_posterior
    ),
]
