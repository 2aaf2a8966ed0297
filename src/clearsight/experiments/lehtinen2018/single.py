"""Single noisy images: learned from neighbouring pixels, beside the same network on clean targets."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.lehtinen2018.budgets import TRAINED_ON
from clearsight.experiments.lehtinen2018.images import NoisyOnce, SomePatches, judged_images
from clearsight.experiments.lehtinen2018.judging import CONTRAST, difference, judged
from clearsight.experiments.lehtinen2018.tables import draw_restored, network_figures
from clearsight.experiments.lehtinen2018.trained import Networks, Trained
from clearsight.metrics.metric import PSNR
from clearsight.training.noise2noise import Noise2NoiseTask
from clearsight.training.restoration import RestorationTask

__all__ = ["SINGLE"]

_NOISE = "gaussian(sigma=25/255)"
_SINGLE, _CLEAN = "single noisy images", "clean targets"
_GAMMA = 2.0


def _run(config: RunConfig) -> Result:
    networks = Networks(config)
    trained = {_SINGLE: _neighbours(networks), _CLEAN: _supervised(networks)}
    models = {name: one.network for name, one in trained.items()}
    dataset = judged_images("kodak24", networks.budget)
    config.report(f"judging by {_NOISE} on kodak24")
    found = judged(dataset, _NOISE, models, seed=config.seed)
    gap = difference(found.psnr[_SINGLE], found.psnr[_CLEAN])
    rows = {name: row.as_json() for name, row in found.rows.items()}
    record = {
        "trained_on": TRAINED_ON,
        "noise": _NOISE,
        "gamma": _GAMMA,
        **network_figures(networks),
        "seconds_of_training": {name: round(one.seconds, 1) for name, one in trained.items()},
        "conventions": {PSNR.key: PSNR.convention, CONTRAST.key: CONTRAST.convention},
        "images": len(dataset),
        "rows": rows,
        "single_minus_clean": gap,
    }
    cells = [[name, f"{row['psnr']['value']:.2f}", f"{row['contrast']['value']:.3f}"] for name, row in rows.items()]
    headline = (
        f"{_NOISE} on kodak24: {rows[_SINGLE]['psnr']['value']:.2f} dB from single noisy images, "
        f"{rows[_CLEAN]['psnr']['value']:.2f} from clean targets"
    )
    draw = partial(draw_restored, dataset, _NOISE, models, config.seed)
    return Result(["trained on", "PSNR dB", "contrast"], cells, record, headline, draw)


def _neighbours(networks: Networks) -> Trained:
    """Every image has one draw of noise; patches twice as large give neighbours of the size that the other is shown."""
    budget, seed = networks.budget, networks.config.seed

    def task(network: nn.Module) -> Noise2NoiseTask:
        return Noise2NoiseTask(
            restorer=network, gamma=_GAMMA, optimizer=budget.optimizer, schedule=budget.schedule, seed=seed
        )

    return networks.trained("single, neighbours", task, NoisyOnce(budget, _NOISE, size=2 * budget.size, seed=seed))


def _supervised(networks: Networks) -> Trained:
    """The same noise, drawn anew in every batch, clean targets, the squared error."""
    budget, seed = networks.budget, networks.config.seed

    def task(network: nn.Module) -> RestorationTask:
        return RestorationTask(
            restorer=network,
            degradation=_NOISE,
            validation=[_NOISE],
            loss=torch.nn.MSELoss(),
            optimizer=budget.optimizer,
            schedule=budget.schedule,
            seed=seed,
        )

    return networks.trained("single, clean", task, SomePatches(budget, size=budget.size, seed=seed))


_COST: dict[Preset, str] = {
    "smoke": "seconds",
    "cpu": "5 minutes on one core",
    "paper": "two trainings of hours each on a GPU",
}
SINGLE = Experiment(
    "lehtinen2018/single", "Gaussian noise, single noisy images against clean targets for the same steps", _COST, _run
)
