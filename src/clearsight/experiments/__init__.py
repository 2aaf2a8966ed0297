"""Published tables and figures, run again: one package a paper, listed in :mod:`clearsight.experiments.catalogue`."""

from clearsight.experiments.catalogue import catalogue, find_experiment
from clearsight.experiments.experiment import PRESETS, Experiment, Finding, Order, Preset

__all__ = ["PRESETS", "Experiment", "Finding", "Order", "Preset", "catalogue", "find_experiment"]
