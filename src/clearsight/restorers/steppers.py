"""How a sampler walks from noise to an image: steps of one signature, each a pure function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor

__all__ = ["STEPPERS", "Estimate", "Stepper", "ancestral", "euler", "heun", "walk"]

Estimate = Callable[[Tensor, float], Tensor]
"""The mean of all images u that a state z may have come from at time t: (z, t) → û."""

Stepper = Callable[[Estimate, Tensor, float, float, torch.Generator], Tensor]
"""One step: (estimate, the state at t, t, s > t, generator) → the state at s.

A state is z_t = t·u + (1 − t)·ε with ε ~ N(0, 1): noise at t = 0, the image at t = 1.
"""


def euler(estimate: Estimate, z: Tensor, t: float, s: float, generator: torch.Generator) -> Tensor:
    """Deterministic, of first order: z_s = s·û + (1 − s)·ε̂, the noise as it was; Euler's step of dz/dt = û − ε̂.

    Source: Lipman et al., "Flow Matching for Generative Modeling", 2023; on this path it is the step of DDIM.

    Example:
        >>> euler(lambda z, t: torch.ones(1), torch.full((1,), -2.0), 0.0, 0.5, torch.Generator())
        tensor([-0.5000])
    """
    u = estimate(z, t)
    return s * u + (1 - s) * _noise(z, u, t)


def heun(estimate: Estimate, z: Tensor, t: float, s: float, generator: torch.Generator) -> Tensor:
    """Deterministic, of second order: Euler's step, then one with the mean of the velocities at both ends.

    Two estimates a step, one in the step that ends at the image, where the velocity has no value.
    Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022, algorithm 1.
    """
    u = estimate(z, t)
    first = u - _noise(z, u, t)
    ahead = z + (s - t) * first
    if s == 1:
        return ahead
    u = estimate(ahead, s)
    return z + (s - t) * (first + u - _noise(ahead, u, s)) / 2


def ancestral(estimate: Estimate, z: Tensor, t: float, s: float, generator: torch.Generator) -> Tensor:
    """Stochastic: a state at s is drawn from those that lie between û and z_t; as much noise as may be is new.

    z_s = s·û + (1 − s)·(ρ·ε̂ + √(1 − ρ²)·n), ρ = (1 − s)·t / (s·(1 − t)), n ~ N(0, 1). Source: Ho et al., "Denoising
    Diffusion Probabilistic Models", 2020, eq. 6 and 7, on this path.
    """
    u = estimate(z, t)
    share = (1 - s) * t / (s * (1 - t))
    fresh = torch.randn(z.shape, generator=generator, device=generator.device).to(z)
    noise = share * _noise(z, u, t) + math.sqrt(1 - share**2) * fresh
    return s * u + (1 - s) * noise


STEPPERS: Mapping[str, Stepper] = MappingProxyType({"ancestral": ancestral, "euler": euler, "heun": heun})
"""By name."""


def walk(stepper: Stepper, estimate: Estimate, z: Tensor, times: Sequence[float], generator: torch.Generator) -> Tensor:
    """From the state at the first of the times to that at the last, a step from each to the next."""
    for t, s in pairwise(times):
        z = stepper(estimate, z, t, s, generator)
    return z


def _noise(z: Tensor, u: Tensor, t: float) -> Tensor:
    """ε̂, what is noise in a state at t < 1 if the image is ``u``."""
    return (z - t * u) / (1 - t)
