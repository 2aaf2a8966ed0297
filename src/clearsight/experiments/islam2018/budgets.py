"""How much each preset spends, and what is trained with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from clearsight.experiments.experiment import Preset
from clearsight.restorers.cnn_lstm import CNNLSTM, ConvAutoencoder
from clearsight.training.schedules import Cosine, Plateau, Schedule

__all__ = ["BUDGETS", "DESIGNS", "FAIR", "LSTM", "PUBLISHED", "Budget", "Design"]

_L2 = 1e-6
"""λ of eq. 17: its gradient is what torch's Adam and Adadelta add as a weight decay of 2λ. Biases decay as well."""

_ADAM = partial(torch.optim.Adam, weight_decay=2 * _L2)
_ADADELTA = partial(torch.optim.Adadelta, lr=1.0, weight_decay=2 * _L2)

PUBLISHED, FAIR, LSTM = "CNN-CNN", "CNN-CNN with a code", "CNN-LSTM"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training may cost.

    Attributes:
        limit: of digits of each part; ``None`` for all.
        steps: of each network.
        batch: digits a step.
        epoch: steps between two validations.
        seeds: how many networks of each design that has intervals.
        rate: Adam's learning rate.
        schedule: of the learning rates.
        reading: steps of the classifier of halves, a multiple of ``epoch``.
    """

    limit: int | None
    steps: int
    batch: int = 100
    epoch: int
    seeds: int
    rate: float
    schedule: Schedule
    reading: int


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(limit=30, steps=2, batch=10, epoch=2, seeds=2, rate=1e-3, schedule=Cosine(warmup=0), reading=2),
    "cpu": Budget(limit=None, steps=1_000, epoch=100, seeds=3, rate=2e-3, schedule=Cosine(warmup=50), reading=800),
    "paper": Budget(
        limit=None,
        steps=500_000,
        epoch=5_000,
        seeds=1,
        rate=1e-3,
        schedule=Plateau(warmup=0, decay=0),
        reading=10_000,
    ),
}
"""``paper`` is the published schedule, whose learning rate is not stated: Adam's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """A network and how it is trained.

    Attributes:
        build: makes it.
        adadelta: by Adadelta in place of Adam.
        forced: with teacher forcing.
        once: one network, whatever the number of seeds.
    """

    build: Callable[[], nn.Module]
    adadelta: bool = False
    forced: bool = False
    once: bool = False

    def optimizer(self, budget: Budget) -> Callable[..., torch.optim.Optimizer]:
        """Of the parameters to train."""
        return _ADADELTA if self.adadelta else partial(_ADAM, lr=budget.rate)


DESIGNS: Mapping[str, Design] = {
    PUBLISHED: Design(build=ConvAutoencoder),
    FAIR: Design(build=partial(ConvAutoencoder, code=150)),
    LSTM: Design(build=CNNLSTM),
    f"{LSTM}, Adadelta": Design(build=CNNLSTM, adadelta=True, once=True),
    f"{LSTM}, teacher forcing": Design(build=CNNLSTM, forced=True, once=True),
}
"""By the names of their rows. With its code CNN-CNN sees the whole, and has a few parameters more than CNN-LSTM."""
