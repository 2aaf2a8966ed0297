"""An S3 server, moto's on this machine, some of whose answers are refused, lost, cut or late."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["Faulty", "faulty_server"]

LATE = 0.5
"""Seconds."""


class Faulty:
    """What stands between a server and who asks it.

    Args:
        share: of the requests that something happens to.
        seed: of which, and what.

    Attributes:
        requests: how many there were.
        faults: how many of each kind: *refused* with 503, *dropped* before anything is done, *lost* and *cut* when all
            is done, without an answer or in the middle of one, and *late*.
    """

    KINDS = ("refused", "dropped", "lost", "cut", "late")

    def __init__(self, share: float, seed: int = 0) -> None:
        self.share, self.requests, self.faults = share, 0, Counter[str]()
        self._answer, self._chance = DomainDispatcherApplication(create_backend_app), random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, or not."""
        fault = self._drawn()
        if fault == "refused":
            start("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        if fault == "late":
            time.sleep(LATE)
        if fault == "dropped":
            start("503 Dropped", [])
            return _closed(environ)
        answer = self._answer(environ, start)
        if fault == "lost":
            return _closed(environ)
        return _cut(environ, b"".join(answer)) if fault == "cut" else answer

    def _drawn(self) -> str | None:
        with self._lock:
            self.requests += 1
            fault = self._chance.choice(self.KINDS) if self._chance.random() < self.share else None
            self.faults.update([fault] if fault else [])
        return fault


def _closed(environ: dict[str, Any]) -> list[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return []


def _cut(environ: dict[str, Any], body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _closed(environ)


class _Handler(WSGIRequestHandler):
    """Keeps connections, as S3 does, and no log."""

    protocol_version = "HTTP/1.1"

    def log(self, kind: str, message: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def faulty_server(share: float) -> Iterator[Faulty]:
    """A server in the background, and an environment that points to it."""
    faulty = Faulty(share)
    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=_Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
    )
    try:
        yield faulty
    finally:
        server.shutdown()
