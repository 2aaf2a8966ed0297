"""Digits of half the size enlarged: by interpolation, by the lecture's upscaler, by our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.evaluation.results import Row
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.fleuret_dlc.digits import Trained, Trainer, batches, figures, judge, test_digits
from clearsight.objectives.squares import HalfSumOfSquares
from clearsight.restorers.mnist_upscaler import MNISTUpscaler
from clearsight.restorers.plain_upscaler import PlainUpscaler

__all__ = ["FIGURE"]

_HALVED = "area(scale=2)"
_SHOWN, _ACROSS = 36, 12
_HEADER = ["14×14 enlarged by", "PSNR dB", "SSIM", "error %"]


def _bilinear(y: Tensor) -> Tensor:
    return F.interpolate(y, scale_factor=2, mode="bilinear")


def _trained(config: RunConfig) -> dict[str, Trained]:
    trainer = Trainer(_HALVED, config)
    budget, epochs = trainer.budget, trainer.budget.upscale_epochs
    ours = partial(PlainUpscaler, channels=1, width=32, depth=6)
    return {
        "lecture": trainer.train(
            "upscaler", MNISTUpscaler, HalfSumOfSquares(), budget.optimizer, batch=budget.batch, epochs=epochs
        ),
        "plain-upscaler": trainer.train("plain-upscaler", ours, nn.MSELoss(), "muon", batch=50, epochs=epochs),
    }


def _run(config: RunConfig) -> Result:
    digits, nets = test_digits(config), _trained(config)
    methods: dict[str, Callable[[Tensor], Tensor]] = {"bilinear": _bilinear}
    methods |= {name: trained.net for name, trained in nets.items()}
    rows = judge(digits, _HALVED, methods, config)
    found = [_record(name, row, nets.get(name)) for name, row in rows.items()]
    first = next(batches(digits, _HALVED, config.seed))
    with torch.inference_mode():
        states = [first.x, *(enlarge(cast(Tensor, first.y)) for enlarge in methods.values())]
    record = {"images": len(digits), "degradation": _HALVED, "rows": found}
    return Result(
        _HEADER, [_cells(row) for row in found], record, _headline(rows), partial(_draw, ["original", *methods], states)
    )


def _record(name: str, row: Row, trained: Trained | None) -> dict[str, Any]:
    seconds = None if trained is None else round(trained.seconds, 1)
    return {"method": name, **figures(row), "training_seconds": seconds}


def _cells(row: Mapping[str, Any]) -> list[str]:
    psnr, ssim, error = (row[key]["value"] for key in ("psnr", "ssim", "error"))
    return [row["method"], f"{psnr:.2f}", f"{ssim:.3f}", f"{error:.2f}"]


def _headline(rows: Mapping[str, Row]) -> str:
    return "; ".join(
        f"{name} {row.figures['psnr'].value:.2f} dB, {row.figures['error'].value:.2f} %" for name, row in rows.items()
    )


def _draw(titles: Sequence[str], states: Sequence[Tensor], path: Path) -> None:
    """36 test digits, as in the lecture: as they were, and enlarged from half their size."""
    draw_tiles([*titles], [[Tile(_montage(images)) for images in states]], path)


def _montage(images: Tensor) -> Tensor:
    shown = images[:_SHOWN, 0].clamp(0, 1)
    return torch.cat([torch.cat([*row], 1) for row in torch.split(shown, _ACROSS)])[None]


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "a quarter of an hour on two cores",
    "paper": "half an hour on a GPU",
}
FIGURE = Experiment("fleuret_dlc/upscale", "Digits of 14×14 pixels enlarged to 28×28", _COST, _run)
