"""``clearsight restore`` and ``clearsight degrade``: files in, files out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clearsight.errors import BatchError, InvalidArgumentError

if TYPE_CHECKING:
    from clearsight.images import Picture
    from clearsight.inference import Job, Report

__all__ = ["degrade", "restore"]

Inputs = Annotated[list[Path], typer.Argument(help="Image files, and folders of them.", show_default=False)]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder for the results; for one file also a file name.", show_default=False),
]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the results, such as png.  [default: as the input]")
]
Workers = Annotated[int, typer.Option(help="Threads that read ahead, and threads that write behind.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do also what is there already.")]


def restore(
    inputs: Inputs,
    out: Out,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="Name (see `clearsight models`), folder or hub id; auto: by channels."),
    ] = "auto",
    sigma: Annotated[
        str | None, typer.Option(help="Noise level for models that take it, on the [0, 1] scale: 25/255.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
    precision: Annotated[Literal["auto", "float32", "bfloat16"], typer.Option()] = "auto",
    tile: Annotated[str, typer.Option(help="Width of a tile in pixels, auto (what memory allows) or off.")] = "auto",
    workers: Workers = 2,
    overwrite: Overwrite = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Leave FILE.compare.png beside each result: input, restored.")
    ] = False,
    format: Format = None,  # noqa: A002
) -> None:
    """Restore images: noisy files in, clean files out; same format, bit depth, alpha and metadata.

    A file that fails stops nothing: the rest goes on, what failed is listed at the end. Results that are there already
    are skipped, so an interrupted run is finished by the same command.
    """
    from clearsight.degradations import parse_number
    from clearsight.images import write
    from clearsight.inference import Restoration, plan
    from clearsight.inference.compare import side_by_side

    level = None if sigma is None else parse_number(sigma)
    jobs = plan(inputs, out, suffix=_suffix(format))
    restoration = Restoration(model, sigma=level, device=device, precision=precision, tile=_tile(tile))
    restoration.check()

    def keep_both(job: Job, before: Picture, after: Picture) -> None:
        write(side_by_side([before, after]), job.target.with_name(f"{job.target.name}.compare.png"))

    _run(
        "restored",
        jobs,
        lambda job, picture: restoration(picture),
        workers,
        overwrite,
        keep_both if compare else None,
    )


def degrade(
    inputs: Inputs,
    out: Out,
    degradation: Annotated[
        str,
        typer.Option("--with", help="What to do: gaussian(sigma=25/255) | jpeg(quality=60)", show_default=False),
    ],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes, on any number of workers.")] = 0,
    workers: Workers = 2,
    overwrite: Overwrite = False,
    format: Format = None,  # noqa: A002
) -> None:
    """Degrade images the way `clearsight degradations` lists, to test a restorer or to train one."""
    from clearsight.degradations import parse
    from clearsight.inference import degrade_picture, plan
    from clearsight.seeds import generator_for

    chosen = parse(degradation)
    jobs = plan(inputs, out, suffix=_suffix(format))

    def transform(job: Job, picture: Picture) -> Picture:
        return degrade_picture(picture, chosen, generator_for(seed, 0, stream=job.key))

    _run("degraded", jobs, transform, workers, overwrite, None)


def _suffix(name: str | None) -> str | None:
    return None if name is None else f".{name.lower().removeprefix('.')}"


def _tile(text: str) -> int | Literal["auto", "off"]:
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if not text.isdecimal():
        raise InvalidArgumentError(f"--tile is a number of pixels, auto or off, got {text!r}")
    return int(text)


def _run(
    done: str,
    jobs: list[Job],
    transform: Callable[[Job, Picture], Picture],
    workers: int,
    overwrite: bool,
    also: Callable[[Job, Picture, Picture], None] | None,
) -> None:
    """Work through the jobs with a progress bar; at the end one line says what became of them."""
    from clearsight.cli.terminal import tracked
    from clearsight.inference import process

    reports: list[Report] = list(
        tracked(process(jobs, transform, workers=workers, overwrite=overwrite, also=also), len(jobs))
    )
    failures = [(str(r.job.source), r.error) for r in reports if r.error is not None]
    skipped = sum(r.skipped for r in reports)
    parts = [f"{len(reports) - skipped - len(failures)} {done}"]
    parts += [f"{skipped} skipped (already there; --overwrite does them again)"] if skipped else []
    parts += [f"{len(failures)} failed:"] if failures else []
    typer.echo(", ".join(parts), err=True)
    for _, message in failures:
        typer.echo(f"  {message}", err=True)
    if failures:
        raise BatchError(failures, len(reports))
