"""What a model's card says it can do: its score on the held-out images, in full and in half precision."""

from __future__ import annotations

from typing import Any

import torch

from clearsight.training.batch import Batch
from clearsight.training.data import Data
from clearsight.training.task import Task

__all__ = ["measure"]

Figures = dict[str, dict[str, float]]
"""Metric → condition → figure of all images."""


@torch.inference_mode()
def measure(task: Task, data: Data) -> dict[str, Any]:
    """Each metric over the held-out images under each condition, and by how much bfloat16 moves it.

    Returns:
        ``{"images", METRIC: {condition: value}, …, "bfloat16_change"}``, the last one the largest change of any value.
    """
    task.eval()
    batches = [batch.scaled() for batch in data.held_out()]
    full = _figures(task, batches, torch.float32)
    half = _figures(task, batches, torch.bfloat16)
    return {
        "images": sum(len(batch.x) for batch in batches),
        **{metric: {condition: round(v, 3) for condition, v in values.items()} for metric, values in full.items()},
        "bfloat16_change": round(_largest_change(full, half), 4),
    }


def _largest_change(before: Figures, after: Figures) -> float:
    changes = [after[metric][condition] - v for metric, values in before.items() for condition, v in values.items()]
    return max(changes, key=lambda change: abs(change))


def _figures(task: Task, batches: list[Batch], dtype: torch.dtype) -> Figures:
    device = next(task.parameters()).device
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        rows = [task.scores(_on(batch, device), index) for index, batch in enumerate(batches)]
    return {
        metric: {
            condition: float(task.figure(metric, torch.cat([row[metric][condition] for row in rows])))
            for condition in conditions
        }
        for metric, conditions in rows[0].items()
    }


def _on(batch: Batch, device: torch.device) -> Batch:
    return Batch(batch.x.to(device), None if batch.labels is None else batch.labels.to(device))
