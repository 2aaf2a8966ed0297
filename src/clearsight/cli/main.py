"""The verbs of ``clearsight`` and how they end."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

import typer

from clearsight.cli import explanation, files, guarding, listings, recognition, reproduction, status, training
from clearsight.errors import ClearsightError
from clearsight.text import printable

__all__ = ["main"]

_INTERRUPTED = 130
"""The exit status Typer makes of Ctrl-C."""

app = typer.Typer(
    help="Restore images so that people and recognizers can read them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(files.restore)
app.command()(files.degrade)
app.command()(status.status)
app.command()(recognition.recognize)
app.command()(recognition.evaluate)
app.command()(guarding.guard)
app.command()(explanation.explain)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(training.train)
app.command()(training.export)
app.command()(reproduction.reproduce)
app.command()(listings.models)
app.command()(listings.recognizers)
app.command()(listings.datasets)
app.command()(listings.degradations)
app.command()(listings.recipes)


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
