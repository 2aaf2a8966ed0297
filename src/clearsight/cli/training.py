"""``clearsight train``: from a recipe to weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]


def train(
    context: typer.Context,
    recipe: Annotated[
        str, typer.Argument(help="A recipe file, or a name from `clearsight recipes`.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the run.  [default: runs/RECIPE]", show_default=False),
    ] = None,
) -> None:
    """Train a model by a recipe; further options override it: --trainer.max_steps 2000 --data.images DIR.

    The same command continues a run that was interrupted. The result, OUT/weights, is what `restore --model` takes.
    """
    from clearsight.training import train as run

    sys.path.insert(0, "")  # a recipe may name classes of modules in the current folder
    print(run(recipe, context.args, out=out))
