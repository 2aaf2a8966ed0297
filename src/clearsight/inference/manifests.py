"""Lists of images to restore: tables with a column ``input`` and, if there are to be other names, ``output``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path, PurePosixPath

from clearsight.errors import ImageReadError, InvalidArgumentError, reason
from clearsight.images.stores import Place, StorePath, place
from clearsight.text import read_text

__all__ = ["is_manifest", "rows"]


def is_manifest(path: Place) -> bool:
    """Whether its name says so."""
    return path.name.lower().endswith(".csv")


def rows(manifest: Place) -> Iterator[tuple[Place, Path]]:
    """The images of a manifest, and the names of their results below the output folder.

    Inputs are paths, from the folder of the manifest on, or URIs; where no output is given it is called as the input.

    Raises:
        ImageReadError: the manifest cannot be read, or is no text.
        InvalidArgumentError: it has no column ``input``, no row, or an output that lies elsewhere.
    """
    table = csv.DictReader(StringIO(_text(manifest)), skipinitialspace=True)
    if table.fieldnames is None or "input" not in table.fieldnames:
        raise InvalidArgumentError(f"{manifest} has no column input: its first line is expected to be input,output")
    empty = True
    for row in filter(lambda row: row["input"], table):
        empty = False
        source = _source(row["input"], manifest)
        yield source, _inner(row.get("output") or _named(row["input"]), f"{manifest}, line {table.line_num}")
    if empty:
        raise InvalidArgumentError(f"{manifest} lists no images: expected a line for each")


def _text(manifest: Place) -> str:
    if not isinstance(manifest, StorePath):
        return read_text(manifest, ImageReadError)
    try:
        return manifest.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageReadError(f"{manifest} cannot be read as a list of images: {reason(error)}") from None


def _source(name: str, manifest: Place) -> Place:
    source = place(name)
    if isinstance(source, StorePath) or source.is_absolute():
        return source
    return manifest.parent / source


def _named(name: str) -> str:
    """An input's own name: a relative one with its folders."""
    relative = "://" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts
    return name if relative else PurePosixPath(name).name


def _inner(output: str, where: str) -> Path:
    path = Path(output)
    if "://" in output or path.is_absolute() or ".." in path.parts:
        raise InvalidArgumentError(
            f"{where}: the output {output} is to lie below the folder of --out: name it from there"
        )
    return path
