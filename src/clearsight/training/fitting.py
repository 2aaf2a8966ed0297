"""From a task and its data to a folder of shippable weights; what recipes and programs have in common."""

from __future__ import annotations

import copy
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch import nn

from clearsight import weights
from clearsight.classes import matched
from clearsight.contracts import Batch, Input
from clearsight.errors import RecipeError
from clearsight.provenance import provenance
from clearsight.seeds import generator_for
from clearsight.training.card import measure, write_card
from clearsight.training.data import Data
from clearsight.training.runs import best, checkpoint, newest, remember
from clearsight.training.task import Task

__all__ = ["Timer", "carry_out", "check", "export", "fit", "pace", "quiet", "take_best"]

Precision = Literal["32-true", "bf16-mixed"]

_RECORDED = 100
"""Validations of a run that are kept beside its weights, at most, evenly."""


class Timer(lightning.Callback):
    """Counts the seconds of training and validation, and the pixels trained on; both are kept in the checkpoints.

    Attributes:
        pixels: drawn so far, batch × height × width of each batch; ``None`` where the run is older than this count.
        record: of each validation the step, the pixels, the seconds, and the score that picks the best checkpoint.
        precision: of the products, as Lightning calls it.
    """

    def __init__(self) -> None:
        self.pixels: int | None = 0
        self.record: list[tuple[int, int | None, float, float]] = []
        self.precision: str | None = None
        self._before = 0.0
        self._started = time.monotonic()

    @property
    def state_key(self) -> str:
        """Its key in checkpoints, which older ones have as well."""
        return "Stopwatch"

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._started

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Reading the images and the checkpoint does not count."""
        self._started, self.precision = time.monotonic(), str(trainer.precision)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """One more batch on each device."""
        if self.pixels is not None:
            self.pixels += trainer.world_size * batch.x[:, 0].numel()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """One line more of the record."""
        score = float(trainer.callback_metrics[f"val/{cast(Task, pl_module).metric}"])
        self.record.append((trainer.global_step, self.pixels, round(self.seconds), round(score, 4)))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"seconds": self.seconds, "pixels": self.pixels, "record": self.record, "precision": self.precision}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self._before, self.pixels = state_dict["seconds"], state_dict.get("pixels")
        self.record = [*state_dict.get("record", ())]


def quiet() -> None:
    """Lightning speaks of errors only."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def check(task: Task, data: Data) -> None:
    """Set the data up, labels numbered as the task's recognizer does; say what does not go together.

    Raises:
        RecipeError: the data has other channels than the network takes, lacks what it takes besides, or was set up with
            other numbers.
        DataError: the data has classes that the recognizer does not tell.
        ClearsightError: as :meth:`clearsight.training.task.Task.check`.
    """
    data.declared = getattr(task.exported.traits, "inputs", ())
    recognition = task.recognition
    if recognition is not None:
        data.match(recognition.classes)
    data.setup("fit")
    wanted = task.exported.traits.channels  # type: ignore[union-attr]
    if wanted not in (None, data.channels):
        raise RecipeError(f"the network takes {wanted} channels, but the data has {data.channels}")
    if recognition is not None and data.classes is not None:
        numbers = matched(data.classes, recognition.classes)
        if numbers != tuple(range(len(numbers))):
            raise RecipeError("the data is set up already, its classes in another order than the recognizer's")
    for batch in (data.draw(0), data.held_out()[0]) if data.declared else ():
        _check_inputs(data.declared, batch)
    task.check(data)


def _check_inputs(declared: Sequence[Input], batch: Batch) -> None:
    for one in declared:
        value = batch.inputs.get(one.name)
        if value is None and one.required:
            raise RecipeError(
                f"the restorer takes {one.name} beside the image, but the data brings "
                f"{', '.join(batch.inputs) or 'nothing besides'}: take a data set whose samples have it as an input"
            )
        if value is not None and one.kind == "map" and value.shape[1] != one.channels:
            raise RecipeError(
                f"the restorer takes {one.name} of {one.channels} channels, but the data has {value.shape[1]}"
            )


