"""Many files through one transform: reading, computing and writing overlap, and a bad file stops nothing."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from clearsight.errors import ClearsightError, ImageWriteError, InvalidArgumentError
from clearsight.images.files import ImageFile, check_fits, check_writable, open_image, rewrite_planes, write
from clearsight.images.picture import Picture
from clearsight.inference.jobs import Job

__all__ = ["Report", "process"]

T = TypeVar("T")

_PIXELS_IN_FLIGHT = 64_000_000
"""Pixels that may be read ahead or wait to be written; one larger image still passes, alone."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one job: done, skipped because its output was there, or failed with a message.

    Attributes:
        job: which.
        pixels: of the input.
        skipped: its output was there already.
        error: why it failed.
        notes: what its file held and the result does not, a clause each.
    """

    job: Job
    pixels: int = 0
    skipped: bool = False
    error: str | None = None
    notes: tuple[str, ...] = ()


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
    jobs: Iterable[Job],
    transform: Callable[[Job, Picture], Picture | Sequence[Picture]],
    *,
    workers: int = 2,
    overwrite: bool = False,
    layer: str | None = None,
    also: Callable[[Job, Picture, Picture], None] | None = None,
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
    gate = _PixelGate(_PIXELS_IN_FLIGHT)

    def store(report: Report, before: Picture, after: Sequence[Picture]) -> Report:
        try:
            stored, left_out = _attempt(report, lambda: _store(report, before, after, also))
            return replace(stored, notes=stored.notes + (left_out or ()))
        finally:
            gate.leave(report.pixels)

    with _pool(workers) as readers, _pool(workers) as writers:
        writing: deque[Future[Report]] = deque()
        examined = (_examine(job, overwrite, layer) for job in jobs)
        for report, content in _read_ahead(readers, examined, gate, workers):
            after = None
            if isinstance(content, ImageFile):
                report, notes = _attempt(report, partial(_restack, report.job, content, transform))
                report = replace(report, notes=notes or ())
            elif content is not None:
                report, after = _attempt(report, partial(_several, transform, report.job, content))
                report = replace(report, notes=after[-1].notes if after else content.notes)
            if after is None or not isinstance(content, Picture):
                gate.leave(report.pixels)
                writing.append(_finished(report))
            else:
                writing.append(writers.submit(store, report, content, after))
            content = after = None
            while writing and (writing[0].done() or len(writing) > 2 * workers):
                yield writing.popleft().result()
        while writing:
            yield writing.popleft().result()


def _examine(job: Job, overwrite: bool, layer: str | None) -> tuple[Report, ImageFile | None]:
    """Look at names and header alone: what cannot be done is found before any work."""

    def header() -> ImageFile | None:
        if all(target.exists() for target in job.targets) and not overwrite:
            return None
        check_writable(job.target)
        file = open_image(job.source, layer=layer)
        _make_writable(job.target.parent)
        return file

    report, file = _attempt(Report(job), header)
    pixels = file.header.width * file.header.height if file else 0
    return replace(report, pixels=pixels, skipped=file is None and report.error is None), file


def _read_ahead(
    pool: ThreadPoolExecutor, examined: Iterable[tuple[Report, ImageFile | None]], gate: _PixelGate, depth: int
) -> Iterator[tuple[Report, Picture | ImageFile | None]]:
    """Pictures in order, read by the pool; what is read and not yet written is held in the gate.

    Only this thread enters the gate, in order, and it never waits there for a picture that waits for this thread.
    """
    waiting: deque[Future[tuple[Report, Picture | ImageFile | None]]] = deque()
    for report, file in examined:
        entered = False
        while waiting and not (entered := len(waiting) <= depth and gate.try_enter(report.pixels)):
            yield waiting.popleft().result()
        if not entered:
            gate.enter(report.pixels)
        waiting.append(pool.submit(_load, report, file))
    while waiting:
        yield waiting.popleft().result()


def _load(report: Report, file: ImageFile | None) -> tuple[Report, Picture | ImageFile | None]:
    """The picture, or a stack as it is: its planes are read as they are needed."""
    if file is None or file.header.planes > 1:
        return report, file

    def fitting() -> Picture:
        picture = file.read()
        check_fits(picture, report.job.target)
        return picture

    return _attempt(report, fitting)


def _several(
    transform: Callable[[Job, Picture], Picture | Sequence[Picture]], job: Job, picture: Picture
) -> Sequence[Picture]:
    result = transform(job, picture)
    return [result] if isinstance(result, Picture) else result


def _restack(
    job: Job, file: ImageFile, transform: Callable[[Job, Picture], Picture | Sequence[Picture]]
) -> tuple[str, ...]:
    """Restore a stack plane by plane, and tell what its planes lost."""
    if job.others:
        raise InvalidArgumentError(f"{job.source} is a stack, of which one result is made: extract the planes first")
    notes: dict[str, None] = {}

    def planes() -> Iterator[Picture]:
        for plane in file.planes():
            (result,) = _several(transform, job, plane)
            notes.update(dict.fromkeys(result.notes))
            yield result

    rewrite_planes(file, planes(), job.target)
    return tuple(notes)


def _store(
    report: Report,
    before: Picture,
    after: Sequence[Picture],
    also: Callable[[Job, Picture, Picture], None] | None,
) -> tuple[str, ...]:
    left_out = [write(picture, target) for picture, target in zip(after, report.job.targets, strict=True)]
    if also is not None:
        also(report.job, before, after[0])
    return left_out[0]


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageWriteError(f"the folder {folder} cannot be made: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK):
        raise ImageWriteError(f"the folder {folder} cannot be written to: change its permissions, or choose another")


def _attempt(report: Report, work: Callable[[], T]) -> tuple[Report, T | None]:
    """Do the work; where it fails in a way we foresee, the report says so."""
    try:
        return report, work()
    except ClearsightError as error:
        return replace(report, error=str(error)), None
    except MemoryError:
        return replace(report, error=f"there is not enough memory for {report.job.source}: give a smaller tile"), None
    except OSError as error:
        return replace(report, error=f"{error.filename or report.job.source}: {error.strerror or error}"), None


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool whose waiting work is dropped when the caller stops early, by an error or by Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(report: Report) -> Future[Report]:
    future: Future[Report] = Future()
    future.set_result(report)
    return future
