"""Fine-tuning of small nets, such as those that start from Boltzmann machines: a plain loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from clearsight.training.muon import Muon

__all__ = ["OptimizerName", "fine_tune"]

OptimizerName = Literal["lbfgs", "adam", "muon", "sgd"]

_ITERATIONS = 5
"""L-BFGS iterations on one batch, before the next one."""


def fine_tune(
    parameters: Iterable[Tensor],
    loss: Callable[[Tensor], Tensor],
    n: int,
    *,
    epochs: int,
    batch: int,
    optimizer: OptimizerName = "lbfgs",
    rate: float | None = None,
    generator: torch.Generator,
) -> Iterator[float]:
    """Minimise a loss over batches; every step of the iterator is one epoch, and nothing is trained before.

    L-BFGS with strong-Wolfe line search takes five iterations on each batch, which is to be large, and starts anew on
    the next: its curvature is that of the batch. Source: Hinton and Salakhutdinov, "Reducing the dimensionality of data
    with neural networks", 2006, who take three of conjugate gradients on batches of 1,000; chen2016 names L-BFGS alone.
    Adam, from a rate of 0.001, and Muon, from one of 0.01, go down to zero along half a cosine over the epochs. Plain
    stochastic gradient descent keeps its rate, 0.1: that of vincent2010, who stop it where validation is best.

    Args:
        parameters: what is trained.
        loss: of the examples with these numbers, ``(B,)``, a scalar.
        n: number of examples.
        epochs: passes over them.
        batch: examples a step.
        optimizer: ``"lbfgs"``, ``"adam"``, ``"muon"`` or ``"sgd"``.
        rate: the first, where it is not the optimizer's own; L-BFGS has none.
        generator: of the order of the examples.

    Returns:
        The mean loss of each epoch, before each step.

    Example:
        >>> w = torch.zeros(1, requires_grad=True)
        >>> generator = torch.Generator().manual_seed(0)
        >>> data = torch.tensor([1.0, 2.0, 3.0])
        >>> run = fine_tune([w], lambda i: (data[i] - w).square().mean(), 3, epochs=2, batch=3, generator=generator)
        >>> [round(value, 2) for value in run]
        [4.67, 0.67]
    """
    step = _stepping(list(parameters), optimizer, rate, epochs * -(-n // batch))
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(n, generator=generator), batch):
            total += step(lambda rows=rows: loss(rows)) * len(rows)  # type: ignore[misc]
        yield total / n


_Step = Callable[[Callable[[], Tensor]], float]
"""Moves the parameters once; returns the loss before."""


def _stepping(parameters: list[Tensor], optimizer: OptimizerName, rate: float | None, steps: int) -> _Step:
    if optimizer == "lbfgs":
        return _lbfgs(parameters)
    first, make = _FIRST_ORDER[optimizer]
    made = make(parameters, lr=first if rate is None else rate)
    return _first_order(made, steps=None if optimizer == "sgd" else steps)


def _lbfgs(parameters: list[Tensor]) -> _Step:
    def step(loss: Callable[[], Tensor]) -> float:
        optimizer = torch.optim.LBFGS(parameters, max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

        def closure() -> float:
            optimizer.zero_grad()
            value = loss()
            value.backward()  # type: ignore[no-untyped-call]
            return value.item()

        return float(optimizer.step(closure))  # type: ignore[no-untyped-call]

    return step


_FIRST_ORDER: Mapping[OptimizerName, tuple[float, Callable[..., torch.optim.Optimizer]]] = {
    "adam": (1e-3, partial(torch.optim.Adam, fused=True)),
    "muon": (0.01, Muon),
    "sgd": (0.1, torch.optim.SGD),
}
"""Each with its own rate."""


def _first_order(optimizer: torch.optim.Optimizer, *, steps: int | None) -> _Step:
    """Steps along half a cosine, or, without a number of steps, at one rate."""
    schedule = None if steps is None else torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def step(loss: Callable[[], Tensor]) -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return value.item()

    return step