def carry_out(trainer: lightning.Trainer, task: Task, data: Data, out: Path) -> None:
    """Train to the end, from where an earlier run stopped.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the newest and the best checkpoint are there.
    """
    last = out / "checkpoints" / "last.ckpt"
    with _denormals_flushed():
        try:
            trainer.fit(task, data, ckpt_path=str(last) if last.is_file() else None, weights_only=True)
        except SystemExit:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """No denormal numbers, which Adam's moments reach and a CPU multiplies many times slower than others."""
    before = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def export(
    task: Task,
    data: Data,
    out: Path,
    *,
    name: str,
    summary: str,
    seed: int,
    change: Callable[[nn.Module], Mapping[str, Any]] = lambda network: {},
) -> Path:
    """Write the best checkpoint of a run, finished or not, as a folder that is loaded by its path.

    Args:
        task: that was trained; it ends as what is written, on the CPU.
        data: that was trained on.
        out: folder of the run.
        name: of the model.
        summary: what it is, one line.
        seed: of the run.
        change: what is still to be done to the network, in place; what it returns are figures, too.

    Returns:
        ``out/weights``.

    Raises:
        RecipeError: the run has no checkpoint yet.
    """
    picked = take_best(task, out)
    last = checkpoint(out, "last") or picked
    seen = picked["callbacks"]["Stopwatch"].get("pixels")
    record = last["callbacks"]["Stopwatch"].get("record", ())
    precision = last["callbacks"]["Stopwatch"].get("precision")
    changed = change(task.exported)
    _fold(task)
    weights.round_(task.exported)
    figures: dict[str, Any] = {
        "name": name,
        "summary": summary,
        "validation": measure(task, data),
        "steps": int(picked["global_step"]),
        **({} if seen is None else {"pixels": seen}),
        **({"record": [*record[:: -(-len(record) // _RECORDED)]]} if record else {}),
        **changed,
        "seed": seed,
        **({"precision": precision} if precision else {}),
        "seconds": round(last["callbacks"]["Stopwatch"]["seconds"]),
        **provenance(),
    }
    card = write_card(name, figures, (out / "recipe.yaml").read_text(encoding="utf-8"))
    weights.save(task.exported.cpu().eval(), out / "weights", figures=figures, card=card)
    return out / "weights"


def _fold(task: Task) -> None:
    """A network that is trained in branches ends as what they come to."""
    folded = getattr(task.network, "folded", None)
    if folded is not None and task.exported is task.network:
        task.network = folded()


def take_best(task: Task, out: Path) -> dict[str, Any]:
    """Load the best state of a run, finished or not, into its task.

    Returns:
        The checkpoint.

    Raises:
        RecipeError: the run has none yet.
    """
    picked = checkpoint(out, "best")
    if picked is None:
        raise RecipeError(f"{out} holds no checkpoint yet: a run has one after its first validation")
    task.load_state_dict(picked["state_dict"])
    return picked


def fit(
    task: Task,
    data: Data,
    *,
    out: str | Path,
    recipe: str,
    steps: int,
    seed: int = 0,
    precision: Precision = "32-true",
    clip: float = 1.0,
    horizon: int | None = None,
    accelerator: str = "auto",
) -> None:
    """Train a task from Python; :func:`export` or :func:`take_best` is what follows.

    A run that was interrupted is continued by the same call with the same task and data, bit for bit.

    Args:
        task: what is trained, and how.
        data: on what.
        out: folder of the run.
        recipe: what the run is, as text, for the card; another text in the same folder is refused.
        steps: to train for; what is left of them is a multiple of ``data.epoch``.
        seed: of what torch itself draws, such as dropout.
        precision: of the products in training.
        clip: the largest norm of the gradient.
        horizon: steps that the schedule is that of, where it goes on after ``steps``.
        accelerator: as Lightning takes it.

    Raises:
        RecipeError: the steps are no multiple, or task, data and folder do not go together.
        KeyboardInterrupt: somebody pressed Ctrl-C; checkpoints are there if there was a validation.
    """
    out = Path(out)
    last = checkpoint(out, "last")
    reached = 0 if last is None else int(last["global_step"])
    if steps < 1 or (steps - reached) % data.epoch:
        raise RecipeError(f"steps left must be a multiple of data.epoch, got {steps - reached} and {data.epoch}")
    task.horizon = horizon
    quiet()
    lightning.seed_everything(seed, verbose=False)
    check(task, data)
    remember(recipe, out)
    trainer = lightning.Trainer(
        max_steps=steps,
        max_epochs=-1,
        callbacks=[best(task, out), newest(out), Timer()],
        logger=CSVLogger(out, name="log"),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        use_distributed_sampler=False,
        precision=precision,
        gradient_clip_val=clip,
        accelerator=accelerator,
    )
    carry_out(trainer, task, data, out)


def pace(task: Task, data: Data, *, device: torch.device, steps: int = 4, precision: Precision = "32-true") -> float:
    """Seconds of a training step on a device, after one that warms up; the task is left as it is.

    Args:
        task: whose loss is computed and gone back through.
        data: set up.
        device: where it will be trained.
        steps: to take the mean of.
        precision: of the products.
    """
    kept, seconds = copy.deepcopy(task.state_dict()), 0.0
    task.to(device)
    for step in range(steps + 1):
        started = time.monotonic()
        drawn = data.draw(step).to(device).scaled()
        generator = generator_for(task.seed, step, stream="degradation", device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = task.objective(drawn, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        loss.item()  # what is still computed elsewhere is waited for
        seconds += (time.monotonic() - started) if step else 0.0
    task.zero_grad()
    task.cpu().load_state_dict(kept)
    return seconds / steps
