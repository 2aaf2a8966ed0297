"""``clearsight models``, ``recognizers``, ``datasets``, … : what there is, a line each."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["datasets", "degradations", "models", "recipes", "recognizers"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def models(as_json: AsJson = False) -> None:
    """List the models that `restore --model` takes by name: shipped weights, and methods that need none."""
    from clearsight import weights

    trained = [{"name": s.name, "kind": "trained", "summary": s.figures()["summary"]} for s in weights.shipped()]
    classical = [{"name": e.name, "kind": "classical", "summary": e.summary} for e in weights.weightless()]
    _print([*trained, *classical], as_json)


def recognizers(as_json: AsJson = False) -> None:
    """List the recognizers that `recognize` and `evaluate` take by name."""
    from clearsight import weights
    from clearsight.recognizers.loading import PACKAGED
    from clearsight.registry import JOINT, RECOGNIZERS

    trained = [{"name": s.name, "summary": s.figures()["summary"]} for s in weights.shipped(RECOGNIZERS, JOINT)]
    packaged = [{"name": name, "summary": one.summary} for name, one in PACKAGED.items()]
    _print([*trained, *packaged], as_json)


def datasets(as_json: AsJson = False) -> None:
    """List the data sets that `evaluate --data` takes by name; any folder of images will do as well."""
    import clearsight.datasets  # noqa: F401  (fills the registry)
    from clearsight.registry import DATASETS

    _print([{"name": e.name, "summary": e.summary} for e in DATASETS.values()], as_json)


def degradations(as_json: AsJson = False) -> None:
    """List the degradations that `degrade --with` and recipes take, with an example each."""
    import clearsight.degradations  # noqa: F401  (fills the registry)
    from clearsight.registry import DEGRADATIONS

    _print(
        [{"name": e.name, "example": str(e.cls(**e.tiny)), "summary": e.summary} for e in DEGRADATIONS.values()],
        as_json,
    )


def recipes(as_json: AsJson = False) -> None:
    """List the training recipes that `train` takes by name."""
    import yaml

    from clearsight.training.recipes import shipped_recipes

    rows = [
        {
            "name": name,
            "summary": yaml.safe_load(path.read_text(encoding="utf-8"))["summary"],
            "file": str(path),
        }
        for name, path in shipped_recipes().items()
    ]
    _print(rows if as_json else [{k: row[k] for k in ("name", "summary")} for row in rows], as_json)


def _print(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    columns = list(zip(*(row.values() for row in rows), strict=True))
    widths = [max(map(len, column)) for column in columns[:-1]]
    for row in rows:
        *texts, last = row.values()
        typer.echo("  ".join([*(text.ljust(width) for text, width in zip(texts, widths, strict=True)), last]))
