"""One process that computes one job at a time, and is ended where a job takes too long or too much memory."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from clearsight.errors import ClearsightError, InvalidArgumentError
from clearsight.memory import keep_freed

__all__ = ["Worker"]

T = TypeVar("T")
P = ParamSpec("P")

_LOG = logging.getLogger(__name__)
_PATIENCE = 600.0
"""Seconds that the process has to start in, which no job pays for."""

_UNFORESEEN = "something went wrong that we did not foresee; the server's log says more"
_ENDED = "the computation ended, most likely for lack of memory: send a smaller image"


class Worker:
    """A process of its own for what visitors ask for: what goes wrong there leaves the page as it is.

    Args:
        seconds: that a job may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, so that the first visitor need not wait for it; whether it does is told to them."""
        with self._turn, suppress(ClearsightError):
            self._started()

    def run(self, work: Callable[P, Iterator[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """Compute in the process, when it is free, and pass on what ``work``, a generator, yields.

        Raises:
            ClearsightError: with the sentence of what ``work`` raised.
            InvalidArgumentError: it took too long.
        """
        with self._turn:
            pipe = self._started()
            pipe.send((work, args, kwargs))
            deadline = time.monotonic() + self._seconds
            whole = False
            try:
                while True:
                    kind, value = self._received(pipe, deadline)
                    if kind == "done":
                        whole = True
                        return
                    if kind == "refused":
                        whole = True
                        raise ClearsightError(value)
                    yield value
            finally:
                if not whole:
                    self._end()

    def close(self) -> None:
        """End the process, whatever it does; none is started any more."""
        self._closed = True
        self._end()

    def _received(self, pipe: Connection, deadline: float) -> tuple[str, Any]:
        try:
            if not pipe.poll(max(deadline - time.monotonic(), 0)):
                raise InvalidArgumentError(
                    f"this took longer than {self._seconds:g} seconds: send a smaller image, or use the command"
                )
            kind, value = pipe.recv()
        except (EOFError, OSError):
            raise ClearsightError(_ENDED) from None
        return kind, value

    def _started(self) -> Connection:
        if self._pipe is None or self._process is None or not self._process.is_alive():
            self._end()
            context = get_context("spawn")
            pipe, other = context.Pipe()
            process = context.Process(target=_compute, args=(other, os.getpid()), daemon=True)
            process.start()
            other.close()
            self._pipe, self._process = pipe, process
            if self._closed or not pipe.poll(_PATIENCE):
                self._end()
                raise ClearsightError("the computing process does not start: the machine may be too busy")
            try:
                pipe.recv()
            except (EOFError, OSError):
                raise ClearsightError(_ENDED) from None
            return pipe
        return self._pipe

    def _end(self) -> None:
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is not None:
            process.kill()
            process.join()
        if pipe is not None:
            pipe.close()


def _compute(pipe: Connection, parent: int) -> None:
    """Do what comes until nothing comes any more."""
    from clearsight.web.jobs import prepare

    keep_freed()
    prepare()
    pipe.send("ready")
    while os.getppid() == parent:
        try:
            work, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            for item in work(*args, **kwargs):
                pipe.send(("item", item))
            pipe.send(("done", None))
        except ClearsightError as error:
            pipe.send(("refused", str(error)))
        except MemoryError:
            pipe.send(("refused", _ENDED))
        except Exception:
            _LOG.exception("a job of the page failed")
            pipe.send(("refused", _UNFORESEEN))
