"""Networks of points in the plane: the lecture's autoencoder, and a sampler beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.datasets.curves import Curve
from clearsight.experiments.fleuret_dlc.budgets import Budget
from clearsight.restorers.autoencoder import PointAutoencoder
from clearsight.restorers.steppers import ancestral, walk
from clearsight.seeds import generator_for

__all__ = ["SIGMA", "Points", "autoencoder", "near", "sampler"]

SIGMA = 0.1
"""Of the noise, in units of the plane."""

_BATCH = 100
_STEPS = 32
_AT_ONCE = 1_000_000


class Points:
    """Points of a curve, and fresh noise on them.

    Args:
        curve: where they lie.
        budget: how many, and how many passes over them.
        seed: of them and of their noise.
    """

    def __init__(self, curve: Curve, budget: Budget, seed: int) -> None:
        self.generator = generator_for(seed, 0, stream="fleuret_dlc/points")
        self.x, self.epochs = curve.draw(budget.points, self.generator), budget.point_epochs

    def noisy(self, x: Tensor) -> Tensor:
        """Points ``(N, 2)`` with noise of their own."""
        return x + SIGMA * torch.randn(x.shape, generator=self.generator)

    def batches(self) -> Iterator[Tensor]:
        """All points, a hundred at a time in their order as in the lecture, once an epoch."""
        for _ in range(self.epochs):
            yield from torch.split(self.x, _BATCH)


def _trained(net: nn.Module, points: Points, loss: Callable[[Tensor], Tensor]) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    for x in points.batches():
        optimizer.zero_grad()
        loss(x).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def autoencoder(points: Points, seed: int) -> PointAutoencoder:
    """The lecture's, as its listing trains it: mean squared error, Adam, 0.001 throughout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PointAutoencoder()
    _trained(net, points, lambda x: F.mse_loss(net(points.noisy(x)), x))
    return net


def sampler(points: Points, seed: int) -> Callable[[Tensor], Tensor]:
    """A sampler of X given x̃, which it learns from the same pairs: noisy points ``(N, 2)`` to points, by chance.

    The mean û(z, t, x̃) of what a state z_t may have come from is learned by a 5-100-100-2 network; the steps are those
    of the sampler of images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(5, 100), nn.SiLU(), nn.Linear(100, 100), nn.SiLU(), nn.Linear(100, 2))
    generator = points.generator

    def loss(x: Tensor) -> Tensor:
        t = torch.rand(len(x), 1, generator=generator)
        z = t * x + (1 - t) * torch.randn(x.shape, generator=generator)
        left: Tensor = net(torch.cat([z, t, points.noisy(x)], 1)) - x
        return (left / (1 - t).clamp(min=0.05)).square().mean()

    _trained(net, points, loss)

    @torch.inference_mode()
    def sample(y: Tensor) -> Tensor:
        def estimate(z: Tensor, t: float) -> Tensor:
            known: Tensor = net(torch.cat([z, torch.full((len(z), 1), t), y], 1))
            return known

        times = [k / _STEPS for k in range(_STEPS + 1)]
        return walk(ancestral, estimate, torch.randn(y.shape, generator=generator), times, generator)

    return sample


def near(curve: Curve, y: Tensor, pairs: int, radius: float, generator: torch.Generator) -> Tensor:
    """Of so many pairs (X, X̃) the X whose X̃ lies within a radius of y, ``(N, 2)``: a sample of X | X̃ = y."""
    kept = []
    for at in range(0, pairs, _AT_ONCE):
        x = curve.draw(min(_AT_ONCE, pairs - at), generator)
        noisy = x + SIGMA * torch.randn(x.shape, generator=generator)
        kept.append(x[(noisy - y).norm(dim=1) < radius])
    return torch.cat(kept)
