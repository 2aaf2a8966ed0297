"""Many files through one transform on many machines, by Ray: the steps are those of one machine, the loop is Ray's.

Rows of a manifest pass two stages: tasks that read and decode, and a pool of actors that hold the model, compute and
write. What fails is a row that says so.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from clearsight.errors import InvalidArgumentError, MissingExtraError, reason
from clearsight.images.picture import Picture
from clearsight.images.stores import present
from clearsight.inference.jobs import Job
from clearsight.inference.steps import Also, Report, Steps, Transform, Work

__all__ = ["process"]

Row = dict[str, Any]

_BATCH_BYTES = 16 * 2**20
"""Of decoded pixels that go to an actor at once; one larger image still does, alone."""

_ACTOR_CPUS, _READER_CPUS = 0.75, 0.25
"""Of a core: on CPUs each one has an actor, and a task that reads for it."""

_ROWS_A_TASK = 16
"""Images that one task reads, at most."""

_RETRIES = 3
"""How often work is given to another process when one dies: an image that kills its process must not kill all."""


def process(
    jobs: Sequence[Job],
    transform: Transform,
    *,
    overwrite: bool = False,
    layer: str | None = None,
    also: Also | None = None,
    address: str | None = None,
    actors: int | None = None,
    gpus_per_actor: float = 0,
) -> Iterator[Report]:
    """Run every job and report on each: first those whose outputs are there, then the others as they are finished.

    What is decoded and not yet restored is bounded by Ray's object store, what an actor gets at once by its pixels.
    Work of a process that dies is done again by another one; what it had written is skipped.

    Args:
        jobs: what to do.
        transform: as :func:`clearsight.inference.process` takes it; it travels to the actors, so what it holds is
            pickled.
        overwrite: do jobs whose output exists.
        layer: of the files, where their format has layers.
        also: called with what was read and what was written first; not for stacks.
        address: of a cluster, or ``auto``; without it one is started on this machine for as long as this takes, unless
            Ray runs in this process already.
        actors: how many hold the model; one for each core if not given, or for each share of the GPUs.
        gpus_per_actor: share of GPUs that each has.

    Raises:
        MissingExtraError: Ray is not installed.
        InvalidArgumentError: no cluster answers, or it has no GPUs where there are to be some.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("--engine ray", "ray")
    if actors is not None and actors < 1:
        raise InvalidArgumentError(f"actors must be at least 1, got {actors}")
    steps = Steps(transform=transform, overwrite=overwrite, layer=layer, also=also)
    there = frozenset() if overwrite else present(target for job in jobs for target in job.targets)
    known, waiting = replace(steps, present=there), dict[int, Job]()
    for number, job in enumerate(jobs):
        if known.is_done(job):
            yield Report(job, skipped=True)
        else:
            waiting[number] = job
    if waiting:
        with _cluster(address, actors):
            pool = _size(gpus_per_actor) if actors is None else actors
            for number, report in _finished(waiting, steps, pool, gpus_per_actor):
                del waiting[number]
                yield report
    died = "the processes that worked on it died, or ran out of memory: run the same command again"
    yield from (Report(job, error=f"{job.source}: {died}") for job in waiting.values())


