"""A tenth of k-space: the smoke preset runs, its figures hang together."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import clearsight.datasets  # noqa: F401  (before lightning, which takes torchvision as it is)
from clearsight.experiments import RunConfig, find_experiment

pytestmark = pytest.mark.skipif(not (find_spec("nibabel") and find_spec("nilearn")), reason="no brain is installed")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def test_smoke(runs: Path, tmp_path: Path) -> None:
    said: list[str] = []
    result = find_experiment("lehtinen2018/mri").run(RunConfig("smoke", 0, runs, said.append))
    assert sum(line.startswith("training") for line in said) == 2
    first = result.record["rows"][0]
    assert first["images"] == "test slices"
    assert first["zero_filled"]["psnr"]["value"] > first["scaled"]["psnr"]["value"]
    gained = first["noisy"]["psnr"]["value"] - first["zero_filled"]["psnr"]["value"]
    assert first["noisy_minus_zero_filled"]["value"] == pytest.approx(gained, abs=0.05)
    assert "31.74" in result.rows[0]
    assert result.draw is not None
    result.draw(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_what_is_trained_is_kept(runs: Path) -> None:
    said: list[str] = []
    find_experiment("lehtinen2018/mri").run(RunConfig("smoke", 0, runs, said.append))
    assert not any(line.startswith("training") for line in said)
