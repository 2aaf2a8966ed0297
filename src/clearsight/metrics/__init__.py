"""How an image looks and what can be recognized in it, in numbers."""

from clearsight.vision import torchvision

torchvision()  # before torchmetrics, which imports it as it is

from clearsight.metrics.luma import luma, luma_metrics  # noqa: E402
from clearsight.metrics.metric import Metric, Outcome  # noqa: E402
from clearsight.metrics.pixels import psnr, ssim  # noqa: E402
from clearsight.metrics.reading import edits  # noqa: E402
from clearsight.metrics.recognition import (  # noqa: E402
    calibration_error,
    calibration_statistic,
    confusion,
    departure,
    hit,
    mean_iou,
)

__all__ = [
    "Metric",
    "Outcome",
    "calibration_error",
    "calibration_statistic",
    "confusion",
    "departure",
    "edits",
    "hit",
    "luma",
    "luma_metrics",
    "mean_iou",
    "psnr",
    "ssim",
]
