"""Monte Carlo renders: by which loss a denoiser learns from noisy ones, and what clean targets would add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from clearsight.contracts import Batch, Dataset
from clearsight.datasets.subset import take
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.evaluation.results import Row
from clearsight.experiments.experiment import Experiment, Result, RunConfig, published
from clearsight.experiments.lehtinen2018.judging import difference
from clearsight.experiments.lehtinen2018.rooms import BRIGHTNESS, OIDN, Rooms, Show, Way, judged_renders, shown_by
from clearsight.experiments.lehtinen2018.trained import Trained
from clearsight.metrics.metric import PSNR
from clearsight.metrics.pixels import psnr
from clearsight.restorers.render import tone_mapped
from clearsight.weights import load

__all__ = ["RENDERS"]

_SHIPPED = "denoise-render"
_SHOWN = 3
"""Rooms in the figures."""


class ToneMappedMSE(nn.Module):
    """The mean of (x_hat − T(x))²: x_hat is tone-mapped itself, and so biased where the targets x are noisy."""

    def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Of ``(B, C, H, W)`` and linear ``(B, C, H, W)``, a scalar."""
        return (x_hat - tone_mapped(x)).square().mean()


_BEST = Way(name="LHDR, T(x), y")
_WAYS = (
    Way(name="L2, x, y", tone_mapped_input=False, loss=nn.MSELoss),
    Way(name="L2, T(x), y", loss=nn.MSELoss),
    Way(name="L2, T(x), T(y)", loss=ToneMappedMSE, tone_mapped_output=True),
    Way(name="LHDR, x, y", tone_mapped_input=False),
    _BEST,
)
_TARGETS = {"noisy": _BEST, "clean": Way(name="LHDR, T(x), clean y", clean=True)}


def _losses(config: RunConfig) -> Result:
    """Figure 6: five ways to learn from noisy targets."""
    rooms = Rooms(config)
    trained = {way.name: rooms.trained(way) for way in _WAYS}
    shows = {way.name: _show(trained[way.name], way) for way in _WAYS}
    dataset = rooms.pairs("test", rooms.budget.samples, rooms.budget.reference)
    config.report(f"judging at {rooms.budget.samples} samples a pixel")
    found = judged_renders(dataset, shows, seed=config.seed)
    figures = published("lehtinen2018")["render_losses"]
    record = {
        **_conditions(rooms, trained),
        "images": len(dataset),
        "rows": {name: row.as_json() for name, row in found.rows.items()},
        "above_best": {
            name: difference(values, found.psnr[_BEST.name])
            for name, values in found.psnr.items()
            if name != "degraded"
        },
        "published": figures,
    }
    cells = [[name, *_figures(row), _published(figures.get(name))] for name, row in found.rows.items()]
    header = ["loss, input, target", "PSNR dB", "brightness", "published PSNR dB, one image"]
    headline = "; ".join(f"{way.name}: {_value(found.rows[way.name], PSNR.key):.2f} dB" for way in _WAYS)
    return Result(header, cells, record, headline, partial(_draw, dataset, shows))


def _targets(config: RunConfig) -> Result:
    """Figure 7: noisy against clean targets, and what is shipped, which other rooms have trained for longer."""
    rooms, figures = Rooms(config), published("lehtinen2018")["render_targets"]
    budget = rooms.budget
    trained = {targets: rooms.trained(way) for targets, way in _TARGETS.items()}
    shows = {targets: _show(trained[targets], way) for targets, way in _TARGETS.items()}
    shows[_SHIPPED] = shown_by(load(_SHIPPED))
    found: list[dict[str, Any]] = []
    for samples in (budget.samples, budget.more):
        config.report(f"judging at {samples} samples a pixel")
        judged = judged_renders(rooms.pairs("test", samples, budget.reference), shows, seed=config.seed)
        gap = difference(judged.psnr["noisy"], judged.psnr["clean"])
        rows = {name: row.as_json() for name, row in judged.rows.items()}
        found.append({"samples": samples, "n": budget.rooms[1], "rows": rows, "noisy_minus_clean": gap})
    record = {**_conditions(rooms, trained), "rows": found, "published": figures}
    cells = [_cells(row, figures) for row in found]
    first = found[0]["rows"]
    headline = f"{budget.samples} samples a pixel: " + ", ".join(
        f"{first[targets]['psnr']['value']:.2f} dB from {targets} targets" for targets in _TARGETS
    )
    dataset = rooms.pairs("test", budget.samples, budget.reference)
    return Result(_HEADER, cells, record, headline, partial(_draw, dataset, shows))


