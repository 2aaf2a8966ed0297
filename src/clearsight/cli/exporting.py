"""``clearsight export``: a restorer for programs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearsight.errors import InvalidArgumentError

__all__ = ["export"]


def export(
    model: Annotated[
        str, typer.Argument(help="Name (see `clearsight models`), folder or hf:OWNER/NAME.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: model.onnx.", show_default=False)],
) -> None:
    """Write a restorer as an ONNX file that takes images of any size, tried against torch before it is there."""
    from clearsight import weights
    from clearsight.inference import export_onnx

    if out.suffix.lower() != ".onnx":
        raise InvalidArgumentError(
            f"{out} ends in {out.suffix!r}, expected .onnx: ONNX is what restorers are exported to"
        )
    difference = export_onnx(weights.load(model), out)
    print(f"{out}: ONNX Runtime differs from torch by {difference:.1g} at most")
