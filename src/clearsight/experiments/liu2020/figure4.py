"""Figure 4: crops of Kodak24, noisy and restored by each method, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from clearsight.contracts import Sample
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.liu2020.crops import Crop
from clearsight.experiments.liu2020.methods import engines
from clearsight.metrics.pixels import psnr
from clearsight.seeds import generator_for

__all__ = ["FIGURES"]

_SIGMA = 50

CROPS = (Crop("08.png", 240, 600), Crop("14.png", 330, 490))
"""Writing, on a house and on a boat: it shows what a person can still read."""

_SIZE: dict[Preset, int] = {"smoke": 32, "cpu": 160, "paper": 160}
_COST: dict[Preset, str] = {"smoke": "seconds", "cpu": "a minute", "paper": "a minute"}


class Restored(NamedTuple):
    """A crop in one state.

    Attributes:
        name: of the method, or ``noisy`` or ``clean``.
        image: ``(C, H, W)``, clipped to [0, 1].
        psnr: in dB; ``None`` of the clean one.
    """

    name: str
    image: Tensor
    psnr: float | None


def _states(sample: Sample, config: RunConfig) -> list[Restored]:
    """What each method makes of the crop: it sees no more of the image than is shown."""
    x = sample.x[None]
    noise, generator = parse(f"gaussian(sigma={_SIGMA}/255)"), generator_for(config.seed, 0, stream=sample.name)
    y, sigma = noise.with_sigma(x, generator=generator)
    restored = {
        name: engine.restore_batch(y, None if engine.traits.sigma == "blind" else sigma)
        for name, engine in engines(_SIGMA, config.runs).items()
    }
    clipped = {name: x_hat.clamp(0, 1) for name, x_hat in {"noisy": y, **restored}.items()}
    states = [Restored(name, x_hat[0], float(psnr(x_hat, x))) for name, x_hat in clipped.items()]
    return [*states, Restored("clean", sample.x, None)]


def _run(config: RunConfig) -> Result:
    """Restore each crop by every method that can run here."""
    samples, found = [crop.cut(_SIZE[config.preset]) for crop in CROPS], []
    for sample in samples:
        found.append(_states(sample, config))
        config.report(f"{sample.name}: restored")
    methods = [state.name for state in found[0][:-1]]
    figures = {
        sample.name: {state.name: round(state.psnr, 3) for state in states if state.psnr is not None}
        for sample, states in zip(samples, found, strict=True)
    }
    rows = [[method, *(f"{of[method]:.2f}" for of in figures.values())] for method in methods]
    record = {"sigma": f"{_SIGMA}/255", "data": "kodak24", "size": _SIZE[config.preset], "psnr": figures}
    return Result(["PSNR dB", *figures], rows, record, _headline(figures), partial(_draw, found))


def _headline(figures: dict[str, dict[str, float]]) -> str:
    best = [max(of, key=of.__getitem__) for of in figures.values()]
    return "best PSNR: " + ", ".join(f"{name} on {crop}" for name, crop in zip(best, figures, strict=True))


def _draw(found: Sequence[Sequence[Restored]], path: Path) -> None:
    tiles = [
        [Tile(state.image, "" if state.psnr is None else f"{state.psnr:.2f} dB") for state in states]
        for states in found
    ]
    draw_tiles([state.name for state in found[0]], tiles, path)


FIGURES = [Experiment("liu2020/figure4", "Crops restored by each method, side by side, σ = 50", _COST, _run)]
