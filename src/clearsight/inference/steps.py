"""What is done with one image from its name to its result: the same steps whatever runs them, here or elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from clearsight.errors import ClearsightError, ImageWriteError, InvalidArgumentError
from clearsight.images.files import ImageFile, check_fits, check_writable, open_image, rewrite_planes, write
from clearsight.images.picture import Picture
from clearsight.images.stores import Place
from clearsight.inference.jobs import Job

__all__ = ["Also", "Report", "Steps", "Transform", "Work"]

T = TypeVar("T")

Transform = Callable[[Job, Picture], Picture | Sequence[Picture]]
"""From the picture read to the picture written, or to as many as the job has outputs."""

Also = Callable[[Job, Picture, Picture], None]
"""What is done besides with what was read and what was written first."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one job: done, skipped because its output was there, or failed with a message.

    Attributes:
        job: which.
        pixels: of the input.
        seconds: that computing took.
        skipped: its output was there already.
        error: why it failed.
        notes: what its file held and the result does not, a clause each.
    """

    job: Job
    pixels: int = 0
    seconds: float = 0.0
    skipped: bool = False
    error: str | None = None
    notes: tuple[str, ...] = ()


class Work(NamedTuple):
    """A job on its way.

    Attributes:
        report: what is known of it so far.
        content: what was read: the header, then the picture; a stack stays a file. ``None`` where nothing is to do.
        results: what is to be written.
    """

    report: Report
    content: ImageFile | Picture | None = None
    results: Sequence[Picture] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """What is done with each job, in this order; a step passes on what has failed or is skipped.

    Outputs are written whole or not at all, so one that exists is whole.

    Attributes:
        transform: what the pictures become.
        overwrite: do jobs whose output exists.
        layer: of the files, where their format has layers.
        also: what is done besides; not for stacks.
        present: what is in stores already.
    """

    transform: Transform
    overwrite: bool = False
    layer: str | None = None
    also: Also | None = None
    present: Set[str] = frozenset()

    def is_done(self, job: Job) -> bool:
        """Whether all its outputs are there, and to stay."""
        return not self.overwrite and all(map(self._is_there, job.targets))

    def _is_there(self, target: Place) -> bool:
        return target.exists() if isinstance(target, Path) else str(target) in self.present

    def examine(self, job: Job) -> Work:
        """Look at names and header alone: what cannot be done is found before any work."""

        def header() -> ImageFile | None:
            if self.is_done(job):
                return None
            check_writable(job.target)
            file = open_image(job.source, layer=self.layer)
            if isinstance(job.target, Path):
                _make_writable(job.target.parent)
            return file

        report, file = _attempt(Report(job), header)
        pixels = file.header.width * file.header.height if file else 0
        return Work(replace(report, pixels=pixels, skipped=file is None and report.error is None), file)

    def load(self, work: Work) -> Work:
        """Read the picture; a stack stays as it is: its planes are read as they are needed."""
        report, file = work.report, work.content
        if not isinstance(file, ImageFile) or file.header.planes > 1:
            return work

        def fitting() -> Picture:
            picture = file.read()
            check_fits(picture, report.job.target)
            return picture

        return Work(*_attempt(report, fitting))

    def compute(self, work: Work) -> Work:
        """Transform the picture; a stack is read, transformed and written plane by plane."""
        report, content, started = work.report, work.content, time.perf_counter()
        if content is None:
            return work
        if isinstance(content, ImageFile):
            report, notes = _attempt(report, partial(_restack, report.job, content, self.transform))
            return Work(replace(report, notes=notes or (), seconds=time.perf_counter() - started))
        report, results = _attempt(report, partial(_several, self.transform, report.job, content))
        notes = results[-1].notes if results else content.notes
        report = replace(report, notes=notes, seconds=time.perf_counter() - started)
        return Work(report, content, results or ())

    def store(self, work: Work) -> Report:
        """Write what there is to write."""
        if not isinstance(work.content, Picture) or not work.results:
            return work.report
        report, left_out = _attempt(work.report, partial(self._write, work.report.job, work.content, work.results))
        return replace(report, notes=report.notes + (left_out or ()))

    def _write(self, job: Job, before: Picture, after: Sequence[Picture]) -> tuple[str, ...]:
        pairs = zip(after, job.targets, strict=True)
        left_out = [write(picture, target, replace=self.overwrite) for picture, target in pairs]
        if self.also is not None:
            self.also(job, before, after[0])
        return left_out[0]


def _several(transform: Transform, job: Job, picture: Picture) -> Sequence[Picture]:
    result = transform(job, picture)
    return [result] if isinstance(result, Picture) else result


def _restack(job: Job, file: ImageFile, transform: Transform) -> tuple[str, ...]:
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
