"""What one way of restoring gains over another in what is read, on the same degraded images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from clearsight.contracts import Batch, Dataset
from clearsight.datasets import Pairs
from clearsight.degradations import parse
from clearsight.evaluation.loop import Method, batches, judge
from clearsight.evaluation.results import Resampled, multiplicities
from clearsight.metrics.metric import Outcome
from clearsight.metrics.reading import edits

__all__ = ["compared"]


def compared(
    images: Dataset, degradation: str, methods: Mapping[str, Method], *, before: str, after: str, seed: int
) -> dict[str, Any]:
    """One table, and how many points of the character error rate of ``before`` the row ``after`` takes off."""
    gained = Resampled(lambda sums: 100 * (sums[..., 1] - sums[..., 2]) / sums[..., 0])

    def compare(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        worse, better = (edits(outcomes[name].read, batch.texts, unit="letters") for name in (before, after))
        gained.add(torch.cat([worse, better[:, 1:]], 1), multiplicities(batch.names, seed))

    pairs = Pairs(images, parse(degradation), seed=seed)
    rows = judge(batches(pairs, range(len(pairs))), methods, seed=seed, each=compare)
    points = gained.estimate()
    return {
        "rows": [row.as_json() for row in rows.values()],
        "gained": {"value": round(points.value, 4), "low": round(points.low, 4), "high": round(points.high, 4)},
    }
