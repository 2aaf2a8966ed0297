"""Table 3: PSNR and SSIM of super-resolvers on Set5 and Set14, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from clearsight import weights
from clearsight.contracts import Batch, Dataset, Restorer
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.subset import Centres, Multiples, take
from clearsight.degradations.language import parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.evaluation.results import Row
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.lim2017.budgets import BUDGETS
from clearsight.experiments.lim2017.trained import degradation, edsr, training_images
from clearsight.inference.device import fused
from clearsight.inference.engine import Engine
from clearsight.metrics.luma import luma_metrics
from clearsight.metrics.metric import Outcome
from clearsight.restorers.classical import Bicubic
from clearsight.restorers.edsr import EDSR
from clearsight.restorers.self_ensemble import SelfEnsemble

__all__ = ["TABLE"]

_SETS = ("set5", "set14")
_SCALES = (2, 4)
_SIDE = 32
"""Of the image that multiply-adds are counted on, before it is enlarged."""


class Part(NamedTuple):
    """One column: a test set at a scale.

    Attributes:
        data: the folder of its images.
        scale: they are shrunk by.
    """

    data: str
    scale: int

    def __str__(self) -> str:
        return f"{self.data} ×{self.scale}"


_PARTS = [Part(data, scale) for data in _SETS for scale in _SCALES]


def _models(part: Part, config: RunConfig) -> dict[str, nn.Module]:
    """What is judged, by the names of the rows; ours where it is shipped."""
    ours, budget = f"upscale-x{part.scale}", BUDGETS[config.preset]
    found: dict[str, nn.Module] = {"bicubic": Bicubic(scale=part.scale)}
    if any(stored.name == ours for stored in weights.shipped()):
        found["upscale"] = weights.load(ours)
        if part.data in budget.ensembles:
            found["upscale+"] = SelfEnsemble(found["upscale"])
    if part.data in budget.large:
        found["EDSR-baseline"] = edsr(part.scale, config)
        if part.data in budget.large_ensembles:
            found["EDSR-baseline+"] = SelfEnsemble(found["EDSR-baseline"])
    return found


def _images(part: Part, config: RunConfig) -> Dataset:
    budget, images = BUDGETS[config.preset], Photographs(root=part.data)
    some = images if budget.images is None else Centres(take(images, budget.images), budget.size)
    return Multiples(some, part.scale)


def _judged(part: Part, models: Mapping[str, nn.Module], config: RunConfig) -> tuple[dict[str, Row], float]:
    """A row each, and the megapixels of a mean image."""
    dataset, metrics, pixels = _images(part, config), luma_metrics(part.scale), 0
    methods = {name: method_of(metrics, engine=Engine(model)) for name, model in models.items()}

    def tell(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        nonlocal pixels
        pixels += batch.x[:, 0].numel()
        config.report(f"{part}: {batch.names[-1]}")

    pairs = Pairs(dataset, parse(degradation(part.scale)), seed=config.seed)
    rows = judge(batches(pairs, range(len(dataset))), methods, seed=config.seed, each=tell)
    return rows, pixels / len(dataset) / 1e6


def multiply_adds(model: nn.Module) -> float | None:
    """Multiply-adds for each pixel of output; ``None`` of interpolation, which is no convolution."""
    traits = cast(Restorer, model).traits
    if not any(True for _ in model.parameters()):
        return None
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        fused(model)(torch.zeros(1, traits.channels or 3, _SIDE, _SIDE))
    products: int = counter.get_total_flops() // 2
    return products / (_SIDE * traits.scale) ** 2


def _run(config: RunConfig) -> Result:
    judged, costs = dict[Part, dict[str, dict[str, Any]]](), dict[Part, dict[str, float | None]]()
    for part in _PARTS:
        models = _models(part, config)
        costs[part] = {name: multiply_adds(model) for name, model in models.items()}
        rows, megapixels = _judged(part, models, config)
        judged[part] = {name: _record(row, costs[part][name], megapixels) for name, row in rows.items()}
    figures, budget = published("lim2017")["psnr"], BUDGETS[config.preset]
    names = list(dict.fromkeys(name for rows in judged.values() for name in rows))
    header = ["PSNR dB on luma", *map(str, _PARTS), "s / MP", "multiply-adds / pixel"]
    cells = [_cells(name, judged) for name in names]
    cells += [_published_cells(name, figures[name]) for name in figures]
    record = {
        "protocol": luma_metrics(2)[0].convention.replace("2 pixels", "as many pixels as the scale"),
        "EDSR-baseline": {
            "parameters": sum(p.numel() for p in EDSR(width=budget.width, blocks=budget.blocks).parameters()),
            "steps": {f"x{scale}": steps for scale, steps in budget.steps.items()},
            "patches": f"{budget.batch} of {budget.patch}×{budget.patch} a step",
            "trained_on": training_images(),
        },
        "parts": {str(part): rows for part, rows in judged.items()},
        "published": figures,
    }
    return Result(header, cells, record, _headline(judged))


def _record(row: Row, cost: float | None, megapixels: float) -> dict[str, Any]:
    found = row.as_json()
    seconds = found.pop("seconds_per_image")
    return {
        **found,
        "seconds_per_megapixel": seconds and round(seconds / megapixels, 3),
        "multiply_adds_per_pixel": cost and round(cost),
    }


def _cells(name: str, judged: Mapping[Part, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """PSNR of each part; time and work at the first scale."""
    found = [judged[part].get(name) for part in _PARTS]
    first = found[0] or {}
    seconds, cost = first.get("seconds_per_megapixel"), first.get("multiply_adds_per_pixel")
    return [
        name,
        *("–" if row is None else f"{row['psnr']['value']:.2f}" for row in found),
        "–" if seconds is None else f"{seconds:.2f}",
        "–" if cost is None else f"{cost / 1000:.0f} k",
    ]


def _published_cells(name: str, figures: Mapping[str, Mapping[int, float | None]]) -> list[str]:
    values: Iterator[float | None] = (figures[part.data][part.scale] for part in _PARTS)
    return [f"{name}, published", *("–" if value is None else f"{value:.2f}" for value in values), "–", "–"]


def _headline(judged: Mapping[Part, Mapping[str, Mapping[str, Any]]]) -> str:
    """Set5 ×2, method by method."""
    part, rows = next(iter(judged.items()))
    return f"{part}: " + ", ".join(f"{name} {row['psnr']['value']:.2f} dB" for name, row in rows.items())


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "half an hour on two cores",
    "paper": "two days on a GPU",
}
TABLE = Experiment("lim2017/table", "Super-resolution on Set5 and Set14, ×2 and ×4", _COST, _run)
