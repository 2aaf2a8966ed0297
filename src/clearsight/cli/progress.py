"""A progress bar for people, nothing for pipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clearsight.inference import Report

__all__ = ["tracked"]


def tracked(reports: Iterable[Report], total: int) -> Iterator[Report]:
    """Pass reports through, showing files, megapixels and the time left where standard error is a terminal."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files  {task.fields[megapixels]:.1f} MP"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total, megapixels=0.0)
        pixels = 0
        for report in reports:
            pixels += report.pixels
            progress.update(task, advance=1, megapixels=pixels / 1e6)
            yield report
