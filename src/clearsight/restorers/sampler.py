"""A sampler of clean images given a degraded one: flow matching by a small U-Net that is told the time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import InvalidArgumentError, UnknownNameError
from clearsight.registry import RESTORERS
from clearsight.restorers.residual_unet import receptive_radius
from clearsight.restorers.steppers import STEPPERS, walk

__all__ = ["FlowSampler"]

_FREQUENCIES = 8
_TIME_WIDTH = 64


class TimedBlock(nn.Module):
    """x + conv(silu((1 + a)·conv(x) + b)), both 3×3, a and b of the time; the second starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.time = nn.Linear(_TIME_WIDTH, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.time.weight)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """``(B, width, H, W)`` and the time's features ``(B, 64)`` to ``(B, width, H, W)``."""
        a, b = self.time(time)[:, :, None, None].chunk(2, 1)
        residual: Tensor = self.second(F.silu((1 + a) * self.first(x) + b))
        return x + residual


def _blocks(width: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(TimedBlock(width) for _ in range(count))


@RESTORERS.register("flow-sampler", tiny={"widths": [8, 12], "blocks": [1, 1], "steps": 2})
class FlowSampler(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Sampler of clean grey images given a degraded one; called, it gives their mean.

    Between noise ε at t = 0 and the image u at t = 1 lie the states z_t = t·u + (1 − t)·ε. The network learns
    û = E[u | z_t, y]; a stepper walks from drawn noise to an image by it. It is a residual U-Net as the default
    denoiser, its blocks told the time, between û = c·z + d·f(c·z, y, t), c = t / (t² + (1 − t)²) and
    d = (1 − t) / √(t² + (1 − t)²), which for u of variance 1 keep what f takes and what it is to give near variance 1.
    At t = 0 the noise has no say, c = 0: there û is E[u | y], the restorer of least squared error, in one evaluation.
    Sources: Lipman et al., "Flow Matching for Generative Modeling", 2023; Karras et al., "Elucidating the Design Space
    of Diffusion-Based Generative Models", 2022, for c and d.

    Args:
        widths: channels of each level, from 1/2 resolution down.
        blocks: residual blocks of each level, on the way down and again on the way up (the lowest level: once).
        steps: from noise to a sample.
        stepper: ``"ancestral"``, ``"euler"`` or ``"heun"``, see :mod:`clearsight.restorers.steppers`.

    Raises:
        InvalidArgumentError: ``widths`` and ``blocks`` differ in length, or there is no step.
        UnknownNameError: no stepper has that name.

    Example:
        >>> model = FlowSampler(widths=[8, 16], blocks=[1, 1], steps=4)
        >>> model.sample(torch.zeros(2, 1, 8, 12), n=3, generator=torch.Generator()).shape
        torch.Size([2, 3, 1, 8, 12])
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128),
        blocks: Sequence[int] = (1, 4),
        steps: int = 16,
        stepper: str = "ancestral",
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise InvalidArgumentError(
                f"widths and blocks need one number a level, got {len(widths)} and {len(blocks)}"
            )
        if steps < 1:
            raise InvalidArgumentError(f"a sample takes at least 1 step, got {steps}")
        if stepper not in STEPPERS:
            raise UnknownNameError("stepper", stepper, STEPPERS)
        self.steps, self.stepper = steps, stepper
        self.head = nn.Conv2d(8, widths[0], 3, padding=1)
        self.time = nn.Sequential(nn.Linear(2 * _FREQUENCIES, _TIME_WIDTH), nn.SiLU())
        self.encoder = nn.ModuleList(map(_blocks, widths, blocks))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairwise(reversed(widths)))
        self.decoder = nn.ModuleList(map(_blocks, widths[-2::-1], blocks[-2::-1]))
        self.tail = nn.Conv2d(widths[0], 4, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)
        self._traits = Traits(
            channels=1, multiple=2 ** len(widths), receptive_radius=receptive_radius(blocks), samples=True
        )

    @property
    def traits(self) -> Traits:
        """Blind, grey, a sampler; the size multiple and the receptive radius follow from the levels."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """The mean of what ``(B, 1, H, W)`` may have been, to [0, 1]; H and W divisible by ``traits.multiple``."""
        return (self.estimate(torch.zeros_like(y), torch.zeros_like(y[:, 0, 0, 0]), y) + 1) / 2

    def sample(self, y: Tensor, sigma: Tensor | None = None, *, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` images of each of ``(B, 1, H, W)``, ``(B, n, 1, H, W)``."""
        given = y.repeat_interleave(n, 0)
        noise = torch.randn(given.shape, generator=generator, device=generator.device).to(y)

        def estimate(z: Tensor, t: float) -> Tensor:
            return self.estimate(z, z.new_full((len(z),), t), given)

        times = [k / self.steps for k in range(self.steps + 1)]
        u = walk(STEPPERS[self.stepper], estimate, noise, times, generator)
        return ((u + 1) / 2).view(len(y), n, *y.shape[1:])

    def estimate(self, z: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """û = E[u | z_t, y].

        Args:
            z: the state, ``(B, 1, H, W)``.
            t: its time, ``(B,)``, 0 to 1.
            y: the degraded image, ``(B, 1, H, W)``, nominally in [0, 1].

        Returns:
            The image on the scale [-1, 1].
        """
        at = t.view(-1, 1, 1, 1)
        square = at.square() + (1 - at).square()
        known = at / square * z
        return known + (1 - at) / square.sqrt() * self._correction(torch.cat([known, 2 * y - 1], 1), t)

    def _correction(self, x: Tensor, t: Tensor) -> Tensor:
        """f, of ``(B, 2, H, W)``: as many rows and columns of one channel."""
        time = self.time(_waves(t))
        x, skips = self.head(F.pixel_unshuffle(x, 2)), []
        for blocks, down in zip(self.encoder[:-1], self.downs, strict=True):
            x = _through(blocks, x, time)
            skips.append(x)
            x = down(x)
        x = _through(self.encoder[-1], x, time)
        for up, blocks, skip in zip(self.ups, self.decoder, reversed(skips), strict=True):
            x = _through(blocks, up(x) + skip, time)
        return F.pixel_shuffle(self.tail(x), 2)


def _through(blocks: nn.Module, x: Tensor, time: Tensor) -> Tensor:
    for block in cast(nn.ModuleList, blocks):
        x = block(x, time)
    return x


def _waves(t: Tensor) -> Tensor:
    """Cosines and sines of the time, ``(B,)`` to ``(B, 16)``: half a period of it to four."""
    angles = math.pi * torch.arange(1, _FREQUENCIES + 1, device=t.device).to(t) * t[:, None]
    return torch.cat([angles.cos(), angles.sin()], 1)
