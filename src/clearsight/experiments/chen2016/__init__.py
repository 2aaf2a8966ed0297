"""Joint visual denoising and classification with a three-pathway net: Chen et al., 2016."""

from clearsight.experiments.chen2016.tables import TABLES

__all__ = ["EXPERIMENTS"]

EXPERIMENTS = TABLES
