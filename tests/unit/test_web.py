"""What stands behind the page: who may come in, how much they may ask for, and the process that computes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from clearsight.errors import ClearsightError, InvalidArgumentError
from clearsight.images import Picture, write
from clearsight.web import Worker, jobs, read_users
from clearsight.web.limits import Limits, parse_amount


@pytest.mark.parametrize("text", ["", "M", "-5", "0", "50 M pixels", "1e999"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="such as 50M"):
        parse_amount(text)


def test_users_and_their_passwords(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_text('[users]\nanna = "secret"\nbert = "Ünïcode"\n', encoding="utf-8")
    belong = read_users(path)
    assert belong("anna", "secret")
    assert belong("bert", "Ünïcode")
    assert not any(belong(*pair) for pair in [("anna", "Secret"), ("carl", ""), ("carl", "secret"), ("", "")])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[users", "is no TOML"),
        ("[users]\n", "names nobody"),
        ('[users]\nanna = ""', "nobody"),
        ("users = 3", "nobody"),
    ],
)
def test_files_of_users_that_are_none(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(content)
    with pytest.raises(InvalidArgumentError, match=reason):
        read_users(path)
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_users(tmp_path / "none.toml")


def test_a_process_that_fails_ends_or_takes_too_long_leaves_the_page_as_it_is() -> None:
    worker = Worker(5)
    try:
        assert [*worker.run(iter, [1, 2])] == [1, 2]
        with pytest.raises(ClearsightError, match="such as 50M"):
            [*worker.run(parse_amount, "x")]
        with pytest.raises(ClearsightError, match="did not foresee"):
            [*worker.run(map, int, ["x"])]
        with pytest.raises(ClearsightError, match="lack of memory"):
            [*worker.run(map, os._exit, [1])]
        assert [*worker.run(iter, [3])] == [3]
        with pytest.raises(InvalidArgumentError, match="longer than 5 seconds"):
            [*worker.run(map, time.sleep, [60])]
    finally:
        worker.close()


def test_a_list_of_images_is_no_way_to_files_of_the_server(tmp_path: Path) -> None:
    write(Picture(pixels=np.zeros((8, 8, 3), np.uint8)), tmp_path / "secret.png")
    (tmp_path / "list.CSV").write_text(f"input\n{tmp_path / 'secret.png'}\n")
    out = tmp_path / "out"
    for asked in (
        jobs.restore(tmp_path / "list.CSV", out, "auto", 1.0, Limits()),
        jobs.restore_all([tmp_path / "list.CSV"], out, "auto", 1.0, Limits()),
    ):
        with pytest.raises(ClearsightError, match="list of images, expected images"):
            list(asked)
    assert not out.exists()
