"""Figures 6 and 7: how the loss went, with its trend, and what the networks make of some digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from clearsight import weights
from clearsight.contracts import Sample
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import take
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import Tile, draw_tiles, write_figure
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.islam2018.budgets import FAIR, LSTM, PUBLISHED
from clearsight.experiments.islam2018.halves import CORRUPTION, judged_digits
from clearsight.experiments.islam2018.judging import RECOGNIZERS, Read, read
from clearsight.experiments.islam2018.table2 import COST, shipped
from clearsight.experiments.islam2018.trained import Networks

__all__ = ["FIGURES"]

_NAMES = (PUBLISHED, FAIR, LSTM)
_SHOWN = 10
_POINTS = 500
"""Of a curve, in the record."""


class Trend(NamedTuple):
    """A loss as a + b·ln(step).

    Attributes:
        start: a, the trend at the first step.
        slope: b; it falls by 0.69·|b| each time the steps double.
    """

    start: float
    slope: float

    @classmethod
    def of(cls, losses: Tensor, skipped: int = 0) -> Trend:
        """The least-squares fit over the steps after those that are skipped, the first of all being 1."""
        steps = torch.arange(skipped + 1, len(losses) + 1).double().log()
        sums = torch.stack([torch.ones_like(steps), steps], dim=1)
        start, slope = torch.linalg.lstsq(sums, losses[skipped:, None].double()).solution[:, 0].tolist()
        return cls(start, slope)


def _figure6(config: RunConfig) -> Result:
    """Losses of the run's own seed."""
    networks = Networks(config)
    losses = {name: networks.restorer(name, config.seed).losses for name in _NAMES}
    trends = {name: Trend.of(curve) for name, curve in losses.items()}
    late = {name: Trend.of(curve, len(curve) // 2) for name, curve in losses.items()}
    curves = {
        name: {
            "trend": trends[name]._asdict(),
            "trend_of_second_half": late[name]._asdict(),
            "losses": [round(value, 5) for value in curve[:: max(len(curve) // _POINTS, 1)].tolist()],
        }
        for name, curve in losses.items()
    }
    rows = [[name, *(f"{value:.4f}" for value in (*trends[name], *late[name]))] for name in _NAMES]
    header = ["loss ≈ a + b ln(step)", "a", "b", "a, second half of the steps", "b, second half of the steps"]
    headline = "slope of the trend: " + ", ".join(f"{name} {trend.slope:.4f}" for name, trend in trends.items())
    record = {"degradation": CORRUPTION, "steps": networks.budget.steps, "curves": curves}
    return Result(header, rows, record, headline, partial(_draw_losses, losses, trends))


def _draw_losses(losses: Mapping[str, Tensor], trends: Mapping[str, Trend], path: Path) -> None:
    figure = Figure(figsize=(6.5, 3.6), dpi=150)
    axes = figure.subplots()
    for number, (name, curve) in enumerate(losses.items()):
        steps = torch.arange(1, len(curve) + 1)
        axes.plot(steps, curve, color=f"C{number}", alpha=0.3, linewidth=0.6)
        start, slope = trends[name]
        label = f"{name}: {start:.3f} {slope:+.4f} ln n"
        axes.plot(steps, start + slope * steps.log(), color=f"C{number}", label=label)
    axes.set_xlabel("step n")
    axes.set_ylabel("loss, RMSE of the batch")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    write_figure(figure, path)


def _figure7(config: RunConfig) -> Result:
    """Some test digits, evenly spread, restored by the networks of the run's own seed."""
    networks = Networks(config)
    restorers = {name: networks.restorer(name, config.seed).network for name in _NAMES} | shipped()
    pairs = Pairs(take(judged_digits(networks.budget.limit), _SHOWN), parse(CORRUPTION), seed=config.seed)
    held = [pairs[number] for number in range(len(pairs))]
    samples, y = [pair.sample for pair in held], torch.stack([pair.y for pair in held])
    with torch.inference_mode():
        states = {"input": y, **{name: network(y) for name, network in restorers.items()}}
    found = read(
        {**states, "original": torch.stack([sample.x for sample in samples])}, weights.load_recognizer(RECOGNIZERS[0])
    )
    right = {name: int((of.classes == torch.tensor([s.label for s in samples])).sum()) for name, of in found.items()}
    rows = [[name, f"{count} of {len(samples)}"] for name, count in right.items()]
    record = {
        "degradation": CORRUPTION,
        "recognizer": RECOGNIZERS[0],
        "digits": [sample.name for sample in samples],
        "recognized": {name: of.classes.tolist() for name, of in found.items()},
    }
    headline = "read right: " + ", ".join(f"{name} {count}" for name, count in right.items())
    return Result(["state", "read right"], rows, record, headline, partial(_draw_digits, samples, found))


def _draw_digits(samples: list[Sample], found: Mapping[str, Read], path: Path) -> None:
    """Each digit in its states, below them what it is taken for, red where that is wrong."""
    tiles = [
        [
            Tile(of.images[at], str(int(of.classes[at])), "black" if int(of.classes[at]) == sample.label else "red")
            for of in found.values()
        ]
        for at, sample in enumerate(samples)
    ]
    draw_tiles([name.replace(" with", "\nwith") for name in found], tiles, path)


_AFTER: dict[Preset, str] = {"smoke": COST["smoke"], "cpu": "seconds after table2", "paper": "seconds after table2"}

FIGURES = [
    Experiment("islam2018/figure6", "How the loss of CNN-LSTM and CNN-CNN went, with its trend", _AFTER, _figure6),
    Experiment("islam2018/figure7", "Half-digits, what CNN-CNN and CNN-LSTM make of them", _AFTER, _figure7),
]
