"""``clearsight render``: Monte Carlo renders to train a denoiser on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clearsight.errors import InvalidArgumentError

__all__ = ["render"]


def render(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the renders, a folder a room.")],
    scenes: Annotated[int, typer.Option(help="How many rooms, drawn at random.")] = 100,
    shots: Annotated[
        str,
        typer.Option(
            help="Samples a pixel of each render of a room; two with as many are a pair of independent noise.",
        ),
    ] = "8,8,256",
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 96,
    seed: Annotated[int, typer.Option(help="Of the rooms and of the noise; other seeds give other rooms.")] = 0,
    variant: Annotated[
        str, typer.Option(help="Of Mitsuba: scalar_rgb, or llvm_ad_rgb, which is faster and needs LLVM 16 or later.")
    ] = "scalar_rgb",
) -> None:
    """Render rooms at random, several times each, to train and judge denoisers: folders of OpenEXR files.

    OUT/00000/8spp-1.exr and so on, with albedo and normals beside the radiance. What is rendered already is left
    alone, so an interrupted run is finished by the same command. Other seeds are other rooms, to judge by.
    """
    from clearsight.cli.terminal import counted
    from clearsight.rendering import Plan
    from clearsight.rendering import render as rendered

    plan = Plan(scenes=scenes, shots=_numbers(shots), size=size, seed=seed, variant=variant)
    for _ in counted((number for number, _ in enumerate(rendered(plan, out), 1)), scenes):
        pass
    print(f"{scenes} rooms in {out}", file=sys.stderr)


def _numbers(text: str) -> list[int]:
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise InvalidArgumentError(f"--shots is a list of samples a pixel, such as 8,8,256, got {text!r}")
    return [int(part) for part in text.split(",")]
