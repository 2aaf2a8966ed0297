"""What an experiment is: what it is asked for, what it finds, and what was published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

__all__ = ["PRESETS", "Experiment", "Preset", "Result", "RunConfig", "published"]

Preset = Literal["smoke", "cpu", "paper"]
PRESETS: tuple[Preset, ...] = ("smoke", "cpu", "paper")


@dataclass(frozen=True, slots=True)
class RunConfig:
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
class Result:
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
    run: Callable[[RunConfig], Result]


def published(paper: str) -> dict[str, Any]:
    """What ``published.yaml`` of a paper's package holds.

    Example:
        >>> published("liu2020")["kodak24"]["liu2020"]
        [32.39, 30.83, 29.27]
    """
    text = files(f"clearsight.experiments.{paper}").joinpath("published.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
