"""Five kinds of noise: the same network trained on noisy and on clean targets, by each loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import take
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.lehtinen2018.budgets import TRAINED_ON
from clearsight.experiments.lehtinen2018.images import SomePatches, judged_images
from clearsight.experiments.lehtinen2018.judging import CONTRAST, difference, judged
from clearsight.experiments.lehtinen2018.trained import Networks
from clearsight.metrics.metric import PSNR
from clearsight.metrics.pixels import psnr
from clearsight.objectives.annealed import AnnealedL0
from clearsight.objectives.noisy import KnownMSE
from clearsight.restorers.padding import restored
from clearsight.training.restoration import RestorationTask

__all__ = ["TABLES", "draw_restored", "network_figures"]

_SHOWN = 4
_SHOWN_SIZE = 160
_TARGETS = ("noisy", "clean")

Losses = Mapping[str, Callable[[], nn.Module]]
_L2: Losses = {"L2": nn.MSELoss}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One kind of noise.

    Attributes:
        name: of the experiment, and of its published figures.
        trained: the noise of inputs and, drawn anew, of noisy targets.
        tests: the noise that is judged by.
        losses: by their names.
        sets: the test sets.
    """

    name: str
    trained: str
    tests: Sequence[str]
    losses: Losses
    sets: Sequence[str] = ("kodak24",)

    def run(self, config: RunConfig) -> Result:
        """Train on both kinds of targets by each loss, judge all on the same images."""
        networks = Networks(config)
        data = SomePatches(networks.budget, size=networks.budget.size, seed=config.seed)
        trained = {
            (loss, targets): networks.trained(
                f"{self.name}, {loss}, {targets}", self._task(loss, targets, config), data
            )
            for loss in self.losses
            for targets in _TARGETS
        }
        models = {f"{loss}, {targets}": one.network for (loss, targets), one in trained.items()}
        figures = published("lehtinen2018").get(self.name, {})
        found = [
            row
            for images in self.sets
            for test in self.tests
            for row in self._judged(images, test, models, figures.get(images), networks)
        ]
        record = {
            "trained_on": TRAINED_ON,
            "training_noise": self.trained,
            "network": {"width": networks.budget.width, "parameters": _parameters(next(iter(models.values())))},
            **network_figures(networks),
            "seconds_of_training": {
                name: round(one.seconds, 1) for name, one in zip(models, trained.values(), strict=True)
            },
            "conventions": {PSNR.key: PSNR.convention, CONTRAST.key: CONTRAST.convention},
            "rows": found,
        }
        cells = [_cells(row) for row in found]
        draw = partial(draw_restored, judged_images("kodak24", networks.budget), self.tests[0], models, config.seed)
        return Result(_HEADER, cells, record, _headline(found), draw)

    def _task(self, loss: str, targets: str, config: RunConfig) -> Callable[[nn.Module], RestorationTask]:
        budget = Networks(config).budget
        return lambda network: RestorationTask(
            restorer=network,
            degradation=self.trained,
            target_degradation=self.trained if targets == "noisy" else None,
            validation=[self.tests[0]],
            loss=self.losses[loss](),
            optimizer=budget.optimizer,
            schedule=budget.schedule,
            seed=config.seed,
        )

    def _judged(
        self,
        images: str,
        test: str,
        models: Mapping[str, nn.Module],
        figures: Mapping[str, float] | None,
        networks: Networks,
    ) -> list[dict[str, Any]]:
        networks.config.report(f"judging by {test} on {images}")
        dataset = judged_images(images, networks.budget)
        result = judged(dataset, test, models, seed=networks.config.seed)
        return [
            {
                "images": images,
                "n": len(dataset),
                "noise": test,
                "loss": loss,
                "degraded": result.rows["degraded"].as_json(),
                **{targets: result.rows[f"{loss}, {targets}"].as_json() for targets in _TARGETS},
                "noisy_minus_clean": difference(*(result.psnr[f"{loss}, {targets}"] for targets in _TARGETS)),
                "published": figures,
            }
            for loss in self.losses
        ]


_HEADER = [
    "images",
    "noise",
    "loss",
    "degraded dB",
    "noisy targets dB",
    "clean targets dB",
    "noisy − clean",
    "contrast noisy / clean",
    "published noisy / clean",
]


