"""What things cost here, measured on the very nets and images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.util import find_spec

import torch

from clearsight.guarding.candidates import Candidates
from clearsight.guarding.judging import Lineup
from clearsight.guarding.planning import Rates
from clearsight.guarding.splits import to_judge
from clearsight.training.data import Data
from clearsight.training.fitting import Precision, check, pace
from clearsight.training.task import Task

__all__ = ["BM3D", "measured_rates"]

BM3D = "bm3d"
"""The baseline that is judged where there is time for it."""

_JUDGED = 4
"""Test images that judging is timed on."""


def measured_rates(candidates: Candidates, data: Data, precision: Precision) -> Rates:
    """Time a step of each training, a validation of all and the judging of an image; nothing is changed by it.

    Args:
        candidates: what is trained.
        data: what all of them are trained on.
        precision: of the products in training.

    Raises:
        ClearsightError: something does not go together; see :func:`~clearsight.training.fitting.check`.
    """
    tasks = _tasks(candidates)
    data.setup("fit")
    for task in tasks.values():
        check(task, data)
    seconds = {name: pace(task, data, steps=2, precision=precision) for name, task in tasks.items()}
    training = {name: seconds.pop(name) for name in ("separate", "guided")}
    validating = sum(_validation(task, data) for task in tasks.values())
    judging = _judging(candidates, ())
    with_bm3d = _judging(candidates, (BM3D,)) if find_spec(BM3D) else None
    bm3d = None if with_bm3d is None else max(with_bm3d - judging, 0.0)
    return Rates(training, seconds, validating, judging, bm3d)


def _tasks(candidates: Candidates) -> dict[str, Task]:
    tasks: dict[str, Task] = {"separate": candidates.separate(), "guided": candidates.guided()}
    if candidates.retrainable():
        tasks |= {"degraded": candidates.retrained(None), "restored": candidates.retrained(candidates.restorer)}
    return tasks


@torch.inference_mode()
def _validation(task: Task, data: Data) -> float:
    """Seconds, from those of the first batch."""
    batches = data.held_out()
    started = time.monotonic()
    task.eval().scores(batches[0].scaled(), 0)
    return (time.monotonic() - started) * sum(len(batch.x) for batch in batches) / len(batches[0].x)


def _judging(candidates: Candidates, baselines: Sequence[str]) -> float:
    """Seconds of a test image under all conditions."""
    images, restorer = to_judge(candidates.splits, candidates.recognizer, _JUDGED), candidates.restorer
    lineup = Lineup(
        recognizer=candidates.recognizer,
        restorers={"separate": restorer, "guided": restorer},
        retrained={"retrained on restored": (restorer, candidates.recognizer)},
        baselines=baselines,
        seed=candidates.seed,
    )
    started = time.monotonic()
    lineup.judge(images, candidates.conditions[0])
    return (time.monotonic() - started) * len(candidates.conditions) / len(images)
