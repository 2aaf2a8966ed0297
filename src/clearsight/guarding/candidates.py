"""What is trained: a restorer for the eye, one for the recognizer, and the recognizer itself, twice."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import cast

import torch
from torch import nn

from clearsight import weights
from clearsight.contracts import Restorer
from clearsight.errors import InvalidArgumentError, UnknownNameError
from clearsight.guarding.guide import Guide, Splits
from clearsight.registry import RESTORERS
from clearsight.training.data import Data
from clearsight.training.guidance import GuidedTask
from clearsight.training.muon import Muon
from clearsight.training.restoration import RestorationTask
from clearsight.training.retraining import RetrainingTask
from clearsight.training.schedules import Cosine
from clearsight.training.task import Task

__all__ = ["RATES", "Candidates", "new_restorer"]

_RATE, _RATE_OF_TRAINED = 0.01, 0.002
RATES = (1e-4, 3e-4, 1e-3)
"""Of retraining a recognizer; the best on validation images is taken."""


def new_restorer(name: str | None, channels: int, starts: Mapping[int, str]) -> nn.Module:
    """The restorer to train: a trained one by its name or folder, or a new one of a registered architecture.

    Args:
        name: of either; ``None`` for one of ``starts``.
        channels: of the images.
        starts: names of trained ones, by channels.

    Raises:
        UnknownNameError: there is nothing of that name.
        InvalidArgumentError: it has nothing to train, enlarges images, or has to be told the noise level.
    """
    name = name or starts.get(channels)
    if name is None:
        raise UnknownNameError("restorer", f"for images of {channels} channels", RESTORERS)
    if name in RESTORERS:
        made = RESTORERS[name].cls
        options = {"channels": channels} if "channels" in signature(made).parameters else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            restorer = cast(nn.Module, made(**options))
    else:
        restorer = _trained(name)
    traits = cast(Restorer, restorer).traits
    if not any(True for _ in restorer.parameters()) or traits.scale != 1 or traits.sigma == "required":
        raise InvalidArgumentError(
            f"{name} cannot guard: expected a network that keeps the size of images and is not told the noise level"
        )
    return restorer.train()


def _trained(name: str) -> nn.Module:
    try:
        return weights.load(name)
    except UnknownNameError:
        known = [*(stored.name for stored in weights.shipped(RESTORERS)), *RESTORERS]
        raise UnknownNameError("restorer", name, known) from None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The four trainings, all on the same squares of the same images.

    Attributes:
        guide: the recognizer; nothing changes it.
        splits: the images.
        degradation: what goes wrong with them.
        conditions: what is reported on; the first and the last are validated on.
        restorer: what the restorers start as.
        layer: of the recognizer whose features are compared, too; ``None`` for no such part.
        weight: λ_H.
        size: side of a square; ``None`` for what is usual with the guide.
        seed: of everything that is drawn.
    """

    guide: Guide
    splits: Splits
    degradation: str
    conditions: Sequence[str]
    restorer: nn.Module
    layer: str | None
    weight: float
    size: int | None
    seed: int

    @property
    def recognizer(self) -> nn.Module:
        """Of the user."""
        return self.guide.recognizer

    @property
    def validation(self) -> list[str]:
        """What is validated on."""
        return list(dict.fromkeys((self.conditions[0], self.conditions[-1])))

    def data(self) -> Data:
        """The batches; how often they are validated is for each training to say."""
        return self.guide.data(self.splits, size=self.size, seed=self.seed)

    def separate(self, restorer: nn.Module | None = None) -> RestorationTask:
        """Trained for the image alone; or another restorer, to be judged as that is."""
        return RestorationTask(
            restorer=restorer or copy.deepcopy(self.restorer),
            degradation=self.degradation,
            validation=self.validation,
            optimizer=self._optimizer(),
            schedule=Cosine(warmup=20),
            seed=self.seed,
        )

    def guided(self) -> GuidedTask:
        """The same start, images and noise, guided by the recognizer."""
        return GuidedTask(
            restorer=copy.deepcopy(self.restorer),
            recognizer=self.recognizer,
            degradation=self.degradation,
            validation=self.validation,
            perceptual=0.5 if self.layer else 0.0,
            recognition=self.weight,
            layer=self.layer,
            labelled=self.splits.labelled,
            optimizer=self._optimizer(),
            schedule=Cosine(warmup=20),
            seed=self.seed,
        )

    def _optimizer(self) -> partial[Muon]:
        return partial(Muon, lr=_RATE_OF_TRAINED if hasattr(self.restorer, "figures") else _RATE)

    def retrained(self, restorer: nn.Module | None, rate: float = RATES[1]) -> RetrainingTask:
        """A copy of the recognizer trained on degraded images, restored first if there is a restorer."""
        return RetrainingTask(
            recognizer=copy.deepcopy(self.recognizer),
            degradation=self.degradation,
            validation=self.validation,
            restorer=copy.deepcopy(restorer),
            teacher=None if self.splits.labelled else self.recognizer,
            optimizer=partial(torch.optim.AdamW, lr=rate),
            schedule=Cosine(warmup=20),
            seed=self.seed,
        )

    def tasks(self) -> dict[str, Task]:
        """All trainings, by name, from the start."""
        tasks: dict[str, Task] = {"separate": self.separate(), "guided": self.guided()}
        if self.retrainable():
            tasks |= {"degraded": self.retrained(None), "restored": self.retrained(self.restorer)}
        return tasks

    def retrainable(self) -> bool:
        """Whether the recognizer can be copied and trained: what runs in ONNX Runtime cannot."""
        return any(parameter.is_floating_point() for parameter in self.recognizer.parameters())
