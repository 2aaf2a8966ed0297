"""The networks of the table and the figures: trained once, kept in the folder of runs, gone on with after a stop."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch
from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.islam2018.budgets import BUDGETS, DESIGNS
from clearsight.experiments.islam2018.halves import CORRUPTION, images
from clearsight.objectives.rmse import RMSELoss
from clearsight.recognizers.digit_net import DigitNet
from clearsight.training.data import Data
from clearsight.training.fitting import fit
from clearsight.training.forcing import TeacherForcedTask
from clearsight.training.recognition import RecognitionTask
from clearsight.training.restoration import RestorationTask
from clearsight.training.runs import checkpoint, remember
from clearsight.training.task import Task

__all__ = ["Networks", "Trained"]

_LOSSES = "losses"

_READING_RATE = 3e-3
"""Of the classifier, as in the recipe digits-conv."""


class Trained(NamedTuple):
    """A network after its training.

    Attributes:
        network: in evaluation mode, on the CPU.
        seconds: of the training.
        losses: of each step, ``(steps,)``; none of a classifier.
    """

    network: nn.Module
    seconds: float
    losses: Tensor


class _Recorded(RestorationTask):
    """Keeps the loss of each step, also over an interruption."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._losses: list[Tensor] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch of clean images."""
        loss = super().training_step(batch, batch_idx)
        self._losses.append(loss.detach())
        return loss

    def on_save_checkpoint(self, checkpoint: MutableMapping[str, Any]) -> None:
        """All losses so far."""
        checkpoint[_LOSSES] = torch.stack(self._losses).cpu()

    def on_load_checkpoint(self, checkpoint: MutableMapping[str, Any]) -> None:
        """Those before the interruption."""
        self._losses = [*checkpoint[_LOSSES]]


class _RecordedForced(_Recorded, TeacherForcedTask):
    """The same, each row after the clean one."""


class Networks:
    """Trains networks by the budget of the preset.

    Args:
        config: preset, folder of runs, whom to tell.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config, self.budget = config, BUDGETS[config.preset]
        self._data: Data | None = None

    @property
    def seeds(self) -> range:
        """Of the networks of a design that has intervals; the first one is the run's."""
        return range(self._config.seed, self._config.seed + self.budget.seeds)

    def restorer(self, name: str, seed: int) -> Trained:
        """A design by its row's name."""
        design, budget = DESIGNS[name], self.budget
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = design.build()
        task = (_RecordedForced if design.forced else _Recorded)(
            restorer=network,
            degradation=CORRUPTION,
            validation=[CORRUPTION],
            loss=RMSELoss(),
            optimizer=design.optimizer(budget),
            schedule=budget.schedule,
            seed=seed,
        )
        return self._trained(task, f"{name}-{seed}", budget.steps, seed)

    def reader(self) -> Trained:
        """A classifier that is trained on halves themselves, as large as digits-conv: what can be read in them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._config.seed)
            network = DigitNet()
        optimizer = partial(torch.optim.AdamW, lr=_READING_RATE)
        task = RecognitionTask(recognizer=network, degradation=CORRUPTION, optimizer=optimizer, seed=self._config.seed)
        return self._trained(task, "classifier-of-halves", self.budget.reading, self._config.seed)

    def _trained(self, task: Task, name: str, steps: int, seed: int) -> Trained:
        out = self._config.runs / "islam2018" / self._config.preset / name.replace(", ", "-").replace(" ", "-").lower()
        spent = f"{steps} steps of {self.budget.batch}, a rate of {self.budget.rate}, limit {self.budget.limit}"
        recipe = f"{name}, {CORRUPTION}, {spent}"
        remember(recipe, out)
        if _reached(out) < steps:
            self._config.report(f"training {name}")
            fit(task, self._images(seed), out=out, recipe=recipe, steps=steps, seed=seed)
        last = checkpoint(out, "last")
        assert last is not None
        task.load_state_dict(last["state_dict"])
        losses = last.get(_LOSSES, torch.empty(0))
        return Trained(task.network.cpu().eval(), float(last["callbacks"]["Stopwatch"]["seconds"]), losses)

    def _images(self, seed: int) -> Data:
        """Read once; the order of the batches is the seed's."""
        if self._data is None:
            self._data = images(self.budget.limit, batch=self.budget.batch, epoch=self.budget.epoch)
        self._data.seed = seed
        return self._data


def _reached(out: Path) -> int:
    last = checkpoint(out, "last")
    return 0 if last is None else int(last["global_step"])
