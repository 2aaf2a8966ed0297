"""Many files through one transform: reading, computing and writing overlap, and a bad file stops nothing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from clearsight.errors import InvalidArgumentError
from clearsight.images.stores import present
from clearsight.inference.jobs import Job
from clearsight.inference.steps import Also, Report, Steps, Transform, Work

__all__ = ["Report", "process"]

_PIXELS_IN_FLIGHT = 64_000_000
"""Pixels that may be read ahead or wait to be written; one larger image still passes, alone."""


class _PixelGate:
    """Lets work in until it holds so many pixels; what is larger than the gate passes alone."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._held = capacity, 0
        self._changed = threading.Condition()

    def try_enter(self, pixels: int) -> bool:
        with self._changed:
            fits = self._held == 0 or self._held + pixels <= self._capacity
            self._held += pixels if fits else 0
            return fits

    def enter(self, pixels: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.try_enter(pixels))

    def leave(self, pixels: int) -> None:
        with self._changed:
            self._held -= pixels
            self._changed.notify_all()


def process(
    jobs: Sequence[Job],
    transform: Transform,
    *,
    workers: int = 2,
    overwrite: bool = False,
    layer: str | None = None,
    also: Also | None = None,
) -> Iterator[Report]:
    """Run every job and report on each, in order.

    Outputs are written whole or not at all, so one that exists is whole, and is skipped unless ``overwrite``.
    ``transform`` runs on the calling thread, one picture at a time; ``workers`` threads read ahead of it, and as many
    write behind it. Memory is bounded by the pixels in flight, not by the number of files. A stack passes plane by
    plane, on the calling thread alone.

    Args:
        jobs: what to do.
        transform: from the picture read to the picture written, or to as many as the job has outputs.
        workers: threads that read, and threads that write; at least 1.
        overwrite: do jobs whose output exists.
        layer: of the files, where their format has layers.
        also: called on a writing thread with what was read and what was written first; not for stacks.

    Raises:
        InvalidArgumentError: ``workers`` is less than 1.
    """
    if workers < 1:
        raise InvalidArgumentError(f"workers must be at least 1, got {workers}")
    there = frozenset() if overwrite else present(target for job in jobs for target in job.targets)
    steps = Steps(transform=transform, overwrite=overwrite, layer=layer, also=also, present=there)
    gate = _PixelGate(_PIXELS_IN_FLIGHT)

    def store(work: Work) -> Report:
        try:
            return steps.store(work)
        finally:
            gate.leave(work.report.pixels)

    with _pool(workers) as readers, _pool(workers) as writers:
        writing: deque[Future[Report]] = deque()
        for work in _read_ahead(readers, steps, jobs, gate, workers):
            writing.append(writers.submit(store, steps.compute(work)))
            del work
            while writing and (writing[0].done() or len(writing) > 2 * workers):
                yield writing.popleft().result()
        while writing:
            yield writing.popleft().result()


def _read_ahead(
    pool: ThreadPoolExecutor, steps: Steps, jobs: Iterable[Job], gate: _PixelGate, depth: int
) -> Iterator[Work]:
    """Pictures in order, read by the pool; what is read and not yet written is held in the gate.

    Only this thread enters the gate, in order, and it never waits there for a picture that waits for this thread.
    """
    waiting: deque[Future[Work]] = deque()
    for work in _examined(pool, steps, jobs, depth):
        pixels, entered = work.report.pixels, False
        while waiting and not (entered := len(waiting) <= depth and gate.try_enter(pixels)):
            yield waiting.popleft().result()
        if not entered:
            gate.enter(pixels)
        waiting.append(pool.submit(steps.load, work))
        del work
    while waiting:
        yield waiting.popleft().result()


def _examined(pool: ThreadPoolExecutor, steps: Steps, jobs: Iterable[Job], depth: int) -> Iterator[Work]:
    """Headers in order, a few ahead: what lies elsewhere is fetched for them."""
    waiting: deque[Future[Work]] = deque()
    for job in jobs:
        waiting.append(pool.submit(steps.examine, job))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool whose waiting work is dropped when the caller stops early, by an error or by Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
