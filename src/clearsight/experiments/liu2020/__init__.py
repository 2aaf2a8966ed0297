"""A denoiser guided by a frozen recognizer: Liu et al., 2018 and 2020."""

from clearsight.experiments.liu2020 import architectures, colour, figure3, figure4, figure6, recognition

__all__ = ["EXPERIMENTS"]

EXPERIMENTS = [
    *architectures.TABLES,
    *colour.TABLES,
    *recognition.TABLES,
    *figure3.FIGURES,
    *figure4.FIGURES,
    *figure6.FIGURES,
]
