"""What methods make of noisy images, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch
from clearsight.evaluation import loop
from clearsight.evaluation.results import Row
from clearsight.experiments.chen2016.methods import Method
from clearsight.experiments.chen2016.triplets import Triplets
from clearsight.metrics.metric import ERROR, PSNR, Outcome

__all__ = ["Judged", "judge", "logits_of"]

PSNR_DIVIDED_BY_MAXIMUM = replace(
    PSNR,
    key="psnr_divided_by_maximum",
    convention="of each image divided by its maximum, as in the authors' release",
    statistic=lambda o: PSNR.statistic(o._replace(x_hat=_brightest(o.x_hat))),
)


class Judged(NamedTuple):
    """What a method makes of some images.

    Attributes:
        row: its figures.
        x_hat: the restored images.
        answers: the classes they are taken for, ``(N,)``.
    """

    row: dict[str, Any]
    x_hat: Tensor
    answers: Tensor


def judge(methods: Sequence[Method], images: Triplets, classifier: nn.Module) -> dict[str, Judged]:
    """Restore all images by each method and name them: by itself where it is a joint one, else by the classifier."""
    outcomes: dict[str, Outcome] = {}
    judged = {method.name: _judged(method, classifier) for method in methods}
    rows = loop.judge([_batch(images)], judged, seed=0, each=lambda batch, found: outcomes.update(found))
    found = [(method, outcomes[method.name]) for method in methods]
    return {m.name: Judged(_figures(m, rows[m.name]), o.x_hat, o.logits.argmax(1)) for m, o in found}


def _judged(method: Method, classifier: nn.Module) -> loop.Method:
    return loop.Method(
        run=lambda batch: method(cast(Tensor, batch.y)),
        recognizer=partial(logits_of, classifier),
        metrics=[PSNR, PSNR_DIVIDED_BY_MAXIMUM, ERROR],
    )


def _batch(images: Triplets) -> Batch:
    """All of them at once: what a Boltzmann machine draws depends on how many there are."""
    names = tuple(map(str, range(len(images.labels))))
    return Batch(x=images.clean, labels=images.labels, y=images.noisy, sigma=None, names=names)


def _figures(method: Method, row: Row) -> dict[str, Any]:
    return {
        "method": method.name,
        **{key: round(estimate.value, 3) for key, estimate in row.figures.items()},
        "training_seconds": round(method.seconds, 1),
        "seconds_per_image": round(cast(float, row.seconds), 6),
        "chosen": method.chosen,
    }


@torch.inference_mode()
def logits_of(classifier: nn.Module, images: Tensor) -> Tensor:
    """``(N, K)``, a thousand images at a time."""
    return torch.cat([classifier(chunk) for chunk in torch.split(images, 1000)])


def _brightest(x_hat: Tensor) -> Tensor:
    return x_hat / x_hat.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
