"""``clearsight reproduce``: published tables and figures, run again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clearsight.cli.terminal import print_table, write_record

if TYPE_CHECKING:
    from clearsight.experiments import Experiment

__all__ = ["reproduce"]


def reproduce(
    experiment: Annotated[
        str | None, typer.Argument(help="PAPER/TABLE, such as chen2016/table1; without one, all are listed.")
    ] = None,
    preset: Annotated[
        Literal["smoke", "cpu", "paper"], typer.Option(help="How much: a minute, hours on two cores, or all of it.")
    ] = "cpu",
    seed: Annotated[int, typer.Option(help="Of all random numbers.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the result, JSON and figure.")] = Path("results"),
    runs: Annotated[
        Path, typer.Option(help="Folder for trained networks: what is there already is not trained again.")
    ] = Path("runs"),
) -> None:
    """Run a published table or figure again: ours beside the published figures, as a table, JSON and a figure.

    The same command continues a run that was interrupted, from the last network that was trained whole.
    """
    from clearsight.experiments import RunConfig, find_experiment

    if experiment is None:
        _list(out)
        return
    found = find_experiment(experiment)
    path = out / f"{found.name}-{preset}.json"
    started = time.monotonic()
    result = found.run(RunConfig(preset, seed, runs, lambda line: typer.echo(line, err=True)))
    print_table(f"{found.name}, {preset}, seed {seed}", result.header, result.rows)
    record = {
        "experiment": found.name,
        "preset": preset,
        "seed": seed,
        "headline": result.headline,
        **result.record,
        "table": {"header": result.header, "rows": result.rows},
    }
    write_record(path, record, time.monotonic() - started)
    if result.draw is not None:
        result.draw(path.with_suffix(".png"))
    typer.echo(path)


def _list(out: Path) -> None:
    """Every experiment: what each preset costs, and what it has found so far."""
    from clearsight.experiments import catalogue

    rows = [row for experiment in catalogue().values() for row in _states(experiment, out)]
    header = ["name", "summary", "preset", "takes", "found"]
    print_table("clearsight reproduce NAME --preset PRESET", header, rows, words=len(header))


def _states(experiment: Experiment, out: Path) -> list[list[str]]:
    rows = [
        [preset, cost, _found(out / f"{experiment.name}-{preset}.json")] for preset, cost in experiment.cost.items()
    ]
    names = [[experiment.name, experiment.summary], *[["", ""]] * (len(rows) - 1)]
    return [[*name, *row] for name, row in zip(names, rows, strict=True)]


def _found(path: Path) -> str:
    if not path.is_file():
        return "not run here"
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return f"{record['headline']} ({record['seconds'] / 60:.0f} min, {record['date']})"