def network_figures(networks: Networks) -> dict[str, Any]:
    """What the preset spends, for the record."""
    budget = networks.budget
    return {
        "training": {
            "steps": budget.steps,
            "batch": budget.batch,
            "patch": budget.size,
            "images": budget.images or "all",
        },
        "judged": {"centres": budget.centre or "whole images"},
    }


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _value(row: Mapping[str, Any], key: str) -> float:
    return float(row[key]["value"])


def _cells(row: Mapping[str, Any]) -> list[str]:
    theirs, gap = row["published"], row["noisy_minus_clean"]
    return [
        row["images"],
        row["noise"],
        row["loss"],
        *(f"{_value(row[state], 'psnr'):.2f}" for state in ("degraded", *_TARGETS)),
        f"{gap['value']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})",
        " / ".join(f"{_value(row[targets], 'contrast'):.3f}" for targets in _TARGETS),
        "–" if theirs is None else " / ".join(f"{theirs[targets]:.2f}" for targets in _TARGETS),
    ]


def _headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """Noisy beside clean targets, under each noise and by each loss, on the first set."""
    first = [row for row in rows if row["images"] == rows[0]["images"]]
    return "; ".join(
        f"{row['noise']}, {row['loss']}: {_value(row['noisy'], 'psnr'):.2f} dB from noisy targets, "
        f"{_value(row['clean'], 'psnr'):.2f} from clean ones"
        for row in first
    )


def draw_restored(dataset: Any, degradation: str, models: Mapping[str, nn.Module], seed: int, path: Path) -> None:
    """Some test images: degraded, restored by each network, the original; PSNR in dB of each whole image below it."""
    pairs, rows = Pairs(take(dataset, _SHOWN), parse(degradation), seed=seed), []
    for number in range(len(pairs)):
        pair = pairs[number]
        with torch.inference_mode():
            states = [pair.y, *(restored(model, pair.y[None])[0] for model in models.values())]
        clipped = [state.clamp(0, 1) for state in states]
        captions = [f"{psnr(state[None], pair.sample.x[None]).item():.2f}" for state in clipped]
        tiles = [Tile(_middle(image), caption) for image, caption in zip(clipped, captions, strict=True)]
        rows.append([*tiles, Tile(_middle(pair.sample.x))])
    draw_tiles(["degraded", *(name.replace(", ", "\n") for name in models), "original"], rows, path)


def _middle(image: torch.Tensor) -> torch.Tensor:
    top, left = (max(n - _SHOWN_SIZE, 0) // 2 for n in image.shape[1:])
    return image[:, top : top + _SHOWN_SIZE, left : left + _SHOWN_SIZE]


def _cost(networks: int) -> dict[Preset, str]:
    return {
        "smoke": "seconds",
        "cpu": f"{2 * networks} to {3 * networks} minutes on one core",
        "paper": f"{networks} trainings of hours each on a GPU",
    }


_CASES = (
    Case(
        name="gaussian",
        trained="gaussian(sigma=0..50/255)",
        tests=["gaussian(sigma=25/255)"],
        losses=_L2,
        sets=("kodak24", "set14"),
    ),
    Case(name="poisson", trained="poisson(peak=5..50)", tests=["poisson(peak=30)"], losses=_L2),
    Case(
        name="bernoulli",
        trained="bernoulli(keep=0.05..1)",
        tests=["bernoulli(keep=0.5)"],
        losses={"L2, known pixels": KnownMSE},
    ),
    Case(name="text", trained="text(coverage=0..0.5)", tests=["text(coverage=0.25)"], losses={**_L2, "L1": nn.L1Loss}),
    Case(
        name="impulse",
        trained="random-impulse(amount=0..0.95)",
        tests=["random-impulse(amount=0.5)", "random-impulse(amount=0.7)"],
        losses={**_L2, "L1": nn.L1Loss, "L0": AnnealedL0},
    ),
)

_SUMMARIES = {
    "gaussian": "Gaussian noise, noisy against clean targets, beside the published pair",
    "poisson": "Photon noise, noisy against clean targets",
    "bernoulli": "Pixels missing at random, noisy against clean targets, learned from what is there",
    "text": "Text over the image, noisy against clean targets: the mean (L2) is drawn to grey, the median (L1) is not",
    "impulse": "Random-valued impulses, noisy against clean targets: mean (L2), median (L1), mode (L0)",
}

TABLES = [
    Experiment(f"lehtinen2018/{case.name}", _SUMMARIES[case.name], _cost(2 * len(case.losses)), case.run)
    for case in _CASES
]