def _finished(
    waiting: Mapping[int, Job], steps: Steps, actors: int, gpus_per_actor: float
) -> Iterator[tuple[int, Report]]:
    import ray.data
    from ray import cloudpickle as pickle

    rows = [{"number": number, "job": pickle.dumps(job)} for number, job in waiting.items()]
    at_once = max(min(len(rows) // (4 * actors), _ROWS_A_TASK), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # retries are to be said otherwise from Ray 2.64 on, and cannot be before
        read = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // at_once)).map(
            _reader(replace(steps, transform=_unchanged, also=None)),
            num_cpus=1 if gpus_per_actor else _READER_CPUS,
            concurrency=None if gpus_per_actor else actors,
            max_retries=_RETRIES,
        )
        restored = read.map_batches(
            _Actor,
            fn_constructor_args=(pickle.dumps(steps),),
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=_ACTOR_CPUS,
            num_gpus=gpus_per_actor,
            max_task_retries=_RETRIES,
        )
    # Ray fetches one block ahead if not told otherwise, and so gives each when the one behind it is done
    for block in restored.iter_batches(prefetch_batches=0, batch_size=None, batch_format="numpy"):
        yield from zip(block["number"].tolist(), map(pickle.loads, block["report"]), strict=True)


def _unchanged(job: Job, picture: Picture) -> Picture:
    """In the place of what those who read have no use for: it holds the model."""
    return picture


def _reader(steps: Steps) -> Callable[[Row], Row]:
    """What a task does with a row: read and decode."""

    def read(row: Row) -> Row:
        from ray import cloudpickle as pickle

        job = pickle.loads(row["job"])
        work = _or_error(job, lambda: steps.load(steps.examine(job)))
        return {"number": row["number"], "work": pickle.dumps(work)}

    return read


class _Actor:
    """Holds the model, and restores one batch of pictures after the other; it writes behind.

    Args:
        steps: pickled, as Ray keeps what actors are made with.
    """

    def __init__(self, steps: bytes) -> None:
        from ray import cloudpickle as pickle

        self._steps: Steps = pickle.loads(steps)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        from ray import cloudpickle as pickle

        with ThreadPoolExecutor(1) as writer:
            writing = []
            for pickled in batch["work"]:
                work: Work = pickle.loads(pickled)
                work = _or_error(work.report.job, lambda work=work: self._restored(work))  # type: ignore[misc]
                writing.append(writer.submit(_stored, self._steps, work))
            reports = [pickle.dumps(future.result()) for future in writing]
        return {"number": batch["number"], "report": np.array(reports, object)}

    def _restored(self, work: Work) -> Work:
        """Once more asks whether there is anything to do: a process may have died after it had written."""
        if work.content is not None and self._steps.is_done(work.report.job):
            return Work(work.report)
        return self._steps.compute(work)


def _stored(steps: Steps, work: Work) -> Report:
    return _or_error(work.report.job, lambda: Work(steps.store(work))).report


def _or_error(job: Job, step: Callable[[], Work]) -> Work:
    """A step whose errors, also those that nobody foresaw, cost one image and no other."""
    try:
        return step()
    except Exception as error:
        return Work(Report(job, error=f"{job.source}: {type(error).__name__}: {reason(error)}"))


@contextmanager
def _cluster(address: str | None, actors: int | None) -> Iterator[None]:
    """Connected to a cluster, or one of this machine's own; what runs already is left running. It phones nobody."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    from ray.data import DataContext

    started = not ray.is_initialized()
    if started:
        _connect(address, actors)
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks, context.target_max_block_size = -1, _BATCH_BYTES
    try:
        yield
    finally:
        if started:
            ray.shutdown()


def _connect(address: str | None, actors: int | None) -> None:
    import ray

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    own: dict[str, Any] = {"num_cpus": max(cores, actors or 1), "include_dashboard": False}
    options = own if address is None else {}
    try:
        with _unheard():
            ray.init(address=address or "local", logging_level=logging.CRITICAL, log_to_driver=False, **options)
    except Exception as error:  # what Ray raises here has no common class
        told = f"Ray does not start on this machine ({reason(error)}): try again, or leave --engine ray out"
        if address is not None:
            told = (
                f"Ray does not answer at {address} ({reason(error)}): check the address, and set RAY_AUTH_MODE=token "
                "where the cluster asks for a token"
            )
        raise InvalidArgumentError(told) from None


@contextmanager
def _unheard() -> Iterator[None]:
    """What the native part of Ray tells standard error as it starts is left out; what fails raises."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _size(gpus_per_actor: float) -> int:
    """As many actors as there is room for."""
    import ray

    resources = ray.cluster_resources()
    size = int(resources.get("GPU", 0) / gpus_per_actor) if gpus_per_actor else int(resources.get("CPU", 1))
    if size < 1:
        raise InvalidArgumentError(
            f"the cluster has no {gpus_per_actor:g} GPUs for one actor: leave --gpus-per-actor out"
        )
    return size
