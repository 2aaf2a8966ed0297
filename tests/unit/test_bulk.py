"""Lists, stores and outcomes: many images from anywhere to anywhere, and what became of each."""

from __future__ import annotations

import importlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearsight import images
from clearsight.errors import ClearsightError, ImageReadError, ImageWriteError, InvalidArgumentError, MissingExtraError
from clearsight.images import Picture
from clearsight.images.stores import StorePath, place, present
from clearsight.inference import Job, Outcomes, Report, plan, process, status
from stand_ins import files

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)


def keep(job: Job, picture: Picture) -> Picture:
    return picture


def darker(job: Job, picture: Picture) -> Picture:
    return Picture(pixels=picture.pixels // 2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three of them, two in folders."""
    for number, name in enumerate(("a.png", "x/b.png", "x/y/c.png")):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(Picture(pixels=PIXELS + number), path)
    return tmp_path / "in"


# Lists


def listed(folder: Path, *lines: str) -> Path:
    path = folder / "list.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_list_names_inputs_and_outputs(photos: Path, tmp_path: Path) -> None:
    lines = ["﻿input,output", "in/a.png,deep/one.jpg", f"{photos / 'x/b.png'},", "", "in/x/y/c.png", "in/gone.png,d.png"]
    jobs = plan([listed(tmp_path, *lines)], tmp_path / "out")
    names = {job.source.name: str(job.target.relative_to(tmp_path / "out")) for job in jobs}  # type: ignore[union-attr]
    assert names == {"a.png": "deep/one.jpg", "b.png": "b.png", "c.png": "in/x/y/c.png", "gone.png": "d.png"}
    assert [job.source for job in jobs[:2]] == [tmp_path / "in/a.png", photos / "x/b.png"]
    reports = list(process(jobs, keep))
    assert [report.error is None for report in reports] == [True, True, True, False]
    assert "gone.png does not exist" in str(reports[-1].error)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["output,name", "a,b"], "has no column input: its first line is expected to be input,output"),
        ([], "has no column input"),
        (["input,output"], "lists no images"),
        (["input,output", "in/a.png,../a.png"], "line 2: the output ../a.png is to lie below the folder of --out"),
        (["input,output", "in/a.png,/tmp/a.png"], "is to lie below the folder of --out"),
        (["input,output", "in/a.png,s3://b/a.png"], "is to lie below the folder of --out"),
        (["input,output", "in/a.png,b.png", "in/x/b.png,b.png"], "would both be written to"),
        (["input,output", "ftp://host/a.png,b.png"], "is in no store that is known"),
    ],
)
def test_lists_that_cannot_be_used(photos: Path, tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        plan([listed(tmp_path, *lines)], tmp_path / "out")


def test_a_list_goes_to_a_folder(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="name a folder"):
        plan([listed(tmp_path, "input", "in/a.png")], tmp_path / "out.png")
    with pytest.raises(ImageReadError, match="cannot be read"):
        plan([tmp_path / "none.csv"], tmp_path / "out")


# Outcomes


def run(jobs: list[Job], out: Any, stop: int | None = None, transform: Callable = keep) -> None:
    with Outcomes(out, len(jobs)) as outcomes:
        for report in list(process(jobs, transform))[:stop]:
            outcomes.add(report)


def test_what_became_of_each_image(photos: Path, tmp_path: Path) -> None:
    (photos / "b.png").write_bytes(b"")
    out = tmp_path / "out"
    run(plan([photos], out), out)
    (lines,) = (path.read_text().splitlines() for path in (out / ".outcomes").iterdir())
    first, *others = map(json.loads, lines)
    assert first == {"images": 4}
    assert [(one["image"], one["state"]) for one in others] == [
        ("a.png", "done"),
        ("b.png", "failed"),
        ("x/b.png", "done"),
        ("x/y/c.png", "done"),
    ]
    assert [one["pixels"] for one in others] == [20, 0, 20, 20]
    assert all(one["seconds"] >= 0 and one["after"] >= 0 for one in others)
    found = status(out)
    assert (found.images, found.done, found.earlier, found.left) == (4, 3, 0, 0)
    assert [name for name, reason in found.failed if "is empty" in reason] == ["b.png"]
    assert found.megapixels_per_second == pytest.approx(20e-6 * found.images_per_second, abs=2e-3)


def test_a_run_that_was_killed_and_the_next_one(photos: Path, tmp_path: Path) -> None:
    out, jobs = tmp_path / "out", plan([photos], tmp_path / "out")
    outcomes = Outcomes(out, len(jobs))
    outcomes.add(next(iter(process(jobs[:1], keep))))
    (path,) = (out / ".outcomes").iterdir()
    with path.open("a") as file:
        file.write('{"image": "x/b.p')
    assert (status(out).done, status(out).left) == (1, 2)
    run(jobs, out)
    assert (status(out).done, status(out).earlier, status(out).left) == (3, 1, 0)
    assert len(list((out / ".outcomes").iterdir())) == 2


def test_outcomes_that_cannot_be_written_stop_nothing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".outcomes").write_text("a file")
    with Outcomes(out, 1) as outcomes:
        outcomes.add(Report(Job(photos / "a.png", out / "a.png", "a.png")))
    assert outcomes.error is not None


