"""What a restorer's training starts from: a new network, or one that is trained already."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from clearsight import weights
from clearsight.errors import RecipeError
from clearsight.registry import RESTORERS
from clearsight.training import shipped_recipes
from clearsight.training.widening import take_over

__all__ = ["started"]


def started(restorer: nn.Module | None, start: str | None) -> nn.Module:
    """The network that is given, the trained restorer ``start``, or the first wherein the second lives on.

    Raises:
        RecipeError: neither is given, or ``start`` is a run of a shipped recipe that is still to be done, has no
            weights of its own, or is no narrower ``restorer``.
        ModelError: it cannot be loaded.
    """
    if start is None:
        if restorer is None:
            raise RecipeError("a training starts from restorer, a new network, or from start, a trained one; got none")
        return restorer
    _check_trained(start)
    trained = weights.load(start)
    known = any(entry.cls is type(trained) for entry in RESTORERS.values())
    if not known or not any(True for _ in trained.parameters()):
        raise RecipeError(
            f"{start} cannot be trained on: expected a restorer with weights of its own, got {type(trained).__name__}"
        )
    if restorer is None:
        return trained.train()
    take_over(restorer, trained)
    return restorer


def _check_trained(start: str) -> None:
    """A shipped recipe may go on from the run of another."""
    runs, recipe, kind = ("", "", "", *Path(start).parts)[-3:]
    if (runs, kind) == ("runs", "weights") and recipe in shipped_recipes() and not Path(start).is_dir():
        raise RecipeError(f"this recipe goes on from another one's run: `clearsight train {recipe}` writes {start}")
