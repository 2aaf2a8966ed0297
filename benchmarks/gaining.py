"""What one way of restoring gains over another in what is read, on the same degraded images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearsight.contracts import Dataset
from clearsight.datasets import Pairs
from clearsight.degradations import parse
from clearsight.evaluation.loop import Method, batches, judge

__all__ = ["compared"]


def compared(
    images: Dataset, degradation: str, methods: Mapping[str, Method], *, before: str, after: str, seed: int
) -> dict[str, Any]:
    """One table, and how many points of the character error rate of ``before`` the row ``after`` takes off."""
    pairs = Pairs(images, parse(degradation), seed=seed)
    rows = judge(batches(pairs, range(len(pairs))), methods, seed=seed)
    points = rows[before].figures["cer"].minus(rows[after].figures["cer"])
    return {
        "rows": [row.as_json() for row in rows.values()],
        "gained": {"value": round(points.value, 4), "low": round(points.low, 4), "high": round(points.high, 4)},
    }
