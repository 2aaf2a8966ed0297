"""What can be reproduced: one entry for each published table and figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clearsight.errors import UnknownNameError

__all__ = ["PRESETS", "Experiment", "Finding", "Order", "Preset", "catalogue", "find_experiment"]

Preset = Literal["smoke", "cpu", "paper"]
PRESETS: tuple[Preset, ...] = ("smoke", "cpu", "paper")


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is asked for.

    Attributes:
        preset: how much to spend.
        seed: of all random numbers.
        runs: folder that trained networks are kept in, so that a run that was interrupted goes on.
        report: is told how far it has come.
    """

    preset: Preset
    seed: int
    runs: Path
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run has found.

    Attributes:
        header: titles of the columns of its table.
        rows: their cells as text, published figures beside ours.
        record: all of it, with all its digits, for JSON.
        headline: the result in a few words, for the list of experiments.
        draw: writes its figure to a file; ``None`` where there is none.
    """

    header: list[str]
    rows: list[list[str]]
    record: Mapping[str, Any]
    headline: str
    draw: Callable[[Path], None] | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """One published table or figure.

    Attributes:
        name: ``PAPER/table1``.
        summary: one line.
        cost: about how long each preset takes, in words.
        run: does it.
    """

    name: str
    summary: str
    cost: Mapping[Preset, str]
    run: Callable[[Order], Finding]


def catalogue() -> dict[str, Experiment]:
    """Every experiment by its name, paper after paper."""
    from clearsight.experiments import chen2016, liu2020

    return {experiment.name: experiment for paper in (chen2016, liu2020) for experiment in paper.EXPERIMENTS}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownNameError: there is none; the nearest name is suggested.
    """
    known = catalogue()
    if name not in known:
        raise UnknownNameError("experiment", name, known)
    return known[name]
