"""``clearsight reproduce liu2020/…``, as people run it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.experiments.liu2020 import figure7
from clearsight.images import Picture, write
from clearsight.restorers import BM3D

DATA = os.environ.get("CLEARSIGHT_DATA")


@pytest.fixture
def quick_bm3d(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that filters nothing: the package takes seconds an image of any size, and the contracts ask it already."""
    monkeypatch.setattr(BM3D, "_denoise", lambda self, y, sigma: y)


def test_parameters_are_counted_without_any_data(command: Callable) -> None:
    done = command("reproduce", "liu2020/table1", "--preset", "smoke", "--out", "found")
    assert done.status == 0
    rows = json.loads(Path("found/liu2020/table1-smoke.json").read_text())["rows"]
    assert len(rows) == 12
    assert [row["parameters"] for row in rows[5:7]] == [1_026_019, 1_026_019]
    assert [row["psnr"] for row in rows] == [None] * 12
    assert "3 ✓ 128/256" in done.out


@pytest.mark.parametrize("table", ["table2", "table3"])
def test_images_that_are_not_there(command: Callable, table: str) -> None:
    done = command("reproduce", f"liu2020/{table}", "--preset", "smoke")
    assert done.status == 1
    assert {"table2": "kodak24", "table3": "cbsd68"}[table] in done.err
    assert not Path("results").exists()


@pytest.mark.usefixtures("quick_bm3d")
@pytest.mark.skipif(not DATA, reason="needs Kodak24: set CLEARSIGHT_DATA")
def test_colour_denoisers_side_by_side(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    assert command("reproduce", "liu2020/table2", "--preset", "smoke", "--out", "found").status == 0
    record = json.loads(Path("found/liu2020/table2-smoke.json").read_text())
    (part,) = record["parts"].values()
    assert part["images"] == 2
    reached = {name: [row["psnr"]["value"] for row in rows.values()] for name, rows in part["rows"].items()}
    assert {"noisy", "wiener", "MCWNNM", "TNRD", "denoise-color"} <= set(reached)
    for column in range(3):
        assert reached["noisy"][column] < reached["wiener"][column] < reached["denoise-color"][column]
        assert reached["wavelet"][column] < reached["MCWNNM"][column]
    assert len(reached["TNRD"]) == 1  # its net knows one noise level
    assert record["published"]["liu2020"] == [32.39, 30.83, 29.27]


@pytest.mark.usefixtures("quick_bm3d")
@pytest.mark.skipif(not DATA, reason="needs Kodak24: set CLEARSIGHT_DATA")
def test_crops_side_by_side(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    assert command("reproduce", "liu2020/figure4", "--preset", "smoke", "--out", "found").status == 0
    record = json.loads(Path("found/liu2020/figure4-smoke.json").read_text())
    assert len(record["psnr"]) == 2
    assert all(of["noisy"] < of["denoise-color"] for of in record["psnr"].values())
    assert Path("found/liu2020/figure4-smoke.png").stat().st_size > 10_000


def write_pairs(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        clean = np.full((40, 48, 3), 60 + 80 * number, np.uint8)
        for word, pixels in (("mean", clean), ("real", clean + rng.integers(0, 20, clean.shape, np.uint8))):
            write(Picture(pixels=pixels), folder / f"{number}_{word}.png")


@pytest.mark.parametrize("data", ["made up", "polyu"])
def test_real_noise_or_noise_that_is_made_up(
    data: str, command: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))
    monkeypatch.setattr(figure7, "METHODS", [one for one in figure7.METHODS if one.quick])
    if data == "polyu":
        write_pairs(tmp_path / data)
    done = command("reproduce", "liu2020/figure7", "--preset", "smoke", "--out", "found")
    assert done.status == 0, done.err
    assert ("there is no PolyU" in done.err) is (data == "made up")
    record = json.loads(Path("found/liu2020/figure7-smoke.json").read_text())
    (rows,) = record["parts"].values()
    reached = {row["name"]: row["psnr"]["value"] for row in rows.values()}
    assert list(rows)[:3] == ["noisy", "wavelet", "wavelet, told σ"]
    assert {"non-local means", "denoise-color"} <= set(rows)
    assert reached["noisy"] < reached["denoise-color"]
    assert list(record["parts"]) == [f"{data}, 2 × 32²"]
    with Image.open("found/liu2020/figure7-smoke.png") as sheet:
        assert sheet.size == ((len(rows) + 1) * (32 + 4) + 4, 18 + 2 * (32 + 16) + 4)


@pytest.mark.skipif(not DATA, reason="needs CIFAR-10 and CamVid: set CLEARSIGHT_DATA")
def test_classes_read_in_restored_images(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    done = command("reproduce", "liu2020/table4", "--preset", "smoke", "--out", "found")
    assert done.status == 0, done.err
    record = json.loads(Path("found/liu2020/table4-smoke.json").read_text())
    assert [one["degradation"] for one in record["conditions"]] == [
        *("gaussian(sigma=0)", *(f"gaussian(sigma={s}/255)" for s in (15, 30, 45, 60)))
    ]
    names = [row["name"] for row in record["conditions"][0]["rows"]]
    assert names[:4] == ["clean", "noisy", "separate", "guided"]
    assert names[4:6] == ["cross-task", "cross-task, not guided"]
    assert names[6:11] == ["guided, no labels", "mean", "gate", "retrained on noisy", "retrained on restored"]
    assert names[11:] == [f"{row}, read by cifar-all-conv" for row in ("noisy", *names[2:7])]
    gains = [row for row in record["table"]["rows"] if "guided − separate" in row[0]]
    assert [row[0] for row in gains] == ["guided − separate", "guided − separate, read by cifar-all-conv"]
    assert all(re.fullmatch(r"[+-]\d+\.\d\d \[-?\d+\.\d\d, -?\d+\.\d\d\]", cell) for row in gains for cell in row[1:6])
    assert record["published"]["guided"] == [69.9, 67.1, 63.2, 59.4]
    trained = {path.parent.name for path in Path("runs").glob("*/weights")}
    assert trained == {"guided-cifar-unlabelled-smoke", "retrained-noisy-cifar-smoke", "retrained-restored-cifar-smoke"}


@pytest.mark.skipif(not DATA, reason="needs CamVid: set CLEARSIGHT_DATA")
def test_what_is_read_in_street_scenes(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    done = command("reproduce", "liu2020/figure6", "--preset", "smoke", "--out", "found")
    assert done.status == 0, done.err
    (states,) = json.loads(Path("found/liu2020/figure6-smoke.json").read_text())["images"].values()
    assert list(states) == ["noisy", "separate", "guided", "clean"]
    assert states["noisy"]["miou"] < states["separate"]["miou"] < states["clean"]["miou"]
    assert Path("found/liu2020/figure6-smoke.png").stat().st_size > 10_000


@pytest.mark.skipif(not DATA, reason="needs Kodak24: set CLEARSIGHT_DATA")
def test_gradients_of_the_parts_of_the_loss(command: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setenv("CLEARSIGHT_DATA", str(DATA))
    done = command("reproduce", "liu2020/figure3", "--preset", "smoke", "--out", "found")
    assert done.status == 0, done.err
    parts = json.loads(Path("found/liu2020/figure3-smoke.json").read_text())["parts"]
    assert list(parts) == ["pixels", "perceptual", "recognition"]
    assert parts["pixels"]["cosine"] == pytest.approx(1)
    assert abs(parts["recognition"]["cosine"]) < 0.9
    assert Path("found/liu2020/figure3-smoke.png").stat().st_size > 10_000
