"""Losses and targets of render denoisers: the smoke presets run, their figures hang together."""

from __future__ import annotations

from pathlib import Path

import pytest

import clearsight.datasets  # noqa: F401  (before lightning, which takes torchvision as it is)
from clearsight.experiments import RunConfig, find_experiment

pytest.importorskip("mitsuba")
pytest.importorskip("OpenEXR")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def test_losses(runs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    result = find_experiment("lehtinen2018/render_losses").run(RunConfig("smoke", 0, runs, said.append))
    assert sum(line.startswith("training") for line in said) == 5
    rows = result.record["rows"]
    assert [row[0] for row in result.rows][:2] == ["degraded", "L2, x, y"]
    assert result.rows[5][-1] == "30.09"
    gap = result.record["above_best"]["L2, x, y"]["value"]
    measured = rows["L2, x, y"]["psnr"]["value"] - rows["LHDR, T(x), y"]["psnr"]["value"]
    assert gap == pytest.approx(measured, abs=0.05)
    assert result.draw is not None
    result.draw(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_targets_take_what_is_rendered_and_trained_already(runs: Path) -> None:
    said: list[str] = []
    result = find_experiment("lehtinen2018/render_targets").run(RunConfig("smoke", 0, runs, said.append))
    assert [line for line in said if line.startswith("training")] == ["training render, LHDR, T(x), clean y"]
    assert not any(line.startswith("rendering") for line in said)
    assert [row[0] for row in result.rows] == ["2", "4"]
    assert result.rows[0][-1] == "22.31 / 31.33 / 31.83"
