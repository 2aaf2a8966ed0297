"""Whether the report of a study recovers what raters are drawn from: simulated panels of known worths.

python benchmarks/study.py [--preset smoke]

Coverage is the share of studies in which the intervals hold the true worths of all methods at once. Panels: raters who
differ by chance alone; raters and images that differ in what they favour, too, where the truth is what an endless panel
would give; raters among whom some rank at random, with the rules that leave them out and without.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clearsight.study import REFERENCE, Design, Panel, Report, Rules, analyse, simulated, wins, worths
from measuring import is_rehearsal, save

IMAGES, RATERS, DRAWS, STUDIES = 10, 15, 100, 200
WORTHS = {"one": 0.9, "two": 0.3, "three": -0.3, "four": -0.9}
ABOVE = 2.5
"""Of the hidden reference."""

NO_RULES = Rules(bt500=False, reference=False)
ENDLESS = 200
"""Raters, and images, of the panel that stands for an endless one."""


def design(methods: Sequence[str], images: int = IMAGES, repeats: int = 2) -> Design:
    return Design(tuple(map(str, range(images))), tuple(methods), repeats)


def truth(panel: Panel) -> dict[str, float]:
    """The worths that pairs have on average over tastes and scenes; without these, those of the panel."""
    methods = list(panel.worths)
    if not panel.taste and not panel.scene:
        theta = np.array(list(panel.worths.values()))
        return dict(zip(methods, theta - theta.mean(), strict=True))
    endless = simulated(replace(panel, raters=ENDLESS), design(methods, ENDLESS, 0), seed=1_000_000)
    return dict(zip(methods, map(float, worths(wins(endless, methods).sum(0))), strict=True))


def found(panel: Panel, rules: Rules, studies: int) -> dict[str, object]:
    """Many studies of such a panel."""
    right, methods = truth(panel), list(panel.worths)
    reports = [
        analyse(simulated(panel, design(methods), seed), methods, rules=rules, draws=DRAWS, seed=seed)
        for seed in range(studies)
    ]
    inside = np.array([[held(report, method, right[method]) for method in methods] for report in reports])
    order = [row.method for report in reports for row in report.rows]
    best_first = sorted(methods, key=lambda method: -right[method])
    ordered = [order[k : k + len(methods)] == best_first for k in range(0, len(order), len(methods))]
    widths = [row.worth.high - row.worth.low for report in reports for row in report.rows]
    careless, careful = out(reports, range(panel.raters, 99)), out(reports, range(panel.raters))
    return {
        "worths": {method: round(value, 4) for method, value in right.items()},
        "raters": panel.raters,
        "careless": panel.careless,
        "taste": panel.taste,
        "scene": panel.scene,
        "coverage": round(float(inside.all(1).mean()), 4),
        "coverage_of_each": {method: round(float(inside[:, k].mean()), 4) for k, method in enumerate(methods)},
        "ordered": round(float(np.mean(ordered)), 4),
        "mean_width": round(float(np.mean(widths)), 4),
        "careful_left_out": careful,
        "careless_left_out": careless,
    }


def held(report: Report, method: str, value: float) -> bool:
    interval = next(row.worth for row in report.rows if row.method == method)
    return interval.low <= value <= interval.high


def out(reports: Sequence[Report], numbers: range) -> float | None:
    """Which share of those raters is left out."""
    told = [bool(one.left_out) for report in reports for one in report.raters if one.rater - 1 in numbers]
    return round(float(np.mean(told)), 4) if told else None


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    studies = 3 if rehearsal else STUDIES
    plain = Panel(WORTHS, RATERS)
    hidden = Panel({REFERENCE: ABOVE, **WORTHS}, RATERS, careless=3)
    panels = {
        "chance alone": (plain, Rules()),
        "tastes and scenes": (replace(plain, taste=0.5, scene=0.5), Rules()),
        "three careless, no rules": (hidden, NO_RULES),
        "three careless, rules": (hidden, Rules()),
    }
    rows = {name: found(panel, rules, studies) for name, (panel, rules) in panels.items()}
    counts = {"studies": studies, "images": IMAGES, "draws": DRAWS}
    save("study", {**counts, "rows": rows}, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
