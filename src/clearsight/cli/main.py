"""The verbs of ``clearsight`` and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Any

import typer

from clearsight.cli import (
    explanation,
    files,
    guarding,
    listings,
    recognition,
    rendering,
    reproduction,
    serving,
    status,
    study,
    training,
)
from clearsight.errors import ClearsightError
from clearsight.memory import keep_freed
from clearsight.text import printable

__all__ = ["main"]

_INTERRUPTED = 130
"""The exit status Typer makes of Ctrl-C."""

_OPEN = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Of a verb that passes on what it does not know."""

app = typer.Typer(
    help="Restore images so that people and recognizers can read them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _verb(function: Callable[..., None], example: str, **settings: Any) -> None:
    app.command(epilog=f"Example: clearsight {example}", **settings)(function)


_verb(files.restore, "restore noisy.jpg photos/ -o out/")
_verb(status.status, "status out/")
_verb(files.degrade, 'degrade photos/ -o noisy/ --with "gaussian(sigma=25/255) | jpeg(quality=60)"')
_verb(recognition.recognize, "recognize digits/ --restore-with restore-digits")
_verb(recognition.evaluate, 'evaluate --data photos/ --with "gaussian(sigma=25/255)" --model denoise-color --baselines')
_verb(guarding.guard, 'guard -r my.pt --images photos/ --with "gaussian(sigma=0..50/255)" --budget 30m -o guarded/')
_verb(explanation.explain, "explain photo.png --recognizer my-classifier.pt -o maps.png")
_verb(training.train, "train denoise-color-narrow --data.images photos/", context_settings=_OPEN)
_verb(training.export, "export denoise-color -o denoiser.onnx")
_verb(rendering.render, "render -o renders/train --scenes 24 --shots 8,8,128")
_verb(reproduction.reproduce, "reproduce chen2016/table1 --preset cpu")
_verb(serving.serve, "serve --host 0.0.0.0 --auth users.toml --max-pixels 20M")
app.add_typer(study.study, name="study")
for _list in (listings.models, listings.recognizers, listings.datasets, listings.degradations, listings.recipes):
    _verb(_list, f"{_list.__name__} --json")


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        import clearsight

        print(clearsight.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; what we foresee ends in one line on standard error and exit status 1.

    What standard output and error cannot print, by their encoding, is printed escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    keep_freed()
    try:
        _run()
    finally:
        _flush()


def _run() -> None:
    try:
        app()
    except ClearsightError as error:
        sys.exit(f"clearsight: {printable(str(error))}")
    except OSError as error:
        if error.strerror is None:
            raise
        what = "" if error.filename is None else f"{printable(str(error.filename))}: "
        sys.exit(f"clearsight: {what}{error.strerror}")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print(
                "clearsight: interrupted; what is written is whole, and the same command goes on from here",
                file=sys.stderr,
            )
        raise


def _flush() -> None:
    """Write out what was printed; where the other end of a pipe is closed nobody wants it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's own flush does not fail, too
        if not isinstance(error, BrokenPipeError):
            sys.exit(f"clearsight: standard output: {error.strerror}")
