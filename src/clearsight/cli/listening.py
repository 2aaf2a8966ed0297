"""A place on this machine where visitors are let in, for the page and for studies."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from clearsight.errors import InvalidArgumentError

__all__ = ["listening"]

_FAREWELL = 3
"""Seconds that open connections are waited for at the end: a browser keeps one for as long as its page is open."""

_PATIENCE = 5.0
"""Seconds that the server is waited for at the end, those of the connections among them."""


class _Terminated(SystemExit):
    """Somebody has asked the process to end, as Ctrl-C does by ``KeyboardInterrupt``."""


@contextmanager
def listening(host: str, port: int) -> Iterator[Callable[[Any], None]]:
    """Take the place at once, before anything slow is made ready, and print its address.

    Ctrl-C and SIGTERM end the process within seconds, whatever the application still does then, by way of all that
    cleans up after itself.

    Args:
        host: a name or an address of this machine; ``0.0.0.0`` for all of them.
        port: ``0`` for any that is free.

    Yields:
        What lets visitors into an ASGI application until the process is ended.

    Raises:
        InvalidArgumentError: the place is taken, or is none of this machine.
    """
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(place, family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise InvalidArgumentError(
            f"nobody can be let in at {host}, port {port}: {reason}; take another --port or --host"
        ) from None
    with listener, _dying_of_sigterm():
        shown = f"[{host}]" if ":" in host else host
        print(f"http://{shown}:{listener.getsockname()[1]} (Ctrl-C ends it)", flush=True)
        yield lambda application: _let_in(application, listener)


def _let_in(application: Any, listener: socket.socket) -> None:
    """Serve in a thread that nobody has to wait for: what an application never finishes would be waited for forever."""
    import uvicorn

    config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=_FAREWELL)
    server, ended = uvicorn.Server(config), threading.Event()

    def serve() -> None:
        try:
            server.run([listener])
        finally:
            ended.set()

    threading.Thread(target=serve, daemon=True).start()
    try:
        while not ended.wait(1.0):  # a wait without an end hears no Ctrl-C on Windows
            pass
    finally:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # or each open page would leave a traceback
        server.should_exit = True
        ended.wait(_PATIENCE)
    sys.exit(uvicorn.config.STARTUP_FAILURE)  # it has ended by itself, and its log says why


@contextmanager
def _dying_of_sigterm() -> Iterator[None]:
    """Leave what is inside by an exception, so that it is cleaned up, and die of the signal then."""

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise _Terminated

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
