"""A place on this machine where visitors are let in, for the page and for studies."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from clearsight.errors import InvalidArgumentError

__all__ = ["listening"]

_FAREWELL = 3
"""Seconds that open connections are waited for at the end: a browser keeps one for as long as its page is open."""


@contextmanager
def listening(host: str, port: int) -> Iterator[Callable[[Any], None]]:
    """Take the place at once, before anything slow is made ready, and print its address.

    Args:
        host: a name or an address of this machine; ``0.0.0.0`` for all of them.
        port: ``0`` for any that is free.

    Yields:
        What lets visitors into an ASGI application until the process is ended.

    Raises:
        InvalidArgumentError: the place is taken, or is none of this machine.
    """
    import uvicorn

    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(place, family=family)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise InvalidArgumentError(
            f"nobody can be let in at {host}, port {port}: {reason}; take another --port or --host"
        ) from None
    with listener:
        shown = f"[{host}]" if ":" in host else host
        print(f"http://{shown}:{listener.getsockname()[1]} (Ctrl-C ends it)", flush=True)

        def let_in(application: Any) -> None:
            config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=_FAREWELL)
            uvicorn.Server(config).run(sockets=[listener])

        yield let_in
