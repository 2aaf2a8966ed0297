"""The networks of the tables: trained once, kept in the folder of runs, gone on with after a stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.lehtinen2018.budgets import BUDGETS
from clearsight.restorers.unet import Noise2NoiseUNet
from clearsight.training.data import Data
from clearsight.training.fitting import fit
from clearsight.training.runs import checkpoint, remember
from clearsight.training.task import Task

__all__ = ["Networks", "Trained", "kept"]


class Trained(NamedTuple):
    """A network after the last step of its training, and the seconds that took."""

    network: nn.Module
    seconds: float


class Networks:
    """Trains networks by the budget of the preset, all from the same weights.

    Args:
        config: preset, seed, folder of runs, whom to tell.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config, self.budget = config, BUDGETS[config.preset]

    def trained(self, name: str, make: Callable[[nn.Module], Task], data: Data) -> Trained:
        """The U-Net as a task leaves it.

        Args:
            name: of the training: what it is kept under.
            make: the task of training a network.
            data: on what.
        """
        config, budget = self.config, self.budget
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            task = make(Noise2NoiseUNet(width=budget.width))
        recipe = f"{name}, {budget.width} channels, {budget.steps} steps of {budget.batch} × {budget.size}²"
        recipe += f", {budget.images or 'all'} images"
        return kept(config, name, recipe, task, data, budget.steps)


def kept(config: RunConfig, name: str, recipe: str, task: Task, data: Data, steps: int) -> Trained:
    """The network of a task after so many steps; trained once, and gone on with after a stop.

    Args:
        config: preset, seed, folder of runs, whom to tell.
        name: of the training: what it is kept under.
        recipe: all that it depends on, in words.
        task: the training.
        data: on what.
        steps: how long.
    """
    place = name.replace(", ", "-").replace(" ", "-").lower()
    out = config.runs / "lehtinen2018" / f"{config.preset}-{config.seed}" / place
    remember(recipe, out)
    if _reached(out) < steps:
        config.report(f"training {name}")
        fit(task, data, out=out, recipe=recipe, steps=steps, seed=config.seed)
    last = checkpoint(out, "last")
    assert last is not None
    task.load_state_dict(last["state_dict"])
    return Trained(task.network.cpu().eval(), float(last["callbacks"]["Stopwatch"]["seconds"]))


def _reached(out: Path) -> int:
    last = checkpoint(out, "last")
    return 0 if last is None else int(last["global_step"])
