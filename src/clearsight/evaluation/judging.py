"""One row of the table in the making."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from clearsight.evaluation.results import Resampled, Row
from clearsight.evaluation.stream import Chunk
from clearsight.inference import Engine, Reader
from clearsight.metrics.metric import Metric, Outcome

__all__ = ["Judge"]


class Judge:
    """Restores chunk after chunk in one way and keeps the sums of what came of it.

    Args:
        name: of the row.
        metrics: what to judge.
        engine: restores; without one the images are judged as they are.
        reader: recognizes, where a metric asks for it.
        clean: judge the clean images, not the degraded ones.
    """

    def __init__(
        self,
        name: str,
        metrics: Sequence[Metric],
        *,
        engine: Engine | None = None,
        reader: Reader | None = None,
        clean: bool = False,
    ) -> None:
        self.name, self.metrics = name, metrics
        self._engine, self._reader, self._clean = engine, reader, clean
        self._seconds, self._images = 0.0, 0
        self._sums = [Resampled(metric.value) for metric in metrics]

    def __call__(self, chunk: Chunk, times: Tensor) -> Outcome:
        """Judge some images; ``times`` are their multiplicities, ``(B, R)``."""
        x_hat = self._restored(chunk).clamp(0, 1)
        logits, labels = torch.empty(0), torch.empty(0)
        if self._reader is not None:
            logits, labels = self._reader.logits(x_hat), chunk.labels()
        outcome = Outcome(x_hat, chunk.x, logits, labels)
        for metric, sums in zip(self.metrics, self._sums, strict=True):
            sums.add(metric.statistic(outcome), times)
        self._images += len(chunk.samples)
        return outcome

    def _restored(self, chunk: Chunk) -> Tensor:
        if self._engine is None:
            return chunk.x if self._clean else chunk.y
        started = time.perf_counter()
        restored = self._engine.restore_batch(chunk.y, None if self._engine.traits.sigma == "blind" else chunk.sigma)
        self._seconds += time.perf_counter() - started
        return restored

    def row(self) -> Row:
        """What has come of all images so far."""
        figures = {c.key: sums.estimate() for c, sums in zip(self.metrics, self._sums, strict=True)}
        return Row(self.name, figures, None if self._engine is None else self._seconds / self._images)
