"""What a model's card says it can do: PSNR on the held-out images, in full and in half precision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from clearsight.degradations import Pipeline
from clearsight.training.data import Patches
from clearsight.training.task import RestorationTask

__all__ = ["measure"]


@torch.inference_mode()
def measure(task: RestorationTask, data: Patches) -> dict[str, Any]:
    """Mean PSNR over the held-out images for each validation degradation, and by how much bfloat16 moves it.

    Returns:
        ``{"images", "psnr": {degradation: dB}, "bfloat16_change": dB}``, the last one the largest change of a row.
    """
    task.eval()
    images = [image / 255 for image in data.val_dataloader()]
    full = [_mean_psnr(task, images, degradation, torch.float32) for degradation in task.validation]
    half = [_mean_psnr(task, images, degradation, torch.bfloat16) for degradation in task.validation]
    return {
        "images": len(images),
        "psnr": {str(degradation): round(value, 3) for degradation, value in zip(task.validation, full, strict=True)},
        "bfloat16_change": round(_largest(b - a for a, b in zip(full, half, strict=True)), 4),
    }


def _largest(changes: Iterable[float]) -> float:
    return max(changes, key=lambda change: abs(change))


def _mean_psnr(task: RestorationTask, images: list[Tensor], degradation: Pipeline, dtype: torch.dtype) -> float:
    device = next(task.parameters()).device
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        values = [float(task.validation_psnr(x.to(device), degradation, index)) for index, x in enumerate(images)]
    return sum(values) / len(values)
