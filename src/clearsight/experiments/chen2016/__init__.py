"""Joint visual denoising and classification with a three-pathway net: Chen et al., 2016."""

from clearsight.experiments.chen2016.labels import LABELS
from clearsight.experiments.chen2016.sensitivity import SENSITIVITY
from clearsight.experiments.chen2016.tables import FIGURES, TABLES

__all__ = ["EXPERIMENTS"]

EXPERIMENTS = [*TABLES, *FIGURES, LABELS, SENSITIVITY]
