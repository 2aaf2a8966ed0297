"""What a method makes of noisy images, in figures."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from clearsight.experiments.chen2016.methods import Method
from clearsight.experiments.chen2016.triplets import Triplets
from clearsight.metrics import psnr
from clearsight.metrics.metric import EXACT

__all__ = ["Judged", "judge", "logits_of"]


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


def judge(method: Method, images: Triplets, classifier: nn.Module) -> Judged:
    """Restore all images and name them: by the method itself where it is a joint one, else by the classifier."""
    started = time.monotonic()
    x_hat, logits = method(images.noisy)
    seconds = (time.monotonic() - started) / len(x_hat)
    x_hat = x_hat.clamp(0, 1)
    answers = (logits_of(classifier, x_hat) if logits is None else logits).argmax(1)
    brightest = x_hat / x_hat.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
    row = {
        "method": method.name,
        "psnr": round(_mean_psnr(x_hat, images.clean), 3),
        "psnr_divided_by_maximum": round(_mean_psnr(brightest, images.clean), 3),
        "error": round(100 * float((answers != images.labels).float().mean()), 3),
        "training_seconds": round(method.seconds, 1),
        "seconds_per_image": round(seconds, 6),
        "chosen": method.chosen,
    }
    return Judged(row, x_hat, answers)


@torch.inference_mode()
def logits_of(classifier: nn.Module, images: Tensor) -> Tensor:
    """``(N, K)``, a thousand images at a time."""
    return torch.cat([classifier(chunk) for chunk in torch.split(images, 1000)])


def _mean_psnr(x_hat: Tensor, x: Tensor) -> float:
    return float(psnr(x_hat, x).clamp(max=EXACT).mean())
