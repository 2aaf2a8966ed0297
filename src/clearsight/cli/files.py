"""``clearsight restore`` and ``clearsight degrade``: files in, files out."""

from __future__ import annotations

import builtins
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from clearsight.cli import completion
from clearsight.cli.streams import STREAM, Work, planned
from clearsight.cli.terminal import SelfEnsemble, Strength
from clearsight.errors import BatchError, InvalidArgumentError
from clearsight.text import printable

if TYPE_CHECKING:
    from clearsight.contracts import Restorer
    from clearsight.images.picture import Picture
    from clearsight.inference.jobs import Job
    from clearsight.inference.steps import Report

__all__ = ["degrade", "restore"]

_LOG = logging.getLogger(__name__)

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Image files, folders of them, and lists: .csv files with the columns input and output; here, or in a "
        "store as s3://BUCKET/…; - for standard input.",
        show_default=False,
    ),
]
Out = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="Folder for the results, also s3://BUCKET/…; for one image also a file, whose suffix is the format, or - "
        "for standard output.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the results, such as png.  [default: as the input]")
]
Workers = Annotated[int, typer.Option(help="Threads that read ahead, and threads that write behind.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do also what is there already.")]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Say of each file: channels, black and white, model, precision, tiles."),
]


def restore(
    inputs: Inputs,
    out: Out,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Name (see `clearsight models`), folder, hf:OWNER/NAME[@REVISION] or .mat file; auto: by channels.",
            autocompletion=completion.models,
        ),
    ] = "auto",
    sigma: Annotated[
        str | None, typer.Option(help="Noise level for models that take it, on the [0, 1] scale: 25/255.")
    ] = None,
    strength: Strength = 1.0,
    self_ensemble: SelfEnsemble = False,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Fit the model to the noise of each picture, where that grows with the light: photons counted by a "
            "microscope, a telescope, a raw sensor. Three times the time.",
        ),
    ] = False,
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
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=FILE",
            help="What the model takes besides: an image, such as a mask, or a number; may be repeated.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Draw so many restorations, of a model that samples: FILE.1.png, …, FILE.mean.png, FILE.spread.png.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    compare: Annotated[
        bool, typer.Option("--compare", help="Leave FILE.compare.png beside each result: input, restored.")
    ] = False,
    format: Format = None,  # noqa: A002
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="What works through the files: this process, or Ray.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster, or auto.  [default: one of this machine's cores]", show_default=False),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(help="Ray processes that hold the model.  [default: one a core, or a GPU]", show_default=False),
    ] = None,
    gpus_per_actor: Annotated[float, typer.Option(help="GPUs of each of these.")] = 0.0,
    verbose: Verbose = False,
) -> None:
    """Restore images: noisy files in, clean files out; same format, bit depth, alpha and metadata.

    A file that fails stops nothing: the rest goes on, what failed is listed at the end. Results that are there already
    are skipped, so an interrupted run is finished by the same command. `clearsight status OUT` says how far it is.
    """
    from clearsight.degradations.ranges import parse_number
    from clearsight.images.files import write
    from clearsight.images.intensities import parse_range
    from clearsight.inference.arguments import Draws
    from clearsight.inference.restoring import Restoration
    from clearsight.inference.sampling import mean_and_spread, visible_spread

    if samples is not None and samples < 1:
        raise InvalidArgumentError(f"--samples is at least 1, got {samples}")
    if compare and out == STREAM:
        raise InvalidArgumentError("--compare leaves a file beside the result: name a file or a folder, not -")
    restoration = Restoration(
        model,
        sigma=None if sigma is None else parse_number(sigma),
        range=parse_range(range),
        inputs=_parsed(given or (), model),
        strength=strength,
        self_ensemble=self_ensemble,
        adapt=adapt,
        device=device,
        precision=precision,
        tile=_tile(tile),
    )
    draws = None if samples is None else Draws(samples, seed)
    restoration.check(draws)
    parts = [] if samples is None else [*map(str, builtins.range(1, samples + 1)), "mean", "spread"]

    def transform(job: Job, picture: Picture) -> list[Picture]:
        _LOG.info("%s", printable(job.key))
        drawn = restoration.draw(picture, draws)
        if draws is None:
            return drawn
        mean, spread = mean_and_spread(drawn)
        return [*drawn, mean, visible_spread(mean, spread)]

    def keep_both(job: Job, before: Picture, after: Picture) -> None:
        write(_side_by_side(before, after), job.target.with_name(f"{job.target.name}.compare.png"))

    loop = _loop(engine, workers, address, actors, gpus_per_actor)
    with planned(inputs, out, format, parts) as work, _telling(verbose):
        also = keep_both if compare else None
        _run("restored", work, loop(work.jobs, transform, overwrite=overwrite, layer=layer, also=also))


