"""What a command reads and writes: files and folders, or standard input and output."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from clearsight.errors import ImageReadError, ImageWriteError, InvalidArgumentError

if TYPE_CHECKING:
    from clearsight.images.stores import Place
    from clearsight.inference.jobs import Job

__all__ = ["STREAM", "Work", "planned"]

STREAM = "-"
"""What stands for standard input and for standard output."""

_ONE = "- stands for one image: give one input, and - or the name of a file as output"


class Work(NamedTuple):
    """What there is to do.

    Attributes:
        jobs: file by file.
        left_out: how many files of the folders are not read, by suffix.
        aside: path of what stands for standard input and output, which no message names.
        folder: that the results go to; ``None`` where they are one file.
    """

    jobs: list[Job]
    left_out: dict[str, int]
    aside: str = ""
    folder: Place | None = None


@contextmanager
def planned(inputs: Sequence[str], out: str, form: str | None, parts: Sequence[str] = ()) -> Iterator[Work]:
    """The jobs; where one input or the output is standard, it passes through a temporary folder.

    Args:
        inputs: files and folders, or ``-``.
        out: a file, a folder, or ``-``.
        form: another format, such as ``png``.
        parts: as :func:`clearsight.inference.plan` takes them.

    Raises:
        InvalidArgumentError: ``-`` is not the only one; and as ``plan``.
        ImageReadError: standard input holds no image; and as ``plan``.
        ImageWriteError: standard output cannot be written to; and as ``plan``.
    """
    from clearsight.images.stores import place
    from clearsight.inference.jobs import output_folder, plan, unread

    suffix = None if form is None else f".{form.lower().removeprefix('.')}"
    if STREAM not in inputs and out != STREAM:
        jobs = plan(inputs, out, suffix=suffix, parts=parts)
        yield Work(jobs, unread(inputs), folder=output_folder(inputs, out))
        return
    _refuse(inputs, out, parts)
    with tempfile.TemporaryDirectory() as folder:
        source = _received(Path(folder)) if inputs[0] == STREAM else place(inputs[0])
        sent = Path(folder) / f"standard output{suffix or _suffix_of(source)}" if out == STREAM else None
        jobs = plan([str(source)], str(sent or out), suffix=suffix)
        with _for_the_image_alone() if sent else nullcontext():
            yield Work(jobs, {}, f"{folder}/")
        if sent and sent.exists():
            _send(sent)


def _refuse(inputs: Sequence[str], out: str, parts: Sequence[str]) -> None:
    """Whether one image goes to one place."""
    folder = out != STREAM and (Path(out).is_dir() or out.endswith("/") or not Path(out).suffix)
    if len(inputs) != 1 or parts or folder or (inputs[0] != STREAM and Path(inputs[0]).is_dir()):
        raise InvalidArgumentError(_ONE)
    if inputs[0] == STREAM and sys.stdin is None:
        raise ImageReadError("standard input is closed: send an image there, or name a file")
    if out == STREAM and sys.stdout is None:
        raise ImageWriteError("standard output is closed: name a file")
    if out == STREAM and sys.stdout.isatty():
        raise ImageWriteError("standard output is a terminal: send it to a file, a pipe, or name a file")


@contextmanager
def _for_the_image_alone() -> Iterator[None]:
    """What libraries print on standard output, some below Python, goes to standard error for a while."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _received(folder: Path) -> Path:
    path = folder / "standard input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _suffix_of(source: Place) -> str:
    """What the output of a file is called: the same format."""
    from clearsight.images.files import open_image

    file = open_image(source, name="standard input" if source.name == "standard input" else "")
    if not file.format.dtypes and not file.format.instead:
        raise ImageWriteError(f"{file.format.name} is not written: give --format, such as --format png")
    return file.format.instead or file.format.suffixes[0]


def _send(path: Path) -> None:
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImageWriteError(f"standard output cannot be written to: {error.strerror}") from None
