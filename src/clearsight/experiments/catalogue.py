"""What can be reproduced: one entry for each published table and figure."""

from __future__ import annotations

from clearsight.errors import UnknownNameError
from clearsight.experiments import chen2016, liu2020
from clearsight.experiments.experiment import Experiment

__all__ = ["catalogue", "find_experiment"]


def catalogue() -> dict[str, Experiment]:
    """Every experiment by its name, paper after paper."""
    return {experiment.name: experiment for paper in (chen2016, liu2020) for experiment in paper.EXPERIMENTS}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownNameError: there is none; the nearest name is suggested.
    """
    known = catalogue()
    if name not in known:
        raise UnknownNameError("experiment", name, known)
    return known[name]
