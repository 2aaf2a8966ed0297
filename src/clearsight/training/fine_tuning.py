"""Fine-tuning of small nets, such as those that start from Boltzmann machines: a plain loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from clearsight.training.muon import Muon

__all__ = ["OptimizerName", "fine_tune"]

OptimizerName = Literal["lbfgs", "adam", "muon"]

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
    generator: torch.Generator,
) -> Iterator[float]:
    """Minimise a loss over batches; every step of the iterator is one epoch, and nothing is trained before.

    L-BFGS with strong-Wolfe line search takes five iterations on each batch, which is to be large, and starts anew on
    the next: its curvature is that of the batch. Source: Hinton and Salakhutdinov, "Reducing the dimensionality of data
    with neural networks", 2006, who take three of conjugate gradients on batches of 1,000; chen2016 names L-BFGS alone.
    Adam, from a rate of 0.001, and Muon, from one of 0.01, go down to zero along half a cosine over the epochs.

    Args:
        parameters: what is trained.
        loss: of the examples with these numbers, ``(B,)``, a scalar.
        n: number of examples.
        epochs: passes over them.
        batch: examples a step.
        optimizer: ``"lbfgs"``, ``"adam"`` or ``"muon"``.
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
    trained = list(parameters)
    step = (
        _lbfgs(trained)
        if optimizer == "lbfgs"
        else _annealed(_FIRST_ORDER[optimizer](trained), epochs * -(-n // batch))
    )
    for _ in range(epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(n, generator=generator), batch):
            total += step(lambda rows=rows: loss(rows)) * len(rows)  # type: ignore[misc]
        yield total / n


_Step = Callable[[Callable[[], Tensor]], float]
"""Moves the parameters once; returns the loss before."""


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


_FIRST_ORDER: Mapping[OptimizerName, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "adam": partial(torch.optim.Adam, lr=1e-3, fused=True),
    "muon": partial(Muon, lr=0.01),
}


def _annealed(optimizer: torch.optim.Optimizer, steps: int) -> _Step:
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def step(loss: Callable[[], Tensor]) -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        return value.item()

    return step
