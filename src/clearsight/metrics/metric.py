"""Figures of whole data sets: how restored images look, and what a recognizer makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import RecognitionTraits
from clearsight.metrics.pixels import psnr, ssim
from clearsight.metrics.reading import edits
from clearsight.metrics.recognition import calibration_error, calibration_statistic, confusion, hit, mean_iou

__all__ = [
    "CALIBRATION",
    "CER",
    "ERROR",
    "EXACT",
    "MIOU",
    "PSNR",
    "SSIM",
    "TOP5",
    "WER",
    "Metric",
    "Outcome",
    "recognition_metrics",
    "restoration_metrics",
]

EXACT = 58.92
"""dB that count at most, those of rounding to 8 bits, 10·log10(12·255²): the PSNR of an exact image has no bound."""

_WINDOW = 11
"""Height and width of the window of SSIM, in pixels."""


class Outcome(NamedTuple):
    """What came of a batch.

    Attributes:
        x_hat: ``(B, C, H, W)``, restored and clipped.
        x: the reference.
        logits: of a recognizer, for ``x_hat``.
        labels: what is to be recognized, ``(B,)`` or ``(B, H, W)``.
        read: by a reader, the text in each.
        texts: what is to be read.
    """

    x_hat: Tensor
    x: Tensor
    logits: Tensor
    labels: Tensor
    read: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a whole data set, made of a sum over its images.

    Attributes:
        key: in JSON.
        title: in tables, with the unit.
        convention: what exactly is measured.
        digits: after the point, in tables.
        recognizes: whether it takes a recognizer, and no reference.
        statistic: of a batch, ``(B, D)``.
        value: of the sum of the statistic, ``(…, D)``, the figure ``(…)``.
    """

    key: str
    title: str
    convention: str
    digits: int
    recognizes: bool
    statistic: Callable[[Outcome], Tensor]
    value: Callable[[Tensor], Tensor]


def _counted(values: Tensor) -> Tensor:
    return torch.stack([torch.ones_like(values), values], dim=1)


def _mean(sums: Tensor) -> Tensor:
    return sums[..., 1] / sums[..., 0]


def _percent_missed(sums: Tensor) -> Tensor:
    return 100 * (1 - _mean(sums))


def _percent_changed(sums: Tensor) -> Tensor:
    return 100 * _mean(sums)


def _ssim(outcome: Outcome) -> Tensor:
    """Images that the window does not fit in count for nothing."""
    if min(outcome.x.shape[2:]) < _WINDOW:
        return torch.zeros(len(outcome.x), 2)
    return _counted(ssim(outcome.x_hat, outcome.x))


PSNR = Metric(
    "psnr",
    "PSNR dB",
    "of each image clipped to [0, 1], peak 1, over all channels, at most 58.92 (8-bit rounding); mean over images",
    2,
    False,
    lambda o: _counted(psnr(o.x_hat, o.x).clamp(max=EXACT)),
    _mean,
)
SSIM = Metric(
    "ssim",
    "SSIM",
    "11×11 Gaussian window, σ 1.5, where it lies inside the image; each channel by itself; mean over images it fits in",
    3,
    False,
    _ssim,
    _mean,
)
ERROR = Metric(
    "error",
    "error %",
    "share of images whose class has not the largest logit",
    2,
    True,
    lambda o: _counted(hit(o.logits, o.labels)),
    _percent_missed,
)
TOP5 = Metric(
    "top5_error",
    "top-5 error %",
    "share of images whose class is not among the five largest logits",
    2,
    True,
    lambda o: _counted(hit(o.logits, o.labels, 5)),
    _percent_missed,
)
CALIBRATION = Metric(
    "calibration_error",
    "ECE %",
    "expected calibration error of the confidence, 15 bins",
    2,
    True,
    lambda o: calibration_statistic(o.logits, o.labels),
    lambda sums: 100 * calibration_error(sums),
)
MIOU = Metric(
    "miou",
    "mIoU %",
    "intersection over union of the whole set's pixels, mean over classes; void pixels left out",
    2,
    True,
    lambda o: confusion(o.logits, o.labels),
    lambda sums: 100 * mean_iou(sums),
)
CER = Metric(
    "cer",
    "CER %",
    "letters to insert, delete or change, of all letters; line ends and spaces are one space, Unicode is NFKC",
    2,
    True,
    lambda o: edits(o.read, o.texts, unit="letters"),
    _percent_changed,
)
WER = Metric(
    "wer",
    "WER %",
    "words to insert, delete or change, of all words",
    2,
    True,
    lambda o: edits(o.read, o.texts, unit="words"),
    _percent_changed,
)


def restoration_metrics(height: int, width: int) -> list[Metric]:
    """How images of that size look: PSNR, and SSIM where its window fits."""
    return [PSNR, SSIM] if min(height, width) >= _WINDOW else [PSNR]


def recognition_metrics(traits: RecognitionTraits) -> list[Metric]:
    """What a recognizer of that kind makes of them; among ten classes or fewer, the five largest say nothing."""
    if traits.task == "read":
        return [CER, WER]
    if traits.task == "segment":
        return [MIOU]
    return [ERROR, TOP5, CALIBRATION] if len(traits.classes) > 10 else [ERROR, CALIBRATION]
