"""``clearsight train`` and ``clearsight export``: from a recipe to weights, and to a file that needs no torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli import completion
from clearsight.errors import InvalidArgumentError

__all__ = ["export", "train"]


def train(
    context: typer.Context,
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe file, or a name from `clearsight recipes`.",
            show_default=False,
            autocompletion=completion.recipes,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the run.  [default: runs/RECIPE]", show_default=False),
    ] = None,
) -> None:
    """Train a model by a recipe; further options override it: --trainer.max_steps 2000 --data.images DIR.

    The same command continues a run that was interrupted; with another --trainer.max_steps it goes on to these. The
    result, OUT/weights, is what `restore --model` takes.
    """
    from clearsight.training import train as run  # which says where the extra is missing

    sys.path.insert(0, "")  # a recipe may name classes of modules in the current folder
    print(run(recipe, context.args, out=out))


def export(
    model: Annotated[
        str,
        typer.Argument(
            help="Name (see `clearsight models`), folder or hf:OWNER/NAME.",
            show_default=False,
            autocompletion=completion.models,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: model.onnx.", show_default=False)],
    int8: Annotated[
        bool, typer.Option("--int8", help="In 8-bit integers: calibrated, and refused where more than 0.05 dB is lost.")
    ] = False,
) -> None:
    """Write a restorer as an ONNX file that takes images of any size, tried against torch before it is there."""
    from clearsight import weights
    from clearsight.inference.exporting import export_onnx
    from clearsight.inference.quantizing import export_int8

    if out.suffix.lower() != ".onnx":
        raise InvalidArgumentError(
            f"{out} ends in {out.suffix!r}, expected .onnx: ONNX is what restorers are exported to"
        )
    if int8:
        found = export_int8(weights.load(model), out)
        loss = f"{found.loss:.3f} dB of {found.psnr:.2f} are lost on {found.patches} validation patches"
        print(f"{out}: {len(found.integers)} of {len(found.alone) + 2} convolutions in 8-bit integers; {loss}")
        return
    difference = export_onnx(weights.load(model), out)
    print(f"{out}: ONNX Runtime differs from torch by {difference:.1g} at most")
