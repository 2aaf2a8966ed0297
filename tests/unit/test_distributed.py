"""Ray does what one process does, whatever dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from clearsight import images
from clearsight.errors import InvalidArgumentError, MissingExtraError
from clearsight.images import Picture
from clearsight.inference import Job, Restoration, distributed, files, plan
from clearsight.restorers import Wiener
from stand_ins import files as names

TRIES = 3
"""A cluster on a machine that is busy may miss its own deadline."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One of two cores; that at RAY_ADDRESS, where there is one."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    address = os.environ.get("RAY_ADDRESS", "local")
    options = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 200_000_000}
    for attempt in range(TRIES):
        try:
            ray.init(address, log_to_driver=False, **(options if address == "local" else {}))
            break
        except Exception as error:
            if attempt == TRIES - 1:
                pytest.skip(f"no cluster of Ray starts on this machine: {error}")
    yield
    ray.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight photographs, a stack, and one that is empty."""
    rng = np.random.default_rng(0)
    (tmp_path / "in/inner").mkdir(parents=True)
    for number in range(8):
        pixels = rng.integers(90, 160, (20 + number, 24, 3), dtype=np.uint8)
        images.write(Picture(pixels=pixels), tmp_path / f"in/inner/{number}.png")
    tifffile.imwrite(tmp_path / "in/stack.tif", rng.integers(0, 99, (2, 16, 16), dtype=np.uint8))
    (tmp_path / "in/empty.png").touch()
    return tmp_path / "in"


@pytest.mark.usefixtures("cluster")
def test_the_same_files_whatever_fails_and_dies(folder: Path, tmp_path: Path) -> None:
    """What is there stays; an image that nobody can restore is a row; a process that is killed costs nothing."""
    restoration, first = Restoration(Wiener()), tmp_path / "first"
    images.write(Picture(pixels=np.zeros((2, 2, 3), np.uint8)), _made(tmp_path / "ray/inner") / "0.png")

    def transform(job: Job, picture: Picture) -> Picture:
        if job.key == "inner/3.png":
            raise ZeroDivisionError("nobody foresaw this")
        if job.key == "inner/5.png" and not first.exists():
            first.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return restoration(picture)

    reports = list(distributed.process(plan([folder], tmp_path / "ray"), transform, actors=1))
    assert sorted(report.job.key for report in reports) == sorted(job.key for job in plan([folder], tmp_path / "x"))
    assert [report.job.key for report in reports if report.skipped] == ["inner/0.png"]
    errors = {report.job.key: report.error for report in reports if report.error}
    assert sorted(errors) == ["empty.png", "inner/3.png"]
    assert "is empty" in str(errors["empty.png"])
    assert str(errors["inner/3.png"]).endswith("inner/3.png: ZeroDivisionError: nobody foresaw this")
    assert all(report.pixels and report.seconds for report in reports if report.error is None and not report.skipped)
    assert first.exists()

    local = tmp_path / "local"
    list(files.process(plan([folder], local), lambda job, picture: restoration(picture)))
    there = [name for name in names(tmp_path / "ray") if not name.endswith(".part")]  # what was killed may leave one
    assert there == [name for name in names(local) if name != "inner/3.png"]
    same = [name for name in there if name != "inner/0.png"]
    assert [name for name in same if (local / name).read_bytes() != (tmp_path / "ray" / name).read_bytes()] == []
    assert images.read(tmp_path / "ray/inner/0.png").pixels.shape == (2, 2, 3)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_what_ray_cannot_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = plan([folder], tmp_path / "out")
    with pytest.raises(InvalidArgumentError, match="actors must be at least 1, got 0"):
        list(distributed.process(jobs, lambda job, picture: picture, actors=0))
    monkeypatch.setattr("clearsight.inference.distributed.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="--engine ray needs the optional part 'ray'"):
        list(distributed.process(jobs, lambda job, picture: picture))
