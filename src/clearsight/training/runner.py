"""From a recipe to a folder of shippable weights."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Sequence
from pathlib import Path

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger

from clearsight.errors import ClearsightError, RecipeError, UnknownNameError
from clearsight.text import read_text
from clearsight.training.data import Data
from clearsight.training.fitting import Timer, carry_out, check, export, quiet
from clearsight.training.recipes import parse_error, renewed, shipped_recipes
from clearsight.training.runs import best, go_on, newest
from clearsight.training.task import Task

__all__ = ["train"]


class _CommandLine(LightningCLI):
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--summary", type=str, help="the line that `clearsight models` prints")


def train(recipe: str, overrides: Sequence[str] = (), *, out: str | Path | None = None) -> Path:
    """Train what a recipe describes and export the best checkpoint.

    The folder ``out`` holds the resolved recipe, the checkpoints, a log of each start, and at the end ``weights/``. A
    run that was interrupted is continued by the same call, bit for bit; one that is finished only exports again. With
    another ``trainer.max_steps``, no less than it has reached, a run goes on to these, finished or not; from there on
    the schedule is that of a run of so many steps. Any other change is refused.

    Args:
        recipe: a file, or the name of a shipped recipe.
        overrides: more settings, as on the command line: ``["--trainer.max_steps", "2000"]``.
        out: where to work; ``runs/<recipe>`` if not given.

    Returns:
        The folder of the exported weights, for ``clearsight.load``.

    Raises:
        RecipeError: the recipe does not parse, or ``out`` holds a run of another recipe or is beyond its steps.
        UnknownNameError: no recipe has that name.
    """
    path = _locate(recipe)
    out = Path(out or f"runs/{path.stem}")
    quiet()
    cli = _configure(path, overrides, out)
    check(cli.model, cli.datamodule)
    go_on(cli.parser.dump(cli.config, skip_none=True), out, lambda kept: _resolved(cli, kept))
    carry_out(cli.trainer, cli.model, cli.datamodule, out)
    if not cli.trainer.is_global_zero:  # the first of the processes exports what all have trained
        return out / "weights"
    config = cli.config
    return export(cli.model, cli.datamodule, out, name=path.stem, summary=config.summary, seed=config.seed_everything)


def _locate(recipe: str) -> Path:
    if Path(recipe).is_file():
        return Path(recipe)
    if Path(recipe).suffix in {".yaml", ".yml"}:
        raise RecipeError(
            f"there is no recipe file {recipe}; `clearsight recipes` lists those that come with clearsight"
        )
    known = shipped_recipes()
    if recipe not in known:
        raise UnknownNameError("recipe", recipe, known)
    return known[recipe]


def _configure(path: Path, overrides: Sequence[str], out: Path) -> LightningCLI:
    defaults = {
        "callbacks": [newest(out), Timer()],
        "logger": False,
        "max_epochs": -1,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }
    try:
        text = read_text(path, RecipeError)
        cli = _CommandLine(
            Task,
            Data,
            subclass_mode_model=True,
            subclass_mode_data=True,
            run=False,
            save_config_callback=None,
            trainer_defaults=defaults,
            parser_kwargs={"exit_on_error": False},
            seed_everything_default=0,
            args=["--config", str(path) if renewed(text) == text else renewed(text), *map(renewed, overrides)],
        )
    except ClearsightError:
        raise
    except (ArgumentError, yaml.YAMLError, ValueError, MisconfigurationException) as error:
        raise RecipeError(f"the recipe {path} cannot be used: {parse_error(error)}") from error
    _check(cli)
    cli.trainer.callbacks.insert(0, best(cli.model, out))  # type: ignore[attr-defined]
    cli.trainer.logger = CSVLogger(out, name="log")
    return cli


def _resolved(cli: LightningCLI, kept: str) -> str | None:
    """A recipe that was kept, with the settings there are by now; ``None`` where it is no recipe any more."""
    try:
        return str(cli.parser.dump(cli.parser.parse_string(kept), skip_none=True))
    except (ArgumentError, yaml.YAMLError, ValueError, TypeError):
        return None


def _check(cli: LightningCLI) -> None:
    """Say what does not fit together before anything is read or written."""
    steps, epoch = cli.trainer.max_steps, cli.datamodule.epoch
    if steps < 1 or steps * cli.trainer.accumulate_grad_batches % epoch:
        raise RecipeError(
            f"trainer.max_steps must be a multiple of data.epoch, after which the model is validated and saved, "
            f"got {steps} and {epoch}"
        )
