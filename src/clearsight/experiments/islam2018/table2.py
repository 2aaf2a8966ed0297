"""Table 2: the seconds of both networks, as published, and how good they are, which was not published."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from clearsight import weights
from clearsight.evaluation.results import Estimate, Row
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.islam2018.budgets import DESIGNS, FAIR, LSTM, PUBLISHED
from clearsight.experiments.islam2018.halves import CORRUPTION, judged_digits
from clearsight.experiments.islam2018.judging import RECOGNIZERS, judge, metrics, over_seeds
from clearsight.experiments.islam2018.trained import Networks, Trained
from clearsight.metrics.metric import Metric
from clearsight.registry import RESTORERS

__all__ = ["COST", "TABLES", "shipped"]

_OURS = "complete-digits"
"""The best completer that is shipped, beside the paper's."""

COST: dict[Preset, str] = {
    "smoke": "seconds",
    "cpu": "40 minutes on one core",
    "paper": "a day on a GPU",
}

_CLAIMED = ("rmse_missing_half", f"error_{RECOGNIZERS[0]}")
"""What CNN-LSTM is ahead in, by the paper's figures 6 and 7."""

Figures = dict[str, Estimate]


def shipped() -> dict[str, nn.Module]:
    """Our completer by its name, where there is one."""
    names = {stored.name for stored in weights.shipped(RESTORERS)} & {_OURS}
    return {name: weights.load(name) for name in names}


def _run(config: RunConfig) -> Result:
    """Train every design, on every seed it has, and judge all on the same test digits."""
    networks = Networks(config)
    trained = {
        name: [networks.restorer(name, seed) for seed in list(networks.seeds)[: 1 if design.once else None]]
        for name, design in DESIGNS.items()
    }
    reader, digits = networks.reader(), judged_digits(networks.budget.limit)
    every = {_key(name, at): one.network for name, of in trained.items() for at, one in enumerate(of)} | shipped()
    rows, judged = judge(digits, every, reader.network, seed=config.seed), metrics()
    found = {name: _together([rows[_key(name, at)] for at in range(len(of))]) for name, of in trained.items()}
    alone = {name: rows[name].figures for name in ("input", *shipped(), "classifier of halves", "original")}
    table = {"input": alone.pop("input"), **found, **alone}
    claims = [_claim(trained, rows, metric, other) for metric in _CLAIMED for other in (PUBLISHED, FAIR)]
    record = {
        "degradation": CORRUPTION,
        "recognizers": RECOGNIZERS,
        "images": len(digits),
        "steps": networks.budget.steps,
        "seeds": list(networks.seeds),
        "conventions": {metric.key: metric.convention for metric in judged},
        "intervals": "95 %: of designs over their seeds, Student's t; of all other rows over images, Poisson bootstrap",
        "rows": [_row(name, figures, trained.get(name, [])) for name, figures in table.items()],
        "claims": claims,
    }
    header = ["method", "parameters", *(metric.title for metric in judged), "training s", "published, 500,000 steps"]
    cells = [_cells(name, figures, judged, trained.get(name, [])) for name, figures in table.items()]
    return Result(header, cells, record, _headline(table, claims))


def _key(name: str, at: int) -> str:
    return f"{name}, {at}"


def _together(rows: Sequence[Row]) -> Figures:
    """One network's figures with their intervals over images, several networks' with those over seeds."""
    if len(rows) == 1:
        return rows[0].figures
    return {key: over_seeds([row.figures[key].value for row in rows]) for key in rows[0].figures}


def _claim(
    trained: Mapping[str, Sequence[Trained]], rows: Mapping[str, Row], metric: str, other: str
) -> dict[str, Any]:
    """By how much CNN-LSTM is better than another design, seed by seed; it holds where the interval is beyond 0."""

    def values(name: str) -> list[float]:
        return [rows[_key(name, at)].figures[metric].value for at in range(len(trained[name]))]

    gained = over_seeds([b - a for a, b in zip(values(LSTM), values(other), strict=True)])
    return {"metric": metric, "against": other, **_json(gained), "holds": gained.low > 0}


def _json(estimate: Estimate) -> dict[str, float | None]:
    return {key: _digits(value) for key, value in zip(("value", "low", "high"), _ends(estimate), strict=True)}


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _digits(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _row(name: str, figures: Figures, trained: Sequence[Trained]) -> dict[str, Any]:
    return {
        "method": name,
        "parameters": _parameters(name, trained),
        **{key: _json(estimate) for key, estimate in figures.items()},
        "training_seconds": [round(one.seconds, 1) for one in trained],
        "published_seconds": published("islam2018")["seconds"].get(name),
    }


def _parameters(name: str, trained: Sequence[Trained]) -> int | None:
    network = trained[0].network if trained else shipped().get(name)
    return None if network is None else sum(parameter.numel() for parameter in network.parameters())


def _cells(name: str, figures: Figures, judged: Sequence[Metric], trained: Sequence[Trained]) -> list[str]:
    count, there = _parameters(name, trained), published("islam2018")["seconds"].get(name)
    seconds = sum(one.seconds for one in trained) / len(trained) if trained else None
    return [
        name,
        "–" if count is None else f"{count:,}",
        *(_cell(figures.get(metric.key), metric) for metric in judged),
        "–" if seconds is None else f"{seconds:.0f}",
        "–" if there is None else f"{there // 3600} h {there % 3600 / 60:.0f} min",
    ]


def _cell(estimate: Estimate | None, metric: Metric) -> str:
    if estimate is None:
        return "–"
    value, low, high = (f"{end:.{metric.digits}f}" for end in _ends(estimate))
    return value if math.isnan(estimate.low) else f"{value} [{low}, {high}]"


def _headline(table: Mapping[str, Figures], claims: Sequence[Mapping[str, Any]]) -> str:
    halves = ", ".join(f"{name} {table[name]['rmse_missing_half'].value:.4f}" for name in (LSTM, PUBLISHED, FAIR))
    ahead = [f"{claim['metric']} of {claim['against']}" for claim in claims if claim["holds"]]
    return f"RMSE of the missing half: {halves}; CNN-LSTM ahead in {', '.join(ahead) or 'nothing'}"


TABLES = [
    Experiment("islam2018/table2", "CNN-LSTM against CNN-CNN on half-digits: time, RMSE, PSNR, error", COST, _run)
]
