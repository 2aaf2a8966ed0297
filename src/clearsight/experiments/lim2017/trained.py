"""EDSR's baseline, trained within a budget; an interrupted training goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.lim2017.budgets import BUDGETS
from clearsight.restorers.edsr import EDSR
from clearsight.training import Cosine, Muon, Patches, RestorationTask, Staircase
from clearsight.training.fitting import fit, take_best

__all__ = ["degradation", "edsr"]

_HELD_OUT, _VALIDATED = 12, 96


def degradation(scale: int) -> str:
    """What the field enlarges: a smaller image, in a file of 8 bits.

    Example:
        >>> degradation(4)
        'bicubic(scale=4) | quantize'
    """
    return f"bicubic(scale={scale}) | quantize"


def edsr(scale: int, config: RunConfig) -> EDSR:
    """The baseline for ×2 or ×4; the latter goes on from the trunk of the former, as published."""
    budget = BUDGETS[config.preset]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = EDSR(scale=scale, width=budget.width, blocks=budget.blocks)
    if scale != 2:
        before = edsr(2, config)
        network.head.load_state_dict(before.head.state_dict())
        network.trunk.load_state_dict(before.trunk.state_dict())
    return _trained(network, config)


def _trained(network: EDSR, config: RunConfig) -> EDSR:
    budget, scale = BUDGETS[config.preset], network.traits.scale
    steps, source = budget.steps[scale], training_images()
    out = config.runs / "lim2017" / f"edsr-x{scale}-{config.preset}-{config.seed}"
    optimizer: Callable[..., torch.optim.Optimizer]
    optimizer = partial(Muon, lr=0.01, weight_decay=0.01) if budget.muon else partial(torch.optim.Adam, lr=1e-4)
    task = RestorationTask(
        restorer=network,
        degradation=degradation(scale),
        validation=[degradation(scale)],
        optimizer=optimizer,
        schedule=Cosine(warmup=20) if budget.muon else Staircase(every=10**9),
        seed=config.seed,
    )
    data = Patches(
        images=source,
        channels=3,
        size=scale * budget.patch,
        batch=budget.batch,
        epoch=budget.epoch,
        hold_out=_HELD_OUT,
        validation_size=_VALIDATED,
        seed=config.seed,
    )
    terms = (
        f"EDSR ×{scale}: {budget.blocks} blocks of {budget.width} channels, {budget.batch} patches of {budget.patch} "
        f"pixels from {source}, {'Muon' if budget.muon else 'Adam'}, seed {config.seed}\n"
    )
    config.report(f"training EDSR ×{scale}, {steps} steps")
    fit(task, data, out=out, recipe=terms, steps=steps, seed=config.seed, accelerator="auto")
    take_best(task, out)
    return network.eval()


def training_images() -> str:
    """The folder that is trained on: DIV2K as published, or else what is here of BSDS500."""
    home = Path(os.environ.get("CLEARSIGHT_DATA", ""))
    return "div2k" if (home / "div2k").is_dir() else "bsds432"
