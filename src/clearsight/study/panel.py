"""A simulated panel: raters drawn from a model whose worths are known, to try what is made of rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clearsight.study.design import Design, Ranking

__all__ = ["Panel", "simulated"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Raters that nobody has to be asked for.

    Each draws a ranking from the model of Plackett and Luce, by adding Gumbel noise to the logarithms of the worths.

    Attributes:
        worths: θ, the logarithm of each method's worth.
        raters: how many, who look.
        careless: how many more, who rank at random.
        taste: standard deviation of what a rater adds to each θ.
        scene: standard deviation of what an image adds to each θ.
    """

    worths: Mapping[str, float]
    raters: int
    careless: int = 0
    taste: float = 0.0
    scene: float = 0.0


def simulated(panel: Panel, design: Design, seed: int) -> list[Ranking]:
    """Every trial of every rater of the panel, the careless ones last."""
    rng = np.random.default_rng(seed)
    theta = np.array([panel.worths[method] for method in design.methods])
    of_image = {image: panel.scene * rng.standard_normal(len(theta)) for image in design.images}
    found = []
    for rater in range(1, panel.raters + panel.careless + 1):
        looks = rater <= panel.raters
        own = theta + panel.taste * rng.standard_normal(len(theta))
        for trial in design.trials(rater):
            utility = looks * (own + of_image[trial.image]) + rng.gumbel(size=len(theta))
            order = tuple(design.methods[i] for i in np.argsort(-utility))
            found.append(Ranking(rater, trial.image, order, trial.repeat))
    return found
