"""A command that is stopped leaves whole files, and the same command finishes the work."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clearsight import images
from clearsight.inference import status
from stand_ins import files

COUNT = 48
RESTORE = ("restore", "in", "-o", "out", "--model", "non-local-means", "--sigma", "25/255")


@pytest.fixture
def names(photo: Callable) -> list[str]:
    names = [f"{i % 3}/{i:02}.png" for i in range(COUNT)]
    for name in names:
        photo(f"in/{name}", 120, 120)
    return sorted(names)


def visible(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in images.find([folder])]


def wait_for_results(folder: Path, at_least: int) -> None:
    deadline = time.monotonic() + 240
    while sum(1 for _ in folder.rglob("*.png")) < at_least:
        assert time.monotonic() < deadline, "no results"
        time.sleep(0.01)


def test_killed_it_leaves_whole_files_and_is_finished_by_the_same_command(
    started: Callable, command: Callable, names: list[str], tmp_path: Path
) -> None:
    process = started(*RESTORE)
    wait_for_results(tmp_path / "out", 3)
    process.kill()
    process.wait()

    done = visible(tmp_path / "out")
    assert 3 <= len(done) < COUNT
    assert all(images.read(tmp_path / "out" / name).pixels.shape == (120, 120, 3) for name in done)
    others = set(files(tmp_path / "out")) - set(done)
    assert all(Path(name).name.startswith(".") for name in others)

    assert status(tmp_path / "out").left >= COUNT - len(done)
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done}
    again = command(*RESTORE)
    assert again.status == 0
    assert again.err.startswith(f"{COUNT - len(done)} restored, {len(done)} skipped")
    assert visible(tmp_path / "out") == names
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done} == before
    found = status(tmp_path / "out")
    assert (found.images, found.done, found.earlier, found.failed, found.left) == (COUNT, COUNT, len(done), [], 0)


def test_interrupted_it_says_so_and_cleans_up(started: Callable, names: list[str], tmp_path: Path) -> None:
    process = started(*RESTORE)
    wait_for_results(tmp_path / "out", 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "clearsight: interrupted; what is written is whole, and the same command goes on from here\n"
    done = visible(tmp_path / "out")
    assert 1 <= len(done) < COUNT
    assert files(tmp_path / "out") == done
    assert all(images.read(tmp_path / "out" / name).pixels.shape == (120, 120, 3) for name in done)


def test_what_a_killed_command_left_is_no_image(command: Callable, photo: Callable, tmp_path: Path) -> None:
    whole = photo("in/a.png").read_bytes()
    (tmp_path / "in/.0123456789abcdef.part").write_bytes(whole[:100])
    (tmp_path / "in/.b.png").write_bytes(whole[:100])
    assert command("restore", "in", "-o", "out", "--model", "wiener") == (0, "", "1 restored\n")
    assert visible(tmp_path / "out") == ["a.png"]
