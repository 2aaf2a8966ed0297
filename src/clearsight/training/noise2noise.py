"""Train a restorer on noisy images alone: from one shot to another, or from a pixel to its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import Batch, Restorer
from clearsight.errors import RecipeError
from clearsight.metrics.pixels import psnr
from clearsight.objectives.annealed import Annealed
from clearsight.restorers.padding import restored
from clearsight.seeds import generator_for
from clearsight.training.initialization import started
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["Neighbours", "Noise2NoiseTask"]

_SHOT, _NEIGHBOUR = "another noisy shot", "noisy neighbours, half the size"
_LEAST = 1e-6


class Neighbours(NamedTuple):
    """Which two adjacent pixels of each 2×2 cell are taken, the first and the second, ``(B, 1, 1, H/2, W/2)`` each.

    Attributes:
        first: numbers from 0 to 3, row after row of the cell.
        second: the same.
    """

    first: Tensor
    second: Tensor

    @classmethod
    def drawn(cls, y: Tensor, generator: torch.Generator) -> Neighbours:
        """Side by side or one above the other, all eight ordered pairs as likely, in each cell of ``(B, C, H, W)``."""
        pairs = torch.tensor([[0, 1], [0, 2], [1, 3], [2, 3], [1, 0], [2, 0], [3, 1], [3, 2]], device=y.device)
        shape = (len(y), 1, 1, y.shape[2] // 2, y.shape[3] // 2)
        which = torch.randint(len(pairs), shape, generator=generator, device=generator.device).to(y.device)
        return cls(*pairs[which].unbind(-1))

    def of(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The two images of half the size, ``(B, C, H/2, W/2)``; a last odd row or column is left out.

        Example:
            >>> cells = Neighbours(*(torch.full((1, 1, 1, 1, 1), n) for n in (0, 2)))
            >>> [half.item() for half in cells.of(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))]
            [1.0, 3.0]
        """
        even = y[..., : y.shape[2] // 2 * 2, : y.shape[3] // 2 * 2]
        folded = F.pixel_unshuffle(even, 2)
        cells = folded.view(len(y), y.shape[1], 4, *folded.shape[2:])
        first, second = (cells.gather(2, at.expand(-1, y.shape[1], -1, -1, -1))[:, :, 0] for at in self)
        return first, second


class Noise2NoiseTask(Task):
    """Learn from noisy images alone, such as :class:`~clearsight.training.NoisyPatches` cuts.

    Where a batch has targets, they are other shots of the same, and what is restored from one is compared with the
    other: with noise of mean zero, independent from shot to shot, the least squared error is at the clean image.
    Source: J. Lehtinen et al., "Noise2Noise", 2018.

    Single images are halved by taking two neighbours of each 2×2 cell, g₁(y) and g₂(y), and what is restored from one
    is compared with the other; as neighbours differ in more than their noise, γ times the square of f(g₁(y)) − g₂(y) −
    (g₁(f(y)) − g₂(f(y))) is added, no gradient going through f(y). γ grows from 0 over the training. Their noise has to
    be independent from pixel to pixel: what a camera has demosaiced or JPEG has smoothed is taken for structure and
    stays. Source: T. Huang et al., "Neighbor2Neighbor: Self-Supervised Denoising from Single Noisy Images", 2021.

    Validation needs no clean image either. PSNR against another noisy shot, or against noisy neighbours, has the noise
    of that in it: it says which of two restorers is the better one, not how good it is. Of shots with the same noise,
    half their squared difference is what that is, so the PSNR against the clean image is estimated besides.

    Args:
        restorer: the network.
        start: in its place a trained restorer to go on from, what ``clearsight.load`` takes.
        loss: of the restored and the noisy batch; the squared error if not given, for noise of mean zero.
        gamma: the last γ, of single images: more leaves less noise and less detail.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the neighbours.

    Raises:
        RecipeError: the restorer enlarges, or has to be told σ, which nobody knows here; neither ``restorer`` nor
            ``start`` is given.
    """

    units: Mapping[str, str] = {"noisy_psnr": "dB", "estimated_psnr": "dB"}
    mode: Literal["max", "min"] = "max"

    def __init__(
        self,
        *,
        restorer: nn.Module | None = None,
        start: str | None = None,
        loss: nn.Module | None = None,
        gamma: float = 2.0,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        network = started(restorer, start)
        super().__init__(network=network, optimizer=optimizer, schedule=schedule, seed=seed)
        self.loss, self.gamma, self.progress = loss or nn.MSELoss(), gamma, 0.0
        traits = cast(Restorer, network).traits
        if traits.scale != 1 or traits.sigma == "required":
            raise RecipeError(
                f"noisy images train a restorer that keeps their size and needs no σ; {type(network).__name__} "
                "does not: take ResidualUNet or Noise2NoiseUNet"
            )

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """How far training is, by the step alone."""
        self.progress = self.global_step / self.total
        if isinstance(self.loss, Annealed):
            self.loss.anneal(self.progress)

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch of shots and other shots, or of single images."""
        if batch.target is None:
            return self._neighbours(batch, generator)
        loss: Tensor = self.loss(self._restored(batch.x, batch), batch.target)
        return loss

    def _neighbours(self, batch: Batch, generator: torch.Generator) -> Tensor:
        cells = Neighbours.drawn(batch.x, generator)
        first, second = cells.of(batch.x)
        with torch.no_grad():
            left, right = cells.of(self._restored(batch.x, batch))
        x_hat = self._restored(first, batch)
        loss: Tensor = self.loss(x_hat, second)
        return loss + self.gamma * self.progress * (x_hat - second - (left - right)).square().mean()

    def _restored(self, y: Tensor, batch: Batch) -> Tensor:
        return restored(self.network, y, inputs=batch.inputs)

    def scores(self, batch: Batch, index: int) -> Scores:
        """PSNR in dB against what is noisy itself; of shots also what they estimate of it against the clean image."""
        if batch.target is None:
            generator = generator_for(self.seed, index, stream="validation", device=batch.x.device)
            first, second = Neighbours.drawn(batch.x, generator).of(batch.x)
            return {"noisy_psnr": {_NEIGHBOUR: psnr(self._restored(first, batch).float().clamp(0, 1), second)}}
        x_hat = self._restored(batch.x, batch).float().clamp(0, 1)
        errors = torch.stack([(x_hat - batch.target).square(), (batch.x - batch.target).square() / 2], 1).mean(
            (2, 3, 4)
        )
        return {"noisy_psnr": {_SHOT: psnr(x_hat, batch.target)}, "estimated_psnr": {_SHOT: errors}}

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """The mean; of what is estimated, the PSNR of the mean squared error that is left without that of the noise."""
        if metric != "estimated_psnr":
            return super().figure(metric, values)
        left = (values[:, 0] - values[:, 1]).mean()
        return -10 * left.clamp(min=_LEAST).log10()
