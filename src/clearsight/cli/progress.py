"""A progress bar for people, nothing for pipes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clearsight.inference import Report

__all__ = ["counted", "tracked"]


def tracked(reports: Iterable[Report], total: int) -> Iterator[Report]:
    """Pass reports through, showing files, megapixels and the time left where standard error is a terminal."""
    with _progress(TextColumn("files  {task.fields[megapixels]:.1f} MP")) as progress:
        task = progress.add_task("", total=total, megapixels=0.0)
        pixels = 0
        for report in reports:
            pixels += report.pixels
            progress.update(task, advance=1, megapixels=pixels / 1e6)
            yield report


def counted(numbers: Iterable[int], total: int) -> Iterator[int]:
    """Pass image numbers through, showing how many are done and the time left where standard error is a terminal."""
    with _progress(TextColumn("images")) as progress:
        yield from progress.track(numbers, total=total, description="")


def _progress(what: TextColumn) -> Progress:
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), what, TimeRemainingColumn())
    told = logging.getLogger("clearsight").isEnabledFor(logging.INFO)  # line by line
    return Progress(*columns, console=console, transient=True, disable=told or not console.is_terminal)
