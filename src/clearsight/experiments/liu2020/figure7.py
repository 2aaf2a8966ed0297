"""Figure 7: real noise; crops of noisy photographs restored by each method, and how near they come to clean ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor

from clearsight.contracts import Batch
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import take
from clearsight.evaluation.figures import Tile, draw_pixels
from clearsight.evaluation.loop import Method, batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.evaluation.results import Row, Shown, cell_of
from clearsight.evaluation.sheet import Sheet
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.liu2020.colour import Part
from clearsight.experiments.liu2020.methods import Method as Known
from clearsight.experiments.liu2020.noisy import Noisy, noisy_sets
from clearsight.inference.engine import Engine
from clearsight.metrics.metric import PSNR, SSIM, Metric, Outcome
from clearsight.metrics.pixels import psnr

__all__ = ["FIGURES", "judged"]

METHODS = (
    Known("wavelet", ("wavelet",)),
    Known("non-local means", ("non-local-means",)),
    Known("CBM3D", ("bm3d",), quick=False),
    Known("MCWNNM", ("mcwnnm",), quick=False),
    Known("denoise-color", ("denoise-color",)),
    Known("denoise-photo", ("denoise-photo",)),
)
"""Those that take any colour photograph."""

TOLD = ", told σ"
"""What is added to the name of a method that is told σ, the root mean square of noisy − clean."""

_HEADLINE = ("noisy", "denoise-color", "denoise-photo")
_METRICS = (PSNR, SSIM)
_SHOWN = 3
"""Crops of each set in the figure."""

_WHOLE = Part(title="whole", images=100, size=None, quick=True)
PARTS: Mapping[Preset, Sequence[Part]] = {
    "smoke": [Part(title="32²", images=2, size=32, quick=False)],
    "cpu": [_WHOLE, Part(title="128²", images=12, size=128, quick=False)],
    "paper": [replace(_WHOLE, images=None, quick=False), Part(title="256²", images=12, size=256, quick=False)],
}
"""Slow methods are judged on the centres of some images, and so are all others there; the figure shows centres."""


Scores = dict[tuple[str, str], dict[str, Row]]
"""Set and part → method → what it reached."""


def _methods(engines: Mapping[str, Engine]) -> dict[str, Method]:
    """A row for each engine; two for one that takes σ: with its own estimate, as a photograph needs it, and told."""
    rows = {"noisy": method_of(_METRICS)}
    for name, engine in engines.items():
        told = method_of(_METRICS, engine=engine)
        rows[name] = replace(told, run=partial(_untold, told))
        if engine.traits.sigma != "blind":
            rows[name + TOLD] = told
    return rows


def _untold(told: Method, batch: Batch) -> tuple[Tensor, Tensor | None]:
    return told.run(batch._replace(sigma=None))


def judged(
    noisy: Noisy, part: Part, engines: Mapping[str, Engine], config: RunConfig
) -> tuple[dict[str, Row], list[Shown]]:
    """Each method on the images of a part, and some of those in all their states."""
    pairs = Pairs(part.of(noisy.dataset), noisy.degradation, seed=config.seed)
    rows, shown, numbers = _methods(engines), list[Shown](), range(len(pairs))
    wanted = {int(number) for number in take(pairs.dataset, _SHOWN).indices}
    sheet, done = Sheet(shown.append, wanted, list(rows), None), 0

    def tell(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        nonlocal done
        done += len(batch.x)
        sheet(batch, outcomes)
        config.report(f"{noisy.name}, {part.title}: {done} of {len(numbers)}")

    return judge(batches(pairs, numbers), rows, seed=config.seed, each=tell), shown


def _run(config: RunConfig) -> Result:
    """Judge every method that can run here on every set that is here."""
    scores: Scores = {}
    shown: list[Shown] = []
    sets = noisy_sets(config.report)
    for noisy in sets:
        for part in PARTS[config.preset]:
            column = noisy.name, f"{len(part.of(noisy.dataset))} × {part.title}"
            scores[column], states = judged(noisy, part, _engines(config.runs, quick=part.quick), config)
        shown += states
    record = {
        "conventions": {metric.key: metric.convention for metric in _METRICS},
        "degradation": {noisy.name: str(noisy.degradation) for noisy in sets},
        "published": {noisy.name: _known(noisy.name) for noisy in sets},
        "crops": [one.sample.name for one in shown],
        "parts": {
            ", ".join(column): {name: row.as_json() for name, row in rows.items()} for column, rows in scores.items()
        },
    }
    return Result(*_table(scores), record, _headline(scores), partial(_draw, shown))


def _engines(runs: Path, *, quick: bool) -> dict[str, Engine]:
    wanted = {method.name: method.engine(0, runs) for method in METHODS if method.quick or not quick}
    return {name: engine for name, engine in wanted.items() if engine is not None}


def _known(data: str) -> dict[str, float]:
    """Published figures of a set."""
    figures: dict[str, float] = published("liu2020")["real_noise"].get(data, {})
    return figures


def _table(scores: Scores) -> tuple[list[str], list[list[str]]]:
    header, columns = [""], list[Callable[[str], str]]()
    for data in dict.fromkeys(data for data, _ in scores):
        if figures := _known(data):
            header.append(f"{data}, published, PSNR dB")
            columns.append(partial(_published, figures))
        for title, rows in ((title, rows) for (of, title), rows in scores.items() if of == data):
            header += [f"{data}, {title}, {metric.title}" for metric in _METRICS]
            columns += [partial(_cell, rows, metric) for metric in _METRICS]
    names = max(scores.values(), key=len)
    return header, [[name, *(column(name) for column in columns)] for name in names]


def _published(figures: Mapping[str, float], name: str) -> str:
    return f"{figures[name]:.2f}" if name in figures else "–"


def _cell(rows: Mapping[str, Row], metric: Metric, name: str) -> str:
    return cell_of(rows[name], metric) if name in rows else "–"


def _headline(scores: Scores) -> str:
    """Our denoisers on the first set."""
    (data, title), rows = next(iter(scores.items()))
    reached = (f"{name} {row.figures['psnr'].value:.2f}" for name, row in rows.items() if name in _HEADLINE)
    return f"{data}, {title}: {', '.join(reached)} dB"


def _draw(shown: Sequence[Shown], path: Path) -> None:
    tiles = [[*(_tile(image, one) for image in one.states.values()), Tile(one.sample.x)] for one in shown]
    draw_pixels([*shown[0].states, "clean"], tiles, path)


def _tile(image: Tensor, one: Shown) -> Tile:
    return Tile(image, f"{float(psnr(image[None], one.sample.x[None])):.2f} dB")


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "a quarter of an hour on two cores",
    "paper": "hours, most of them MCWNNM's; days with SIDD",
}
FIGURES = [Experiment("liu2020/figure7", "Real noise: crops, and all sets of pairs that are here", _COST, _run)]
