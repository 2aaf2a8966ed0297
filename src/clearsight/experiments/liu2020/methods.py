"""The methods of Tables 2 and 3: which of them can run here, and by which weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from clearsight import weights
from clearsight.errors import MissingExtraError
from clearsight.inference.engine import Engine

__all__ = ["METHODS", "Method", "engines"]


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the tables.

    Attributes:
        name: of the row; that of ``published.yaml`` where it is published.
        models: names to load, the first that is there; ``{sigma}`` stands for the noise level in grey levels.
        quick: whether whole images are a matter of a second or two.
    """

    name: str
    models: tuple[str, ...] = ()
    quick: bool = True

    def engine(self, sigma: int, runs: Path) -> Engine | None:
        """Ready to restore noise of that level; ``None`` where no weights are there, or an optional part is missing."""
        found = (_loaded(name.format(sigma=sigma), runs) for name in self.models)
        return next((Engine(model) for model in found if model is not None), None)


def _loaded(name: str, runs: Path) -> nn.Module | None:
    """A shipped model, a classical method, or what ``clearsight train NAME`` left in the folder of runs."""
    trained = runs / name / "weights"
    known = {stored.name for stored in weights.shipped()} | {entry.name for entry in weights.weightless()}
    try:
        return weights.load(name) if name in known else weights.load(trained) if trained.is_dir() else None
    except MissingExtraError:
        return None


METHODS = (
    Method("wiener", ("wiener",)),
    Method("wavelet", ("wavelet",)),
    Method("CBM3D", ("bm3d",), quick=False),
    Method("TNRD", ("tnrd-{sigma}",)),
    Method("MCWNNM", ("mcwnnm",), quick=False),
    Method("DnCNN"),
    Method("FFDNet"),
    Method("liu2020", ("liu2020-{sigma}", "multiscale-color")),
    Method("denoise-color", ("denoise-color",)),
)
"""Baselines, the rows of the paper in its order, and our own denoiser; those without models are published figures."""


def engines(sigma: int, runs: Path, *, quick: bool = False) -> dict[str, Engine]:
    """Every method that can run here, by the name of its row.

    Args:
        sigma: the noise level, in grey levels.
        runs: folder of trained networks, beside those that are shipped.
        quick: those alone that take a second or two for a whole image.
    """
    wanted = {method.name: method.engine(sigma, runs) for method in METHODS if method.quick or not quick}
    return {name: engine for name, engine in wanted.items() if engine is not None}
