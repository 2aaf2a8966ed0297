"""From a task and its data to a folder of shippable weights; what recipes and programs have in common."""

from __future__ import annotations

import copy
import logging
import time
import warnings
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from clearsight import weights
from clearsight.errors import RecipeError
from clearsight.provenance import provenance
from clearsight.seeds import generator_for
from clearsight.training.card import write_card
from clearsight.training.data import Data
from clearsight.training.figures import measure
from clearsight.training.stopwatch import Stopwatch
from clearsight.training.task import Batch, Task

__all__ = ["best", "carry_out", "check", "export", "fit", "newest", "pace", "quiet", "remember"]


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


def quiet() -> None:
    """Lightning speaks of errors only."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def check(task: Task, data: Data) -> None:
    """Say what does not go together before anything is trained or written; the data is set up.

    Raises:
        RecipeError: the data has other channels than the network takes, or other classes than it tells apart.
        ClearsightError: as :meth:`clearsight.training.task.Task.check`.
    """
    wanted = task.exported.traits.channels  # type: ignore[union-attr]
    if wanted not in (None, data.channels):
        raise RecipeError(f"the network takes {wanted} channels, but the data has {data.channels}")
    recognition, labelled = task.recognition, data.classes
    if recognition is not None and labelled is not None and len(recognition.classes) != len(labelled):
        raise RecipeError(
            f"the network tells {len(recognition.classes)} classes apart, but the data has {len(labelled)}"
        )
    task.check(data)


def remember(recipe: str, out: Path) -> None:
    """Write down what a folder is the run of.

    Raises:
        RecipeError: it is the run of something else.
    """
    kept = out / "recipe.yaml"
    if kept.is_file() and kept.read_text(encoding="utf-8") != recipe:
        raise RecipeError(f"{out} holds a run of another recipe ({kept}): name another folder, or remove that one")
    out.mkdir(parents=True, exist_ok=True)
    kept.write_text(recipe, encoding="utf-8")


def carry_out(trainer: lightning.Trainer, task: Task, data: Data, out: Path) -> None:
    """Train to the end, from where an earlier run stopped.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the newest and the best checkpoint are there.
    """
    last = out / "checkpoints" / "last.ckpt"
    try:
        trainer.fit(task, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None


def export(task: Task, data: Data, out: Path, *, name: str, summary: str, seed: int) -> Path:
    """Write the best checkpoint of a run, finished or not, as a folder that is loaded by its path.

    Returns:
        ``out/weights``.

    Raises:
        RecipeError: the run has no checkpoint yet.
    """
    if not (out / "checkpoints" / "best.ckpt").is_file():
        raise RecipeError(f"{out} holds no checkpoint yet: a run has one after its first validation")
    picked, last = (
        torch.load(out / "checkpoints" / f"{which}.ckpt", map_location="cpu", weights_only=True)
        for which in ("best", "last")
    )
    task.load_state_dict(picked["state_dict"])
    weights.round_(task.exported)
    figures: dict[str, Any] = {
        "name": name,
        "summary": summary,
        "validation": measure(task, data),
        "steps": int(picked["global_step"]),
        "seed": seed,
        "seconds": round(last["callbacks"]["Stopwatch"]["seconds"]),
        **provenance(),
    }
    card = write_card(name, figures, (out / "recipe.yaml").read_text(encoding="utf-8"))
    weights.save(task.exported.cpu().eval(), out / "weights", figures=figures, card=card)
    return out / "weights"


def fit(
    task: Task,
    data: Data,
    *,
    out: str | Path,
    name: str,
    summary: str,
    recipe: str,
    steps: int,
    seed: int = 0,
    precision: Literal["32-true", "bf16-mixed"] = "32-true",
    clip: float = 1.0,
    accelerator: str = "auto",
) -> Path:
    """Train a task from Python and export the best checkpoint, as a recipe does.

    A run that was interrupted is continued by the same call with the same task and data, bit for bit; the best so far
    of one that is not is had by :func:`export`.

    Args:
        task: what is trained, and how.
        data: on what.
        out: folder of the run.
        name: of the model.
        summary: of the model, one line.
        recipe: what the run is, as text, for the card; another text in the same folder is refused.
        steps: to train for; a multiple of ``data.epoch``.
        seed: of what torch itself draws, such as dropout.
        precision: of the products in training.
        clip: the largest norm of the gradient.
        accelerator: as Lightning takes it.

    Returns:
        The folder of the exported weights, for ``clearsight.load`` or ``clearsight.load_recognizer``.

    Raises:
        RecipeError: the steps are no multiple, or task, data and folder do not go together.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    if steps < 1 or steps % data.epoch:
        raise RecipeError(f"steps must be a multiple of data.epoch, got {steps} and {data.epoch}")
    out = Path(out)
    quiet()
    lightning.seed_everything(seed, verbose=False)
    data.setup("fit")
    check(task, data)
    remember(recipe, out)
    trainer = lightning.Trainer(
        max_steps=steps,
        max_epochs=-1,
        callbacks=[best(task, out), newest(out), Stopwatch()],
        logger=CSVLogger(out, name="log"),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
        precision=precision,
        gradient_clip_val=clip,
        accelerator=accelerator,
    )
    carry_out(trainer, task, data, out)
    return export(task, data, out, name=name, summary=summary, seed=seed)


def pace(task: Task, data: Data, *, steps: int = 4) -> float:
    """Seconds of a training step, in full precision on the CPU, after one that warms up; the task is left as it is.

    Args:
        task: whose loss is computed and gone back through.
        data: set up.
        steps: to take the mean of.
    """
    kept, seconds = copy.deepcopy(task.state_dict()), 0.0
    for step in range(steps + 1):
        started = time.monotonic()
        drawn = data.draw(step)
        generator = generator_for(task.seed, step, stream="degradation")
        task.objective(Batch(drawn.x / 255, drawn.labels), generator).backward()  # type: ignore[no-untyped-call]
        seconds += (time.monotonic() - started) if step else 0.0
    task.zero_grad()
    task.load_state_dict(kept)
    return seconds / steps
