"""What the networks make of test digits, in figures, and how sure these are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from scipy.stats import t
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch, Dataset
from clearsight.datasets.pairs import Pairs
from clearsight.degradations.language import parse
from clearsight.evaluation import loop
from clearsight.evaluation.results import Estimate, Row
from clearsight.experiments.islam2018.halves import CORRUPTION
from clearsight.metrics.metric import ERROR, PSNR, Metric, Outcome

__all__ = ["RECOGNIZERS", "judge", "metrics", "over_seeds", "read"]


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

_LOOKS = (_RMSE, _of_half(_RMSE, _squared), PSNR, _of_half(PSNR, PSNR.statistic))
"""Root mean squared error and PSNR over the whole and over the missing half."""

RECOGNIZERS = ("digits-conv", "digits-mlp")
"""Trained on clean digits alone; by the first one the claims are judged, the second is a witness."""


def _error(recognizer: str) -> Metric:
    """Its error, whatever logits come with the images."""
    network = weights.load_recognizer(recognizer)
    return replace(
        ERROR,
        key=f"error_{recognizer}",
        title=f"{recognizer}, error %",
        statistic=lambda outcome: ERROR.statistic(outcome._replace(logits=network(outcome.x_hat))),
    )


def metrics() -> list[Metric]:
    """How the images look, and the error of each recognizer."""
    return [*_LOOKS, *map(_error, RECOGNIZERS)]


def judge(digits: Dataset, restorers: Mapping[str, nn.Module], reader: nn.Module, *, seed: int) -> dict[str, Row]:
    """Every restorer on the same halves, what recognizers read in what comes of them, and in the originals.

    Args:
        digits: clean and labelled.
        restorers: by the names of their rows.
        reader: trained on halves; it reads them as they are.
        seed: of the noise.
    """
    judged = metrics()
    read = [metric for metric in judged if metric.recognizes]
    own = replace(ERROR, key=read[0].key)
    methods = {
        name: loop.Method(run=partial(_shown, network), metrics=judged)
        for name, network in {"input": nn.Identity(), **restorers}.items()
    } | {
        "classifier of halves": loop.Method(run=lambda batch: (batch.x, reader(batch.y)), metrics=[own], timed=False),
        "original": loop.Method(run=lambda batch: _labelled(batch.x), metrics=read, timed=False),
    }
    pairs = Pairs(digits, parse(CORRUPTION), seed=seed)
    with torch.inference_mode():
        return loop.judge(loop.batches(pairs, range(len(pairs))), methods, seed=seed)


def _shown(restorer: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    return _labelled(restorer(batch.y))


def _labelled(images: Tensor) -> tuple[Tensor, Tensor]:
    """With logits that say nothing: labels are handed on where there are any, and metrics bring their recognizers."""
    return images, images.new_zeros(len(images), 1)


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
