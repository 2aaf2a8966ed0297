"""The folder of a run: what it is the run of, how far it is, its checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint

from clearsight.errors import RecipeError
from clearsight.training.recipes import renewed
from clearsight.training.task import Task

__all__ = ["best", "checkpoint", "go_on", "newest", "remember"]

_UNSAID = {"hold_out": 12}
"""What older runs wrote down of their data where newer ones leave it open, which is the same."""


def newest(out: Path) -> ModelCheckpoint:
    """Keeps the state of a run, ``checkpoints/last.ckpt``, from which it is continued."""
    return ModelCheckpoint(dirpath=out / "checkpoints", filename="last", enable_version_counter=False)


def best(task: Task, out: Path) -> ModelCheckpoint:
    """Keeps the best state by the task's metric, ``checkpoints/best.ckpt``, which is exported."""
    return ModelCheckpoint(
        dirpath=out / "checkpoints",
        filename="best",
        monitor=f"val/{task.metric}",
        mode=task.mode,
        enable_version_counter=False,
    )


def checkpoint(out: Path, which: str) -> dict[str, Any] | None:
    """The ``"best"`` or the ``"last"`` checkpoint of a run; ``None`` before its first validation."""
    path = out / "checkpoints" / f"{which}.ckpt"
    if not path.is_file():
        return None
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def remember(recipe: str, out: Path) -> None:
    """Write down what a folder is the run of.

    Raises:
        RecipeError: it is the run of something else.
    """
    kept = out / "recipe.yaml"
    if kept.is_file() and renewed(kept.read_text(encoding="utf-8")) != recipe:
        raise _another(out)
    _write(recipe, out)


def go_on(recipe: str, out: Path, resolved: Callable[[str], str | None]) -> None:
    """Write down what a folder is the run of, as :func:`remember`, where ``trainer.max_steps`` may have changed.

    That a run is made longer, or shorter than it was meant to be, is said on standard error.

    Args:
        recipe: with every setting.
        out: the folder.
        resolved: completes a recipe that was kept by what has become a setting since; ``None`` for what is none.

    Raises:
        RecipeError: it is the run of something else, or is beyond the steps that are asked for.
    """
    kept = out / "recipe.yaml"
    if kept.is_file():
        before = resolved(renewed(kept.read_text(encoding="utf-8")))
        if before is None or _split(before)[0] != _split(recipe)[0]:
            raise _another(out)
        if (planned := _split(before)[1]) != (steps := _split(recipe)[1]):
            _change_length(out, planned, steps)
    _write(recipe, out)


def _change_length(out: Path, planned: int, steps: int) -> None:
    last = checkpoint(out, "last")
    reached = 0 if last is None else int(last["global_step"])
    if steps < reached:
        raise RecipeError(
            f"{out} holds a run that is at step {reached} already: trainer.max_steps must be that or more, got {steps}"
        )
    print(
        f"{out} goes on from step {reached} to step {steps}, not {planned}: the schedule is that of {steps} steps",
        file=sys.stderr,
    )


def _split(recipe: str) -> tuple[dict[str, Any], int]:
    """A recipe but for its steps, and these."""
    content = yaml.safe_load(recipe)
    steps = int(content["trainer"].pop("max_steps"))
    data = content["data"].get("init_args", {})
    for key, value in _UNSAID.items():
        if data.get(key) == value:
            del data[key]
    return content, steps


def _another(out: Path) -> RecipeError:
    kept = out / "recipe.yaml"
    return RecipeError(f"{out} holds a run of another recipe ({kept}): name another folder, or remove that one")


def _write(recipe: str, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.yaml").write_text(recipe, encoding="utf-8")
