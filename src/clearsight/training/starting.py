"""What a restorer's training starts from: a new network, or one that is trained already."""

from __future__ import annotations

from torch import nn

from clearsight import weights
from clearsight.errors import RecipeError
from clearsight.registry import RESTORERS

__all__ = ["started"]


def started(restorer: nn.Module | None, start: str | None) -> nn.Module:
    """The network that is given, or the trained restorer ``start``, ready to be trained on.

    Raises:
        RecipeError: neither is given, or both are, or ``start`` has no weights of its own.
        ModelError: it cannot be loaded.
    """
    if (restorer is None) == (start is None):
        came = "neither" if start is None else "both"
        raise RecipeError(f"a training starts from restorer, a new network, or from start, a trained one; got {came}")
    if restorer is not None:
        return restorer
    trained = weights.load(str(start))
    known = any(entry.cls is type(trained) for entry in RESTORERS.values())
    if not known or not any(True for _ in trained.parameters()):
        raise RecipeError(
            f"{start} cannot be trained on: expected a restorer with weights of its own, got {type(trained).__name__}"
        )
    return trained.train()
