"""Digits, the networks that are trained on them, and the one loop that judges these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch
from clearsight.datasets.mnist import MNIST
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import Subset, take
from clearsight.degradations.language import parse
from clearsight.evaluation import loop
from clearsight.evaluation.results import Row
from clearsight.experiments.chen2016.cache import Cache
from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.fleuret_dlc.budgets import BUDGETS
from clearsight.metrics.metric import ERROR, PSNR, SSIM, Metric
from clearsight.objectives.squares import HalfSumOfSquares
from clearsight.restorers.autoencoder import DeepAutoencoder
from clearsight.restorers.residual_unet import ResidualUNet
from clearsight.seeds import generator_for
from clearsight.training.fine_tuning import OptimizerName, fine_tune

__all__ = ["Trained", "Trainer", "batches", "judge", "pixels", "test_digits"]

_AT_ONCE = 250
_HELD_BACK = 2500
"""Of the 5,000 validation digits, those that the preset ``smoke`` is judged by: it trains on the others."""


class Trained(NamedTuple):
    """A network and the seconds that its training took."""

    net: nn.Module
    seconds: float


def test_digits(config: RunConfig) -> Subset:
    """What is judged by: test digits from the first one on; of the preset ``smoke`` held-out training digits."""
    n = BUDGETS[config.preset].tests
    if config.preset == "smoke":
        return _half(1, n)
    test = MNIST(part="test")
    return Subset(test, range(len(test))[:n])


def _half(start: int, n: int | None) -> Subset:
    val = MNIST(part="val")
    half = Subset(val, range(start, len(val), 2))
    return half if n is None else Subset(val, [half.indices[i] for i in take(half, n).indices])


def pixels(config: RunConfig) -> Tensor:
    """What is trained on, ``(N, 1, 28, 28)``; of the preset ``smoke`` the other half of the held-out digits."""
    n = BUDGETS[config.preset].digits
    if config.preset == "smoke":
        chosen = _half(0, n)
    else:
        train = MNIST(part="train")
        chosen = Subset(train, range(len(train))[:n])
    return torch.stack([chosen[index].x for index in range(len(chosen))])


class Trainer:
    """Trains networks to undo a degradation, and keeps what it has trained.

    Args:
        degradation: how digits are degraded, anew in every batch.
        config: preset, seed, and where to keep and report.
    """

    def __init__(self, degradation: str, config: RunConfig) -> None:
        self.degradation, self.config, self.budget = parse(degradation), config, BUDGETS[config.preset]
        name = degradation.replace(" ", "").replace("|", "-")
        self._cache = Cache(config.runs / "fleuret_dlc" / f"{config.preset}-{config.seed}" / name)

    def lecture(self) -> Trained:
        """The lecture's deep autoencoder by its loss."""
        budget = self.budget
        return self.train("lecture", DeepAutoencoder, HalfSumOfSquares(), budget.optimizer, batch=budget.batch)

    def residual(self, epochs: int | None = None) -> Trained:
        """Our network, by the mean squared error; Muon."""
        make = partial(ResidualUNet, channels=1, widths=[24, 96], blocks=[1, 3])
        return self.train("residual-unet", make, nn.MSELoss(), "muon", batch=64, epochs=epochs)

    def train(
        self,
        name: str,
        make: Callable[[], nn.Module],
        loss: nn.Module,
        optimizer: OptimizerName,
        *,
        batch: int,
        epochs: int | None = None,
    ) -> Trained:
        """A network trained by a loss of restored and clean digits, whose weights are trained along.

        Args:
            name: that it is kept under.
            make: the network as training begins.
            loss: of ``(B, 1, 28, 28)``, restored and clean.
            optimizer: of :func:`~clearsight.training.fine_tuning.fine_tune`.
            batch: digits a step.
            epochs: passes over the digits, where not the budget's.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            net = make()
        epochs = epochs or self.budget.epochs
        terms = f"{name}, {loss}, {self.degradation}, {self.budget.digits} digits, {epochs} × {batch}, {optimizer}"

        def train() -> None:
            digits, generator = pixels(self.config), self._generator(name, "noise")
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

            def objective(rows: Tensor) -> Tensor:
                y = self.degradation(digits[rows], generator=generator)
                value: Tensor = loss(net(y.contiguous(memory_format=torch.channels_last)), digits[rows])
                return value

            run = fine_tune(
                [*net.parameters(), *loss.parameters()],
                objective,
                len(digits),
                epochs=epochs,
                batch=batch,
                optimizer=optimizer,
                generator=self._generator(name, "order"),
            )
            for epoch, value in enumerate(run, 1):
                self.config.report(f"{self.degradation}: {name}, pass {epoch} of {epochs}, loss {value:.4f}")

        return Trained(net, self._cache.fill(name, net, train, terms=terms))

    def _generator(self, name: str, what: str) -> torch.Generator:
        return generator_for(self.config.seed, 0, stream=f"fleuret_dlc/{self.degradation}/{name}/{what}")


def batches(digits: Subset, degradation: str, seed: int) -> Iterator[Batch]:
    """Digits with what a degradation makes of them, which depends on their names alone."""
    pairs = Pairs(digits, parse(degradation), seed=seed)
    for at in range(0, len(digits), _AT_ONCE):
        yield from loop.batches(pairs, range(at, min(at + _AT_ONCE, len(digits))))


def judge(
    digits: Subset,
    degradation: str,
    methods: Mapping[str, Callable[[Tensor], Tensor]],
    config: RunConfig,
    *,
    metrics: Sequence[Metric] = (PSNR, SSIM, ERROR),
) -> dict[str, Row]:
    """How degraded digits look restored, and what the shipped recognizer of clean digits makes of them."""
    recognizer = weights.load_recognizer("digits-conv")

    def made(restore: Callable[[Tensor], Tensor]) -> loop.Method:
        return loop.Method(
            run=lambda batch: (restore(cast(Tensor, batch.y)), None),
            recognizer=cast(Callable[[Tensor], Tensor], recognizer),
            metrics=metrics,
        )

    with torch.inference_mode():
        return loop.judge(
            batches(digits, degradation, config.seed),
            {name: made(restore) for name, restore in methods.items()},
            seed=config.seed,
        )


def figures(row: Row) -> dict[str, Any]:
    """A row for JSON: each figure with its 95 % interval."""
    return {
        key: {"value": round(one.value, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
        for key, one in row.figures.items()
    }
