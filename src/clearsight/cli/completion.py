"""What a shell offers when Tab is pressed: names of models, recognizers, degradations, recipes and data sets.

They are read off files and syntax trees, for importing what registers them takes seconds.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

__all__ = ["datasets", "degradations", "models", "recipes", "recognizers"]

_PACKAGE = Path(__file__).parents[1]
_WITH_WEIGHTS = "PyTorchModelHubMixin"


def models(incomplete: str) -> list[str]:
    """For ``restore --model``."""
    weightless = (name for name, bases in _registered("restorers") if _WITH_WEIGHTS not in bases)
    return _matching(["auto", *_shipped("restorers", "joint"), *weightless], incomplete)


def recognizers(incomplete: str) -> list[str]:
    """For ``recognize --recognizer``."""
    return _matching(_shipped("recognizers", "joint"), incomplete)


def degradations(incomplete: str) -> list[str]:
    """For ``degrade --with``: the last step of a pipeline."""
    before, bar, last = incomplete.rpartition("|")
    names = [f"{name}(" for name, _ in _registered("degradations")]
    space = " " if bar else ""
    return [f"{before}{bar}{space}{name}" for name in _matching(names, last.lstrip())]


def datasets(incomplete: str) -> list[str]:
    """For ``evaluate --data``."""
    return _matching([name for name, _ in _registered("datasets")], incomplete)


def recipes(incomplete: str) -> list[str]:
    """For ``train``."""
    return _matching([path.stem for path in (_PACKAGE / "training" / "recipes").glob("*.yaml")], incomplete)


def _matching(names: list[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _shipped(*kinds: str) -> list[str]:
    """The weights that come with clearsight whose architecture is of these kinds."""
    known = {name for kind in kinds for name, _ in _registered(kind)}
    configs = (_PACKAGE / "weights").glob("*/config.json")
    return [path.parent.name for path in configs if json.loads(path.read_text("utf-8"))["architecture"] in known]


def _registered(kind: str) -> Iterator[tuple[str, set[str]]]:
    """Names that are registered in a package, and the bases of each class."""
    for path in (_PACKAGE / kind).glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases}
                yield from ((name, bases) for name in _names(node))


def _names(node: ast.ClassDef) -> Iterator[str]:
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".register") and call.args:
            yield ast.literal_eval(call.args[0])
