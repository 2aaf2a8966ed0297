"""What can be reproduced: one entry for each published table and figure."""

from __future__ import annotations

from clearsight.errors import UnknownNameError
from clearsight.experiments.chen2016 import labels, sensitivity, tables
from clearsight.experiments.experiment import Experiment
from clearsight.experiments.fleuret_dlc import adversarial, corruptions, plane, samples, upscaling
from clearsight.experiments.islam2018 import figures, table2
from clearsight.experiments.lehtinen2018 import mri, render, single
from clearsight.experiments.lehtinen2018 import tables as noisy_targets
from clearsight.experiments.lim2017 import table as lim2017_table
from clearsight.experiments.liu2020 import (
    architectures,
    colour,
    figure3,
    figure4,
    figure5,
    figure6,
    figure7,
    recognition,
)
from clearsight.experiments.vincent2010 import filters, table

__all__ = ["catalogue", "find_experiment"]

_CHEN2016 = (*tables.TABLES, *tables.FIGURES, labels.LABELS, sensitivity.SENSITIVITY)
_LIU2020 = (
    *architectures.TABLES,
    *colour.TABLES,
    *recognition.TABLES,
    *figure3.FIGURES,
    *figure4.FIGURES,
    *figure5.FIGURES,
    *figure6.FIGURES,
    *figure7.FIGURES,
)
_FLEURET_DLC = (*plane.FIGURES, *corruptions.FIGURES, *adversarial.FIGURES, *samples.FIGURES, upscaling.FIGURE)
_ISLAM2018 = (*table2.TABLES, *figures.FIGURES)
_VINCENT2010 = (table.TABLE, filters.FILTER_FIGURES)
_LEHTINEN2018 = (*noisy_targets.TABLES, single.SINGLE, *render.RENDERS, mri.MRI)


def catalogue() -> dict[str, Experiment]:
    """Every experiment by its name, paper after paper."""
    lectured = (*_FLEURET_DLC, *_LEHTINEN2018, lim2017_table.TABLE)
    every = (*_CHEN2016, *_LIU2020, *_ISLAM2018, *lectured, *_VINCENT2010)
    return {experiment.name: experiment for experiment in every}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownNameError: there is none; the nearest name is suggested.
    """
    known = catalogue()
    if name not in known:
        raise UnknownNameError("experiment", name, known)
    return known[name]
