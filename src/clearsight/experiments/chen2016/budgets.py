"""How much each preset spends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clearsight.experiments.catalogue import Preset
from clearsight.training.fine_tuning import OptimizerName

__all__ = ["BUDGETS", "Budget"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What training may cost.

    Attributes:
        limit: images of each part (of Alphadigits: drawings); ``None`` for all.
        rbm_epochs: passes over the data for each Boltzmann machine.
        epochs: passes of fine-tuning the published nets.
        optimizer: that fine-tunes them.
        batch: of their fine-tuning.
        sweeps: of Gibbs sampling for each image.
        conv_epochs: passes of training our convolutional net.
        label_steps: of fine-tuning on few labels.
    """

    limit: int | None
    rbm_epochs: int
    epochs: int
    optimizer: OptimizerName
    batch: int
    sweeps: int
    conv_epochs: int
    label_steps: int


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        limit=200, rbm_epochs=1, epochs=2, optimizer="lbfgs", batch=200, sweeps=4, conv_epochs=1, label_steps=4
    ),
    "cpu": Budget(
        limit=None, rbm_epochs=5, epochs=20, optimizer="muon", batch=256, sweeps=50, conv_epochs=10, label_steps=1_000
    ),
    "paper": Budget(
        limit=None,
        rbm_epochs=50,
        epochs=200,
        optimizer="lbfgs",
        batch=10_000,
        sweeps=200,
        conv_epochs=60,
        label_steps=2_000,
    ),
}
