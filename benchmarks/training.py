"""Steps a second of the recipe denoise-color-narrow through Lightning, against a bare loop over the same network.

python benchmarks/training.py [--preset smoke]

The recipe trains as ``clearsight train`` trains it, on its own sizes: patches cut, degraded, restored, logged. The bare
loop does the least that trains the same network: restoration of one batch that is held in memory, the loss, the
gradient, clipping, the optimizer, in the same precision. Rounds of the two take turns, so that a slow spell of the
machine hits both; the first of each is not counted.
"""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clearsight.training import train
from clearsight.vision import torchvision

torchvision()  # before Lightning, whose torchmetrics imports it as it is

import lightning  # noqa: E402

from clearsight.contracts import Batch  # noqa: E402
from clearsight.training.restoration import RestorationTask  # noqa: E402
from measuring import is_rehearsal, save  # noqa: E402

RECIPE = "denoise-color-narrow"
STEPS_A_ROUND, ROUNDS = 5, 5
SMALL = ["--data.size=16", "--data.batch=1", "--data.validation_size=64"]


def bare_loop(task: RestorationTask, batch: Batch, trainer: lightning.Trainer) -> Callable[[int], None]:
    """What trains a copy of the task's network for so many steps."""
    network, loss = copy.deepcopy(task.network), task.loss
    optimizer, clip = task.optimizer(network.parameters()), trainer.gradient_clip_val
    x = batch.x.contiguous(memory_format=torch.channels_last)
    y = task.degradation(x, generator=torch.Generator(x.device).manual_seed(0))

    def run(steps: int) -> None:
        for _ in range(steps):
            with trainer.precision_plugin.forward_context():
                value = loss(network(y), x)
            optimizer.zero_grad()
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()

    return run


class Rounds(lightning.Callback):
    """Takes the time of rounds of steps and, in turn with them, of rounds of the bare loop.

    Args:
        file: where the seconds of all rounds are left, as JSON.
        steps: in a round.
    """

    def __init__(self, *, file: str, steps: int) -> None:
        self.file, self.steps = Path(file), steps
        self.record: dict[str, Any] = {"lightning": [], "bare": []}
        self.bare: Callable[[int], None] | None = None
        self.started = 0.0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """The first round begins."""
        self.started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        """After the last step of a round: its time, and that of a bare round."""
        if (batch_idx + 1) % self.steps:
            return
        self.record["lightning"].append(time.perf_counter() - self.started)
        self.bare = self.bare or bare_loop(pl_module, batch, trainer)
        started = time.perf_counter()
        self.bare(self.steps)
        self.record["bare"].append(time.perf_counter() - started)
        self.record |= {"batch": list(batch.x.shape), "precision": trainer.precision}
        self.started = time.perf_counter()

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Leave what was measured."""
        self.file.write_text(json.dumps(self.record), encoding="utf-8")


def recorded(overrides: list[str]) -> dict[str, Any]:
    """Train by the recipe for a few rounds; what :class:`Rounds` left."""
    with tempfile.TemporaryDirectory() as folder:
        file, steps = Path(folder) / "rounds.json", STEPS_A_ROUND * ROUNDS
        rounds = ["training.Rounds", f"--trainer.callbacks.file={file}", f"--trainer.callbacks.steps={STEPS_A_ROUND}"]
        length = [f"--trainer.max_steps={steps}", f"--data.epoch={steps}", "--data.hold_out=1"]
        train(RECIPE, [*overrides, *length, "--trainer.callbacks+", *rounds], out=Path(folder) / "run")
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


def main() -> None:
    """Train, and compare."""
    rehearsal = is_rehearsal(__doc__)
    started = time.monotonic()
    record = recorded(SMALL if rehearsal else [])
    count, _, height, width = record["batch"]
    rows = {}
    for name, loop in (("through Lightning", "lightning"), ("bare loop", "bare")):
        rate = STEPS_A_ROUND * (ROUNDS - 1) / sum(record[loop][1:])
        megapixels = rate * count * height * width / 1e6
        rows[name] = {"steps_per_second": round(rate, 4), "megapixels_per_second": round(megapixels, 5)}
    result = {
        "recipe": RECIPE,
        "batch": record["batch"],
        "precision": record["precision"],
        "steps": STEPS_A_ROUND * (ROUNDS - 1),
        "rows": rows,
        "share_of_bare_loop": round(sum(record["bare"][1:]) / sum(record["lightning"][1:]), 4),
    }
    save("training", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
