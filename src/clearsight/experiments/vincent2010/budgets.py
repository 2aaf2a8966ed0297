"""How large the nets are, what is chosen among, and how much each preset spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight.experiments.experiment import Preset
from clearsight.training.fine_tuning import OptimizerName

__all__ = ["BUDGETS", "FILTERS", "Budget", "FilterBudget", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Passes over the training images.

    Attributes:
        epochs: how many.
        batch: images a step.
        rates: of learning; the best is chosen.
        momentum: of autoencoders; Boltzmann machines have the published one, optimizers of classifiers their own.
    """

    epochs: int
    batch: int
    rates: tuple[float, ...]
    momentum: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What the table may cost. Of several values the one with the least error on the validation part is taken.

    Attributes:
        limits: images of the training, the validation and the test part; ``None`` for all.
        hidden: units of a layer.
        corruptions: ν, the share of units that the noise of SDAE-3 masks.
        autoencoders: of each layer of an autoencoder.
        machines: of each Boltzmann machine.
        tuning: of the classifier.
        optimizer: of the classifier.
        penalties: C of the SVM.
        widths: γ of its kernel exp(−γd²), over the reciprocal of the median of d² among training images.
    """

    limits: tuple[int | None, int | None, int | None]
    hidden: tuple[int, ...]
    corruptions: tuple[float, ...]
    autoencoders: Stage
    machines: Stage
    tuning: Stage
    optimizer: OptimizerName
    penalties: tuple[float, ...]
    widths: tuple[float, ...]


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        limits=(200, 100, 100),
        hidden=(30,),
        corruptions=(0.25,),
        autoencoders=Stage(1, 50, (0.005,), 0.9),
        machines=Stage(1, 50, (0.1,)),
        tuning=Stage(2, 50, (1e-3,)),
        optimizer="adam",
        penalties=(10.0,),
        widths=(2.0, 4.0),
    ),
    "cpu": Budget(
        limits=(5_000, 1_000, 10_000),
        hidden=(400,),
        corruptions=(0.1, 0.25, 0.4),
        autoencoders=Stage(15, 20, (0.005,), 0.9),
        machines=Stage(15, 50, (0.1,)),
        tuning=Stage(25, 20, (1e-3,)),
        optimizer="adam",
        penalties=(1.0, 10.0, 100.0),
        widths=(0.5, 1.0, 2.0, 4.0, 6.0),
    ),
    "paper": Budget(
        limits=(None, None, None),
        hidden=(1_000, 2_000, 3_000),
        corruptions=(0.1, 0.25, 0.4),
        autoencoders=Stage(100, 10, (0.005, 0.05)),
        machines=Stage(100, 10, (0.005, 0.05)),
        tuning=Stage(200, 10, (0.005, 0.05, 0.1)),
        optimizer="sgd",
        penalties=(0.1, 1.0, 10.0, 100.0, 1000.0),
        widths=(0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterBudget:
    """What the filters may cost.

    Attributes:
        patches: of 12×12, to train on.
        stage: of the layer, at one rate.
        decays: of the weights, where there is no noise; that which gives the most orientation is shown.
    """

    patches: int
    stage: Stage
    decays: tuple[float, ...]


FILTERS: Mapping[Preset, FilterBudget] = {
    "smoke": FilterBudget(patches=500, stage=Stage(2, 20, (0.03,), 0.9), decays=(1e-3,)),
    "cpu": FilterBudget(patches=20_000, stage=Stage(40, 20, (0.03,), 0.9), decays=(1e-4, 1e-3, 1e-2)),
    "paper": FilterBudget(patches=100_000, stage=Stage(100, 20, (0.03,), 0.9), decays=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1)),
}
"""The paper takes 500,000 steps, and so does the preset of that name."""
