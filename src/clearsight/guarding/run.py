"""From a recognizer and images to a restorer in front of it, and a report on what it is worth."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from clearsight import weights
from clearsight.contracts import Dataset
from clearsight.degradations.language import parse
from clearsight.degradations.step import conditions_of
from clearsight.errors import ModelError
from clearsight.evaluation.protocol import ReadBy, Ways, evaluate, evaluate_under
from clearsight.evaluation.results import Evaluation, Shown
from clearsight.evaluation.selection import CLEAN, Selection
from clearsight.evaluation.sheet import Extremes
from clearsight.guarding.candidates import Candidates, new_restorer
from clearsight.guarding.classes import ClassGuide
from clearsight.guarding.exports import selected, selection_note, write_deployed, write_restorer
from clearsight.guarding.guide import Guide, Splits
from clearsight.guarding.planning import BM3D, Plan, hurried, keep_plan, kept_plan, make_plan, measured_rates, refitted
from clearsight.guarding.report import write_report
from clearsight.guarding.splits import open_splits
from clearsight.guarding.texts import TextGuide
from clearsight.guarding.trainings import Trainings
from clearsight.guarding.verdict import headline_of, when_not
from clearsight.joint.selective import Mean, Selective
from clearsight.provenance import provenance
from clearsight.recognizers.checks import tells_classes

__all__ = ["Guarded", "guard", "guide_of"]

_READ = 100
"""Clean images a recognizer is tried on before anything is trained."""

_SHOWN = 4
"""Images with the largest gains in the report, and as many with the largest losses."""

_TIMED = 2
"""Test images that judging is timed on."""

_CORNERS = (64, 128)
"""Rows and columns of a test image that BM3D, which is slow, is timed on: it takes so long, and so long for a pixel."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a run has made and found.

    Attributes:
        folder: with ``separate/weights``, ``guided/weights``, ``guided.onnx``, ``report.html`` and ``report.json``;
            and ``deployed.onnx`` where it was asked for.
        conditions: an evaluation for each, clean input first, all on the same test images.
        headline: the result in one sentence.
        recognizer: of degraded images: the guided restorer, the rule that was best on validation images, and the
            recognizer.
    """

    folder: Path
    conditions: tuple[Evaluation, ...]
    headline: str
    recognizer: Selective


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
    weight: float | None = None,
    size: int | None = None,
    psnr_loss: float = 1.0,
    anyway: bool = False,
    deploy: bool = False,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> Guarded:
    """Train a restorer in front of a recognizer, which is left as it is, and report what can be recognized.

    Two restorers are trained from one start on the same images: *separate* for the image alone, *guided* by the
    recognizer. Beside them stand BM3D, and the recognizer itself retrained on degraded images and on images restored by
    the separate restorer: where the recognizer may be changed, that is what guidance has to be compared with. As a
    restorer costs accuracy where there is nothing to restore, there are also the mean of the answers to the image as it
    is and restored by *guided*, and a gate between them that is fitted on validation images.

    The same call goes on with a run that was interrupted.

    Args:
        recognizer: what ``clearsight.load_recognizer`` takes, or a module.
        images: a data set's name, or a folder. For a reader each line of text is an image: pages are cut into theirs
            while they are clean.
        out: folder for all that is made.
        degradation: what goes wrong with the images; ranges are spanned by four conditions that are reported on.
        labels: ``None`` for the labels or texts that the images come with, if any; ``"none"`` for the recognizer's own
            answers to the clean images; or a CSV file of lines ``image,class``.
        restorer: name or folder of a trained one to start from, or a registered architecture; by default the denoiser
            that comes with clearsight or, for a reader, ``restore-text``.
        budget: seconds, for all of it.
        evaluate_on: other recognizers to read the restored images with.
        layer: of the recognizer whose features are compared as well, with λ_P = 0.5.
        weight: λ_H, the recognizer's pull beside that of the pixels; 8 if not given, of a reader 1.
        size: side of the squares that are trained on; not for a reader, which is shown whole lines.
        psnr_loss: what guidance may cost, in dB of PSNR against the twin on validation images under any condition:
            where it costs more, the weights are taken back towards the twin's until it does not.
        anyway: go on with a recognizer that reads clean images no better than by chance.
        deploy: also write the guided restorer, the rule by which images are restored, and the recognizer as one ONNX
            graph.
        seed: of everything that is drawn.
        report: is told how far it has come.

    Raises:
        DataError: there are too few images, or labels are missing or are not the recognizer's.
        ModelError: the recognizer cannot be loaded, takes other images, reads them no better than by chance, or lets
            no gradient through.
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
        "size": size,
        "psnr_loss": psnr_loss,
        "seed": seed,
    }
    folder = Path(out)
    module = weights.load_recognizer(recognizer) if isinstance(recognizer, str) else recognizer
    terms["weights of the recognizer"] = _fingerprint(module)
    guide = guide_of(module)
    terms["weight"] = weight = guide.weight if weight is None else weight
    guide.check_asked(size=size, deploy=deploy)
    others = {name: guide_of(weights.load_recognizer(name)) for name in evaluate_on}
    _check_alike(guide, others)
    kept = kept_plan(folder, terms)
    splits = open_splits(images, labels=labels, guide=guide, seed=seed, left_out=report)
    for other in others.values():
        other.check_splits(splits)
    candidates = Candidates(
        guide=guide,
        splits=splits,
        degradation=degradation,
        conditions=conditions_of(parse(degradation)),
        restorer=new_restorer(restorer, len(splits.train[0].x), guide.starts),
        layer=layer,
        weight=weight,
        size=size,
        seed=seed,
    )
    if not anyway:
        guide.check_reads(splits, _READ)
    trainings = Trainings(candidates, folder, terms, report)
    judging = _Judging(trainings, report)
    plan = kept or judging.plan(budget, readers=1 + len(others), started=started)
    keep_plan(folder, terms, plan)
    report(
        f"{plan.restoring:.0f} s to train both restorers, {plan.retraining:.0f} s to retrain each recognizer, "
        f"{plan.test_images} test images"
    )
    restorers = trainings.train_restorers(plan)
    if kept is None:
        plan = hurried(plan, budget - (time.monotonic() - started))
    retrained = trainings.retrain(plan, restorers["separate"])
    if kept is None:
        plan = judging.refitted(plan, budget - (time.monotonic() - started), readers=1 + len(others))
    selection = judging.select(plan, restorers["guided"])
    found, sheet = judging.judge(plan, guide, restorers, selection.rules, retrained)
    read = {name: judging.judge(plan, other, restorers, {}, {})[0] for name, other in others.items()}
    chosen = selection.rules[selection.best]
    notes = [*notes_of(splits, plan, candidates), *trainings.notes, selection_note(selection)]
    notes += [write_restorer(restorers["guided"], folder)] + ([write_deployed(chosen, folder)] if deploy else [])
    headline = headline_of(found)
    record = {
        "headline": headline,
        "when not": when_not(found),
        "asked": terms,
        "plan": asdict(plan),
        "trained": trainings.trained,
        "selection": selection.as_json(),
        "precision": trainings.precision,
        "notes": notes,
        "seconds": round(time.monotonic() - started, 1),
        **provenance(),
    }
    write_report(folder, record, found, read, guide.shown, partial(guide.draw, sheet))
    return Guarded(folder, tuple(found), headline, chosen)


