"""The mean of what may have been is soft: a second network that assesses realism makes it sharp, at a price."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.fleuret_dlc.digits import Trainer, batches, figures, judge, test_digits
from clearsight.metrics.metric import ERROR, PSNR, SSIM, Metric, Outcome
from clearsight.objectives.adversarial import Adversarial

__all__ = ["FIGURES"]

_CORRUPTIONS = ("erase(probability=0.9)", "block(size=16)")
_SHOWN = 8
_WEIGHT = 0.02
_TITLES = {"corrupted": "corrupted", "residual-unet": "squared error", "adversarial": "and a critic"}


def _energies(outcome: Outcome) -> Tensor:
    """Squared differences of neighbours, summed over each image: of the original and of the restored one."""
    return torch.stack([_energy(outcome.x), _energy(outcome.x_hat)], 1)


def _energy(x: Tensor) -> Tensor:
    return x.diff(dim=2).square().sum((1, 2, 3)) + x.diff(dim=3).square().sum((1, 2, 3))


SHARPNESS = Metric(
    "gradient_energy",
    "gradient energy %",
    "squared differences of neighbouring pixels, summed over all images, in % of those of the originals",
    1,
    False,
    _energies,
    lambda sums: 100 * sums[..., 1] / sums[..., 0],
)


def _run(config: RunConfig) -> Result:
    digits, found, sheet = test_digits(config), [], []
    for corruption in _CORRUPTIONS:
        nets = _trained(corruption, config)
        methods: dict[str, Callable[[Tensor], Tensor]] = {"corrupted": lambda y: y, **nets}
        judged = judge(digits, corruption, methods, config, metrics=(PSNR, SSIM, ERROR, SHARPNESS))
        found += [{"corruption": corruption, "images": name, **figures(row)} for name, row in judged.items()]
        first = next(batches(digits, corruption, config.seed))
        with torch.inference_mode():
            sheet += _rows([restore(cast(Tensor, first.y)) for restore in methods.values()], first.x)
    header = ["corruption", "images", "PSNR dB", "SSIM", "error %", "gradient energy, % of originals'"]
    record = {"images": len(digits), "weight": _WEIGHT, "rows": found}
    return Result(header, [_cells(row) for row in found], record, _headline(found), partial(_draw, sheet))


def _trained(corruption: str, config: RunConfig) -> dict[str, nn.Module]:
    """Our network by its squared error, and the same gone on from there with a critic beside it."""
    trainer = Trainer(corruption, config)
    start, epochs = trainer.residual().net, trainer.budget.adversarial_epochs
    sharp = trainer.train(
        "adversarial", lambda: copy.deepcopy(start).train(), _loss(config.seed), "adam", batch=64, epochs=epochs
    )
    return {"residual-unet": start, "adversarial": sharp.net}


def _loss(seed: int) -> Adversarial:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Adversarial(weight=_WEIGHT)


def _cells(row: dict[str, Any]) -> list[str]:
    psnr, ssim, error, energy = (row[key]["value"] for key in ("psnr", "ssim", "error", "gradient_energy"))
    title = _TITLES[row["images"]]
    return [row["corruption"], title, f"{psnr:.2f}", f"{ssim:.3f}", f"{error:.2f}", f"{energy:.0f}"]


def _headline(rows: list[dict[str, Any]]) -> str:
    pairs = [(rows[at], rows[at + 1]) for at in range(1, len(rows), 3)]
    return "; ".join(
        f"{soft['corruption']}: gradient energy {soft['gradient_energy']['value']:.0f} % → "
        f"{sharp['gradient_energy']['value']:.0f} %, {sharp['psnr']['value'] - soft['psnr']['value']:+.2f} dB"
        for soft, sharp in pairs
    )


def _rows(states: Sequence[Tensor], x: Tensor) -> list[list[Tile]]:
    every = max(len(x) // _SHOWN, 1)
    return [[Tile(one[at].clamp(0, 1)) for one in (*states, x)] for at in range(0, len(x), every)][: _SHOWN // 2]


def _draw(sheet: Sequence[Sequence[Tile]], path: Path) -> None:
    draw_tiles([*_TITLES.values(), "original"], sheet, path)


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "twenty minutes on two cores, less after erasure and masking",
    "paper": "half an hour on a GPU",
}
FIGURES = [
    Experiment("fleuret_dlc/adversarial", "Squared error, and a critic beside it: sharpness against PSNR", _COST, _run)
]
