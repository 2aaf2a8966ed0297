"""Several trainings in one span of time, all for the same steps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from clearsight.images.files import atomically
from clearsight.training.task import Task

__all__ = ["Round", "train_alike"]

_MOST = 4
"""A round has so many times the steps of the one before, at most: what was slow for a moment is slow again."""


@dataclass(slots=True)
class Round:
    """What every training does before any of them goes on.

    Attributes:
        steps: that each has done at the end.
        horizon: that each will have done in the end, as far as is known: the schedule is that of so many.
        seconds: that each took, by name; those that are there are done.
    """

    steps: int
    horizon: int
    seconds: dict[str, float] = field(default_factory=dict)


def train_alike(
    tasks: Mapping[str, Task],
    step: Callable[[str, Task, int, Round], None],
    *,
    journal: Path,
    seconds: float,
    pace: float,
    rounds: int,
) -> list[Round]:
    """Train all in turns, a round each; each round has the steps that the time left pays for.

    So a busy machine means fewer steps for all alike, and not fewer for the one that comes last. All have seen the same
    numbers of batches under the same learning rates, whatever the clock said.

    Args:
        tasks: by name.
        step: trains one of them for so many steps, up to the end of a round.
        journal: file of the rounds so far, by which an interrupted run goes on.
        seconds: for all of it.
        pace: seconds of a step of every training and its share of a validation, as measured.
        rounds: how many.

    Returns:
        The rounds; the last one's steps are those of each training.
    """
    done = _read(journal)
    for number in range(rounds):
        if number == len(done):
            n = _affordable(done, seconds, pace, rounds - number)
            reached = done[-1].steps if done else 0
            done.append(Round(reached + n, reached + n * (rounds - number)))
        current = done[number]
        for name, task in tasks.items():
            if name not in current.seconds:
                started = time.monotonic()
                step(name, task, current.steps - (done[number - 1].steps if number else 0), current)
                current.seconds[name] = round(time.monotonic() - started, 3)
                _write(journal, done)
    return done


def _affordable(done: list[Round], seconds: float, pace: float, left: int) -> int:
    """Steps of the next of ``left`` rounds, at the pace of the last one, at least one."""
    spent = sum(sum(one.seconds.values()) for one in done)
    most = float("inf")
    if done:
        n = done[-1].steps - (done[-2].steps if len(done) > 1 else 0)
        pace, most = sum(done[-1].seconds.values()) / n, _MOST * n
    return max(1, int(min((seconds - spent) / left / max(pace, 1e-9), most)))


def _read(journal: Path) -> list[Round]:
    return [Round(**one) for one in json.loads(journal.read_text(encoding="utf-8"))] if journal.is_file() else []


def _write(journal: Path, done: list[Round]) -> None:
    with atomically(journal) as part:
        part.write_text(json.dumps([asdict(one) for one in done], indent=2) + "\n", encoding="utf-8")
