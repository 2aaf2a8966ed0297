"""Contrastive divergence: estimates of the gradient of the log-likelihood, and the loop that follows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.boltzmann.rbm import RBM, draw
from clearsight.boltzmann.stack import bounded
from clearsight.errors import InvalidArgumentError

__all__ = ["Gradient", "contrastive_divergence", "persistent_divergence", "published_momentum", "train_rbm"]


class Gradient(NamedTuple):
    """One number a parameter: mean statistics of a batch, or the difference of two, along which log p(v) rises.

    The statistics are −∂E/∂W = hvᵀ, −∂E/∂a = v and −∂E/∂c = h, whatever the kinds of units.
    """

    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor


def _rise(v: Tensor, h: Tensor, fantasy: Tensor, g: Tensor) -> Gradient:
    """Statistics of the data ``v`` with hidden means ``h``, minus those of the ``fantasy`` with hidden means ``g``."""
    return Gradient(
        (h.T @ v).div_(len(v)).addmm_(g.T, fantasy, alpha=-1 / len(fantasy)),
        v.mean(0) - fantasy.mean(0),
        h.mean(0) - g.mean(0),
    )


@torch.no_grad()
def contrastive_divergence(
    rbm: RBM, v: Tensor, *, k: int = 1, sampled: bool = False, generator: torch.Generator
) -> tuple[Gradient, Tensor]:
    """CD-k: ⟨hvᵀ⟩ of the data minus ⟨hvᵀ⟩ after k steps of Gibbs sampling that start at the data.

    Hidden states that drive the chain are sampled, statistics take their means. The visible units of the chain take
    their means too, as published; ``sampled`` draws them, so that for k → ∞ the estimate is the gradient.

    Args:
        rbm: the machine.
        v: data, ``(B, V)``.
        k: steps, at least 1.
        sampled: draw the visible states of the chain.
        generator: of all random numbers.

    Returns:
        The gradient of the mean log p(v), and the reconstruction ``(B, V)`` after k steps.

    Source:
        G. E. Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation 2002.
    """
    fantasy, g = v, rbm.hidden(v)
    h = g
    for _ in range(k):
        fantasy = rbm.visible(draw(g, rbm.hidden_kind, generator))
        if sampled:
            fantasy = draw(fantasy, rbm.visible_kind, generator)
        g = rbm.hidden(fantasy)
    return _rise(v, h, fantasy, g), fantasy


@torch.no_grad()
def persistent_divergence(
    rbm: RBM, v: Tensor, chains: Tensor, *, k: int = 1, generator: torch.Generator
) -> tuple[Gradient, Tensor]:
    """PCD-k: ⟨hvᵀ⟩ of the data minus ⟨hvᵀ⟩ of chains that go on from one call to the next.

    Args:
        rbm: the machine.
        v: data, ``(B, V)``.
        chains: visible states of the fantasy particles, ``(M, V)``.
        k: steps of Gibbs sampling, at least 1.
        generator: of all random numbers.

    Returns:
        The gradient of the mean log p(v), and the chains k steps on.

    Source:
        T. Tieleman, "Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient",
        ICML 2008.
    """
    for _ in range(k):
        chains = rbm.sample_visible(rbm.sample_hidden(chains, generator), generator)
    return _rise(v, rbm.hidden(v), chains, rbm.hidden(chains)), chains


def published_momentum(epoch: int) -> float:
    """0.5 for the first five epochs, then 0.9.

    Example:
        >>> [published_momentum(epoch) for epoch in (0, 4, 5, 49)]
        [0.5, 0.5, 0.9, 0.9]
    """
    return 0.5 if epoch < 5 else 0.9


def train_rbm(
    rbm: RBM,
    data: Tensor,
    *,
    epochs: int = 50,
    batch: int = 100,
    rate: float | None = None,
    momentum: Callable[[int], float] = published_momentum,
    weight_cost: float = 2e-4,
    k: int = 1,
    persistent: bool = False,
    generator: torch.Generator,
) -> Iterator[float]:
    """Train a machine; every step of the iterator it returns is one epoch, and nothing is trained before.

    Δ ← m·Δ + ε·(g − λW), θ ← θ + Δ, with g from CD-k or PCD-k and λ on the weights alone. The defaults are those of
    chen2016's release, which follows Hinton and Salakhutdinov (2006); unlike there, batches are drawn anew each epoch.

    Args:
        rbm: the machine, changed in place.
        data: ``(N, V)`` on the machine's device: probabilities for Bernoulli visible units, standardised for Gaussian.
        epochs: passes over the data.
        batch: rows a step.
        rate: ε; ``None`` is 0.1, or 0.001 where either layer is Gaussian.
        momentum: m of each epoch, counted from 0.
        weight_cost: λ.
        k: steps of Gibbs sampling.
        persistent: chains start at the first ``batch`` rows and go on (PCD), instead of starting at the data (CD).
        generator: of all random numbers.

    Returns:
        The mean squared error of the reconstruction over each epoch: after the k steps of CD, by mean field for PCD.

    Raises:
        InvalidArgumentError: the data do not fit, ``batch`` or ``k`` is below 1, or the weights have grown
            without bound.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> rbm = RBM(n_visible=2, n_hidden=4, generator=generator)
        >>> data = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(50, 1)
        >>> first, *_, last = train_rbm(rbm, data, epochs=100, batch=10, generator=generator)
        >>> first > 0.2, last < 0.05
        (True, True)
    """
    _check(rbm, data, batch, k)
    binary = rbm.visible_kind == rbm.hidden_kind == "bernoulli"
    ascend = _Ascent(rbm, rate=(0.1 if binary else 0.001) if rate is None else rate, weight_cost=weight_cost)
    estimate = _persistent(rbm, data[:batch], k, generator) if persistent else _restarting(rbm, k, generator)
    return (
        bounded(_epoch(data, batch, estimate, partial(ascend, momentum=momentum(epoch)), generator), epoch)
        for epoch in range(epochs)
    )


_Estimate = Callable[[Tensor], tuple[Gradient, Tensor]]
"""Of a batch: the gradient and the reconstruction."""


def _restarting(rbm: RBM, k: int, generator: torch.Generator) -> _Estimate:
    return partial(contrastive_divergence, rbm, k=k, generator=generator)


def _persistent(rbm: RBM, chains: Tensor, k: int, generator: torch.Generator) -> _Estimate:
    def estimate(v: Tensor) -> tuple[Gradient, Tensor]:
        nonlocal chains
        gradient, chains = persistent_divergence(rbm, v, chains, k=k, generator=generator)
        return gradient, rbm.visible(rbm.hidden(v))

    return estimate


class _Ascent:
    """Gradient ascent with momentum; the weights, not the biases, decay."""

    def __init__(self, rbm: RBM, *, rate: float, weight_cost: float) -> None:
        self.parameters = (rbm.weight, rbm.visible_bias, rbm.hidden_bias)
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.rate, self.weight_cost = rate, weight_cost

    def __call__(self, gradient: Gradient, *, momentum: float) -> None:
        """One step."""
        gradient.weight.sub_(self.parameters[0], alpha=self.weight_cost)
        for parameter, velocity, slope in zip(self.parameters, self.velocities, gradient, strict=True):
            parameter.add_(velocity.mul_(momentum).add_(slope, alpha=self.rate))


@torch.no_grad()
def _epoch(
    data: Tensor, batch: int, estimate: _Estimate, ascend: Callable[[Gradient], None], generator: torch.Generator
) -> float:
    """One pass over the data in random order; the mean squared error of the reconstructions."""
    error = torch.zeros((), device=data.device)
    order = torch.randperm(len(data), generator=generator, device=generator.device)
    for rows in torch.split(order.to(data.device), batch):
        v = data[rows]
        gradient, reconstruction = estimate(v)
        ascend(gradient)
        error += (reconstruction - v).square().sum()
    return float(error) / data.numel()


def _check(rbm: RBM, data: Tensor, batch: int, k: int) -> None:
    n_visible = len(rbm.visible_bias)
    if data.ndim != 2 or data.shape[1] != n_visible or not len(data):
        raise InvalidArgumentError(f"expected data of shape (N, {n_visible}), got {tuple(data.shape)}")
    if batch < 1 or k < 1:
        raise InvalidArgumentError(f"batch and k must be at least 1, got {batch} and {k}")
