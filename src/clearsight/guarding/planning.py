"""How much a budget of time buys, measured before anything is trained."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from clearsight.errors import InvalidArgumentError, RecipeError
from clearsight.images.files import atomically
from clearsight.inference.device import choose_device
from clearsight.training.data import Data
from clearsight.training.fitting import Precision, check, pace
from clearsight.training.task import Task

__all__ = [
    "BM3D",
    "ROUNDS",
    "Plan",
    "Rates",
    "hurried",
    "keep_plan",
    "kept_plan",
    "make_plan",
    "measured_rates",
    "parse_budget",
    "refitted",
]

BM3D = "bm3d"
"""The baseline that is judged where there is time for it."""

ROUNDS = 4
"""Of a training; a validation ends each."""

_EXPORTING = 6
"""Validations that a training costs besides: of the export, in full and in half precision, which is the slower one, of
what is compared with it.
"""

_TRAINING, _JUDGING = 0.7, 0.2
"""Shares of the budget at most; the rest is for loading and writing."""

_WRITING = 20
"""Seconds that loading and writing take at least."""

_LEFT = 0.85
"""Share of what is left after the trainings that judging may take; the rest is for writing."""

_FEWEST_JUDGED = 32
_FEWEST = 8
"""Test images that are judged whatever the time."""

_SELECTING = 0.5
"""Validation images that it is chosen on when to restore, for each test image."""

_UNITS = {"s": 1, "m": 60, "h": 3600}


def parse_budget(text: str) -> float:
    """Seconds of ``90s``, ``30m`` or ``2h``.

    Raises:
        InvalidArgumentError: it is nothing of this kind.

    Example:
        >>> parse_budget("1.5m")
        90.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not found or not float(found[1]):
        raise InvalidArgumentError(f"a budget is a time such as 90s, 30m or 2h, got {text!r}")
    return float(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds, measured.

    Attributes:
        training: of a step of each restorer's training.
        retraining: of a step of each recognizer's retraining.
        validating: of one validation of each training.
        judging: of one test image under every condition, without BM3D.
        bm3d: measures those of BM3D on that image under every condition; ``None`` where it is not installed.
    """

    training: Mapping[str, float]
    retraining: Mapping[str, float]
    validating: float
    judging: float
    bm3d: Callable[[], float] | None


def measured_rates(
    tasks: Mapping[str, Task],
    data: Data,
    precision: Precision,
    judging: Callable[[], float],
    bm3d: Callable[[], float],
) -> Rates:
    """Time a step of each training, a validation of all and the judging of an image; nothing is changed by it.

    Args:
        tasks: ``separate`` and ``guided``, which train restorers, and those that retrain recognizers.
        data: what all of them are trained on.
        precision: of the products in training.
        judging: the seconds of one test image under every condition, without BM3D.
        bm3d: those of BM3D on that image, where it is installed.

    Raises:
        ClearsightError: something does not go together; see :func:`~clearsight.training.fitting.check`.
    """
    for task in tasks.values():
        check(task, data)
    device = choose_device()
    seconds = {name: pace(task, data, device=device, steps=2, precision=precision) for name, task in tasks.items()}
    training = {name: seconds.pop(name) for name in ("separate", "guided")}
    validating = sum(_validation(task, data, device) for task in tasks.values())
    return Rates(training, seconds, validating, judging(), bm3d if find_spec(BM3D) else None)


@torch.inference_mode()
def _validation(task: Task, data: Data, device: torch.device) -> float:
    """Seconds, from those of the first batch."""
    batches, first = data.held_out(), data.held_out()[0].to(device).scaled()
    task.eval().to(device)
    started = time.monotonic()
    scores = task.scores(first, 0)
    for values in (value for conditions in scores.values() for value in conditions.values()):
        values.cpu()  # what is still computed elsewhere is waited for
    seconds = time.monotonic() - started
    task.cpu()
    return seconds * sum(batch.x.numel() for batch in batches) / first.x.numel()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done within the budget.

    Attributes:
        restoring: seconds to train both restorers.
        retraining: seconds to train each recognizer, as many as the guided restorer has.
        left: seconds of the budget after the training of the restorers.
        paces: seconds of a step of both restorers, ``"restorers"``, and of each recognizer, with its share of the
            validations, as measured before.
        test_images: that are judged.
        bm3d: whether BM3D is judged, too.
    """

    restoring: float
    retraining: float
    left: float
    paces: Mapping[str, float]
    test_images: int
    bm3d: bool


def make_plan(rates: Rates, budget: float, test_images: int, *, readers: int = 1, spent: float = 0.0) -> Plan:
    """Divide what is left of the budget: the restorers have the same steps, each recognizer the time of the slower one.

    Args:
        rates: what things cost.
        budget: seconds.
        test_images: that there are.
        readers: recognizers that read each of them.
        spent: seconds of the budget that are gone.

    Raises:
        InvalidArgumentError: the budget does not pay for a step between two validations.
    """
    both, slower = sum(rates.training.values()), max(rates.training.values())
    trained = both + slower * len(rates.retraining)
    rest, each = budget - spent, (readers + _SELECTING) * rates.judging
    fewest = min(_FEWEST, test_images) * each + _WRITING
    training = min(_TRAINING * rest, rest - fewest)
    steps = (training - (ROUNDS + _EXPORTING) * rates.validating) / trained
    if steps < ROUNDS:
        shortest = ROUNDS * trained + (ROUNDS + _EXPORTING) * rates.validating
        least = spent + max(shortest / _TRAINING, shortest + fewest)
        raise InvalidArgumentError(
            f"a budget of {budget:.0f} s leaves no time to train: the shortest run takes {least:.0f} s here; "
            "give a few times that"
        )
    affordable, with_bm3d = _judged(rates, _JUDGING * rest / (readers + _SELECTING), test_images)
    share = (training - _EXPORTING * rates.validating) / trained
    validation = ROUNDS * rates.validating / (2 + len(rates.retraining)) / steps
    paces = {"restorers": both + 2 * validation}
    paces |= {name: seconds + validation for name, seconds in rates.retraining.items()}
    restoring, retraining = round(share * both, 1), round(share * slower, 1)
    after = round(rest - restoring - _EXPORTING / 2 * rates.validating, 1)
    return Plan(restoring, retraining, after, paces, affordable, with_bm3d)


def _judged(rates: Rates, budget: float, test_images: int) -> tuple[int, bool]:
    """BM3D is left out where it would leave too few images to tell anything, and not timed where others do."""
    affordable, few = int(budget / rates.judging), min(_FEWEST_JUDGED, test_images)
    if rates.bm3d is not None and affordable >= few:
        with_bm3d = int(budget / (rates.judging + rates.bm3d()))
        if with_bm3d >= few:
            return min(with_bm3d, test_images), True
    return min(max(affordable, _FEWEST), test_images), False


def hurried(plan: Plan, seconds: float) -> Plan:
    """The plan with less time to retrain recognizers by what the restorers took longer than planned.

    Args:
        plan: as it was made.
        seconds: that are left of the budget.
    """
    late = max(plan.left - seconds, 0.0) / max(len(plan.paces) - 1, 1)
    return replace(plan, retraining=round(max(plan.retraining - late, 0.0), 1))


def refitted(plan: Plan, seconds: float, judging: float, test_images: int, *, readers: int = 1) -> Plan:
    """The plan with as many test images as can be judged in the time that is left; a few there are always.

    Args:
        plan: as it was made; the machine may be busier now than then, or less busy.
        seconds: that are left of the budget.
        judging: what one test image takes now under every condition, with BM3D where the plan has it.
        test_images: that there are.
        readers: recognizers that read each of them.
    """
    affordable = int(_LEFT * seconds / ((readers + _SELECTING) * judging))
    return replace(plan, test_images=min(test_images, max(affordable, _FEWEST)))


def kept_plan(folder: Path, terms: Mapping[str, Any]) -> Plan | None:
    """The plan of an earlier run in this folder; ``None`` where there is none.

    Raises:
        RecipeError: that run was asked for something else.
    """
    path = folder / "plan.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    changed = [key for key, value in terms.items() if content["terms"].get(key) != value]
    if changed:
        raise RecipeError(
            f"{folder} holds a run with another {changed[0]}, {content['terms'].get(changed[0])!r}: name another "
            "folder, or remove that one"
        )
    return Plan(**content["plan"])


def keep_plan(folder: Path, terms: Mapping[str, Any], plan: Plan) -> None:
    """Write the plan down, so that the same command goes on with it."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomically(folder / "plan.json") as part:
        text = json.dumps({"terms": dict(terms), "plan": asdict(plan)}, indent=2, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")
