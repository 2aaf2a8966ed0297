"""Stacks of restricted Boltzmann machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from clearsight.boltzmann.divergence import train_rbm
from clearsight.boltzmann.rbm import RBM, HiddenKind, VisibleKind
from clearsight.boltzmann.stack import activations, train_greedily
from clearsight.errors import InvalidArgumentError

__all__ = ["DBN"]


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
        >>> from clearsight.boltzmann import build_encoder
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

    def activations(self, v: Tensor) -> Tensor:
        """Mean-field activations of the highest layer: ``(B, sizes[0])`` to ``(B, sizes[-1])``."""
        return activations(self.rbms, v)

    def pretrain(
        self,
        data: Tensor,
        *,
        epochs: int = 50,
        batch: int = 100,
        rate: float | None = None,
        generator: torch.Generator,
        report: Callable[[int, int, float], object] = lambda layer, epoch, error: None,
    ) -> None:
        """Train layer by layer with :func:`~clearsight.boltzmann.train_rbm` and its published schedule.

        Args:
            data: ``(N, sizes[0])`` on the network's device, as the lowest machine takes it.
            epochs: passes over the data for each layer.
            batch: rows a step.
            rate: of every machine, as there.
            generator: of all random numbers.
            report: called after each epoch with the layer and the epoch, counted from 0, and the reconstruction error.

        Raises:
            InvalidArgumentError: as :func:`~clearsight.boltzmann.train_rbm` does.
        """
        train_greedily(
            self.rbms,
            data,
            lambda rbm, v: train_rbm(rbm, v, epochs=epochs, batch=batch, rate=rate, generator=generator),
            report,
        )
