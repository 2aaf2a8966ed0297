"""``clearsight restore`` and ``clearsight degrade``: files in, files out."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clearsight.errors import BatchError, InvalidArgumentError

if TYPE_CHECKING:
    from clearsight.images import Picture
    from clearsight.inference import Job, Report

__all__ = ["degrade", "restore"]

_LOG = logging.getLogger(__name__)

Inputs = Annotated[
    list[Path], typer.Argument(help="Image files, and folders of them; - for standard input.", show_default=False)
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="Folder for the results; for one file also a file name, whose suffix is the format, or -.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the results, such as png.  [default: as the input]")
]
Workers = Annotated[int, typer.Option(help="Threads that read ahead, and threads that write behind.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do also what is there already.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what is chosen for each file.")]

_STREAM = Path("-")


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
    range: Annotated[  # noqa: A002
        str,
        typer.Option(help="Black and white of pictures of more than 8 bits: auto (found in each), full or LOW..HIGH."),
    ] = "auto",
    layer: Annotated[
        str | None, typer.Option(help="Layer of OpenEXR files that is restored.  [default: first]")
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
    verbose: Verbose = False,
) -> None:
    """Restore images: noisy files in, clean files out; same format, bit depth, alpha and metadata.

    A file that fails stops nothing: the rest goes on, what failed is listed at the end. Results that are there already
    are skipped, so an interrupted run is finished by the same command.
    """
    from clearsight.degradations import parse_number
    from clearsight.images import parse_range, write
    from clearsight.inference import Restoration

    level = None if sigma is None else parse_number(sigma)
    restoration = Restoration(
        model, sigma=level, range=parse_range(range), device=device, precision=precision, tile=_tile(tile)
    )
    restoration.check()

    def transform(job: Job, picture: Picture) -> Picture:
        _LOG.info("%s", job.key)
        return restoration(picture)

    def keep_both(job: Job, before: Picture, after: Picture) -> None:
        write(_side_by_side(before, after), job.target.with_name(f"{job.target.name}.compare.png"))

    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    with _planned(inputs, out, format) as jobs:
        _run("restored", jobs, transform, workers, overwrite, keep_both if compare else None, layer)


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
    from clearsight.inference import degrade_picture
    from clearsight.seeds import generator_for

    chosen = parse(degradation)

    def transform(job: Job, picture: Picture) -> Picture:
        return degrade_picture(picture, chosen, generator_for(seed, 0, stream=job.key))

    with _planned(inputs, out, format) as jobs:
        _run("degraded", jobs, transform, workers, overwrite, None)


@contextmanager
def _planned(inputs: list[Path], out: Path, form: str | None) -> Iterator[list[Job]]:
    """The jobs, and what is left out of folders said; standard input and output pass through a temporary folder."""
    from clearsight.inference import plan, unread

    if _STREAM in inputs or out == _STREAM:
        with _streamed(inputs, out, form) as job:
            yield [job]
        return
    jobs = plan(inputs, out, suffix=_suffix(form))
    others = sorted(unread(inputs).items())
    if others:
        typer.echo(f"left out: {', '.join(f'{n} {suffix}'.strip() for suffix, n in others)}", err=True)
    yield jobs


@contextmanager
def _streamed(inputs: list[Path], out: Path, form: str | None) -> Iterator[Job]:
    """One job between a file or standard input and a file or standard output."""
    from clearsight.images import open_image
    from clearsight.inference import plan

    if len(inputs) != 1 or inputs[0].is_dir():
        raise InvalidArgumentError("- stands for one image: give one input, and - or a file as output")
    with tempfile.TemporaryDirectory() as folder:
        source = inputs[0]
        if source == _STREAM:
            source = Path(folder) / "standard input"
            with source.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        found = open_image(source).format
        suffix = _suffix(form) or found.instead or found.suffixes[0]
        target = Path(folder) / f"standard output{suffix}" if out == _STREAM else out
        (job,) = plan([source], target)
        yield job
        if out == _STREAM and job.target.exists():
            with job.target.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)


def _side_by_side(before: Picture, after: Picture) -> Picture:
    """Both in 8 bits, as a network sees them, each repeated up to the height of the taller; grey becomes RGB."""
    import numpy as np

    from clearsight.images import Intensities, Picture, from_unit

    levels, columns = Intensities.of(before.colour), []
    tallest = max(len(before.pixels), len(after.pixels))
    for picture in (before, after):
        factor = max(tallest // len(picture.pixels), 1)
        pixels = from_unit(levels.seen(picture.colour)[0], np.uint8).repeat(factor, 0).repeat(factor, 1)
        columns.append(np.broadcast_to(pixels, (*pixels.shape[:2], 3))[:tallest])
    return Picture(pixels=np.concatenate(columns, axis=1))


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
    layer: str | None = None,
) -> None:
    """Work through the jobs with a progress bar; at the end one line says what became of them."""
    from clearsight.cli.terminal import tracked
    from clearsight.inference import process

    reports: list[Report] = list(
        tracked(process(jobs, transform, workers=workers, overwrite=overwrite, layer=layer, also=also), len(jobs))
    )
    failures = [(str(r.job.source), r.error) for r in reports if r.error is not None]
    skipped = sum(r.skipped for r in reports)
    parts = [f"{len(reports) - skipped - len(failures)} {done}"]
    parts += [f"{skipped} skipped (already there; --overwrite does them again)"] if skipped else []
    parts += [f"{len(failures)} failed:"] if failures else []
    typer.echo(", ".join(parts), err=True)
    for note, n in Counter(note for report in reports for note in report.notes).items():
        typer.echo(f"  {n} {'file' if n == 1 else 'files'}: {note}", err=True)
    for _, message in failures:
        typer.echo(f"  {message}", err=True)
    if failures:
        raise BatchError(failures, len(reports))
