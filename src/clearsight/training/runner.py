"""From a recipe to a folder of shippable weights."""

from __future__ import annotations

import logging
import warnings
from argparse import ArgumentError
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import CSVLogger

from clearsight import weights
from clearsight.errors import ClearsightError, RecipeError, UnknownNameError
from clearsight.provenance import provenance
from clearsight.training import shipped_recipes
from clearsight.training.card import write_card
from clearsight.training.complaints import complaint
from clearsight.training.data import Data
from clearsight.training.figures import measure
from clearsight.training.stopwatch import Stopwatch
from clearsight.training.task import Task

__all__ = ["run"]

_NEWEST = "checkpoints/last.ckpt"


class _CommandLine(LightningCLI):
    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--summary", type=str, help="the line that `clearsight models` prints")


def run(recipe: str, overrides: Sequence[str] = (), *, out: str | Path | None = None) -> Path:
    """Train what a recipe describes and export the best checkpoint.

    The folder ``out`` holds the resolved recipe, the checkpoints, a log of each start, and at the end ``weights/``. A
    run that was interrupted is continued by the same call, bit for bit; one that is finished only exports again.

    Args:
        recipe: a file, or the name of a shipped recipe.
        overrides: more settings, as on the command line: ``["--trainer.max_steps", "2000"]``.
        out: where to work; ``runs/<recipe>`` if not given.

    Returns:
        The folder of the exported weights, for ``clearsight.load``.

    Raises:
        RecipeError: the recipe does not parse, or ``out`` holds a run of another recipe.
        UnknownNameError: no recipe has that name.
    """
    path = _locate(recipe)
    out = Path(out or f"runs/{path.stem}")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    stopwatch = Stopwatch()
    cli = _configure(path, overrides, out, stopwatch)
    cli.datamodule.setup("fit")
    _check_channels(cli)
    _check_classes(cli)
    cli.model.check(cli.datamodule)
    _remember(cli, out)
    _fit(cli, out / _NEWEST)
    return _export(cli, out, path.stem, stopwatch.seconds)


def _fit(cli: LightningCLI, newest: Path) -> None:
    checkpoint = str(newest) if newest.is_file() else None
    try:
        cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=checkpoint, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None


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


def _configure(path: Path, overrides: Sequence[str], out: Path, stopwatch: Stopwatch) -> LightningCLI:
    checkpoints = partial(ModelCheckpoint, dirpath=out / "checkpoints", enable_version_counter=False)
    defaults = {
        "callbacks": [
            checkpoints(filename="last"),
            stopwatch,
        ],
        "logger": False,
        "max_epochs": -1,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }
    try:
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
            args=["--config", str(path), *overrides],
        )
    except ClearsightError:
        raise
    except (ArgumentError, yaml.YAMLError, ValueError, MisconfigurationException) as error:
        raise RecipeError(f"the recipe {path} cannot be used: {complaint(error)}") from error
    _check(cli)
    best = checkpoints(filename="best", monitor=f"val/{cli.model.metric}", mode=cli.model.mode)
    cli.trainer.callbacks.insert(0, best)  # type: ignore[attr-defined]
    cli.trainer.logger = CSVLogger(out, name="log")
    return cli


def _check(cli: LightningCLI) -> None:
    """Say what does not fit together before anything is read or written."""
    steps, epoch = cli.trainer.max_steps, cli.datamodule.epoch
    if steps < 1 or steps * cli.trainer.accumulate_grad_batches % epoch:
        raise RecipeError(
            f"trainer.max_steps must be a multiple of data.epoch, after which the model is validated and saved, "
            f"got {steps} and {epoch}"
        )


def _check_channels(cli: LightningCLI) -> None:
    wanted = cli.model.exported.traits.channels
    if wanted not in (None, cli.datamodule.channels):
        raise RecipeError(f"the network takes {wanted} channels, but the data has {cli.datamodule.channels}")


def _check_classes(cli: LightningCLI) -> None:
    recognition, labelled = cli.model.recognition, cli.datamodule.classes
    if recognition is not None and labelled is not None and len(recognition.classes) != len(labelled):
        raise RecipeError(
            f"the network tells {len(recognition.classes)} classes apart, but the data has {len(labelled)}"
        )


def _remember(cli: LightningCLI, out: Path) -> None:
    resolved = cli.parser.dump(cli.config, skip_none=True)
    kept = out / "recipe.yaml"
    if kept.is_file() and kept.read_text(encoding="utf-8") != resolved:
        raise RecipeError(f"{out} holds a run of another recipe ({kept}): name another folder, or remove that one")
    out.mkdir(parents=True, exist_ok=True)
    kept.write_text(resolved, encoding="utf-8")


def _export(cli: LightningCLI, out: Path, name: str, seconds: float) -> Path:
    best = torch.load(out / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    cli.model.load_state_dict(best["state_dict"])
    weights.round_(cli.model.exported)
    config = cli.config
    figures: dict[str, Any] = {
        "name": name,
        "summary": config.summary,
        "validation": measure(cli.model, cli.datamodule),
        "steps": int(best["global_step"]),
        "seed": cli.config.seed_everything,
        "seconds": round(seconds),
        **provenance(),
    }
    network = cli.model.exported.cpu().eval()
    folder = out / "weights"
    card = write_card(name, figures, (out / "recipe.yaml").read_text(encoding="utf-8"))
    weights.save(network, folder, figures=figures, card=card)
    return folder