def test_there_is_no_status_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="holds no outcomes of a run"):
        status(tmp_path)


# Faults


def test_a_disk_that_is_full(photos: Path, tmp_path: Path) -> None:
    """Files grow to a limit and no further: nothing half is left, and the same command finishes when there is room."""
    resource = pytest.importorskip("resource")
    jobs = plan([photos], tmp_path / "out")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        reports = list(process(jobs, keep))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ["cannot be written as PNG (File too large)" in str(report.error) for report in reports] == [True] * 3
    assert files(tmp_path / "out") == []
    run(jobs, tmp_path / "out")
    assert files(tmp_path / "out") == ["a.png", "x/b.png", "x/y/c.png"]


def test_two_runs_on_one_output(tmp_path: Path) -> None:
    """Both report every image, done or there already; what is there is whole and right, and nothing else is."""
    for number in range(20):
        images.write(Picture(pixels=PIXELS + number), _made(tmp_path / "in") / f"{number:02}.png")
    out, reports = tmp_path / "out", list[list[Report]]()

    def work() -> None:
        reports.append(list(process(plan([tmp_path / "in"], out), darker)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(each) for each in reports] == [20, 20]
    assert [report.error for each in reports for report in each if report.error] == []
    assert files(out) == [f"{number:02}.png" for number in range(20)]
    assert all((images.read(out / f"{n:02}.png").pixels == (PIXELS + n) // 2).all() for n in range(20))


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def test_a_folder_that_cannot_be_written_to(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image says so, and nothing is computed; the same command does all when it can be."""
    jobs, access, computed = plan([photos], tmp_path / "out"), os.access, list[str]()
    monkeypatch.setattr(os, "access", lambda path, mode: tmp_path / "out" not in (path, *Path(path).parents))
    reports = list(process(jobs, lambda job, picture: computed.append(job.key) or picture))  # type: ignore[func-returns-value]
    assert ["cannot be written to: change its permissions" in str(report.error) for report in reports] == [True] * 3
    assert computed == files(tmp_path / "out") == []
    monkeypatch.setattr(os, "access", access)
    run(jobs, tmp_path / "out")
    assert files(tmp_path / "out") == ["a.png", "x/b.png", "x/y/c.png"]


def test_clocks_that_are_set_back(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest run is the one that was started last, and no time is negative."""
    jobs, out = plan([photos], tmp_path / "out"), tmp_path / "out"
    run(jobs[:1], out)
    (first,) = (out / ".outcomes").iterdir()
    os.utime(first, (4e9, 4e9))
    clock = iter(range(10**9, 0, -1000))
    monkeypatch.setattr("time.time", lambda: next(clock))
    run(jobs, out)
    found = status(out)
    assert (found.images, found.done, found.earlier, found.left) == (3, 3, 1, 0)
    assert 0 < found.seconds < 60


# Stores


def test_places() -> None:
    one = place("s3://bucket/a/b.tar.png")
    assert isinstance(one, StorePath)
    assert (one.name, str(one.parent), str(one / "c"), str(one.with_name("d.png")), one.resolve()) == (
        "b.tar.png",
        "s3://bucket/a",
        "s3://bucket/a/b.tar.png/c",
        "s3://bucket/a/d.png",
        one,
    )
    assert place("file:///a%20b/c.png") == Path("/a b/c.png")
    with pytest.raises(
        InvalidArgumentError, match=r"expected a path or one of file://, s3://, gs://, az://, memory://"
    ):
        place("ftp://host/a.png")


def test_a_store_whose_driver_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.images.stores.find_spec", lambda name: None)
    monkeypatch.setattr("clearsight.images.stores._store", images.stores._store.__wrapped__)
    with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[s3\]'"):
        place("s3://bucket/a.png").exists()
    with pytest.raises(InvalidArgumentError, match="needs the package gcsfs: pip install gcsfs"):
        place("gs://bucket/a.png").exists()


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """An S3 server on this machine, whose thread ends with this process, and an environment that points to it."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    s3 = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = s3.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> StorePath:
    """An empty one."""
    if request.param == "s3":
        request.getfixturevalue("server")
        images.stores._store("s3").mkdir(f"bucket-{abs(hash(request.node.name))}")
    else:
        images.stores._store("memory").store.clear()
    return StorePath(request.param, f"bucket-{abs(hash(request.node.name))}")


def test_from_a_store_to_a_store(photos: Path, bucket: StorePath, tmp_path: Path) -> None:
    run(plan([photos], str(bucket / "in")), bucket / "in")
    jobs = plan([str(bucket / "in")], str(bucket / "in/out"))
    assert [job.key for job in jobs] == ["a.png", "x/b.png", "x/y/c.png"]
    run(jobs, bucket / "in/out", transform=darker)
    assert plan([str(bucket / "in")], str(bucket / "in/out")) == jobs
    back = plan([str(bucket / "in/out/")], tmp_path / "back")
    run(back, tmp_path / "back")
    for number, job in enumerate(back):
        assert (images.read(str(job.target)).pixels == (PIXELS + number) // 2).all()
    assert (status(bucket / "in/out").done, status(bucket / "in/out").left) == (3, 0)
    assert all(report.skipped for report in process(jobs, darker))
    single = plan([str(bucket / "in/x/b.png")], tmp_path / "one.jpg")
    assert [report.error for report in process(single, keep)] == [None]


def test_an_object_that_has_come_meanwhile_stays(bucket: StorePath) -> None:
    target = bucket / "a.png"
    images.write(Picture(pixels=PIXELS), target)
    images.write(Picture(pixels=PIXELS + 1), target, replace=False)
    assert (images.read(target).pixels == PIXELS).all()
    images.write(Picture(pixels=PIXELS + 1), target)
    assert (images.read(target).pixels == PIXELS + 1).all()
    assert present([bucket / "b.png", Path("c.png")]) == {str(target)}


def test_a_network_that_drops_and_delays(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are refused, lost, cut and late are made again: nothing fails, and all bytes come back."""
    pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    for name in names:
        monkeypatch.setenv(name, "")  # and back to what it is after the test
    monkeypatch.setattr("clearsight.images.stores._store", cache(images.stores._store.__wrapped__))
    monkeypatch.setattr("fsspec.asyn.AsyncFileSystem.cachable", False)
    with importlib.import_module("faulty").faulty_server(0.4) as faulty:
        images.stores._store("s3").mkdir("bucket")
        there = list(process(plan([photos], "s3://bucket/in"), keep))
        back = list(process(plan(["s3://bucket/in"], tmp_path / "back"), keep))
    assert [report.error for report in there + back] == [None] * 6
    assert files(tmp_path / "back") == files(photos)
    assert all((tmp_path / "back" / name).read_bytes() == (photos / name).read_bytes() for name in files(photos))
    assert faulty.faults.total() >= 3


def test_a_store_that_nobody_answers_for(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its driver raises, of any class, is one sentence; outcomes that cannot be written stop nothing."""

    class Unreachable:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("Could not connect to the endpoint URL")

    monkeypatch.setattr("clearsight.images.stores._store", lambda scheme: Unreachable())
    with pytest.raises(OSError, match="Could not connect") as raised:
        plan(["s3://bucket/in"], tmp_path / "out")
    assert (raised.value.filename, raised.value.strerror) == ("s3://bucket/in", "Could not connect to the endpoint URL")
    with Outcomes(place("s3://bucket/out"), 1) as outcomes:
        outcomes.add(Report(Job(photos / "a.png", photos / "a.png", "a.png")))
    assert outcomes.error is not None


def test_what_fails_in_a_store_is_said(bucket: StorePath, tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"a\.png does not exist: check the path"):
        images.read(bucket / "a.png")
    with pytest.raises(ClearsightError, match="holds no images"):
        plan([str(bucket / "nothing")], tmp_path / "out")
    (bucket / "list.csv").write(b"input\n\xff")
    with pytest.raises(ImageReadError, match="cannot be read as a list of images"):
        plan([str(bucket / "list.csv")], tmp_path / "out")
    (bucket / "list.csv").write(b"input\nnone.png\n")
    (job,) = plan([str(bucket / "list.csv")], tmp_path / "out")
    assert job.source == bucket / "none.png"
    if bucket.scheme == "s3":
        with pytest.raises(ImageWriteError, match="cannot be written as PNG"):
            images.write(Picture(pixels=PIXELS), "s3://no-such-bucket/a.png")
