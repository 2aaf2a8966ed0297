"""What a guard run comes to, in sentences: what is recognized, and when not to use what it has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from clearsight.evaluation.results import Evaluation
from clearsight.evaluation.selection import CLEAN

__all__ = ["RIGHT", "Right", "headline_of", "key_of", "rights_of", "when_not"]

RIGHT = {"error": "right answers, %", "miou": "mIoU, %"}
"""What is recognized, by the key of the metric; one of them is there."""

_GUARDED = ("guided", "mean", "gate")
_RETRAINED = ("retrained on degraded", "retrained on restored")


class Right(NamedTuple):
    """How much of what is to be seen a recognizer sees, in percent, with its 95 % interval."""

    value: float
    low: float
    high: float


def key_of(one: Evaluation) -> str:
    """Of the metric that says what is recognized."""
    return next(key for key in RIGHT if any(key in row.figures for row in one.rows))


def rights_of(one: Evaluation) -> dict[str, Right]:
    """By row; of errors what is left to 100 %."""
    key, found = key_of(one), {}
    for row in one.rows:
        if key in row.figures:
            value, low, high = row.figures[key].value, row.figures[key].low, row.figures[key].high
            found[row.name] = Right(100 - value, 100 - high, 100 - low) if key == "error" else Right(value, low, high)
    return found


def headline_of(found: Sequence[Evaluation]) -> str:
    """What is recognized under the last condition, in one sentence."""
    last, rights = found[-1], rights_of(found[-1])
    names = [name for name in ("clean", "degraded", "separate", "guided", "gate") if name in rights]
    return (
        f"{last.degradation}: {RIGHT[key_of(last)]}: {', '.join(f'{name} {rights[name].value:.1f}' for name in names)}"
    )


def when_not(found: Sequence[Evaluation]) -> list[str]:
    """When not to use it, a sentence for each reason that the figures give."""
    degraded = [one for one in found if one.degradation != CLEAN]
    clean = [one for one in found if one.degradation == CLEAN]
    return [*_retrain(degraded), *_no_lead(degraded), *(line for one in clean for line in _harm(one))]


def _retrain(found: Sequence[Evaluation]) -> list[str]:
    """Where a recognizer that was retrained is better, and by how much."""
    worst = max(
        ((_best(one, _RETRAINED), _best(one, _GUARDED), one) for one in found), key=lambda each: _lead(*each[:2])
    )
    theirs, ours, one = worst
    if theirs is None or ours is None:
        return []
    if _lead(theirs, ours) <= 0:
        return ["Where the recognizer may be retrained: that was nowhere better than what stands in front of it."]
    return [
        f"Not where the recognizer may be retrained: {theirs[0]} it reaches {theirs[1].value:.1f} % under "
        f"{one.degradation}, {theirs[1].value - ours[1].value:.1f} points more than {ours[0]}."
    ]


def _no_lead(found: Sequence[Evaluation]) -> list[str]:
    """Whether guidance has gained anything that is more than chance."""
    leads = []
    for rights in map(rights_of, found):
        ours, twin = rights["guided"], rights["separate"]
        leads.append((ours.value - twin.value, ours.low > twin.high))
    if any(sure for _, sure in leads):
        return []
    return [
        f"Not for the guidance: under no condition are the intervals of guided and separate apart (guided leads by "
        f"{min(lead for lead, _ in leads):.1f} to {max(lead for lead, _ in leads):.1f} points); any denoiser would do."
    ]


def _harm(one: Evaluation) -> list[str]:
    """What restoring costs where there is nothing to restore."""
    rights = rights_of(one)
    lost = {name: rights["degraded"].value - rights[name].value for name in ("guided", "gate") if name in rights}
    if not lost or lost["guided"] <= 0:
        return []
    gate = f", with the gate {max(lost['gate'], 0):.1f}" if "gate" in lost else ""
    costs = f"restoring costs {lost['guided']:.1f} points"
    return [f"Not without the gate where images are often clean: {costs}{gate}."]


def _best(one: Evaluation, names: Sequence[str]) -> tuple[str, Right] | None:
    rights = rights_of(one)
    there = [(name, rights[name]) for name in names if name in rights]
    return max(there, key=lambda each: each[1].value, default=None)


def _lead(theirs: tuple[str, Right] | None, ours: tuple[str, Right] | None) -> float:
    return float("-inf") if theirs is None or ours is None else theirs[1].value - ours[1].value