_HEADER = [
    "samples a pixel",
    "input dB",
    "noisy targets dB",
    "clean targets dB",
    "noisy − clean",
    "brightness noisy / clean",
    f"{_SHIPPED} dB",
    f"{OIDN} dB",
    "published input / noisy / clean, 64 samples",
]


def _conditions(rooms: Rooms, trained: Mapping[str, Trained]) -> dict[str, Any]:
    """What was rendered, what training cost, and how it is judged, for the record."""
    budget = rooms.budget
    return {
        "rooms": dict(zip(("train", "test", "val"), budget.rooms, strict=True)),
        "size": budget.size,
        "samples": {"noisy": budget.samples, "clean": budget.clean, "reference": budget.reference},
        "training": {"steps": budget.steps, "batch": budget.batch, "width": budget.width},
        "parameters": sum(p.numel() for p in next(iter(trained.values())).network.parameters()),
        "seconds_of_training": {name: round(one.seconds, 1) for name, one in trained.items()},
        "conventions": {
            PSNR.key: f"of images tone-mapped by (v / (1 + v))^(1/2.2); {PSNR.convention}",
            BRIGHTNESS.key: BRIGHTNESS.convention,
        },
    }


def _show(trained: Trained, way: Way) -> Show:
    return shown_by(trained.network, tone_mapped_output=way.tone_mapped_output)


def _value(row: Row, key: str) -> float:
    figures: Mapping[str, Any] = row.as_json()
    return float(figures[key]["value"])


def _figures(row: Row) -> list[str]:
    return [f"{_value(row, PSNR.key):.2f}", f"{_value(row, BRIGHTNESS.key):.3f}"]


def _published(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _cells(row: Mapping[str, Any], theirs: Mapping[str, float]) -> list[str]:
    rows, gap = row["rows"], row["noisy_minus_clean"]
    return [
        str(row["samples"]),
        *(f"{rows[state]['psnr']['value']:.2f}" for state in ("degraded", *_TARGETS)),
        f"{gap['value']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})",
        " / ".join(f"{rows[targets]['brightness']['value']:.3f}" for targets in _TARGETS),
        f"{rows[_SHIPPED]['psnr']['value']:.2f}",
        f"{rows[OIDN]['psnr']['value']:.2f}" if OIDN in rows else "–",
        " / ".join(f"{theirs[state]:.2f}" for state in ("input", *_TARGETS)),
    ]


def _draw(dataset: Dataset, shows: Mapping[str, Show], path: Path) -> None:
    """Some rooms, tone-mapped: the input, by each way, the reference; PSNR in dB below."""
    rows: list[Sequence[Tile]] = []
    some = take(dataset, _SHOWN)
    for sample in (some[number] for number in range(len(some))):
        assert sample.target is not None
        x = tone_mapped(sample.target)
        inputs = {name: value[None] for name, value in sample.inputs.items()}
        batch = Batch(x[None], y=sample.x[None], inputs=inputs)
        states = [tone_mapped(sample.x), *(show(batch)[0].clamp(0, 1) for show in shows.values())]
        captions = [f"{psnr(state[None], x[None]).item():.2f}" for state in states]
        rows.append([*map(Tile, states, captions), Tile(x)])
    draw_tiles(["input", *(name.replace(", ", "\n", 1) for name in shows), "reference"], rows, path)


RENDERS = [
    Experiment(
        "lehtinen2018/render_losses",
        "Monte Carlo renders, noisy targets: L_HDR against L2, tone mapping of inputs and of targets",
        {"smoke": "seconds", "cpu": "25 minutes on one core", "paper": "renders of months, five trainings of a day"},
        _losses,
    ),
    Experiment(
        "lehtinen2018/render_targets",
        "Monte Carlo renders, noisy against clean targets, beside Open Image Denoise",
        {"smoke": "seconds", "cpu": "10 minutes on one core", "paper": "renders of months, two trainings of a day"},
        _targets,
    ),
]
