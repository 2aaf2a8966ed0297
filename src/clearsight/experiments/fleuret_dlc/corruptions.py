"""Pixels erased, blur, a block that is missing: digits before and after, by the lecture's network and by ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.evaluation.results import Row
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.fleuret_dlc.digits import Trained, Trainer, batches, figures, judge, test_digits

__all__ = ["FIGURES"]

_SHOWN, _ACROSS = 36, 12
_HEADER = ["corruption", "images", "PSNR dB", "SSIM", "error %"]


def _run(corruptions: Sequence[str], config: RunConfig) -> Result:
    digits, found, sheet = test_digits(config), [], []
    for corruption in corruptions:
        trainer = Trainer(corruption, config)
        nets = {"lecture": trainer.lecture(), "residual-unet": trainer.residual()}
        methods: dict[str, Callable[[Tensor], Tensor]] = {"corrupted": lambda y: y}
        methods |= {name: trained.net for name, trained in nets.items()}
        rows = judge(digits, corruption, methods, config)
        found += [_record(corruption, name, row, nets.get(name)) for name, row in rows.items()]
        first = next(batches(digits, corruption, config.seed))
        with torch.inference_mode():
            sheet.append([first.x, *(restore(cast(Tensor, first.y)) for restore in methods.values())])
    cells = [_cells(row) for row in found]
    return Result(_HEADER, cells, {"images": len(digits), "rows": found}, _headline(found), partial(_draw, sheet))


def _record(corruption: str, name: str, row: Row, trained: Trained | None) -> dict[str, Any]:
    seconds = None if trained is None else round(trained.seconds, 1)
    return {"corruption": corruption, "images": name, **figures(row), "training_seconds": seconds}


def _cells(row: dict[str, Any]) -> list[str]:
    psnr, ssim, error = (row[key]["value"] for key in ("psnr", "ssim", "error"))
    return [row["corruption"], row["images"], f"{psnr:.2f}", f"{ssim:.3f}", f"{error:.2f}"]


def _headline(rows: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{row['corruption']} {row['psnr']['value']:.2f} dB, {row['error']['value']:.2f} %"
        for row in rows
        if row["images"] == "residual-unet"
    )


def _draw(sheet: Sequence[Sequence[Tensor]], path: Path) -> None:
    """36 test digits, as in the lecture: as they were, corrupted, restored by each network."""
    rows = [[Tile(_montage(images)) for images in states] for states in sheet]
    draw_tiles(["original", "corrupted", "lecture", "residual-unet"], rows, path)


def _montage(images: Tensor) -> Tensor:
    """The first of ``(N, 1, H, W)`` side by side in rows, ``(1, 3·H, 12·W)``."""
    shown = images[:_SHOWN, 0].clamp(0, 1)
    rows = [torch.cat([*row], 1) for row in torch.split(shown[: len(shown) // _ACROSS * _ACROSS], _ACROSS)]
    return torch.cat(rows)[None]


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "a quarter of an hour on two cores",
    "paper": "half an hour on a GPU",
}


def _figure(name: str, what: str, *corruptions: str) -> Experiment:
    return Experiment(f"fleuret_dlc/{name}", what, _COST, partial(_run, corruptions))


FIGURES = [
    _figure("erasure", "Digits with pixels erased, restored", "erase(probability=0.5)", "erase(probability=0.9)"),
    _figure("blur", "Blurred digits, restored", "blur(sigma=2)", "blur(sigma=4)"),
    _figure("masking", "Digits with a black block, restored", "block(size=10)", "block(size=16)"),
]
