"""The verbs of ``clearsight`` and how they end."""

from __future__ import annotations

import sys

import typer

from clearsight.cli import files, listings, training
from clearsight.errors import ClearsightError

__all__ = ["main"]

app = typer.Typer(
    help="Restore images so that people and recognizers can read them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(files.restore)
app.command()(files.degrade)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(training.train)
app.command()(listings.models)
app.command()(listings.degradations)
app.command()(listings.recipes)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        import clearsight

        typer.echo(clearsight.__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; what we foresee ends in one line on standard error and exit status 1."""
    try:
        app()
    except ClearsightError as error:
        sys.exit(f"clearsight: {error}")
    except KeyboardInterrupt:
        print(
            "clearsight: interrupted; what is written is whole, and the same command goes on from here",
            file=sys.stderr,
        )
        sys.exit(130)
