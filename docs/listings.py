"""Tables of what the package brings: models, methods, networks, degradations, recipes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import prod
from pathlib import Path

import yaml
from kept import kept
from safetensors import safe_open
from sources import machine

import clearsight.degradations  # noqa: F401  (fills the registry)
from clearsight import weights
from clearsight.registry import DEGRADATIONS, JOINT, RECOGNIZERS, RESTORERS, Entry
from clearsight.training import shipped_recipes

__all__ = ["TABLES", "table"]


def table(header: list[str], rows: Sequence[Sequence[object]], *, figures: bool = True) -> str:
    """A Markdown table; columns of figures, all but the first, are right-aligned."""
    rule = ["---", *["---:" if figures else "---"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rule, *rows))


def _text(words: str) -> str:
    """Words that stay in one cell."""
    return words.replace("``", "`").replace("|", "&#124;")


def _code(words: str) -> str:
    return f"<code>{_text(words)}</code>" if "|" in words else f"`{words}`"


def _duration(seconds: int) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _trained() -> list[weights.Stored]:
    return [weights.Stored(path.parent) for path in sorted(Path(weights.__file__).parent.glob("*/config.json"))]


def _parameters(stored: weights.Stored) -> str:
    with safe_open(stored.folder / "model.safetensors", "pt") as file:
        count = sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118  (it is no mapping)
    return f"{count / 1e6:.2f} M"


def models() -> str:
    """The trained models that are shipped, and what their training took."""
    rows = []
    for stored in _trained():
        figures = stored.figures()
        took = f"{figures['steps']:,} steps, {_duration(figures['seconds'])}, {machine(figures)}"
        rows.append([f"`{stored.name}`", _text(figures["summary"]), _parameters(stored), took])
    return table(["model", "what it is", "parameters", "trained"], rows, figures=False)


def validation() -> str:
    """What the trained models reached on the images that their training held out."""
    titles = {"psnr": "PSNR {:.2f} dB", "error": "error {:.2f} %", "miou": "mIoU {:.2f} %", "cer": "CER {:.2f} %"}
    rows = [
        [f"`{stored.name}`", measured["images"], _code(condition), title.format(value)]
        for stored in _trained()
        for measured in [stored.figures()["validation"]]
        for metric, title in titles.items()
        for condition, value in measured.get(metric, {}).items()
    ]
    return table(["model", "held-out images", "condition", "reached"], rows, figures=False)


def _link(entry: Entry) -> str:
    """Its name, leading from a page in docs/ to what its docstring says."""
    part = entry.cls.__module__.split(".")[1]
    return f"[`{entry.name}`](api/{part}.md#clearsight.{part}.{entry.cls.__name__})"


def _entries(entries: Iterable[Entry]) -> str:
    rows = [[_link(entry), _text(entry.summary)] for entry in entries]
    return table(["name", "what it is"], rows, figures=False)


def methods() -> str:
    """The restorers that need no weights."""
    return _entries(weights.weightless())


def architectures() -> str:
    """The networks that recipes train."""
    without = {entry.name for entry in weights.weightless()}
    known = chain(RESTORERS.values(), RECOGNIZERS.values(), JOINT.values())
    return _entries(entry for entry in known if entry.name not in without)


def degradations() -> str:
    """What goes wrong with an image, with an example each."""
    rows = [[_link(e), _code(str(e.cls(**e.tiny))), _text(e.summary)] for e in DEGRADATIONS.values()]
    return table(["name", "example", "what it does"], rows, figures=False)


def recipes() -> str:
    """The recipes that are shipped."""
    loaded = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in shipped_recipes().items()}
    rows = [
        [f"`{name}`", _text(recipe["summary"]), f"{recipe['trainer']['max_steps']:,}"]
        for name, recipe in loaded.items()
    ]
    return table(["recipe", "what it trains", "steps"], rows, figures=False)


TABLES: dict[str, Callable[[], str]] = {
    "models": models,
    "validation": validation,
    "methods": methods,
    "architectures": architectures,
    "degradations": degradations,
    "recipes": recipes,
    "kept": kept,
}
"""Each table that is read off the package."""
