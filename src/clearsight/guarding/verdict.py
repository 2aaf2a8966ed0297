"""What a guard run comes to, in sentences: what is recognized, and when not to use what it has made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from clearsight.evaluation.results import Evaluation
from clearsight.evaluation.selection import CLEAN

__all__ = ["Right", "headline_of", "measure_of", "rights_of", "when_not"]

_GUARDED = ("guided", "mean", "gate")
_RETRAINED = ("retrained on degraded", "retrained on restored")


class _Measure(NamedTuple):
    """What says how much is recognized.

    Attributes:
        title: with the unit.
        of: the metric, in percent, or what is left of 100 %.
        sign: 1 where more is better, −1 where less is.
        reached: in a sentence.
    """

    title: str
    of: Callable[[float], float]
    sign: int
    reached: str


class Right(NamedTuple):
    """How much of what is to be seen a recognizer sees, or misreads, in percent, with its 95 % interval."""

    value: float
    low: float
    high: float


_MEASURES = {
    "error": _Measure("right answers, %", lambda error: 100 - error, 1, "{:.1f} %"),
    "miou": _Measure("mIoU, %", lambda miou: miou, 1, "{:.1f} %"),
    "cer": _Measure("character error rate, %", lambda cer: cer, -1, "a character error rate of {:.1f} %"),
}
"""By the key of the metric; one of them is there."""


def measure_of(one: Evaluation) -> _Measure:
    """What says how much is recognized."""
    return _MEASURES[_key_of(one)]


def _key_of(one: Evaluation) -> str:
    return next(key for key in _MEASURES if any(key in row.figures for row in one.rows))


def rights_of(one: Evaluation) -> dict[str, Right]:
    """By row what the measure says."""
    key, found = _key_of(one), {}
    for row in one.rows:
        if key in row.figures:
            figure = row.figures[key]
            value, *ends = map(_MEASURES[key].of, (figure.value, figure.low, figure.high))
            found[row.name] = Right(value, *sorted(ends))
    return found


def headline_of(found: Sequence[Evaluation]) -> str:
    """What is recognized under the last condition, in one sentence."""
    last, rights = found[-1], rights_of(found[-1])
    names = [name for name in ("clean", "degraded", "separate", "guided", "gate") if name in rights]
    figures = ", ".join(f"{name} {rights[name].value:.1f}" for name in names)
    return f"{last.degradation}: {measure_of(last).title}: {figures}"


def when_not(found: Sequence[Evaluation]) -> list[str]:
    """When not to use it, a sentence for each reason that the figures give."""
    degraded = [one for one in found if one.degradation != CLEAN]
    clean = [one for one in found if one.degradation == CLEAN]
    harm = (line for one in clean for line in _harm(one))
    return [*_better_as_they_are(degraded), *_retrain(degraded), *_no_lead(degraded), *harm]


def _better_as_they_are(found: Sequence[Evaluation]) -> list[str]:
    """Where restoring makes things worse, and by how much."""
    lost = {one.degradation: _lead(one, rights_of(one)["degraded"], rights_of(one)["guided"]) for one in found}
    where = [degradation for degradation, points in lost.items() if points > 0]
    if not where:
        return []
    return [
        f"Not under {', '.join(where)}: there more is recognized in the images as they are than restored, by up to "
        f"{max(lost.values()):.1f} points."
    ]


def _retrain(found: Sequence[Evaluation]) -> list[str]:
    """Where a recognizer that was retrained is better, and by how much."""
    best = [(_best(one, _RETRAINED), _best(one, _GUARDED), one) for one in found]
    leads = [(_lead(one, theirs[1], ours[1]), theirs, ours, one) for theirs, ours, one in best if theirs and ours]
    if not leads:
        return []
    lead, theirs, ours, one = max(leads, key=lambda each: each[0])
    if lead <= 0:
        return ["Where the recognizer may be retrained: that was nowhere better than what stands in front of it."]
    measure = measure_of(one)
    return [
        f"Not where the recognizer may be retrained: {theirs[0]} it reaches {measure.reached.format(theirs[1].value)} "
        f"under {one.degradation}, {lead:.1f} points {'more' if measure.sign > 0 else 'less'} than {ours[0]}."
    ]


def _no_lead(found: Sequence[Evaluation]) -> list[str]:
    """Whether guidance has gained anything that is more than chance."""
    leads = [_lead(one, rights_of(one)["guided"], rights_of(one)["separate"]) for one in found]
    if any(lead > 0 and _differ(one, "guided", "separate") for one, lead in zip(found, leads, strict=True)):
        return []
    return [
        f"Not for the guidance: under no condition is what guided has before separate more than chance (it leads by "
        f"{_points(min(leads))} to {_points(max(leads))} points); any denoiser would do."
    ]


def _differ(one: Evaluation, row: str, other: str) -> bool:
    """Whether the interval of the difference of two rows, over the same images, is beside 0."""
    difference = one.difference(_key_of(one), row, other)
    return difference.low > 0 or difference.high < 0


def _harm(one: Evaluation) -> list[str]:
    """What restoring costs where there is nothing to restore."""
    rights = rights_of(one)
    lost = {name: _lead(one, rights["degraded"], rights[name]) for name in ("guided", "gate") if name in rights}
    if not lost or lost["guided"] <= 0:
        return []
    gate = f", with the gate {_points(max(lost['gate'], 0))}" if "gate" in lost else ""
    costs = f"restoring costs {lost['guided']:.1f} points"
    return [f"Not without the gate where images are often clean: {costs}{gate}."]


def _best(one: Evaluation, names: Sequence[str]) -> tuple[str, Right] | None:
    rights, sign = rights_of(one), measure_of(one).sign
    there = [(name, rights[name]) for name in names if name in rights]
    return max(there, key=lambda each: sign * each[1].value, default=None)


def _lead(one: Evaluation, theirs: Right, ours: Right) -> float:
    """By how many points one is better than the other."""
    return measure_of(one).sign * (theirs.value - ours.value)


def _points(lead: float) -> str:
    """With one digit, and no sign before 0."""
    return f"{round(lead, 1) + 0.0:.1f}"
