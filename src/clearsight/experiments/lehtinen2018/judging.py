"""How networks restore test images, and how much of it hangs on their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch, Dataset
from clearsight.datasets.pairs import Pairs
from clearsight.degradations.language import parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.evaluation.results import Row
from clearsight.inference.engine import Engine
from clearsight.metrics.metric import PSNR, Metric, Outcome
from clearsight.metrics.pixels import psnr

__all__ = ["CONTRAST", "Judged", "difference", "judged"]


def _moments(outcome: Outcome) -> Tensor:
    """Of each image the sums of 1, x, x², x_hat and x·x_hat, in thousands of pixels."""
    x, x_hat = outcome.x.flatten(1).double(), outcome.x_hat.flatten(1).double()
    return torch.stack([torch.ones_like(x), x, x.square(), x_hat, x * x_hat], 1).sum(2) / 1000


def _slope(sums: Tensor) -> Tensor:
    n, x, squares, x_hat, products = sums.unbind(-1)
    return (products / n - x * x_hat / n**2) / (squares / n - (x / n).square())


CONTRAST = Metric(
    "contrast",
    "contrast",
    "slope of the straight line that fits restored pixels over original ones, all pixels of all images; 1 is unbiased, "
    "below 1 what is restored is drawn to grey",
    3,
    False,
    _moments,
    _slope,
)


class Judged(NamedTuple):
    """What came of some images.

    Attributes:
        rows: by the names of the methods; ``"degraded"`` is what they were shown.
        psnr: of each image in dB, by the names of the methods.
    """

    rows: dict[str, Row]
    psnr: dict[str, list[float]]


def judged(dataset: Dataset, degradation: str, networks: Mapping[str, nn.Module], *, seed: int) -> Judged:
    """Every network on the same degraded images."""
    metrics, each = [PSNR, CONTRAST], dict[str, list[float]]()
    methods = {"degraded": method_of(metrics)}
    methods |= {name: method_of(metrics, engine=Engine(network)) for name, network in networks.items()}

    def keep(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        for name, outcome in outcomes.items():
            each.setdefault(name, []).extend(psnr(outcome.x_hat, outcome.x).tolist())

    pairs = Pairs(dataset, parse(degradation), seed=seed)
    return Judged(judge(batches(pairs, range(len(pairs))), methods, seed=seed, each=keep), each)


def difference(first: list[float], second: list[float]) -> dict[str, float]:
    """The mean of first − second over images, with its 95 % interval; both were shown the same ones."""
    values = torch.tensor(first, dtype=torch.float64) - torch.tensor(second, dtype=torch.float64)
    mean, half = values.mean(), 1.96 * values.std() / len(values) ** 0.5
    return {
        "value": round(mean.item(), 4),
        "low": round((mean - half).item(), 4),
        "high": round((mean + half).item(), 4),
    }