def degrade(
    inputs: Inputs,
    out: Out,
    degradation: Annotated[
        str,
        typer.Option(
            "--with",
            help="What to do: gaussian(sigma=25/255) | jpeg(quality=60)",
            show_default=False,
            autocompletion=completion.degradations,
        ),
    ],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes, on any number of workers.")] = 0,
    workers: Workers = 2,
    overwrite: Overwrite = False,
    format: Format = None,  # noqa: A002
) -> None:
    """Degrade images the way `clearsight degradations` lists, to test a restorer or to train one."""
    from clearsight.degradations.language import parse
    from clearsight.inference.degrading import degrade_picture
    from clearsight.inference.files import process
    from clearsight.seeds import generator_for

    chosen = parse(degradation)

    def transform(job: Job, picture: Picture) -> Picture:
        return degrade_picture(picture, chosen, generator_for(seed, 0, stream=job.key))

    with planned(inputs, out, format) as work:
        _run("degraded", work, process(work.jobs, transform, workers=workers, overwrite=overwrite))


@contextmanager
def _telling(verbose: bool) -> Iterator[None]:
    """Show what clearsight logs, and nothing of other libraries."""
    logger, handler = logging.getLogger("clearsight"), logging.StreamHandler()
    before = logger.level
    if verbose:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _parsed(texts: Sequence[str], model: str) -> dict[str, Any]:
    """What a model is given beside the image: a map as ``(H, W, C)``, a whole as ``(C, H, W)``, a value as a number."""
    from clearsight import weights
    from clearsight.degradations.ranges import parse_number
    from clearsight.images.files import read
    from clearsight.images.intensities import to_unit

    if not texts:
        return {}
    if model == "auto":
        raise InvalidArgumentError("--input is for a model that takes it: name one with --model")
    kinds = {one.name: one.kind for one in cast("Restorer", weights.load(model)).traits.inputs}
    given: dict[str, Any] = {}
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given:
            raise InvalidArgumentError(f"--input is NAME=FILE or NAME=NUMBER, got {text!r}")
        kind = kinds.get(name)
        if kind in ("map", "whole"):
            pixels = to_unit(read(value).colour)
            given[name] = pixels if kind == "map" else pixels.transpose(2, 0, 1).copy()
        else:
            given[name] = parse_number(value) if kind else value
    return given


def _side_by_side(before: Picture, after: Picture) -> Picture:
    """Both in 8 bits, as a network sees them, each repeated up to the height of the taller; grey becomes RGB."""
    import numpy as np

    from clearsight.images.intensities import Intensities, from_unit
    from clearsight.images.picture import Picture

    levels, columns = Intensities.of(before.colour), []
    tallest = max(len(before.pixels), len(after.pixels))
    for picture in (before, after):
        factor = max(tallest // len(picture.pixels), 1)
        pixels = from_unit(levels.seen(picture.colour)[0], np.uint8).repeat(factor, 0).repeat(factor, 1)
        columns.append(np.broadcast_to(pixels, (*pixels.shape[:2], 3))[:tallest])
    return Picture(pixels=np.concatenate(columns, axis=1))


def _tile(text: str) -> int | Literal["auto", "off"]:
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    if not text.isdecimal():
        raise InvalidArgumentError(f"--tile is a number of pixels, auto or off, got {text!r}")
    return int(text)


def _loop(
    engine: str, workers: int, address: str | None, actors: int | None, gpus_per_actor: float
) -> Callable[..., Iterator[Report]]:
    """What works through jobs: this process, or Ray."""
    from clearsight.inference import distributed, files

    if engine == "ray":
        return partial(distributed.process, address=address, actors=actors, gpus_per_actor=gpus_per_actor)
    if address is not None or actors is not None or gpus_per_actor:
        raise InvalidArgumentError("--address, --actors and --gpus-per-actor are for --engine ray: add that")
    return partial(files.process, workers=workers)


def _run(done: str, work: Work, progress: Iterable[Report]) -> None:
    """Follow the jobs with a progress bar, write down what becomes of them; at the end one line says it, too."""
    from clearsight.cli.terminal import tracked
    from clearsight.inference.outcomes import Outcomes

    failures, notes, counts = list[tuple[str, str]](), Counter[str](), Counter[str]()
    outcomes = None if work.folder is None else Outcomes(work.folder, len(work.jobs))
    with outcomes or nullcontext():
        for report in tracked(progress, len(work.jobs)):
            notes.update(report.notes)
            counts["skipped" if report.skipped else done] += report.error is None
            if report.error is not None:
                failures.append((str(report.job.source), report.error.replace(work.aside, "")))
            if outcomes is not None:
                outcomes.add(report)
    parts = [f"{counts[done]} {done}"]
    parts += [f"{counts['skipped']} skipped (already there; --overwrite does them again)"] if counts["skipped"] else []
    parts += [f"{len(failures)} failed:"] if failures else []
    lines = [
        ", ".join(parts),
        *(f"  {n} {'file' if n == 1 else 'files'}: {note}" for note, n in notes.items()),
        *(f"  left out: {n} {suffix or 'without a suffix'}" for suffix, n in sorted(work.left_out.items())),
        *(f"  {message}" for _, message in failures),
    ]
    for line in lines:
        print(printable(line), file=sys.stderr)
    if failures:
        raise BatchError(failures, len(work.jobs))
