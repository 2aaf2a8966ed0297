"""vincent2010: what is chosen and on what, the SVM against scikit-learn's kernel, a user's own files, filters."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from clearsight.errors import MissingExtraError
from clearsight.experiments.experiment import RunConfig, published
from clearsight.experiments.vincent2010 import filters, table
from clearsight.experiments.vincent2010.budgets import BUDGETS
from clearsight.experiments.vincent2010.columns import COLUMNS, Columns
from clearsight.experiments.vincent2010.splits import Split, open_split, sets_at_hand
from clearsight.experiments.vincent2010.svm import choose_machine

LIMITS = BUDGETS["smoke"].limits


@pytest.fixture(autouse=True)
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rectangles need none."""
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))


@pytest.fixture(scope="module")
def split() -> Split:
    return open_split("rect", LIMITS, 0)


def config(runs: Path, said: list[str] | None = None) -> RunConfig:
    return RunConfig("smoke", 0, runs, (said if said is not None else []).append)


def test_the_table(tmp_path: Path) -> None:
    said: list[str] = []
    result = table.run(config(tmp_path, said), ["rect", "rect-img"])
    assert [line.partition(":")[0] for line in said[:5]] == [f"rect, {column}" for column in COLUMNS]
    row = result.record["rows"][0]
    assert row["images"] == {"train": 200, "validation": 100, "test": 100}
    assert row["columns"]["SDAE-3"]["published"] == [1.99, 0.12]
    for figures in row["columns"].values():
        p = figures["error"] / 100
        assert figures["interval"] == pytest.approx(196 * (p * (1 - p) / 100) ** 0.5, abs=1e-3)
    difference = row["columns"]["SDAE-3"]["error"] - row["columns"]["SVM"]["error"]
    assert row["sdae_minus_svm"]["value"] == pytest.approx(difference, abs=1e-3)
    assert row["sdae_minus_svm"]["low"] <= difference <= row["sdae_minus_svm"]["high"]
    assert [claim["sets"] for claim in result.record["claims"]] == [["rect", "rect-img"], ["rect-img"]]
    assert all(len(cells) == len(result.header) for cells in result.rows)
    assert result.rows[0][-1] == "1.99 ± 0.12 (10%)"
    again = table.run(config(tmp_path), ["rect", "rect-img"])
    assert json.dumps(again.record) == json.dumps(result.record)
    assert result.draw is not None
    result.draw(tmp_path / "table.png")
    assert (tmp_path / "table.png").stat().st_size > 5_000


def test_every_set_has_its_published_row() -> None:
    figures = published("vincent2010")
    assert set(figures["table"]) == set(figures["corruption"]) == {*sets_at_hand(), "tzanetakis"}
    assert all(tuple(row) == COLUMNS for row in figures["table"].values())


def test_nothing_is_chosen_on_the_test_part(split: Split, tmp_path: Path) -> None:
    other = split._replace(test=split.test._replace(labels=1 - split.test.labels))
    for column in ("SVM", "SDAE-3"):
        cells = [
            Columns(one, BUDGETS["smoke"], config(tmp_path / name)).cell(column)
            for name, one in (("as it is", split), ("other", other))
        ]
        assert cells[0].chosen == cells[1].chosen
        assert cells[0].validation == cells[1].validation
        assert torch.equal(cells[0].wrong, ~cells[1].wrong)


def test_the_machine_is_the_one_of_scikit_learn(split: Split, tmp_path: Path) -> None:
    svm = pytest.importorskip("sklearn.svm")
    machine = choose_machine(split, (1.0, 10.0), (1.0, 4.0), kept=tmp_path / "svm.json", terms="")
    train, test, labels = split.train.images.flatten(1), split.test.images.flatten(1), split.train.labels.numpy()
    own = svm.SVC(C=machine.chosen["C"], gamma=machine.chosen["gamma"]).fit(train.numpy(), labels)
    assert np.mean(own.predict(test.numpy()) == machine.answers.numpy()) > 0.98
    kept = choose_machine(split, (1.0, 10.0), (1.0, 4.0), kept=tmp_path / "svm.json", terms="")
    assert torch.equal(kept.answers, machine.answers)
    assert kept[1:] == machine[1:]


def test_without_scikit_learn(split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(MissingExtraError, match=r"SVM needs the optional part .svm.: pip install .clearsight\[svm"):
        choose_machine(split, (1.0,), (1.0,), kept=tmp_path / "svm.json", terms="")


def test_files_of_ones_own_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "amat" / "rect"
    folder.mkdir(parents=True)
    for name, rows in (("rect_train", 12), ("rect_test", 5)):
        values = np.hstack([np.full((rows, 784), 0.5), np.arange(rows)[:, None] % 2])
        np.savetxt(folder / f"{name}.amat", values, fmt="%g")
    split = open_split("rect", (None, None, 3), 0)
    assert split.source == "amat"
    assert [len(part.labels) for part in (split.train, split.validation, split.test)] == [10, 2, 3]
    np.savetxt(tmp_path / "tzanetakis.amat", np.zeros((20, 593)), fmt="%g")
    assert sets_at_hand()[-1] == "tzanetakis"
    assert open_split("tzanetakis", (None, None, None), 0).size == (1, 592)


def test_filters(tmp_path: Path) -> None:
    result = filters.FILTER_FIGURES.run(config(tmp_path))
    assert [row["layer"] for row in result.record["rows"]][2:] == list(filters._NOISE)
    assert result.record["photographs"] == "scikit-image"
    assert result.draw is not None
    result.draw(tmp_path / "filters.png")
    assert (tmp_path / "filters.png").stat().st_size > 20_000


def test_white_noise_has_no_orientation_and_a_grating_has() -> None:
    noise = torch.randn(2000, 144, generator=torch.Generator().manual_seed(0))
    assert filters.orientation(noise).mean() == pytest.approx(0.093, abs=0.003)
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    slanted = torch.stack([torch.cos(1.2 * x + k * 0.4 * y) for k in range(3)]).flatten(1)
    assert filters.orientation(slanted).min() > 0.7
    blob = torch.exp(-((x - 5.5) ** 2 + (y - 5.5) ** 2) / 6).reshape(1, 144)
    assert filters.orientation(blob).item() < 0.01


def test_patches_are_white() -> None:
    generator = torch.Generator().manual_seed(0)
    rough = torch.fft.rfft2(torch.randn(200, 240, generator=generator))
    f = torch.hypot(torch.fft.fftfreq(200)[:, None], torch.fft.rfftfreq(240)[None, :]).clamp(min=1 / 240)
    photograph = torch.fft.irfft2(rough / f, s=(200, 240))
    flat = filters._whitened(photograph)
    assert flat.var() == pytest.approx(0.1, rel=1e-3)
    power = torch.fft.rfft2(flat).abs().square()
    low, middle = power[(f > 0.02) & (f < 0.1)].mean(), power[(f > 0.1) & (f < 0.2)].mean()
    assert low / middle == pytest.approx(1, abs=0.2)
