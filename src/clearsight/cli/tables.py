"""Tables and JSON on the terminal, and the JSON beside them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["print_json", "print_table", "write_record"]


def print_json(value: object) -> None:
    """Print JSON that stays JSON in any encoding of standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    print(text)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> None:
    """Print a table as wide as it has to be: first columns of words, then columns of numbers, aligned to the right."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number < words else "right", no_wrap=True)
    for cells in rows:
        table.add_row(*cells)
    wide = Console(width=1000, markup=False)
    Console(width=wide.measure(table).maximum, markup=False).print(table)


def write_record(path: Path, record: Mapping[str, Any], seconds: float) -> None:
    """Write a result as JSON, with the command and the machine that made it, whole or not at all."""
    from clearsight.images import atomically
    from clearsight.provenance import provenance

    command = " ".join(["clearsight", *sys.argv[1:]])
    whole = {"command": command, **record, "seconds": round(seconds, 1), **provenance()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as file:
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
        file.write_text(text, encoding="utf-8", errors="backslashreplace")  # of names that are no UTF-8
