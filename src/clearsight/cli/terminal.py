"""What the verbs say on the terminal: tables, the JSON beside them, and progress; and what several of them ask."""

from __future__ import annotations

import json
import logging
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clearsight.cli import completion
from clearsight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from rich.progress import Progress

    from clearsight.inference.steps import Report

__all__ = [
    "RECOGNIZERS",
    "RecognizerName",
    "SelfEnsemble",
    "Strength",
    "check_named",
    "command_line",
    "counted",
    "print_json",
    "print_table",
    "tracked",
    "write_record",
]

_PLACES = ("-o", "--out", "--runs", "--json")


RECOGNIZERS = (
    "Name (see `clearsight recognizers`), folder, hf:OWNER/NAME, TorchScript or ONNX file, or torchvision:NAME."
)
"""What a recognizer is named by."""

RecognizerName = typer.Option("--recognizer", "-r", help=RECOGNIZERS, autocompletion=completion.recognizers)
"""The option that names a recognizer."""

Strength = Annotated[
    float,
    typer.Option(help="How much is done: 0 gives the picture back, 0.5 less than the model would do, 4 the most."),
]
SelfEnsemble = Annotated[
    bool, typer.Option("--self-ensemble", help="Average over eight orientations, in eight times the time.")
]
"""What every restorer can be asked for."""


def check_named(restorer: str | None, option: str, strength: float, self_ensemble: bool) -> None:
    """Refuse what is asked of a restorer where none is named, by that option."""
    if restorer is None and (strength != 1 or self_ensemble):
        raise InvalidArgumentError(f"--strength and --self-ensemble are for a restorer: name one with {option}")


def print_json(rows: Iterable[object]) -> None:
    """Print a list as JSON, each row as soon as it is there; it stays JSON in any encoding of standard output."""
    before = "[\n"
    for row in rows:
        text = json.dumps(row, indent=2, ensure_ascii=False)
        try:
            text.encode(sys.stdout.encoding)
        except UnicodeEncodeError:
            text = json.dumps(row, indent=2)
        print(before + textwrap.indent(text, "  "), end="", flush=True)
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> None:
    """Print a table as wide as it has to be: first columns of words, then columns of numbers, aligned to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < words else "right", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    wide = Console(width=1000, markup=False)
    Console(width=wide.measure(table).maximum, markup=False).print(table)


def command_line(arguments: Sequence[str]) -> str:
    """The command as a shell takes it, but for where its results and networks go, which is another place elsewhere.

    Example:
        >>> command_line(["reproduce", "x/table", "-o", "here", "--runs=there", "--with", "jpeg(quality=9)"])
        "clearsight reproduce x/table --with 'jpeg(quality=9)'"
    """
    kept, given = ["clearsight"], iter(arguments)
    for argument in given:
        if argument in _PLACES:
            next(given, None)
        elif argument.partition("=")[0] not in _PLACES:
            kept.append(argument)
    return shlex.join(kept)


def write_record(path: Path, record: Mapping[str, Any], seconds: float) -> None:
    """Write a result as JSON, with the command and the machine that made it, whole or not at all."""
    from clearsight.images.files import atomically
    from clearsight.provenance import provenance

    whole = {"command": command_line(sys.argv[1:]), **record, "seconds": round(seconds, 1), **provenance()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as file:
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        file.write_text(text, encoding="utf-8", errors="backslashreplace")  # of names that are no UTF-8


def tracked(reports: Iterable[Report], total: int) -> Iterator[Report]:
    """Pass reports through, showing files, megapixels and the time left where standard error is a terminal."""
    with _progress("files  {task.fields[megapixels]:.1f} MP") as progress:
        task = progress.add_task("", total=total, megapixels=0.0)
        pixels = 0
        for report in reports:
            pixels += report.pixels
            progress.update(task, advance=1, megapixels=pixels / 1e6)
            yield report


def counted(numbers: Iterable[int], total: int) -> Iterator[int]:
    """Pass image numbers through, showing how many are done and the time left where standard error is a terminal."""
    with _progress("images") as progress:
        yield from progress.track(numbers, total=total, description="")


def _progress(what: str) -> Progress:
    """A bar for people, nothing for pipes."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    told = logging.getLogger("clearsight").isEnabledFor(logging.INFO)  # line by line
    return Progress(*columns, console=console, transient=True, disable=told or not console.is_terminal)
