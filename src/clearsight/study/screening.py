"""Raters whose answers are not used, by the rules of ITU, and how much each agrees with the others and with themselves.

Sources: Recommendation ITU-R BT.500-15, A1-2.3 ("screening of the observers"); ITU-T P.910 (10/2023), which discards a
rater whose scores correlate with the mean of all by less than 0.75.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clearsight.study.design import REFERENCE, Ranking

__all__ = ["Rules", "Screened", "screen"]

_BY_CHANCE = 1.645
"""Standard errors that a mean place of somebody who picks at random is higher by than the middle in 5 of 100 cases."""

_OUTSIDE, _LOPSIDED = 0.05, 0.3
"""Of BT.500: more scores than that far from the others', on both sides alike, are those of an unreliable rater."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which raters are left out.

    Attributes:
        bt500: those whose scores lie far from the others' too often, and on both sides.
        reference: those who do not rank the hidden reference, which is right, higher than 95 of 100 would by chance.
        least_correlation: those whose scores correlate less with the mean of the others; ``None`` for no such rule. The
            0.75 of P.910 is for scores of pictures from bad to excellent: rankings of methods that are close do not
            reach it, however careful the rater.
    """

    bt500: bool = True
    reference: bool = True
    least_correlation: float | None = None


@dataclass(frozen=True, slots=True)
class Screened:
    """One rater.

    Attributes:
        rater: by number.
        rankings: how many, without repeats.
        correlation: with the mean of the others; NaN where there is none to compare with.
        consistency: Kendall's τ between first and second rankings of the same images, the mean; NaN without any.
        left_out: why the answers are not used; empty where they are.
    """

    rater: int
    rankings: int
    correlation: float
    consistency: float
    left_out: str


def screen(rankings: Sequence[Ranking], methods: Sequence[str], rules: Rules | None = None) -> list[Screened]:
    """Look at each rater.

    Args:
        rankings: of all raters.
        methods: that they ranked.
        rules: for leaving raters out.
    """
    rules = rules or Rules()
    raters = sorted({one.rater for one in rankings})
    scores = _scores(rankings, raters, methods)
    unreliable = _unreliable(scores) if rules.bt500 else np.zeros(len(raters), np.bool_)
    found = []
    for row, rater in enumerate(raters):
        own = [one for one in rankings if one.rater == rater]
        correlation = _correlation(scores, row)
        why = _why(rules, bool(unreliable[row]), correlation, own, len(methods))
        once = sum(not one.repeat for one in own)
        found.append(Screened(rater, once, correlation, _consistency(own), why))
    return found


def _why(rules: Rules, unreliable: bool, correlation: float, own: Sequence[Ranking], n: int) -> str:
    if unreliable:
        return "far from the others on both sides (BT.500)"
    places = [one.order.index(REFERENCE) + 1 for one in own if REFERENCE in one.order]
    if rules.reference and places:
        chance = (n + 1) / 2 - _BY_CHANCE * math.sqrt((n**2 - 1) / 12 / len(places))
        if np.mean(places) > max(chance, 1):
            return f"ranks the hidden reference at {np.mean(places):.1f} of {n}, as by chance"
    if rules.least_correlation is not None and correlation < rules.least_correlation:
        return f"correlates by {correlation:.2f} with the others (P.910)"
    return ""


def _scores(rankings: Sequence[Ranking], raters: Sequence[int], methods: Sequence[str]) -> NDArray[np.float64]:
    """``(raters, images · methods)``: places from below, as scores go; NaN where nothing was rated."""
    images = sorted({one.image for one in rankings})
    scores = np.full((len(raters), len(images), len(methods)), np.nan)
    for one in rankings:
        if not one.repeat:
            places = [len(methods) - one.order.index(method) for method in methods]
            scores[raters.index(one.rater), images.index(one.image)] = places
    return scores.reshape(len(raters), -1)


def _unreliable(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """By BT.500: a score is far where it is 2 deviations from the mean, or √20 where the kurtosis is not normal."""
    known = ~np.isnan(scores)
    centred = np.where(known, scores - _mean(scores), 0)
    n = np.maximum(known.sum(0), 1)
    variance, fourth = (centred**2).sum(0) / n, (centred**4).sum(0) / n
    kurtosis = fourth / np.where(variance > 0, variance, 1) ** 2
    normal = (kurtosis >= 2) & (kurtosis <= 4)
    limit = np.where(normal, 2.0, np.sqrt(20)) * np.sqrt(variance * n / np.maximum(n - 1, 1))
    above, below = ((known & (side * centred >= limit) & (limit > 0)).sum(1) for side in (1, -1))
    outside = above + below
    lopsided = np.abs(above - below) / np.maximum(outside, 1)
    found: NDArray[np.bool_] = (outside > _OUTSIDE * known.sum(1)) & (lopsided < _LOPSIDED)
    return found


def _mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over raters; NaN where nobody has rated."""
    n = (~np.isnan(scores)).sum(0)
    return np.where(n > 0, np.nansum(scores, 0) / np.maximum(n, 1), np.nan)


def _correlation(scores: NDArray[np.float64], row: int) -> float:
    """Pearson's, of a rater with the mean of the others."""
    own, others = scores[row], _mean(np.delete(scores, row, 0))
    both = ~np.isnan(own) & ~np.isnan(others)
    if both.sum() < 2 or own[both].std() == 0 or others[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(own[both], others[both])[0, 1])


def _consistency(own: Sequence[Ranking]) -> float:
    """Kendall's τ of the two rankings of each image that was shown twice, the mean."""
    by_image: dict[str, list[Ranking]] = defaultdict(list)
    for one in own:
        by_image[one.image].append(one)
    taus = [_tau(both[0].order, both[1].order) for both in by_image.values() if len(both) == 2]
    return float(np.mean(taus)) if taus else float("nan")


def _tau(one: Sequence[str], other: Sequence[str]) -> float:
    pairs = list(combinations(one, 2))
    agreed = sum(other.index(first) < other.index(second) for first, second in pairs)
    return 2 * agreed / len(pairs) - 1
