"""Layers on one another: trained greedily from the data up, and the encoders and decoders that start from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from clearsight.boltzmann.rbm import HiddenKind, VisibleKind
from clearsight.errors import InvalidArgumentError

__all__ = ["Layer", "activations", "bounded", "build_decoder", "build_encoder", "train_greedily"]


class Layer(Protocol):
    """What a stack is made of: a Boltzmann machine, or an autoencoder of one layer.

    Attributes:
        weight: W of the way up, ``(H, V)``.
        hidden_bias: c, ``(H,)``.
        visible_bias: a, ``(V,)``.
        visible_kind: the way down ends in logistic units where they are ``"bernoulli"``.
        hidden_kind: so does the way up.
    """

    weight: nn.Parameter
    hidden_bias: nn.Parameter
    visible_bias: nn.Parameter
    visible_kind: VisibleKind
    hidden_kind: HiddenKind

    @property
    def downward(self) -> Tensor:
        """The weights of the way down, ``(V, H)``."""

    def hidden(self, v: Tensor) -> Tensor:
        """The way up: ``(B, V)`` to ``(B, H)``."""


L = TypeVar("L", bound=Layer)


@torch.no_grad()
def activations(layers: Iterable[Layer], v: Tensor) -> Tensor:
    """What the highest layer makes of the data: ``(B, V)`` of the lowest to ``(B, H)`` of the highest."""
    for layer in layers:
        v = layer.hidden(v)
    return v


def train_greedily(
    layers: Iterable[L],
    data: Tensor,
    train: Callable[[L, Tensor], Iterable[float]],
    report: Callable[[int, int, float], object] = lambda layer, epoch, error: None,
) -> None:
    """Train layer after layer, each on what those below, which stay as they are from then on, make of the data.

    Args:
        layers: from the data up.
        data: ``(N, V)`` of the lowest.
        train: trains a layer in place on its data, and gives an error for each epoch.
        report: called after each epoch with the layer and the epoch, counted from 0, and that error.

    Source:
        G. E. Hinton, S. Osindero and Y.-W. Teh, "A Fast Learning Algorithm for Deep Belief Nets", 2006.
    """
    for level, layer in enumerate(layers):
        for epoch, error in enumerate(train(layer, data)):
            report(level, epoch, error)
        data = activations([layer], data)


def bounded(error: float, epoch: int) -> float:
    """The error of an epoch, counted from 0, if it is a number.

    Raises:
        InvalidArgumentError: the weights of the layer have grown without bound.
    """
    if not math.isfinite(error):
        raise InvalidArgumentError(
            f"the weights have grown without bound by epoch {epoch + 1}: lower the rate, or standardise the data"
        )
    return error


def _layers(weight: Tensor, bias: Tensor, *, logistic: bool) -> list[nn.Module]:
    linear = nn.Linear(weight.shape[1], weight.shape[0]).to(weight)
    linear.load_state_dict({"weight": weight, "bias": bias})
    return [linear, nn.Sigmoid()] if logistic else [linear]


def build_encoder(layers: Sequence[Layer]) -> nn.Sequential:
    """The way up a stack as a network of its own: x ← f(c + Wx) for each layer, from the data up.

    Args:
        layers: each on the hidden units of the one before; their weights are copied.

    Returns:
        ``nn.Linear`` and ``nn.Sigmoid`` in turn; no sigmoid where hidden units are linear. ``(B, V)`` to ``(B, H)``.
    """
    steps = (_layers(one.weight, one.hidden_bias, logistic=one.hidden_kind == "bernoulli") for one in layers)
    return nn.Sequential(*(layer for step in steps for layer in step))


def build_decoder(layers: Sequence[Layer]) -> nn.Sequential:
    """The way down a stack as a network of its own: x ← f(a + W'x) for each layer, from the code down.

    W' is Wᵀ, but for autoencoders whose weights are not tied.

    Args:
        layers: from the data up, as for :func:`build_encoder`; their weights are copied.

    Returns:
        ``nn.Linear`` and ``nn.Sigmoid`` in turn; no sigmoid where visible units are Gaussian. ``(B, H)`` to ``(B, V)``.
        For a loss that takes logits, leave the last sigmoid off: ``build_decoder(layers)[:-1]``.
    """
    steps = (
        _layers(one.downward, one.visible_bias, logistic=one.visible_kind == "bernoulli") for one in reversed(layers)
    )
    return nn.Sequential(*(layer for step in steps for layer in step))
