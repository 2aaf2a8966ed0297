"""What the networks make of test digits, in figures, and how sure these are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import torch
from scipy.stats import t
from torch import Tensor, nn

from clearsight.contracts import Dataset
from clearsight.datasets.pairs import Pairs
from clearsight.degradations.language import parse
from clearsight.evaluation import loop
from clearsight.evaluation.results import Estimate, Row
from clearsight.experiments.islam2018.halves import CORRUPTION
from clearsight.metrics.metric import ERROR, PSNR, Metric, Outcome

__all__ = ["METRICS", "judge", "over_seeds", "read"]


def _squared(outcome: Outcome) -> Tensor:
    errors = (outcome.x_hat - outcome.x).square().mean((1, 2, 3))
    return torch.stack([torch.ones_like(errors), errors], dim=1)


def _half(outcome: Outcome) -> Outcome:
    """The missing rows alone."""
    missing = outcome.x.shape[2] // 2
    return outcome._replace(x_hat=outcome.x_hat[:, :, -missing:], x=outcome.x[:, :, -missing:])


def _of_half(metric: Metric, statistic: Callable[[Outcome], Tensor]) -> Metric:
    return replace(
        metric,
        key=f"{metric.key}_missing_half",
        title=f"{metric.title}, missing half",
        convention=f"{metric.convention}; the missing half alone",
        statistic=lambda outcome: statistic(_half(outcome)),
    )


_RMSE = Metric(
    "rmse",
    "RMSE",
    "root of the mean squared error of all pixels of all images, clipped to [0, 1]",
    4,
    False,
    _squared,
    lambda sums: (sums[..., 1] / sums[..., 0]).sqrt(),
)

METRICS = (_RMSE, _of_half(_RMSE, _squared), PSNR, _of_half(PSNR, PSNR.statistic), ERROR)
"""Root mean squared error and PSNR over the whole and over the missing half, and the error of a recognizer."""


def judge(
    digits: Dataset, restorers: Mapping[str, nn.Module], recognizer: nn.Module, reader: nn.Module, *, seed: int
) -> dict[str, Row]:
    """Every restorer on the same halves, what the recognizer reads in what comes of them, and in the originals.

    Args:
        digits: clean and labelled.
        restorers: by the names of their rows.
        recognizer: trained on clean digits.
        reader: trained on halves; it reads them as they are.
        seed: of the noise.
    """
    methods = {
        "input": _method(nn.Identity(), recognizer),
        **{name: _method(network, recognizer) for name, network in restorers.items()},
        "classifier of halves": loop.Method(
            run=lambda batch: (cast(Tensor, batch.y), reader(batch.y)), metrics=[ERROR], timed=False
        ),
        "original": loop.Method(run=lambda batch: (batch.x, None), recognizer=recognizer, metrics=[ERROR], timed=False),
    }
    pairs = Pairs(digits, parse(CORRUPTION), seed=seed)
    with torch.inference_mode():
        return loop.judge(loop.batches(pairs, range(len(pairs))), methods, seed=seed)


def _method(restorer: nn.Module, recognizer: nn.Module) -> loop.Method:
    return loop.Method(run=lambda batch: (restorer(batch.y), None), recognizer=recognizer, metrics=METRICS)


class Read(NamedTuple):
    """Some digits in one state, and what is recognized in them.

    Attributes:
        images: ``(N, 1, H, W)`` in [0, 1].
        classes: ``(N,)``.
    """

    images: Tensor
    classes: Tensor


@torch.inference_mode()
def read(states: Mapping[str, Tensor], recognizer: nn.Module) -> dict[str, Read]:
    """What a recognizer sees in every state."""
    clipped = {name: images.clamp(0, 1) for name, images in states.items()}
    return {name: Read(images, recognizer(images).argmax(1)) for name, images in clipped.items()}


def over_seeds(values: Sequence[float]) -> Estimate:
    """The mean over networks and its 95 % interval by Student's t; the value alone of one network.

    Example:
        >>> over_seeds([1.0, 2.0, 3.0]).low.__round__(2)
        -0.48
    """
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Estimate(mean, math.nan, math.nan)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half = float(t.ppf(0.975, len(values) - 1)) * spread / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)
