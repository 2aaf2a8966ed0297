"""lehtinen2018: noisy and clean targets differ in nothing else, and what figures are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from clearsight import images
from clearsight.experiments import catalogue
from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.lehtinen2018.budgets import BUDGETS
from clearsight.experiments.lehtinen2018.images import NoisyOnce, SomePatches
from clearsight.experiments.lehtinen2018.judging import CONTRAST, difference
from clearsight.images import Picture
from clearsight.metrics.metric import Outcome
from stand_ins import rand

NAMES = ("bernoulli", "text", "impulse", "single")

pytestmark = pytest.mark.usefixtures("unchanged")


@pytest.fixture(autouse=True)
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight pictures to train on, two to judge by, in the folders of the real ones."""
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))
    for folder, count in (("bsds432", 8), ("kodak24", 2), ("set14", 2)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            blocks = np.random.default_rng(number).integers(20, 236, (12, 12, 3), dtype=np.uint8)
            images.write(Picture(pixels=blocks.repeat(6, 0).repeat(6, 1)), tmp_path / folder / f"{number}.png")


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_in_seconds(name: str, tmp_path: Path) -> None:
    result = catalogue()[f"lehtinen2018/{name}"].run(RunConfig("smoke", 0, tmp_path / "runs", lambda line: None))
    assert all(len(row) == len(result.header) for row in result.rows)
    assert "from clean" in result.headline
    assert result.draw is not None
    result.draw(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 5_000


def test_what_is_trained_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    run = RunConfig("smoke", 0, tmp_path / "runs", said.append)
    first = catalogue()["lehtinen2018/single"].run(run)
    assert len([line for line in said if line.startswith("training")]) == 2
    said.clear()
    assert catalogue()["lehtinen2018/single"].run(run).rows == first.rows
    assert not any(line.startswith("training") for line in said)


def test_published_figures_stand_beside_ours(tmp_path: Path) -> None:
    result = catalogue()["lehtinen2018/gaussian"].run(RunConfig("smoke", 0, tmp_path / "runs", lambda line: None))
    assert [row["published"] for row in result.record["rows"]] == [
        {"noisy": 32.39, "clean": 32.38},
        {"noisy": 31.28, "clean": 31.28},
    ]


def test_an_image_has_one_draw_of_noise() -> None:
    budget = BUDGETS["smoke"]
    clean, noisy = SomePatches(budget, size=32, seed=0), NoisyOnce(budget, "gaussian(sigma=0.1)", size=32, seed=0)
    for data in (clean, noisy):
        data.setup("fit")
    residuals = [
        noisy_image - image.float() / 255
        for noisy_image, image in zip(noisy.train_images, clean.train_images, strict=True)
    ]
    assert torch.stack([r.std() for r in residuals]).sub(0.1).abs().max() < 0.01
    assert not residuals[0].equal(residuals[1])
    assert noisy.draw(0).x.equal(noisy.draw(0).x)


def test_contrast_is_the_slope_over_the_original() -> None:
    x = rand(3, 3, 16, 16)
    outcome = Outcome(0.3 * 0.5 + 0.7 * x, x, torch.empty(0), torch.empty(0))
    assert CONTRAST.value(CONTRAST.statistic(outcome).sum(0)).item() == pytest.approx(0.7)


def test_a_difference_is_that_of_the_same_images() -> None:
    found = difference([30.0, 31.0, 32.0, 33.0], [29.9, 30.9, 31.9, 32.9])
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0.1, 0.1, 0.1))
