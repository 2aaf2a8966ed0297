"""The command as people run it, and files to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import forking as forking_server
from clearsight import cli, images, weights
from clearsight.images import Picture
from clearsight.restorers import ResidualUNet

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "100"}


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]
Photo = Callable[..., Path]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing here may reach the network, and relative paths lie in the test's own folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.delenv("CLEARSIGHT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run ``clearsight …`` in this process; what we did not foresee fails the test with its traceback."""

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["clearsight", *map(str, arguments)])
        status, last = 0, ""
        try:
            cli.main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            last = f"{end.code}\n" if isinstance(end.code, str) else ""
        out, err = capfd.readouterr()
        return Done(status, out, err + last)

    return run


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Start ``clearsight …`` in a process of its own; none outlives the test."""
    processes = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "clearsight", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(line, env=ENVIRONMENT, cwd=tmp_path, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def process(started: Start) -> Command:
    """Run ``clearsight …`` in a process of its own, to its end."""

    def run(*arguments: object) -> Done:
        process = started(*arguments)
        out, err = process.communicate(timeout=300)
        return Done(process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """How a shell calls ``clearsight`` in a process of its own that need not import torch first."""
    address = tmp_path_factory.mktemp("forking") / "socket"
    server = subprocess.Popen([sys.executable, forking_server.__file__, address], env=ENVIRONMENT)
    while not address.exists():
        assert server.poll() is None
        time.sleep(0.05)
    yield f"{sys.executable} -S -E {forking_server.__file__} {address} "
    server.kill()
    server.wait()


@pytest.fixture
def piped(tmp_path: Path, forking: str) -> Callable[..., tuple[int, bytes, str]]:
    """What a shell makes of a line, in which ``clearsight`` is the command: status, output and error.

    With an environment of its own the command starts as it does for a user, seconds later.
    """

    def run(line: str, **environment: str) -> tuple[int, bytes, str]:
        line = line.replace("clearsight ", f"{sys.executable} -m clearsight " if environment else forking)
        shell = ["bash", "-o", "pipefail", "-c", line]
        done = subprocess.run(shell, cwd=tmp_path, env=ENVIRONMENT | environment, capture_output=True)
        return done.returncode, done.stdout, done.stderr.decode()

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Write a noisy picture below the test's folder and return its path."""

    def write(name: str, height: int = 21, width: int = 34, channels: int = 3, dtype: str = "uint8") -> Path:
        rng = np.random.default_rng(sum(name.encode()))
        ramp = np.add.outer(np.linspace(0.2, 0.5, height), np.linspace(0, 0.3, width))[..., None]
        noisy = ramp + 25 / 255 * rng.standard_normal((height, width, channels))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(Picture(pixels=images.from_unit(noisy, dtype)), path)
        return path

    return write


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with the weights of a small network that does something."""
    torch.manual_seed(0)
    model = ResidualUNet(channels=3, widths=[8, 12], blocks=[1, 1])
    with torch.no_grad():
        for p in model.parameters():
            p += 0.02 * torch.randn_like(p)
    figures = {"name": "tiny", "summary": "A small network", "validation": {"bfloat16_change": 0.0}}
    weights.save(model, tmp_path / "tiny", figures=figures, card="# Tiny\n")
    return tmp_path / "tiny"
