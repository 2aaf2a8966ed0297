"""How much each preset spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight.experiments.experiment import Preset
from clearsight.training.fine_tuning import OptimizerName

__all__ = ["BUDGETS", "Budget"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training and judging may cost.

    Attributes:
        points: of a curve, to train on.
        point_epochs: passes over them.
        pairs: of points and their noisy versions, to find those near one.
        digits: to train on; ``None`` for all 55,000.
        epochs: passes over them.
        optimizer: of the lecture's autoencoder.
        batch: digits a step of it.
        adversarial_epochs: more, with the critic.
        half_epochs: of the network that completes half digits.
        upscale_epochs: of the networks that enlarge digits.
        tests: digits to judge by; ``None`` for all 10,000.
        drawn: digits that many samples are drawn of.
        samples: of each of these.
        agreeing: digits that eight samples are drawn of.
    """

    points: int
    point_epochs: int
    pairs: int
    digits: int | None
    epochs: int
    optimizer: OptimizerName
    batch: int
    adversarial_epochs: int
    half_epochs: int
    upscale_epochs: int
    tests: int | None
    drawn: int
    samples: int
    agreeing: int


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        points=200,
        point_epochs=20,
        pairs=200_000,
        digits=256,
        epochs=1,
        optimizer="muon",
        batch=50,
        adversarial_epochs=1,
        half_epochs=1,
        upscale_epochs=1,
        tests=100,
        drawn=8,
        samples=8,
        agreeing=16,
    ),
    "cpu": Budget(
        points=1000,
        point_epochs=1000,
        pairs=4_000_000,
        digits=15_000,
        epochs=1,
        optimizer="muon",
        batch=50,
        adversarial_epochs=1,
        half_epochs=4,
        upscale_epochs=6,
        tests=2000,
        drawn=200,
        samples=64,
        agreeing=1500,
    ),
    "paper": Budget(
        points=1000,
        point_epochs=1000,
        pairs=40_000_000,
        digits=None,
        epochs=50,
        optimizer="adam",
        batch=100,
        adversarial_epochs=10,
        half_epochs=50,
        upscale_epochs=50,
        tests=None,
        drawn=2000,
        samples=64,
        agreeing=10_000,
    ),
}
