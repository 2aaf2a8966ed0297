"""How much each preset spends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch

from clearsight.experiments.experiment import Preset
from clearsight.training.muon import Muon
from clearsight.training.schedules import Cosine, Plateau, Schedule

__all__ = ["BUDGETS", "TRAINED_ON", "Budget"]

TRAINED_ON = "bsds432"
"""The folder of the images that all networks are trained on; the paper takes 50,000 of ImageNet."""


_MUON = partial(Muon, lr=0.02, weight_decay=0.01)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training and judging may cost.

    Attributes:
        width: of the U-Net; 48 is the paper's.
        steps: of each network.
        epoch: steps between two validations, after which an interrupted training goes on.
        size: height and width of the patches that the network is shown. At 64 the lowest level has four cells, which
            all touch the border: what it makes of larger images then is not what it was trained to.
        batch: patches a step.
        images: that are trained on, evenly spread over the folder; ``None`` for all.
        judged: images of each test set, evenly spread; ``None`` for all.
        centre: height and width of their centres; ``None`` for whole images.
        optimizer: of the parameters to train.
        schedule: of the learning rate.
    """

    width: int
    steps: int
    epoch: int
    size: int
    batch: int = 4
    images: int | None = None
    judged: int | None = None
    centre: int | None = None
    optimizer: Callable[..., torch.optim.Optimizer] = _MUON
    schedule: Schedule


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        width=6, steps=2, epoch=2, size=32, batch=2, images=8, judged=2, centre=64, schedule=Cosine(warmup=0)
    ),
    "cpu": Budget(
        width=24, steps=600, epoch=200, size=128, batch=4, images=144, centre=128, schedule=Cosine(warmup=50)
    ),
    "paper": Budget(
        width=48,
        steps=300_000,
        epoch=10_000,
        size=256,
        optimizer=partial(torch.optim.Adam, lr=3e-4, betas=(0.9, 0.99)),
        schedule=Plateau(warmup=0, decay=90_000),
    ),
}
"""``paper`` has the paper's network, crops and Adam; the number of steps is ours."""
