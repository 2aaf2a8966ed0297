"""Published tables and figures, run again: one package a paper, listed in :mod:`clearsight.experiments.catalogue`."""

from clearsight.experiments.catalogue import catalogue, find_experiment
from clearsight.experiments.experiment import PRESETS, Experiment, Preset, Result, RunConfig

__all__ = ["PRESETS", "Experiment", "Preset", "Result", "RunConfig", "catalogue", "find_experiment"]
