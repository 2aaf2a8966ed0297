"""From a recognizer and images to a restorer in front of it, and a report on what it is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from torch import nn

from clearsight import weights
from clearsight.contracts import Recognizer
from clearsight.degradations.language import parse
from clearsight.degradations.step import conditions_of
from clearsight.errors import MissingExtraError
from clearsight.evaluation.protocol import evaluate, evaluate_under
from clearsight.evaluation.results import Evaluation, Shown
from clearsight.guarding.candidates import Candidates, new_restorer
from clearsight.guarding.planning import BM3D, Plan, keep_plan, kept_plan, make_plan, measured_rates
from clearsight.guarding.report import headline_of, write_report
from clearsight.guarding.splits import Splits, check_splits, open_splits, to_judge
from clearsight.inference.device import choose_device, has_fast_bfloat16
from clearsight.inference.exporting import export_onnx
from clearsight.provenance import provenance
from clearsight.training.fitting import Precision, export, fit, take_best
from clearsight.training.task import Task

__all__ = ["Guarded", "guard"]

_PATIENCE = 1.5
"""A training ends after so many times the seconds that all of them were planned to take."""

_TIMED = 4
"""Test images that judging is timed on."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a run has made and found.

    Attributes:
        folder: with ``separate/weights``, ``guided/weights``, ``guided.onnx``, ``report.html`` and ``report.json``.
        conditions: an evaluation for each, all on the same test images.
        headline: the result in one sentence.
    """

    folder: Path
    conditions: tuple[Evaluation, ...]
    headline: str


def guard(
    recognizer: str | nn.Module,
    images: str | Path,
    *,
    out: str | Path,
    degradation: str = "gaussian(sigma=15/255..60/255)",
    labels: str | Path | None = None,
    restorer: str | None = None,
    budget: float = 1800.0,
    evaluate_on: Sequence[str] = (),
    layer: str | None = None,
    weight: float = 1.0,
    size: int | None = None,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> Guarded:
    """Train a restorer in front of a recognizer, which is left as it is, and report what can be recognized.

    Two restorers are trained from one start on the same images: *separate* for the image alone, *guided* by the
    recognizer. Beside them stand BM3D, and the recognizer itself retrained on degraded images and on images restored by
    the separate restorer: where the recognizer may be changed, that is what guidance has to be compared with.

    The same call goes on with a run that was interrupted.

    Args:
        recognizer: what ``clearsight.load_recognizer`` takes, or a module.
        images: a data set's name, or a folder.
        out: folder for all that is made.
        degradation: what goes wrong with the images; ranges are spanned by four conditions that are reported on.
        labels: ``None`` for those that the images come with, if any; ``"none"`` for the recognizer's own answers to the
            clean images; or a CSV file of lines ``image,class``.
        restorer: name or folder of a trained one to start from, or a registered architecture; by default the denoiser
            that comes with clearsight.
        budget: seconds, for all of it.
        evaluate_on: other recognizers to read the restored images with.
        layer: of the recognizer whose features are compared as well, with λ_P = 0.5.
        weight: λ_H, the recognizer's pull beside that of the pixels.
        size: side of the squares that are trained on.
        seed: of everything that is drawn.
        report: is told how far it has come.

    Raises:
        DataError: there are too few images, or labels are missing or are not the recognizer's.
        ModelError: the recognizer cannot be loaded, takes other images, or lets no gradient through.
        InvalidArgumentError: the budget is too small, or the restorer cannot be trained.
        RecipeError: ``out`` holds a run of something else.
        KeyboardInterrupt: somebody pressed Ctrl-C; the best so far is in ``out``.

    Source:
        Liu et al., "Connecting Image Denoising and High-Level Vision Tasks via Deep Learning", 2020.
    """
    started = time.monotonic()
    terms = {
        "recognizer": recognizer if isinstance(recognizer, str) else type(recognizer).__name__,
        "images": str(images),
        "with": str(parse(degradation)),
        "labels": None if labels is None else str(labels),
        "restorer": restorer,
        "budget": budget,
        "layer": layer,
        "weight": weight,
        "size": size,
        "seed": seed,
    }
    folder = Path(out)
    kept = kept_plan(folder, terms)
    module = weights.load_recognizer(recognizer) if isinstance(recognizer, str) else recognizer
    others = {name: weights.load_recognizer(name) for name in evaluate_on}
    splits = open_splits(images, labels=labels, traits=cast(Recognizer, module).traits, seed=seed)
    for other in others.values():
        check_splits(splits, cast(Recognizer, other).traits)
    candidates = Candidates(
        recognizer=module,
        splits=splits,
        degradation=degradation,
        conditions=conditions_of(parse(degradation)),
        restorer=new_restorer(restorer, len(splits.train[0].x)),
        layer=layer,
        weight=weight,
        size=size,
        seed=seed,
    )
    run = _Run(candidates, folder, terms, report)
    plan = kept or run.plan(budget, readers=1 + len(others))
    keep_plan(folder, terms, plan)
    steps = f"{plan.steps} steps of each restorer, {plan.retraining_steps} of each recognizer"
    report(f"{steps}, {plan.test_images} test images")
    restorers = run.train_restorers(plan)
    retrained = run.retrain(plan, restorers["separate"])
    found, sheet = run.judge(plan, module, restorers, retrained)
    read = {name: run.judge(plan, other, restorers, {})[0] for name, other in others.items()}
    notes = _notes(splits, plan, candidates) + _exported(restorers["guided"], folder)
    headline = headline_of(found)
    record = {
        "headline": headline,
        "asked": terms,
        "plan": asdict(plan),
        "notes": notes,
        "seconds": round(time.monotonic() - started, 1),
        **provenance(),
    }
    write_report(folder, record, found, read, sheet)
    return Guarded(folder, tuple(found), headline)


class _Run:
    """The steps of one run.

    Args:
        candidates: what is trained.
        folder: where to.
        terms: what was asked for, for the cards.
        report: is told how far it has come.
    """

    def __init__(
        self, candidates: Candidates, folder: Path, terms: Mapping[str, Any], report: Callable[[str], None]
    ) -> None:
        self.candidates, self.folder, self.terms, self._report = candidates, folder, terms, report
        self._data = candidates.data()
        fast = has_fast_bfloat16(choose_device())
        self.precision: Precision = "bf16-mixed" if fast else "32-true"

    def plan(self, budget: float, readers: int) -> Plan:
        """Check everything, time everything, divide the budget."""
        rates = measured_rates(self.candidates.tasks(), self._data, self.precision, self._judging)
        steps = ", ".join(f"{name} {seconds:.2g}" for name, seconds in {**rates.training, **rates.retraining}.items())
        self._report(f"seconds a step: {steps}")
        return make_plan(rates, budget, len(self.candidates.splits.test), readers=readers)

    def _judging(self, baselines: Sequence[str]) -> float:
        """Seconds of a test image under all conditions."""
        recognizer, restorer, conditions = (
            self.candidates.recognizer,
            self.candidates.restorer,
            self.candidates.conditions,
        )
        images = to_judge(self.candidates.splits, recognizer, _TIMED)
        started = time.monotonic()
        evaluate(
            images,
            conditions[0],
            model={"separate": restorer, "guided": restorer},
            recognizer=recognizer,
            retrained={"retrained on restored": (restorer, recognizer)},
            with_baselines=baselines,
            seed=self.candidates.seed,
        )
        return (time.monotonic() - started) * len(conditions) / len(images)

    def train_restorers(self, plan: Plan) -> dict[str, nn.Module]:
        """Separate and guided, each for the same steps."""
        tasks: dict[str, Task] = {"separate": self.candidates.separate(), "guided": self.candidates.guided()}
        return {name: self._restorer(name, task, plan) for name, task in tasks.items()}

    def _restorer(self, name: str, task: Task, plan: Plan) -> nn.Module:
        summary = f"Restorer for {self.terms['with']}, " + (
            f"guided by {self.terms['recognizer']}" if name == "guided" else "trained for the image alone"
        )
        exported = partial(
            export, task, self._data, self.folder / name, name=name, summary=summary, seed=self.candidates.seed
        )
        self._data.setup("fit")
        try:
            self._fit(name, task, plan.steps, plan)
        except KeyboardInterrupt:
            if (self.folder / name / "checkpoints" / "best.ckpt").is_file():
                exported()
            raise
        return weights.load(exported())

    def retrain(self, plan: Plan, separate: nn.Module) -> dict[str, tuple[nn.Module | None, nn.Module]]:
        """The recognizer on degraded and on restored images, if it can be trained at all."""
        if not self.candidates.retrainable():
            return {}
        found: dict[str, tuple[nn.Module | None, nn.Module]] = {}
        for name, restorer in (("retrained on degraded", None), ("retrained on restored", separate)):
            task, folder = self.candidates.retrained(restorer), name.replace(" ", "-")
            self._fit(folder, task, plan.retraining_steps, plan)
            take_best(task, self.folder / folder)
            found[name] = restorer, task.network.eval()
        return found

    def _fit(self, name: str, task: Task, steps: int, plan: Plan) -> None:
        self._report(f"{name}: {steps} steps")
        self._data.epoch = steps // plan.rounds
        fit(
            task,
            self._data,
            out=self.folder / name,
            recipe="".join(f"{key}: {value}\n" for key, value in {**self.terms, **asdict(plan)}.items()),
            steps=steps,
            seed=self.candidates.seed,
            precision=self.precision,
            seconds=_PATIENCE * plan.seconds,
        )

    def judge(
        self,
        plan: Plan,
        recognizer: nn.Module,
        restorers: Mapping[str, nn.Module],
        retrained: Mapping[str, tuple[nn.Module | None, nn.Module]],
    ) -> tuple[list[Evaluation], list[Shown]]:
        """An evaluation for each condition, and some images under the last."""
        judged = partial(
            evaluate,
            to_judge(self.candidates.splits, recognizer, plan.test_images),
            model=restorers,
            recognizer=recognizer,
            retrained=retrained,
            with_baselines=(BM3D,) if plan.bm3d else (),
            seed=self.candidates.seed,
        )
        return evaluate_under(self.candidates.conditions, judged, self._report)


def _exported(restorer: nn.Module, folder: Path) -> list[str]:
    """Write the ONNX file; what to say about it."""
    try:
        difference = export_onnx(restorer, folder / "guided.onnx")
    except MissingExtraError as error:
        return [f"guided.onnx was not written: {error}"]
    return [f"guided.onnx: ONNX Runtime differs from torch by {difference:.1g} at most"]


def _notes(splits: Splits, plan: Plan, candidates: Candidates) -> list[str]:
    notes = [
        f"{len(splits.train)} images to train on, {len(splits.validation)} to choose on, "
        f"{plan.test_images} of {len(splits.test)} test images judged"
    ]
    if not splits.labelled:
        notes.append("no labels: right is what the recognizer sees in the clean image")
    if not plan.bm3d:
        notes.append("BM3D is left out: it is not installed, or the budget does not pay for it")
    if not candidates.retrainable():
        notes.append("the recognizer has no parameters that can be trained: no row of a retrained one")
    return notes
