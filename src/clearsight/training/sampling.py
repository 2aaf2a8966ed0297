"""Train a sampler of clean images given degraded ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from clearsight.contracts import Batch
from clearsight.degradations.step import Pipeline
from clearsight.restorers.sampler import FlowSampler
from clearsight.seeds import generator_for
from clearsight.training.restoration import RestorationTask
from clearsight.training.task import Scores

__all__ = ["SamplerTask"]

_MEANS = 8
"""One image in so many is asked for at t = 0, where the answer is the mean of all that may have been."""

_TIMES = 8


class SamplerTask(RestorationTask):
    """Learn û = E[u | z_t, y] at times drawn uniformly, an eighth of them 0.

    The loss is the mean of ((û − u) / d(t))², d being the deviation of u given z_t if it had variance 1: every time
    counts as much. Validation measures the same at eighths of the way, and the PSNR of the mean. The arguments are
    those of :class:`~clearsight.training.restoration.RestorationTask`; ``restorer`` is a
    :class:`~clearsight.restorers.FlowSampler`, and there is no other ``loss``.
    """

    units: Mapping[str, str] = {"unexplained": "%", "psnr": "dB"}
    mode = "min"

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch degraded, each image at a time of its own."""
        y = self.degradation(batch.x, generator=generator)
        t = torch.rand(len(y), generator=generator, device=generator.device)
        t[::_MEANS] = 0
        return self._unexplained(self.targets(batch, generator), y, t, generator).mean()

    def scores(self, batch: Batch, index: int) -> Scores:
        """What û leaves of the variance that there would be without y, in % of each image; PSNR of the mean, in dB."""
        found = {str(way): self._left(batch, way, index) for way in self.validation}
        return {"unexplained": found, **super().scores(batch, index)}

    def _left(self, batch: Batch, way: Pipeline, index: int) -> Tensor:
        generator = generator_for(self.seed, index, stream="validation", device=batch.x.device)
        y = way(batch.x, generator=generator)
        t = torch.arange(len(y), device=y.device) % _TIMES / _TIMES
        return 100 * self._unexplained(batch.reference, y, t, generator)

    def _unexplained(self, x: Tensor, y: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        """((û − u) / d)² of each image, ``(B,)``."""
        u, at = 2 * x - 1, t.view(-1, 1, 1, 1).to(x)
        noise = torch.randn(u.shape, generator=generator, device=generator.device).to(u)
        z = (at * u + (1 - at) * noise).contiguous(memory_format=torch.channels_last)
        estimate = cast(FlowSampler, self.exported).estimate(z, at.flatten(), y)
        deviation = (1 - at) / (at.square() + (1 - at).square()).sqrt()
        return ((estimate.float() - u) / deviation.clamp(min=1e-3)).square().mean((1, 2, 3))
