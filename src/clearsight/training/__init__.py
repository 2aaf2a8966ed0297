"""Training: recipes, patches, the Lightning task, and the export of what came out. Needs the extra ``train``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from clearsight.errors import MissingExtraError
from clearsight.vision import torchvision

__all__ = ["shipped_recipes", "train"]

torchvision()  # before Lightning, whose torchmetrics imports it as it is


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with clearsight: name → file."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}


def train(recipe: str, overrides: Sequence[str] = (), *, out: str | Path | None = None) -> Path:
    """Train what a recipe describes; see :func:`clearsight.training.runner.run`.

    Raises:
        MissingExtraError: Lightning or jsonargparse is not installed.
    """
    if not (find_spec("lightning") and find_spec("jsonargparse")):
        raise MissingExtraError("training", "train")
    from clearsight.training.runner import run

    return run(recipe, overrides, out=out)
