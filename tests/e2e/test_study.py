"""``clearsight study``: made, rated and reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clearsight.study import Panel, Store, Study, simulated

NOISE = ("--with", "gaussian(sigma=25/255)")


def test_a_study_from_photographs_to_a_table(command: Callable, photo: Callable) -> None:
    for name in "abc":
        photo(f"photos/{name}.png")
    done = command("study", "create", "photos", *NOISE, "--methods", "wiener", "wavelet", "-o", "study", "--seed", "1")
    assert done.status == 0, done.err
    assert "3 images; clearsight study serve study" in done.out
    assert command("study", "report", "study") == (
        1,
        "",
        "clearsight: nobody has rated anything yet: clearsight study serve lets people in\n",
    )
    assert command("study", "serve", "study", "--host", "203.0.113.1") == (
        *(1, ""),
        "clearsight: nobody can be let in at 203.0.113.1, port 8000: Cannot assign requested address; take another "
        "--port or --host\n",
    )
    made = Study.open(Path("study"))
    assert made.design.methods == ("wiener", "wavelet", "reference")
    store = Store("sqlite:///elsewhere.db")
    for _ in range(5):
        store.enter()
    for ranking in simulated(Panel({"wiener": 0, "wavelet": 1, "reference": 9}, 5), made.design, 0):
        store.add(ranking, store.rated(ranking.rater))
    store.close()
    done = command("study", "report", "study", "--database", "sqlite:///elsewhere.db", "-o", "found", "--draws", "20")
    assert done.status == 0, done.err
    assert all(word in done.out for word in ("ln worth", "wavelet", "raters"))
    assert sorted(path.name for path in Path("found").iterdir()) == [
        *("methods.csv", "rankings.csv", "raters.csv", "report.json"),
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("create", "photos", "--methods", "wiener", "wavelet", "-o", "x"), "say with --with"),
        (("create", "photos", *NOISE, "--methods", "wiener", "wiener", "-o", "x"), "twice"),
        (("create", "photos", *NOISE, "--methods", "weiner", "wavelet", "-o", "x"), "did you mean 'wiener'"),
        (("create", "photos", *NOISE, "--methods", "wiener", "--no-reference", "-o", "x"), "at least two"),
        (("report", "photos"), "is no study"),
        (("serve", "photos"), "is no study"),
        (("report", "photos", "--draws", "1"), "at least 2"),
    ],
)
def test_mistakes_end_in_one_sentence(command: Callable, photo: Callable, arguments: tuple, reason: str) -> None:
    photo("photos/a.png")
    done = command("study", *arguments)
    assert (done.status, done.out) == (1, "")
    assert reason in done.err.splitlines()[-1]
