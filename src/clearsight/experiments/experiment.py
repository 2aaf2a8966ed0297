"""What an experiment is: what it is asked for, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["PRESETS", "Experiment", "Finding", "Order", "Preset"]

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
