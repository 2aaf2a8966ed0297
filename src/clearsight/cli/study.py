"""``clearsight study``: which result do people like best?"""

from __future__ import annotations

import sys
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from clearsight.cli import completion
from clearsight.cli.listening import listening
from clearsight.cli.terminal import print_table
from clearsight.errors import InvalidArgumentError

__all__ = ["study"]

study = typer.Typer(no_args_is_help=True, help="Ask people which result looks best, blind, in a browser.")

Folder = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder that `study create` has made.")]
Database = Annotated[
    str | None,
    typer.Option(help="Where ratings are kept, an address of SQLAlchemy.  [default: ratings.db in the folder]"),
]


class _ManyMethods(TyperCommand):
    """A command whose option ``--methods`` is followed by as many names as one likes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write ``--methods a b`` as ``--methods a --methods b``."""
        if "--methods" in args:
            at = args.index("--methods") + 1
            names = list(takewhile(lambda word: not word.startswith("-"), args[at:]))
            spread = [word for name in names for word in ("--methods", name)]
            args = [*args[: at - 1], *(spread or ["--methods"]), *args[at + len(names) :]]
        return super().parse_args(ctx, args)


@study.command(
    cls=_ManyMethods,
    epilog='Example: clearsight study create photos/ --with "gaussian(sigma=35/255)" --methods wavelet bm3d -o study/',
)
def create(
    data: Annotated[
        str, typer.Argument(help="Folder of images, or a name from `clearsight datasets`.", show_default=False)
    ],
    methods: Annotated[
        list[str],
        typer.Option(
            "--methods",
            help="What to compare: what `restore --model` takes.",
            show_default=False,
            autocompletion=completion.models,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the study.", show_default=False)],
    degradation: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="What to do to the images: gaussian(sigma=35/255); not for pairs of noisy and clean ones.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        bool, typer.Option(help="Hide the clean image among the results: who ranks it low does not look.")
    ] = True,
    repeats: Annotated[
        int, typer.Option(help="Images that each rater sees twice, to tell how consistent that is.")
    ] = 2,
    limit: Annotated[
        int | None, typer.Option(help="Take so many images only, evenly spread over the set.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of noise, orders and the names of files.")] = 0,
) -> None:
    """Restore images by every method, for raters to compare.

    Of each image the middle is shown, at 100 %. The same command goes on where it was interrupted.
    """
    from clearsight import weights
    from clearsight.datasets.opening import open_dataset
    from clearsight.datasets.pairs import Untouched
    from clearsight.datasets.subset import take
    from clearsight.degradations.language import parse
    from clearsight.inference.engine import Engine
    from clearsight.study import create as run

    dataset = open_dataset(data)
    chosen = Untouched() if degradation is None else parse(degradation)
    if degradation is None and dataset[0].target is None:
        raise InvalidArgumentError(f"{data} holds clean images: say with --with what is done to them")
    engines = {name: Engine(weights.load(name)) for name in methods}
    if len(engines) < len(methods):
        raise InvalidArgumentError("--methods names one of them twice: name each once")
    made = run(
        dataset if limit is None else take(dataset, limit),
        chosen,
        engines,
        out,
        reference=reference,
        repeats=repeats,
        seed=seed,
        report=lambda line: print(line, file=sys.stderr),
    )
    print(f"{out}: {len(made.design.images)} images; clearsight study serve {out} lets raters in")


@study.command(epilog="Example: clearsight study serve study/ --host 0.0.0.0")
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="0.0.0.0 for raters on other machines.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    database: Database = None,
) -> None:
    """Let raters in: a page in the browser, for as many as come, until Ctrl-C.

    Each is shown every image in all its states, blind, and picks them from best to worst. They can stop and go on.
    """
    from clearsight.study import application

    opened, store = _opened(folder, database)
    with listening(host, port) as let_in:
        let_in(application(opened, store))


@study.command(epilog="Example: clearsight study report study/ -o found/")
def report(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the CSV files and the JSON.  [default: that of the study]"),
    ] = None,
    bt500: Annotated[
        bool, typer.Option(help="Leave out raters who are far from the others on both sides (ITU-R BT.500).")
    ] = True,
    check_reference: Annotated[
        bool, typer.Option(help="Leave out raters who rank the hidden reference as by chance.")
    ] = True,
    least_correlation: Annotated[
        float | None,
        typer.Option(help="Leave out raters who correlate less with the others: 0.75 in ITU-T P.910.  [default: none]"),
    ] = None,
    draws: Annotated[int, typer.Option(help="Of the bootstrap behind the intervals.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    database: Database = None,
) -> None:
    """Say what the raters have found: ranks, mean opinion, worths, with intervals over raters and images.

    Worths are those of Bradley and Terry: a method whose ln worth is 1 more is preferred in 73 of 100 pairs. Beside
    the table methods.csv, raters.csv, rankings.csv and report.json are written.
    """
    from clearsight.study import Rules, analyse
    from clearsight.study.report import HEADER

    if draws < 2:
        raise InvalidArgumentError(f"--draws is at least 2, got {draws}")
    opened, store = _opened(folder, database)
    rankings, methods = store.rankings(), opened.design.methods
    rules = Rules(bt500=bt500, reference=check_reference, least_correlation=least_correlation)
    found = analyse(rankings, methods, rules=rules, draws=draws, seed=seed)
    print_table(f"{folder}, {len(opened.design.images)} images", HEADER, found.cells())
    for line in found.lines():
        print(f"  {line}")
    found.write(out or folder, rankings)


def _opened(folder: Path, database: str | None) -> tuple[Any, Any]:
    """The study, and its ratings."""
    from clearsight.study import Store, Study

    opened = Study.open(folder)
    return opened, Store(database or opened.database)
