"""The command line. Each verb imports what it needs when it runs, so that ``clearsight --help`` is quick."""

from clearsight.cli.main import main

__all__ = ["main"]
