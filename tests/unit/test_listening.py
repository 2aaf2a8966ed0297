"""Servers end when they are asked to, whatever the application does."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

SERVER = """
import asyncio
from contextlib import suppress
from clearsight.cli import listening

async def application(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.STARTUP"})
    print("open", flush=True)
    await receive()
    print("asked to end", flush=True)
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

listening._PATIENCE = 0.5
with listening.listening("127.0.0.1", 0) as let_in:
    try:
        let_in(application)
    finally:
        print("tidied", flush=True)
"""
"""Of an application that neither ends when it is asked to nor when it is cancelled."""

Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A server in a process of its own, which does not outlive the test."""
    processes = []

    def started(startup: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-c", SERVER.replace("STARTUP", startup)]
        processes.append(subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def test_an_application_that_never_ends_is_left_behind(start: Start) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    servers = [start("complete") for _ in numbers]
    for server, number in zip(servers, numbers, strict=True):
        assert server.stdout is not None
        while server.stdout.readline() != "open\n":
            assert server.poll() is None
        server.send_signal(number)
        out, err = server.communicate(timeout=30)
        assert out == "asked to end\ntidied\n", err
        assert server.returncode == -number


def test_a_server_that_ends_by_itself_has_failed(start: Start) -> None:
    server = start("failed")
    out, err = server.communicate(timeout=30)
    assert (server.returncode, out.splitlines()[-1]) == (3, "tidied")
    assert "Application startup failed" in err
