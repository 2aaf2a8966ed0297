"""``clearsight serve``: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli.listening import listening
from clearsight.errors import InvalidArgumentError

__all__ = ["serve"]


def serve(
    host: Annotated[str, typer.Option(help="0.0.0.0 for visitors on other machines.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 7860,
    auth: Annotated[
        Path | None,
        typer.Option(
            metavar="USERS.TOML",
            help='Let in only whom this file names: [users], then lines like anna = "password".',
            show_default=False,
        ),
    ] = None,
    max_pixels: Annotated[str, typer.Option(help="Of an image.")] = "50M",
    max_bytes: Annotated[str, typer.Option(help="Of a file.")] = "200M",
    max_seconds: Annotated[float, typer.Option(help="Of a job.")] = 120.0,
    max_waiting: Annotated[int, typer.Option(min=1, help="Jobs that may wait; one at a time is computed.")] = 20,
) -> None:
    """Open a page on this machine: drop an image, move the slider between before and after, download.

    It works without a network. Files of visitors are deleted after half an hour, and when the page ends.
    """
    from clearsight.web import Limits, application, read_users
    from clearsight.web.limits import parse_amount

    if max_seconds <= 0:
        raise InvalidArgumentError(f"--max-seconds is above 0, got {max_seconds:g}")
    users = None if auth is None else read_users(auth)
    limits = Limits(parse_amount(max_pixels), parse_amount(max_bytes), max_seconds, max_waiting)
    with listening(host, port) as let_in, application(limits, users) as page:
        let_in(page)
