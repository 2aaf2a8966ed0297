"""How large the joint model is, and how much each preset spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clearsight.experiments.experiment import Preset
from clearsight.training.fine_tuning import OptimizerName

__all__ = ["BUDGETS", "ENCODER", "LETTERS", "Budget", "Tuning"]

ENCODER = (400, 200, 250, 100)
"""Units of each layer of the joint model of digits, from the image to the code."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a net is trained.

    Attributes:
        optimizer: of :func:`~clearsight.training.fine_tuning.fine_tune`.
        epochs: passes over the images.
        batch: images a step.
    """

    optimizer: OptimizerName
    epochs: int
    batch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training may cost.

    Attributes:
        limit: images of each part (of Alphadigits: drawings); ``None`` for all.
        rbm_epochs: passes over the data for each Boltzmann machine.
        sweeps: of Gibbs sampling for each image.
        classifier: of the DNN.
        published: of the autoencoder and the joint model, after the Boltzmann machines.
        own: of our convolutional net.
        label_steps: of fine-tuning on few labels.
    """

    limit: int | None
    rbm_epochs: int
    sweeps: int
    classifier: Tuning
    published: Tuning
    own: Tuning
    label_steps: int


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        limit=200,
        rbm_epochs=1,
        sweeps=4,
        classifier=Tuning("lbfgs", 2, 200),
        published=Tuning("lbfgs", 2, 200),
        own=Tuning("muon", 1, 128),
        label_steps=4,
    ),
    "cpu": Budget(
        limit=None,
        rbm_epochs=5,
        sweeps=50,
        classifier=Tuning("muon", 20, 512),
        published=Tuning("muon", 20, 256),
        own=Tuning("muon", 10, 128),
        label_steps=1_000,
    ),
    "paper": Budget(
        limit=None,
        rbm_epochs=50,
        sweeps=200,
        classifier=Tuning("lbfgs", 200, 10_000),
        published=Tuning("lbfgs", 200, 10_000),
        own=Tuning("muon", 60, 128),
        label_steps=2_000,
    ),
}

LETTERS: Mapping[Preset, Budget] = {
    "smoke": BUDGETS["smoke"],
    "cpu": replace(
        BUDGETS["cpu"],
        rbm_epochs=25,
        classifier=Tuning("muon", 100, 512),
        published=Tuning("muon", 1_000, 256),
        own=Tuning("muon", 50, 128),
    ),
    "paper": replace(BUDGETS["paper"], published=Tuning("lbfgs", 1_000, 10_000), own=Tuning("muon", 300, 128)),
}
"""More passes over the letters, of which there are an eighth as many as digits; the nets are small."""
