"""Train a restorer of Monte Carlo renders, on targets that may be as noisy as its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight.contracts import Batch, Restorer
from clearsight.errors import RecipeError
from clearsight.metrics.pixels import psnr
from clearsight.objectives.noisy import HDRLoss
from clearsight.restorers.padding import restored
from clearsight.restorers.render import tone_mapped
from clearsight.training.data import Data
from clearsight.training.initialization import started
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores, Task

__all__ = ["RenderTask"]

_TARGET = "the targets held out, tone-mapped"


class RenderTask(Task):
    """Regress one render from another of the same room, as ``clearsight.datasets.Renders`` pairs them.

    The noise of a path tracer has mean 0, so targets that are as noisy as the inputs lead to the same restorer as clean
    ones. Each image of a batch is made brighter or darker, its colours change places, and its albedo and normals are
    left out now and then, so that a few rooms teach more and a restorer does without them. Source: J. Lehtinen et al.,
    "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018, section 3.3; these draws are ours.

    Args:
        restorer: the network, of linear light.
        start: in its place a trained restorer to go on from, what ``clearsight.load`` takes.
        loss: of the restored batch and its targets, both linear; :class:`~clearsight.objectives.HDRLoss` if not given.
        tone_mapped: compare restored and targets as they are shown, T(x_hat) and T(x). Single bright paths weigh little
            so, and training is faster; but E[T(x)] is not T(E[x]), and noisy targets lead to what is a little darker
            than right: the less, the more samples they have.
        stops: light is multiplied by 2^−stops to 2^stops.
        blind: how often the albedo is left out, and, by itself, the normal.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of these draws.

    Raises:
        RecipeError: the restorer takes no linear light; neither ``restorer`` nor ``start`` is given.
    """

    units: Mapping[str, str] = {"psnr": "dB"}
    mode: Literal["max", "min"] = "max"

    def __init__(
        self,
        *,
        restorer: nn.Module | None = None,
        start: str | None = None,
        loss: nn.Module | None = None,
        tone_mapped: bool = False,
        stops: float = 2.0,
        blind: float = 0.15,
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        network = started(restorer, start)
        super().__init__(network=network, optimizer=optimizer, schedule=schedule, seed=seed)
        self.loss, self.tone_mapped, self.stops, self.blind = loss or HDRLoss(), tone_mapped, stops, blind
        if not cast(Restorer, network).traits.linear:
            raise RecipeError(
                f"renders train a restorer of linear light, and {type(network).__name__} takes [0, 1]: take RenderUNet"
            )

    def check(self, data: Data) -> None:
        """Renders come in pairs.

        Raises:
            RecipeError: the data has no targets.
        """
        if data.draw(0).target is None:
            raise RecipeError(
                "renders are trained on in pairs, and these images have no targets: take datasets.Renders"
            )

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch, each of its images lit, coloured and guided by a draw of its own."""
        drawn = self._varied(batch, generator)
        pair = restored(self.network, drawn.x, inputs=drawn.inputs), drawn.reference
        loss: Tensor = self.loss(*map(tone_mapped, pair)) if self.tone_mapped else self.loss(*pair)
        return loss

    def _varied(self, batch: Batch, generator: torch.Generator) -> Batch:
        n, device = len(batch.x), generator.device
        gains = 2 ** (self.stops * (2 * torch.rand(n, 1, 1, 1, generator=generator, device=device) - 1))
        order = torch.rand(n, 3, generator=generator, device=device).argsort(1)[:, :, None, None]
        kept = torch.rand(2, n, 1, 1, 1, generator=generator, device=device) >= self.blind
        gains, order, kept = (each.to(batch.x.device) for each in (gains, order, kept))

        def coloured(values: Tensor) -> Tensor:
            return values.take_along_dim(order, 1)

        inputs = {"albedo": coloured(batch.inputs["albedo"]) * kept[0], "normal": batch.inputs["normal"] * kept[1]}
        target = coloured(batch.reference) * gains
        return batch._replace(x=coloured(batch.x) * gains, target=target, inputs=inputs)

    def scores(self, batch: Batch, index: int) -> Scores:
        """PSNR of each image in dB, tone-mapped, against its target: of a noisy one it has the noise in it."""
        x_hat = restored(self.network, batch.x, inputs=batch.inputs).float()
        return {"psnr": {_TARGET: psnr(tone_mapped(x_hat), tone_mapped(batch.reference))}}
