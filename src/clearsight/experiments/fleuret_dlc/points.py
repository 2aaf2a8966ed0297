"""Points in the plane: the lecture's autoencoder of them, what they may have been, and samples of that."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.datasets.curves import Curve
from clearsight.experiments.fleuret_dlc.budgets import Budget
from clearsight.restorers.autoencoder import PointAutoencoder
from clearsight.restorers.steppers import ancestral, walk
from clearsight.seeds import generator_for

__all__ = ["SIGMA", "Points", "autoencoder", "near", "sample"]

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


def autoencoder(points: Points, seed: int) -> PointAutoencoder:
    """The lecture's, as its listing trains it: mean squared error, Adam, 0.001 throughout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PointAutoencoder()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    for x in points.batches():
        optimizer.zero_grad()
        F.mse_loss(net(points.noisy(x)), x).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net


def sample(points: Points, y: Tensor) -> Tensor:
    """Points that noisy ones ``(N, 2)`` may have been, ``(N, 2)``, by the steps of the sampler of images.

    Nothing is learned: of the training points themselves û(z, t, y) is known, their mean weighted by the densities that
    the noise y − x and the state z − t·x have for each.
    """

    def estimate(z: Tensor, t: float) -> Tensor:
        far = torch.cdist(y, points.x).square() / SIGMA**2 + torch.cdist(z, t * points.x).square() / (1 - t) ** 2
        return (-far / 2).softmax(1) @ points.x

    times = [k / _STEPS for k in range(_STEPS + 1)]
    return walk(ancestral, estimate, torch.randn(y.shape, generator=points.generator), times, points.generator)


def near(curve: Curve, y: Tensor, pairs: int, radius: float, generator: torch.Generator) -> Tensor:
    """Of so many pairs (X, X̃) the X whose X̃ lies within a radius of y, ``(N, 2)``: a sample of X | X̃ = y."""
    kept = []
    for at in range(0, pairs, _AT_ONCE):
        x = curve.draw(min(_AT_ONCE, pairs - at), generator)
        noisy = x + SIGMA * torch.randn(x.shape, generator=generator)
        kept.append(x[(noisy - y).norm(dim=1) < radius])
    return torch.cat(kept)
