"""Published tables and figures, run again: one package a paper, listed in :mod:`clearsight.experiments.catalogue`."""

from clearsight.experiments.catalogue import PRESETS, Experiment, Finding, Order, Preset, catalogue, find_experiment

__all__ = ["PRESETS", "Experiment", "Finding", "Order", "Preset", "catalogue", "find_experiment"]