class _Judging:
    """What is measured before and judged after the trainings, all on the same test images.

    Args:
        trainings: of the run.
        report: is told how far it has come.
    """

    def __init__(self, trainings: Trainings, report: Callable[[str], None]) -> None:
        self._trainings, self._candidates, self._report = trainings, trainings.candidates, report

    def plan(self, budget: float, readers: int, started: float) -> Plan:
        """Check everything, time everything, divide what is left of the budget."""
        tasks, data = self._candidates.tasks(), self._trainings.data
        rates = measured_rates(tasks, data, self._trainings.precision, self._judging, self._bm3d)
        steps = ", ".join(f"{name} {seconds:.2g}" for name, seconds in {**rates.training, **rates.retraining}.items())
        self._report(f"seconds a step: {steps}")
        spent = time.monotonic() - started
        return make_plan(rates, budget, len(self._candidates.splits.test), readers=readers, spent=spent)

    def refitted(self, plan: Plan, seconds: float, readers: int) -> Plan:
        """The plan with what can be judged in the seconds that are left, be the machine busier by now or less busy."""
        judging = self._judging(warm=True) + (self._bm3d() if plan.bm3d else 0.0)
        return refitted(plan, seconds, judging, len(self._candidates.splits.test), readers=readers)

    def _judging(self, *, warm: bool = False) -> float:
        """Seconds of a test image under all conditions; ``warm`` where some have been judged before."""
        recognizer, restorer = self._candidates.recognizer, self._candidates.restorer
        judged = partial(
            evaluate,
            degradation=self._conditions[-1],
            model={"separate": copy.deepcopy(restorer), "guided": restorer},  # one network would restore once for both
            recognizer=recognizer,
            ways={name: Selective(restorer, recognizer, rule=Mean()) for name in ("mean", "gate")},
            seed=self._candidates.seed,
        )
        if not warm:
            judged(self._to_judge(self._candidates.guide, 1))  # the first compiles what it needs
        images = self._to_judge(self._candidates.guide, _TIMED)
        started = time.monotonic()
        judged(images)
        return (time.monotonic() - started) * len(self._conditions) / len(images)

    def _bm3d(self) -> float:
        """Seconds of BM3D on a test image under all conditions."""
        x, baseline = self._candidates.splits.test[0].x, weights.load(BM3D)
        seconds, pixels = [], []
        for side in (8, *_CORNERS):  # the first imports what it needs
            corner, started = x[None, :, :side, :side], time.monotonic()
            baseline(corner, torch.tensor([0.1]))
            seconds.append(time.monotonic() - started)
            pixels.append(corner[0, 0].numel())
        each = max(seconds[2] - seconds[1], 0.0) / max(pixels[2] - pixels[1], 1)
        return len(self._conditions) * (seconds[2] + each * (x[0].numel() - pixels[2]))

    @property
    def _conditions(self) -> list[str]:
        """What is reported on: clean input, and what goes wrong."""
        return [CLEAN, *self._candidates.conditions]

    def _to_judge(self, guide: Guide, n: int) -> Dataset:
        splits = self._candidates.splits
        return guide.to_judge(splits.test, n, labelled=splits.labelled)

    def select(self, plan: Plan, guided: nn.Module) -> Selection:
        """When to restore; on half as many images as are reported on, for the time that takes."""
        self._report("choosing when to restore, on validation images")
        candidates, n = self._candidates, max(1, plan.test_images // 2)
        return selected(candidates.splits, guided, candidates.guide, candidates.conditions, n=n, seed=candidates.seed)

    def judge(
        self,
        plan: Plan,
        guide: Guide,
        restorers: Mapping[str, nn.Module],
        ways: Ways,
        read_by: ReadBy,
    ) -> tuple[list[Evaluation], list[Shown]]:
        """An evaluation for each condition, and under the last the images where guidance gains and loses most."""
        judged = partial(
            evaluate,
            self._to_judge(guide, plan.test_images),
            model=restorers,
            recognizer=guide.recognizer,
            ways=ways,
            read_by=read_by,
            with_baselines=(BM3D,) if plan.bm3d else (),
            seed=self._candidates.seed,
            showing=plan.test_images,
        )
        extremes = partial(Extremes, "separate", "guided", _SHOWN)
        return evaluate_under(self._conditions, judged, self._report, collect=extremes)


def guide_of(recognizer: nn.Module) -> Guide:
    """What a recognizer is to a run, by its task."""
    return ClassGuide(recognizer) if tells_classes(recognizer) else TextGuide(recognizer)


def _check_alike(guide: Guide, others: Mapping[str, Guide]) -> None:
    """Check that all recognizers that read the restored images tell the same kind of thing.

    Raises:
        ModelError: one does not.
    """
    for name, other in others.items():
        if type(other) is not type(guide):
            does = "tells classes" if isinstance(other, ClassGuide) else "reads text"
            raise ModelError(f"{name} {does}, the recognizer that guides does not: --evaluate-on takes what is alike")


def _fingerprint(recognizer: nn.Module) -> str:
    """Of its parameters and statistics, so that a run does not go on with another one of the same name."""
    found = hashlib.blake2b(digest_size=8)
    for name, tensor in recognizer.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def notes_of(splits: Splits, plan: Plan, candidates: Candidates) -> list[str]:
    notes = [
        f"{len(splits.train)} images to train on, {len(splits.validation)} to choose on, "
        f"{plan.test_images} of {len(splits.test)} test images judged"
    ]
    notes += candidates.guide.notes(splits)
    if not plan.bm3d:
        notes.append("BM3D is left out: it is not installed, or the budget does not pay for it")
    if not candidates.retrainable():
        notes.append("the recognizer has no parameters that can be trained: no row of a retrained one")
    return notes
