"""What rankings say of the methods: their worths in the model of Bradley and Terry, and how certain they are.

A method of worth exp(θ_i) is ranked before one of worth exp(θ_j) with probability 1 / (1 + exp(θ_j − θ_i)). Rankings
from the model of Plackett and Luce have these pairs, with the same worths; so each counts as all of its pairs, and the
intervals, which draw whole raters and whole images, know that the pairs of a ranking hang together.

Sources: Bradley and Terry, "Rank Analysis of Incomplete Block Designs", 1952; Maystre and Grossglauser, "Fast and
Accurate Inference of Plackett–Luce Models", 2015, by whose package ``choix`` it is fitted; Azari Soufiani et al.,
"Generalized Method-of-Moments for Rank Aggregation", 2013, for the pairs; Owen, "The pigeonhole bootstrap", 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import choix
import numpy as np
from numpy.typing import NDArray

from clearsight.study.design import Ranking

__all__ = ["Interval", "bootstrap", "intervals", "opinions", "wins", "worths"]

_PULL = 0.05
"""Wins that are added to both sides of every pair: a method that always wins has a worth all the same."""

_COVERED = 0.95


class Interval(NamedTuple):
    """A figure with its 95 % interval, which holds for all methods at once.

    Attributes:
        value: of all rankings.
        low: end of the interval.
        high: other end.
    """

    value: float
    low: float
    high: float


def wins(rankings: Sequence[Ranking], methods: Sequence[str]) -> NDArray[np.float64]:
    """``(rankings, methods, methods)``: 1 where the method of the row is before that of the column, else 0."""
    places = np.array([[one.order.index(method) for method in methods] for one in rankings])
    return (places[:, :, None] < places[:, None, :]).astype(np.float64)


def worths(won: NDArray[np.float64], start: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The logarithm θ of each method's worth, by maximum likelihood; their mean is 0.

    Args:
        won: ``(methods, methods)``, how often the method of the row was before that of the column.
        start: worths of something like it, which are soon mended.

    Example:
        >>> worths(np.array([[0.0, 30.0], [10.0, 0.0]])).round(2)
        array([ 0.55, -0.55])
    """
    pull = _PULL * (1 - np.eye(len(won)))
    found: NDArray[np.float64] = choix.ilsr_pairwise_dense(won + pull, initial_params=start, tol=1e-4)
    centred: NDArray[np.float64] = found - found.mean()
    return centred


def opinions(won: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean opinion of each method: 1 where it is always the last of n, n where it is always the first."""
    rankings = won[0, 1] + won[1, 0]
    mean: NDArray[np.float64] = 1 + won.sum(1) / rankings
    return mean


def bootstrap(rankings: Sequence[Ranking], methods: Sequence[str], *, draws: int, seed: int) -> NDArray[np.float64]:
    """Wins by raters and images that are drawn anew, with replacement, both at once: ``(draws, methods, methods)``.

    So what one rater likes, and what is easy in one image, counts as chance. The variance is right or too large: where
    neither matters, and only single rankings differ, up to three times too large.
    """
    rng = np.random.default_rng(seed)
    raters, rater = np.unique([one.rater for one in rankings], return_inverse=True)
    images, image = np.unique([one.image for one in rankings], return_inverse=True)
    each, found = wins(rankings, methods), list[NDArray[np.float64]]()
    while len(found) < draws:
        times = _counts(rng, len(raters))[rater] * _counts(rng, len(images))[image]
        if times.any():  # who has rated one image of many may not be met by it
            found.append(np.tensordot(times, each, 1))
    return np.array(found)


def _counts(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    return np.bincount(rng.integers(0, n, n), minlength=n)


def intervals(values: NDArray[np.float64], draws: NDArray[np.float64]) -> list[Interval]:
    """Intervals that hold for all figures at once with 95 %: as many standard errors to both sides for each.

    How many is the 95th percentile of the largest deviation among the figures of a draw, in standard errors.

    Args:
        values: ``(n,)``.
        draws: ``(draws, n)``, the same of each draw of the bootstrap.
    """
    errors = draws.std(0, ddof=1)
    deviations = np.abs(draws - draws.mean(0)) / np.where(errors > 0, errors, 1)
    reach = float(np.quantile(deviations.max(1), _COVERED)) * errors
    return [Interval(*map(float, one)) for one in zip(values, values - reach, values + reach, strict=True)]
