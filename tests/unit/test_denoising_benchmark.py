"""The benchmark of denoisers keeps what it does not measure."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mat_files import conv, ffdnet, relu, save_5

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs it on two small photographs, with networks of others for σ = 25 and for any σ."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    for name in ("kodak24", "Set12", "peers"):
        (tmp_path / name).mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 24, 32, 3), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "kodak24" / f"{number}.png")
        Image.fromarray(image[..., 0]).save(tmp_path / "Set12" / f"{number}.png")
    save_5(tmp_path / "peers" / "FFDNet_color.mat", ffdnet())
    save_5(tmp_path / "peers" / "CDnCNN_25.mat", [conv(3, 4), relu(), conv(4, 3)])
    benchmark: ModuleType = importlib.import_module("denoising")
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))
    for module in (benchmark, importlib.import_module("measuring")):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results")

    def measured(*words: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["denoising.py", *words])
        benchmark.main()
        content: dict[str, Any] = json.loads((tmp_path / "results" / "denoising.json").read_text(encoding="utf-8"))
        return content

    return measured


def test_other_rows_are_kept(run: Run) -> None:
    first = run("--methods", "noisy", "wiener")
    assert {name: row["images"] for name, row in first["rows"].items()} == dict.fromkeys(
        ("kodak24", "kodak24 centres", "kodak24 files", "kodak24 luma", "set12"), 2
    )
    then = run("--methods", "FFDNet_color", "CDnCNN", "noisy")
    row = then["rows"]["kodak24"]
    assert list(row["psnr"]) == ["noisy", "wiener", "CDnCNN", "FFDNet_color"]
    assert row["psnr"]["wiener"] == first["rows"]["kodak24"]["psnr"]["wiener"]
    assert [value is None for value in row["psnr"]["CDnCNN"]] == [False, True, True]
    assert {name: then["runs"][one]["command"].split()[3] for name, one in row["run"].items()} == {
        "noisy": "FFDNet_color",
        "wiener": "noisy",
        "FFDNet_color": "FFDNet_color",
        "CDnCNN": "FFDNet_color",
    }
    by_image = row["singly"]["noisy"][0]
    assert by_image.keys() == {"0.png", "1.png"}
    assert sum(by_image.values()) / 2 == pytest.approx(row["psnr"]["noisy"][0], abs=2e-3)
    assert then["rows"]["kodak24 files"]["psnr"].keys() == {"noisy", "wiener", "FFDNet_color"}
