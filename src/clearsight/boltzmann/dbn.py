"""Stacks of restricted Boltzmann machines, and the encoders and decoders that start from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from clearsight.boltzmann.divergence import train_rbm
from clearsight.boltzmann.rbm import RBM, HiddenKind, VisibleKind
from clearsight.errors import InvalidArgumentError

__all__ = ["DBN", "build_decoder", "build_encoder"]


class DBN(nn.Module):
    """Deep belief network: machines stacked on one another, pretrained greedily from the bottom up.

    Machine l sees the mean-field activations E[h | v] of machine l − 1. The layers between the ends are logistic.

    Args:
        sizes: units of each layer from the data up, such as ``(784, 400, 200, 250, 100)``.
        visible: kind of the lowest layer.
        code: kind of the highest layer.
        generator: draws the weights; without one they are zero, to be loaded.

    Raises:
        InvalidArgumentError: there are fewer than two layers, or a kind or size that no machine has.

    Source:
        G. E. Hinton and R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 2006.

    Example:
        >>> dbn = DBN(sizes=(8, 4, 2), code="linear", generator=torch.Generator().manual_seed(0))
        >>> [tuple(rbm.weight.shape) for rbm in dbn.rbms]
        [(4, 8), (2, 4)]
        >>> build_encoder(dbn.rbms)
        Sequential(
          (0): Linear(in_features=8, out_features=4, bias=True)
          (1): Sigmoid()
          (2): Linear(in_features=4, out_features=2, bias=True)
        )
    """

    def __init__(
        self,
        *,
        sizes: Sequence[int],
        visible: VisibleKind = "bernoulli",
        code: HiddenKind = "bernoulli",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise InvalidArgumentError(f"a stack needs the sizes of at least two layers, got {list(sizes)}")
        top = len(sizes) - 2
        self.stack = nn.ModuleList(
            RBM(
                n_visible=n_visible,
                n_hidden=n_hidden,
                visible=visible if level == 0 else "bernoulli",
                hidden=code if level == top else "bernoulli",
                generator=generator,
            )
            for level, (n_visible, n_hidden) in enumerate(pairwise(sizes))
        )

    @property
    def rbms(self) -> list[RBM]:
        """The machines, from the data up."""
        return [cast(RBM, rbm) for rbm in self.stack]

    @torch.no_grad()
    def activations(self, v: Tensor) -> Tensor:
        """Mean-field activations of the highest layer: ``(B, sizes[0])`` to ``(B, sizes[-1])``."""
        for rbm in self.rbms:
            v = rbm.hidden(v)
        return v

    def pretrain(
        self,
        data: Tensor,
        *,
        epochs: int = 50,
        batch: int = 100,
        generator: torch.Generator,
        report: Callable[[int, int, float], object] = lambda layer, epoch, error: None,
    ) -> None:
        """Train layer by layer with :func:`~clearsight.boltzmann.train_rbm` and its published schedule.

        Args:
            data: ``(N, sizes[0])`` on the network's device, as the lowest machine takes it.
            epochs: passes over the data for each layer.
            batch: rows a step.
            generator: of all random numbers.
            report: called after each epoch with the layer and the epoch, counted from 0, and the reconstruction error.

        Raises:
            InvalidArgumentError: as :func:`~clearsight.boltzmann.train_rbm` does.
        """
        for layer, rbm in enumerate(self.rbms):
            for epoch, error in enumerate(train_rbm(rbm, data, epochs=epochs, batch=batch, generator=generator)):
                report(layer, epoch, error)
            with torch.no_grad():
                data = rbm.hidden(data)


def _layers(weight: Tensor, bias: Tensor, *, logistic: bool) -> list[nn.Module]:
    linear = nn.Linear(weight.shape[1], weight.shape[0]).to(weight)
    linear.load_state_dict({"weight": weight, "bias": bias})
    return [linear, nn.Sigmoid()] if logistic else [linear]


def build_encoder(rbms: Sequence[RBM]) -> nn.Sequential:
    """The mean-field pass up a stack as a network of its own: x ← f(c + Wx) for each machine, from the data up.

    Args:
        rbms: machines, each on the hidden units of the one before; their weights are copied.

    Returns:
        ``nn.Linear`` and ``nn.Sigmoid`` in turn; no sigmoid where hidden units are linear. ``(B, V)`` to ``(B, H)``.
    """
    steps = (_layers(rbm.weight, rbm.hidden_bias, logistic=rbm.hidden_kind == "bernoulli") for rbm in rbms)
    return nn.Sequential(*(layer for step in steps for layer in step))


def build_decoder(rbms: Sequence[RBM]) -> nn.Sequential:
    """The mean-field pass down a stack as a network of its own: x ← f(a + Wᵀx) for each machine, from the code down.

    Args:
        rbms: machines from the data up, as for :func:`build_encoder`; their weights are copied, transposed.

    Returns:
        ``nn.Linear`` and ``nn.Sigmoid`` in turn; no sigmoid where visible units are Gaussian. ``(B, H)`` to ``(B, V)``.
        For a loss that takes logits, leave the last sigmoid off: ``build_decoder(rbms)[:-1]``.
    """
    steps = (
        _layers(rbm.weight.T, rbm.visible_bias, logistic=rbm.visible_kind == "bernoulli") for rbm in reversed(rbms)
    )
    return nn.Sequential(*(layer for step in steps for layer in step))
