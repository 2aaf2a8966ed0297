"""The restorers that are compared, and which of them apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from inspect import signature
from typing import cast

from torch import nn

from clearsight import weights
from clearsight.contracts import Restorer, Traits
from clearsight.errors import MissingExtraError, ModelError, UnknownNameError
from clearsight.inference import Engine

__all__ = ["baselines", "check_applies"]


def check_applies(name: str, traits: Traits, *, channels: int, scale: int, told: bool) -> None:
    """Say why a restorer cannot be judged on these images.

    Args:
        name: of the restorer.
        traits: what it declares.
        channels: of the images.
        scale: by how much the degradation shrinks them.
        told: whether the degradation tells its σ.

    Raises:
        ModelError: another number of channels, another scale, or a σ that is not told.
    """
    if traits.channels not in (None, channels):
        raise ModelError(f"{name} restores images of {traits.channels} channels, the data has {channels}")
    if traits.scale != scale:
        raise ModelError(f"{name} enlarges {traits.scale} times, but the degradation shrinks {scale} times")
    if traits.sigma == "required" and not told:
        raise ModelError(f"{name} has to be told the noise level, but the degradation does not tell one σ")


def baselines(
    wanted: bool | Sequence[str], *, channels: int, scale: int, told: bool, device: str
) -> Iterator[tuple[str, Engine]]:
    """Every classical method and every shipped model that applies, in this order.

    Args:
        wanted: the names that are wanted; ``True`` for all.
        channels: of the images.
        scale: by how much the degradation shrinks them.
        told: whether the degradation tells its σ.
        device: to compute on.

    Raises:
        UnknownNameError: a name is of no method and of no shipped model.
    """
    candidates = dict(_candidates(scale))
    names = list(candidates) if wanted is True else cast(Sequence[str], wanted)
    for name in names:
        if name not in candidates:
            raise UnknownNameError("baseline", name, candidates)
    for name, make in candidates.items():
        if name not in names:
            continue
        try:
            model = make()
            check_applies(name, cast(Restorer, model).traits, channels=channels, scale=scale, told=told)
        except (ModelError, MissingExtraError):
            continue
        yield name, Engine(model, device=device)


def _candidates(scale: int) -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Names, and how to make what they name; interpolation is made for the scale in question, if there is one."""
    for entry in weights.weightless():
        interpolates = "scale" in signature(entry.cls).parameters
        if not interpolates:
            yield entry.name, entry.cls
        elif scale > 1:
            yield entry.name, partial(entry.cls, scale=scale)
    for stored in weights.shipped():
        yield stored.name, partial(weights.load, stored.name)
