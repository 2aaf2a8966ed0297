"""``clearsight status``: how far a run is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clearsight.text import printable

__all__ = ["status"]


def status(
    out: Annotated[str, typer.Argument(help="Output folder of `restore` or `degrade`.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Say how far the newest run into a folder is: done, failed and why, left; images and megapixels a second."""
    from clearsight.cli.terminal import print_json
    from clearsight.images.stores import place
    from clearsight.inference.outcomes import status as found

    now = found(place(out))
    if as_json:
        print_json([asdict(now)])
        return
    earlier = f" ({now.earlier:,} of them before this run)" if now.earlier else ""
    print(f"{now.images:,} images: {now.done:,} done{earlier}, {len(now.failed):,} failed, {now.left:,} left")
    speed = f"{now.images_per_second:.2f} images and {now.megapixels_per_second:.2f} megapixels a second"
    print(f"{speed}, over {now.seconds:,.0f} seconds")
    for image, reason in now.failed:
        print(f"  {printable(reason if image in reason else f'{image}: {reason}')}")
