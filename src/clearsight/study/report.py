"""What a study has found, for people, for programs and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.errors import DataError
from clearsight.images.files import atomically
from clearsight.study.bradley_terry import Interval, bootstrap, intervals, opinions, wins, worths
from clearsight.study.design import Ranking
from clearsight.study.screening import Rules, Screened, screen

__all__ = ["HEADER", "Report", "Row", "analyse"]

HEADER = ["method", "mean rank", "first %", "mean opinion", "ln worth"]


@dataclass(frozen=True, slots=True)
class Row:
    """One method.

    Attributes:
        method: by name.
        rank: mean place, from 1.
        first: share of rankings that it leads, in percent.
        opinion: mean score, n for the first of n and 1 for the last.
        worth: θ, the logarithm of its worth; their mean over methods is 0.
    """

    method: str
    rank: float
    first: float
    opinion: Interval
    worth: Interval


@dataclass(frozen=True, slots=True)
class Report:
    """What a study has found.

    Attributes:
        rows: the methods, the best first.
        raters: all of them.
        rankings: how many were used: of raters that were not left out, without repeats.
    """

    rows: list[Row]
    raters: list[Screened]
    rankings: int

    def cells(self) -> list[list[str]]:
        """The rows as text, under :data:`HEADER`."""
        return [
            [row.method, f"{row.rank:.2f}", f"{row.first:.0f}", _told(row.opinion), _told(row.worth)]
            for row in self.rows
        ]

    def lines(self) -> list[str]:
        """What is to be said below the table."""
        used = [one for one in self.raters if not one.left_out]
        seen_twice = [one.consistency for one in used if not np.isnan(one.consistency)]
        lines = [f"{self.rankings} rankings of {len(used)} raters; intervals hold for all methods at once, with 95 %"]
        if seen_twice:
            lines.append(f"the same image, ranked twice: Kendall's τ {np.mean(seen_twice):.2f} on average")
        return lines + [f"rater {one.rater} is left out: {one.left_out}" for one in self.raters if one.left_out]

    def as_json(self) -> dict[str, Any]:
        """All of it, with all digits."""
        methods = [{**asdict(row), "opinion": row.opinion._asdict(), "worth": row.worth._asdict()} for row in self.rows]
        raters = [{key: None if value != value else value for key, value in asdict(one).items()} for one in self.raters]
        return {"rankings": self.rankings, "methods": methods, "raters": raters}

    def write(self, folder: Path, rankings: Sequence[Ranking]) -> None:
        """Leave ``report.json``, ``methods.csv``, ``raters.csv`` and ``rankings.csv`` there.

        Raises:
            OSError: the folder cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        methods = [
            [r.method, r.rank, r.first, *(x for interval in (r.opinion, r.worth) for x in interval)] for r in self.rows
        ]
        header = [f"{name}{end}" for name in ("opinion", "ln_worth") for end in ("", "_low", "_high")]
        raters = [list(asdict(one).values()) for one in self.raters]
        ranked = [[one.rater, one.image, int(one.repeat), *one.order] for one in rankings]
        places = [f"place_{k + 1}" for k in range(len(self.rows))]
        files = {
            "report.json": json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n",
            "methods.csv": _csv(["method", "mean_rank", "first_percent", *header], methods),
            "raters.csv": _csv(["rater", "rankings", "correlation", "consistency", "left_out"], raters),
            "rankings.csv": _csv(["rater", "image", "repeat", *places], ranked),
        }
        for name, text in files.items():
            with atomically(folder / name) as part:
                part.write_text(text, encoding="utf-8", newline="")


def analyse(
    rankings: Sequence[Ranking],
    methods: Sequence[str],
    *,
    rules: Rules | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Report:
    """Say what rankings say of methods.

    Repeats tell how consistent raters are, and count for nothing else.

    Args:
        rankings: of all raters.
        methods: that were ranked.
        rules: for leaving raters out.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: there are no rankings, or every rater is left out.
    """
    if not rankings:
        raise DataError("nobody has rated anything yet: clearsight study serve lets people in")
    raters = screen(rankings, methods, rules)
    left_out = {one.rater for one in raters if one.left_out}
    used = [one for one in rankings if one.rater not in left_out and not one.repeat]
    if not used:
        raise DataError(f"all {len(raters)} raters are left out: fewer rules, or more raters")
    won, drawn = wins(used, methods).sum(0), bootstrap(used, methods, draws=draws, seed=seed)
    theta = worths(won)
    opinion = intervals(opinions(won), np.array([opinions(one) for one in drawn]))
    worth = intervals(theta, np.array([worths(one, theta) for one in drawn]))
    places = np.array([[one.order.index(method) for method in methods] for one in used])
    rows = [
        Row(method, 1 + places[:, k].mean(), 100 * (places[:, k] == 0).mean(), opinion[k], worth[k])
        for k, method in enumerate(methods)
    ]
    return Report(sorted(rows, key=lambda row: -row.worth.value), raters, len(used))


def _told(one: Interval) -> str:
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()
