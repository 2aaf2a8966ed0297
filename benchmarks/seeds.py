"""What guidance gains in what is read, by three seeds: by the recognizer that guided, and by one that did not.

python benchmarks/seeds.py [--runs runs/seeds] [--preset smoke]        # an hour on one core

For each seed ``separate-cifar`` is trained on twice on the same images and noise, for the same steps: guided by
``cifar-resnet``, by the recipe ``guided-cifar``, and without. Both are judged on test images of CIFAR-10. Gains are the
mean over the seeds, with 95 % intervals over the same images, and those of each seed. What is trained already in the
folder of runs is not trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import clearsight
from clearsight.datasets import CIFAR10, take
from clearsight.evaluation import evaluate
from clearsight.evaluation.results import Estimate, Evaluation
from clearsight.training import train
from measuring import save

SEEDS, SIGMAS, IMAGES = (0, 1, 2), (15, 30, 45, 60), 2_000
START, GUIDE, SECOND = "separate-cifar", "cifar-resnet", "cifar-all-conv"
RECIPES = {"guided": "guided-cifar", "separate": "separate-cifar"}
STEPS, BATCH, LR, HELD_OUT = 160, 32, 0.005, 500


def trained(row: str, seed: int, runs: Path, *, rehearsal: bool) -> nn.Module:
    """A restorer that was trained on with this seed."""
    steps = 1 if rehearsal else STEPS
    cifar = {"class_path": "clearsight.datasets.CIFAR10", "init_args": {"part": "val"}}
    held_out = {
        "class_path": "clearsight.datasets.take",
        "init_args": {"dataset": cifar, "n": 4 if rehearsal else HELD_OUT},
    }
    asked = {
        "seed_everything": seed,
        "model.start": START,
        "model.seed": seed,
        "model.optimizer.lr": LR,
        "model.schedule.warmup": 20,
        "data.seed": seed,
        "data.batch": BATCH,
        "data.epoch": steps,
        "data.validation": json.dumps(held_out),
        "trainer.max_steps": steps,
        "trainer.precision": "32-true",
    }
    folder = runs / ("smoke" if rehearsal else "") / f"{row}-{seed}"
    print(f"training {folder}", file=sys.stderr, flush=True)
    return clearsight.load(train(RECIPES[row], [f"--{name}={value}" for name, value in asked.items()], out=folder))


def mean(figures: Sequence[Estimate]) -> Estimate:
    """Of figures of the same images."""
    spread = torch.stack([one.spread for one in figures if one.spread is not None]).mean(0)
    return Estimate.over(sum(one.value for one in figures) / len(figures), spread)


def gained(found: Evaluation, suffix: str, key: str, larger: str, smaller: str) -> dict[str, Any]:
    """By how much a figure of one row is larger than that of its twin."""
    each = [found.difference(key, f"{larger} {seed}{suffix}", f"{smaller} {seed}{suffix}") for seed in SEEDS]
    whole = mean(each)
    rounded = {name: round(getattr(whole, name), 3) for name in ("value", "low", "high")}
    return {**rounded, "seeds": [round(one.value, 3) for one in each]}


def judged(models: dict[str, nn.Module], sigma: int, count: int) -> dict[str, Any]:
    """One noise level: what is read, and what guidance gains."""
    print(f"judging: σ = {sigma}/255", file=sys.stderr, flush=True)
    guide, second = (clearsight.load_recognizer(name) for name in (GUIDE, SECOND))
    by_second = {f"{name}, {SECOND}": (model, second) for name, model in models.items()}
    images = take(CIFAR10(part="test"), count)
    found = evaluate(
        images,
        f"gaussian(sigma={sigma}/255)",
        model=models,
        recognizer=guide,
        read_by={f"degraded, {SECOND}": (None, second), **by_second},
    )
    return {
        "rows": [row.as_json() for row in found.rows],
        "gained": {
            f"{GUIDE}, top-1 %": gained(found, "", "error", "separate", "guided"),
            f"{SECOND}, top-1 %": gained(found, f", {SECOND}", "error", "separate", "guided"),
            "psnr dB": gained(found, "", "psnr", "guided", "separate"),
        },
    }


def main() -> None:
    """Train and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    models = {f"{row} {seed}": trained(row, seed, asked.runs, rehearsal=rehearsal) for seed in SEEDS for row in RECIPES}
    count = 8 if rehearsal else IMAGES
    found = {f"{sigma}/255": judged(models, sigma, count) for sigma in (SIGMAS[-1:] if rehearsal else SIGMAS)}
    result = {"images": count, "seeds": SEEDS, "steps": STEPS, "batch": BATCH, "lr": LR, "conditions": found}
    save("seeds", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
