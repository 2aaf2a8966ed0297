"""The opinion study: orders that are balanced, pages that are blind, a report that finds what is true."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from clearsight.contracts import Sample
from clearsight.degradations import parse
from clearsight.errors import DataError, InvalidArgumentError
from clearsight.experiments import RunConfig, find_experiment
from clearsight.images import read
from clearsight.inference import Engine
from clearsight.restorers import Bicubic, Wavelet, Wiener
from clearsight.study import (
    REFERENCE,
    Design,
    Panel,
    Ranking,
    Rules,
    Store,
    Study,
    analyse,
    application,
    balanced,
    create,
    screen,
    simulated,
)

IMAGES = tuple(f"image {k}" for k in range(8))
METHODS = ("one", "two", "three", "four")
DESIGN = Design(IMAGES, METHODS, 2)
PANEL = Panel({"one": 0.9, "two": 0.3, "three": -0.3, "four": -0.9}, 15)


class Ramps:
    """Four small images."""

    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        return Sample(name=f"ramp {index}", x=torch.linspace(0.2, 0.8, 24 + index).expand(3, 20, -1), label=None)


def engines() -> dict[str, Engine]:
    return {"wiener": Engine(Wiener()), "wavelet": Engine(Wavelet())}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    return create(Ramps(), parse("gaussian(sigma=25/255)"), engines(), folder, report=lambda line: None)


# Orders


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_orders_are_balanced_over_places_and_neighbours(n: int) -> None:
    rows = balanced(n)
    places = Counter((place, method) for row in rows for place, method in enumerate(row))
    neighbours = Counter(pair for row in rows for pair in pairwise(row))
    assert len(set(places.values())) == len(set(neighbours.values())) == 1
    assert len(neighbours) == n * (n - 1)


def test_raters_together_see_each_method_in_each_place_as_often() -> None:
    shown = Counter(seen for rater in range(1, 3) for t in DESIGN.trials(rater) for seen in enumerate(t.places))
    assert set(shown.values()) == {2 * 10 // 4}


def test_a_rater_sees_every_image_once_and_some_again_later() -> None:
    trials = DESIGN.trials(3)
    assert sorted(t.image for t in trials if not t.repeat) == sorted(IMAGES)
    again = [number for number, t in enumerate(trials) if t.repeat]
    assert len(again) == 2
    assert all(trials[n].image in {t.image for t in trials[:n]} for n in again)
    assert DESIGN.trials(3) == trials != DESIGN.trials(4)


@pytest.mark.parametrize(
    ("images", "methods", "repeats", "reason"),
    [((), METHODS, 0, "at least two"), (IMAGES, ("a", "a"), 0, "different"), (IMAGES, METHODS, 5, "between 0 and 4")],
)
def test_what_cannot_be_compared(images: tuple, methods: tuple, repeats: int, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        Design(images, methods, repeats)


# What rankings say


def test_a_panel_of_known_worths_is_recovered() -> None:
    """Most studies hold all true worths inside the intervals, which are no wider than they have to be."""
    reports = [analyse(simulated(PANEL, DESIGN, seed), METHODS, draws=40, seed=seed) for seed in range(6)]
    inside = [all(r.worth.low <= PANEL.worths[r.method] <= r.worth.high for r in report.rows) for report in reports]
    widths = [row.worth.high - row.worth.low for report in reports for row in report.rows]
    assert sum(inside) >= 5
    assert np.mean(widths) < 1.2
    assert [row.method for row in reports[0].rows] == [*METHODS]


def test_ranks_opinions_and_shares() -> None:
    """Three of four put the same method first; a repeat counts for consistency alone."""
    rankings = [Ranking(r, "a", ("x", "y") if r < 4 else ("y", "x")) for r in range(1, 5)]
    rankings += [Ranking(1, "b", ("x", "y")), Ranking(1, "b", ("y", "x"), repeat=True)]
    report = analyse(rankings, ("x", "y"), rules=Rules(bt500=False), draws=20)
    best = report.rows[0]
    assert (best.method, best.rank, best.first, best.opinion.value) == ("x", 1.2, 80, 1.8)
    assert best.worth.value == pytest.approx(np.log(4.05 / 1.05) / 2, abs=1e-3)
    assert report.raters[0].consistency == -1
    assert np.isnan(report.raters[1].consistency)


def test_careless_raters_are_left_out_and_careful_ones_are_not() -> None:
    panel = Panel({REFERENCE: 2.5, **PANEL.worths}, 12, careless=4)
    rankings = simulated(panel, Design(IMAGES, (REFERENCE, *METHODS), 2), 1)
    found = screen(rankings, (REFERENCE, *METHODS))
    assert [one.rater for one in found if one.left_out] == [13, 14, 15, 16]
    assert sum("reference" in one.left_out for one in found) >= 2
    assert not any(one.left_out for one in screen(rankings, (REFERENCE, *METHODS), Rules(False, False)))
    strict = screen(rankings, (REFERENCE, *METHODS), Rules(False, False, 0.3))
    assert {one.rater for one in strict if "P.910" in one.left_out} >= {13, 14, 15, 16}


def test_a_rater_far_from_the_others_on_both_sides_is_left_out_by_bt500() -> None:
    """Where all agree but one, who agrees half of the time."""
    agreed = [Ranking(rater, image, METHODS) for rater in range(1, 40) for image in IMAGES]
    odd = [Ranking(40, image, METHODS[::-1] if k % 2 else METHODS) for k, image in enumerate(IMAGES)]
    assert [one.rater for one in screen(agreed + odd, METHODS) if "BT.500" in one.left_out] == [40]


def test_nothing_to_report() -> None:
    with pytest.raises(DataError, match="nobody has rated"):
        analyse([], METHODS)
    upside_down = [Ranking(1, "a", ("x", REFERENCE))]
    with pytest.raises(DataError, match="all 1 raters are left out"):
        analyse(upside_down, ("x", REFERENCE))


# On disk


def test_stimuli_are_what_the_methods_make_and_their_names_say_nothing(study: Study) -> None:
    files = study.stimuli["ramp 1"]
    assert set(files) == {"wiener", "wavelet", REFERENCE}
    assert all(re.fullmatch("[0-9a-f]{24}[.]png", name) for of in study.stimuli.values() for name in of.values())
    assert len(list(study.pictures.iterdir())) == 4 * 3
    clean = read(study.pictures / files[REFERENCE]).pixels
    np.testing.assert_array_equal(clean, (255 * Ramps()[1].x).round().byte().movedim(0, -1).numpy())
    errors = [np.abs(read(study.pictures / files[m]).pixels - clean.astype(int)).mean() for m in ("wiener", "wavelet")]
    assert 0 < max(errors) < 20
    opened = Study.open(study.folder)
    assert (opened.design, opened.stimuli) == (study.design, study.stimuli)


def test_a_study_that_was_interrupted_goes_on_and_a_whole_one_stays(study: Study, tmp_path: Path) -> None:
    degradation = parse("gaussian(sigma=25/255)")

    def stop(line: str) -> None:
        if line.startswith("ramp 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(Ramps(), degradation, engines(), tmp_path, report=stop)
    with pytest.raises(DataError, match="no study"):
        Study.open(tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "stimuli").iterdir()}
    again = create(Ramps(), degradation, engines(), tmp_path, report=lambda line: None)
    assert len(kept) == 6
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    pictures = [{p.name: p.read_bytes() for p in one.pictures.iterdir()} for one in (again, study)]
    assert pictures[0] == pictures[1]
    with pytest.raises(InvalidArgumentError, match="holds a study already"):
        create(Ramps(), degradation, engines(), tmp_path, report=lambda line: None)


def test_results_of_another_size_and_damaged_studies(tmp_path: Path) -> None:
    methods = {"wiener": Engine(Wiener()), "bicubic": Engine(Bicubic())}
    with pytest.raises(InvalidArgumentError, match="bicubic makes 48×40 but 24×20"):
        create(Ramps(), parse("gaussian(sigma=0.1)"), methods, tmp_path, report=lambda line: None)
    (tmp_path / "study.json").write_text('{"images": 3}')
    with pytest.raises(DataError, match="is damaged"):
        Study.open(tmp_path)


@pytest.mark.parametrize(
    ("url", "error"),
    [("no url", InvalidArgumentError), ("nosuch://x", InvalidArgumentError), ("sqlite:////no/such/x.db", DataError)],
)
def test_databases_that_cannot_be_opened(url: str, error: type) -> None:
    with pytest.raises(error, match="database"):
        Store(url)


# In the browser


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'ratings.db'}")


@pytest.fixture
def client(study: Study, store: Store) -> TestClient:
    return TestClient(application(study, store))


def test_a_rater_ranks_stops_goes_on_and_is_done(client: TestClient, study: Study, store: Store) -> None:
    assert "Begin" in client.get("/").text
    page = client.post("/raters")
    trials = study.design.trials(1)
    for number, trial in enumerate(trials):
        assert f"Page {number + 1} of 6" in page.text
        assert not any(word in page.text for word in ("wiener", "wavelet", REFERENCE, trial.image))
        shown = re.findall(r"/pictures/(\w+[.]png)", page.text)
        assert shown == [study.stimuli[trial.image][method] for method in trial.places]
        assert client.get(f"/pictures/{shown[0]}").headers["content-type"] == "image/png"
        page = client.post(page.url.path, data={"trial": number, "order": "2,0,1"})
        if number == 2:
            client.post(page.url.path, data={"trial": number, "order": "0,1,2"})  # sent twice
            page = client.get("/")  # the cookie goes on
    assert "Thank you" in page.text
    found = store.rankings()
    assert [(one.image, one.repeat) for one in found] == [(trial.image, trial.repeat) for trial in trials]
    assert all(one.order == tuple(trial.places[i] for i in (2, 0, 1)) for one, trial in zip(found, trials, strict=True))


def test_two_raters_do_not_meet(study: Study, store: Store) -> None:
    clients = [TestClient(application(study, store)) for _ in range(2)]
    pages = [client.post("/raters").url.path for client in clients]
    assert pages[0] != pages[1]
    clients[0].post(pages[0], data={"trial": "0", "order": "0,1,2"})
    assert [store.rated(rater) for rater in (1, 2)] == [1, 0]


@pytest.mark.parametrize("form", [{"trial": "0", "order": "0,0,1"}, {"trial": "x"}, {}, {"order": "9" * 20_000}])
def test_answers_that_are_none(client: TestClient, store: Store, form: dict[str, str]) -> None:
    path = client.post("/raters").url.path
    done = client.post(path, data=form)
    assert done.status_code == 400
    assert "Pick every picture once" in done.text
    assert store.rankings() == []


@pytest.mark.parametrize(
    "path", ["/rate/nobody", "/pictures/../study.json", "/pictures/%2e%2e/study.json", "/study.json"]
)
def test_addresses_that_are_none(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


# The paper's figure, and what is written


def test_figure5_with_a_simulated_panel_and_with_ratings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.experiments.liu2020.figure5._WANTED", {"smoke": ("wiener", "wavelet")})
    lines: list[str] = []
    config = RunConfig("smoke", 0, tmp_path, lines.append)
    run = find_experiment("liu2020/figure5").run
    first = run(config)
    assert first.record["panel"]["simulated"]
    assert first.record["real"] is None
    assert all(row[-1] == "–" for row in first.rows)
    assert "study serve" in lines[-1]
    made = Study.open(tmp_path / "liu2020" / "figure5-smoke")
    store = Store(made.database)
    for _ in range(3):
        store.enter()
    for ranking in simulated(Panel({"wiener": 0, "wavelet": 2}, 3), made.design, 0):
        store.add(ranking, store.rated(ranking.rater))
    second = run(config)
    assert second.record["simulated"] == first.record["simulated"]
    assert len(second.record["real"]["raters"]) == 3
    assert "3 real raters" in second.headline


def test_the_report_leaves_tables(tmp_path: Path) -> None:
    rankings = simulated(PANEL, DESIGN, 0)
    report = analyse(rankings, METHODS, draws=20)
    report.write(tmp_path, rankings)
    tables = {path.stem: list(csv.DictReader(path.open())) for path in tmp_path.glob("*.csv")}
    assert [row["method"] for row in tables["methods"]] == [row.method for row in report.rows]
    assert float(tables["methods"][0]["ln_worth_low"]) == report.rows[0].worth.low
    assert (len(tables["rankings"]), len(tables["raters"])) == (150, 15)
    assert tables["rankings"][0]["place_1"] == rankings[0].order[0]
    record = json.loads((tmp_path / "report.json").read_text())
    assert record["methods"][0]["worth"]["value"] == report.rows[0].worth.value
    assert len(record["raters"]) == 15
