"""From a recognizer and images to a restorer in front of it, and a report on what it is worth."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from clearsight import weights
from clearsight.contracts import Dataset, Recognizer
from clearsight.degradations.language import parse
from clearsight.degradations.step import conditions_of
from clearsight.evaluation.protocol import evaluate, evaluate_under
from clearsight.evaluation.results import Evaluation, Shown
from clearsight.evaluation.selection import CLEAN, Selection
from clearsight.evaluation.sheet import Extremes
from clearsight.guarding.candidates import RATES, Candidates, new_restorer
from clearsight.guarding.exports import selected, selection_note, write_deployed, write_restorer
from clearsight.guarding.limits import blend, largest_share, pattern_of
from clearsight.guarding.planning import BM3D, ROUNDS, Plan, keep_plan, kept_plan, make_plan, measured_rates
from clearsight.guarding.report import write_report
from clearsight.guarding.rounds import Round, train_alike
from clearsight.guarding.splits import Splits, check_reads, check_splits, open_splits, to_judge
from clearsight.guarding.verdict import headline_of, when_not
from clearsight.inference.device import choose_device, has_fast_bfloat16
from clearsight.inference.exporting import check_deployable
from clearsight.joint.selective import Mean, Selective
from clearsight.provenance import provenance
from clearsight.training.card import validate
from clearsight.training.fitting import Precision, export, fit, take_best
from clearsight.training.task import Task

__all__ = ["Guarded", "guard"]

_TRIAL = 0.3
"""Of the time to retrain a recognizer, what goes into the choice of a rate."""

_PATTERN = 6
"""Times the power around it that a periodic part of the residual has at least, to be spoken of."""

_READ = 200
"""Clean images a recognizer is tried on before anything is trained."""

_SHOWN = 4
"""Images with the largest gains in the report, and as many with the largest losses."""

_TIMED = 4
"""Test images that judging is timed on."""


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
    weight: float = 1.0,
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
        "weight": weight,
        "size": size,
        "psnr_loss": psnr_loss,
        "seed": seed,
    }
    folder = Path(out)
    module = weights.load_recognizer(recognizer) if isinstance(recognizer, str) else recognizer
    terms["weights of the recognizer"] = _fingerprint(module)
    if deploy:
        check_deployable(module)
    kept = kept_plan(folder, terms)
    others = {name: weights.load_recognizer(name) for name in evaluate_on}
    splits = open_splits(images, labels=labels, traits=cast(Recognizer, module).traits, seed=seed, left_out=report)
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
    if not anyway:
        check_reads(splits, module, _READ)
    run = _Run(candidates, folder, terms, report)
    plan = kept or run.plan(budget, readers=1 + len(others))
    keep_plan(folder, terms, plan)
    report(
        f"{plan.restoring:.0f} s to train both restorers, {plan.retraining:.0f} s to retrain each recognizer, "
        f"{plan.test_images} test images"
    )
    restorers = run.train_restorers(plan)
    retrained = run.retrain(plan, restorers["separate"])
    selection = run.select(plan, restorers["guided"])
    ways = {name: (None, reader) for name, reader in selection.rules.items()}
    found, sheet = run.judge(plan, module, restorers, {**ways, **retrained})
    read = {name: run.judge(plan, other, restorers, {})[0] for name, other in others.items()}
    chosen = selection.rules[selection.best]
    notes = [*notes_of(splits, plan, candidates), *run.notes, selection_note(selection)]
    notes += [write_restorer(restorers["guided"], folder)] + ([write_deployed(chosen, folder)] if deploy else [])
    headline = headline_of(found)
    record = {
        "headline": headline,
        "when not": when_not(found),
        "asked": terms,
        "plan": asdict(plan),
        "trained": run.trained,
        "selection": selection.as_json(),
        "precision": run.precision,
        "notes": notes,
        "seconds": round(time.monotonic() - started, 1),
        **provenance(),
    }
    write_report(folder, record, found, read, sheet)
    return Guarded(folder, tuple(found), headline, chosen)


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
        self.notes: list[str] = []
        self.trained: dict[str, dict[str, float]] = {}
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
        recognizer, restorer = self.candidates.recognizer, self.candidates.restorer
        images = self._to_judge(recognizer, _TIMED)
        either = Selective(restorer, recognizer, rule=Mean())
        started = time.monotonic()
        evaluate(
            images,
            self._conditions[-1],
            model={"separate": restorer, "guided": restorer},
            recognizer=recognizer,
            read_by={"mean": (None, either), "gate": (None, either), "retrained on restored": (restorer, recognizer)},
            with_baselines=baselines,
            seed=self.candidates.seed,
        )
        return (time.monotonic() - started) * len(self._conditions) / len(images)

    @property
    def _conditions(self) -> list[str]:
        """What is reported on: clean input, and what goes wrong."""
        return [CLEAN, *self.candidates.conditions]

    def _to_judge(self, recognizer: nn.Module, n: int) -> Dataset:
        splits = self.candidates.splits
        return to_judge(splits.test, recognizer, n, labelled=splits.labelled)

    def select(self, plan: Plan, guided: nn.Module) -> Selection:
        """When to restore; on half as many images as are reported on, for the time that takes."""
        self._report("choosing when to restore, on validation images")
        candidates, n = self.candidates, max(1, plan.test_images // 2)
        return selected(
            candidates.splits, guided, candidates.recognizer, candidates.conditions, n=n, seed=candidates.seed
        )

    def train_restorers(self, plan: Plan) -> dict[str, nn.Module]:
        """Separate and guided, each for the same steps; guided as far as it stays an image."""
        tasks: dict[str, Task] = {"guided": self.candidates.guided(), "separate": self.candidates.separate()}
        self._data.setup("fit")
        try:
            self._train(tasks, "restorers", seconds=plan.restoring, pace=plan.paces["restorers"], rounds=ROUNDS)
        except KeyboardInterrupt:
            for name, task in tasks.items():
                if (self.folder / name / "checkpoints" / "best.ckpt").is_file():
                    self._exported(name, task)
            raise
        separate = self._exported("separate", tasks["separate"])
        guided = self._exported("guided", tasks["guided"], twin=separate)
        self._look_for_patterns(separate, guided)
        return {"separate": separate, "guided": guided}

    def _look_for_patterns(self, separate: nn.Module, guided: nn.Module) -> None:
        """Say what repeats in what guided restores and does not in what its twin does."""
        found = {}
        for name, restorer in (("separate", separate), ("guided", guided)):
            judge = self.candidates.separate(restorer)
            found[name] = pattern_of(
                judge.validated(batch, judge.validation[-1], index).detach() - batch.reference
                for index, batch in enumerate(one.scaled() for one in self._data.held_out())
            )
        own, twin = found["guided"], found["separate"]
        if own.strength > max(_PATTERN, 2 * twin.strength):
            self.notes.append(
                f"guided paints a pattern: what repeats every {own.rows:.3g} rows and {own.columns:.3g} columns has "
                f"{own.strength:.0f} times the power around it, in what separate leaves at most {twin.strength:.1f}"
            )

    def _exported(self, name: str, task: Task, twin: nn.Module | None = None) -> nn.Module:
        summary = f"Restorer for {self.terms['with']}, " + (
            f"guided by {self.terms['recognizer']}" if name == "guided" else "trained for the image alone"
        )
        folder = export(
            task,
            self._data,
            self.folder / name,
            name=name,
            summary=summary,
            seed=self.candidates.seed,
            change=(lambda network: {}) if twin is None else partial(self._within_limits, twin),
        )
        return weights.load(folder)

    def _within_limits(self, twin: nn.Module, guided: nn.Module) -> dict[str, Any]:
        """Take back what guidance costs the image beyond the limit; what is said of it."""
        judge, own = self.candidates.separate(guided), copy.deepcopy(guided)

        def take(share: float) -> None:
            guided.load_state_dict(own.state_dict())
            blend(guided, twin, share)

        def judged(share: float) -> Mapping[str, float]:
            take(share)
            return validate(judge, self._data)["psnr"]

        share = largest_share(judged, self.terms["psnr_loss"])
        if share < 1:
            self.notes.append(
                f"guided is {share:.0%} guided, the rest of its weights are those of separate: more would cost over "
                f"{self.terms['psnr_loss']:g} dB of PSNR on validation images"
            )
        take(share)
        return {"guidance": share}

    def retrain(self, plan: Plan, separate: nn.Module) -> dict[str, tuple[nn.Module | None, nn.Module]]:
        """The recognizer on degraded and on restored images, if it can be trained at all."""
        if not self.candidates.retrainable():
            return {}
        fronts = {"retrained on degraded": None, "retrained on restored": separate}
        return {name: (front, self._retrained(name, front, plan)) for name, front in fronts.items()}

    def _retrained(self, name: str, front: nn.Module | None, plan: Plan) -> nn.Module:
        """The best on validation images: of each rate after a while, of the best rate in the end, or untouched."""
        folder, pace = name.replace(" ", "-"), plan.paces[name.rpartition(" ")[2]]
        tasks: dict[str, Task] = {f"{folder}/{rate:g}": self.candidates.retrained(front, rate) for rate in RATES}
        trial = _TRIAL * plan.retraining
        self._train(tasks, f"{folder}-rates", seconds=trial, pace=len(tasks) * pace, rounds=1)
        found = {"untouched": self._read(self.candidates.retrained(front))}
        for key, task in tasks.items():
            take_best(task, self.folder / key)
            found[key] = self._read(task)
        rate = min(RATES, key=lambda rate: found[f"{folder}/{rate:g}"][0])
        longest = self.candidates.retrained(front, rate)
        self._train({folder: longest}, folder, seconds=plan.retraining - trial, pace=pace, rounds=ROUNDS)
        take_best(longest, self.folder / folder)
        found[folder] = self._read(longest)
        best = min(found, key=lambda key: found[key][0])
        untouched = ", and on validation images that is no better than the recognizer untouched, which is shown"
        self.notes.append(f"{name} at a rate of {rate:g}{untouched if best == 'untouched' else ''}")
        return found[best][1].eval()

    def _read(self, task: Task) -> tuple[float, nn.Module]:
        """By how much a recognizer departs from what is right on validation images, in percent; and it."""
        departures = validate(task, self._data)["departure"]
        return sum(departures.values()) / len(departures), task.network

    def _train(self, tasks: Mapping[str, Task], what: str, *, seconds: float, pace: float, rounds: int) -> None:
        """Some of the trainings, all for the same steps."""

        def step(name: str, task: Task, n: int, current: Round) -> None:
            self._report(f"{name}: to step {current.steps} of about {current.horizon}")
            self._data.epoch = n
            fit(
                task,
                self._data,
                out=self.folder / name,
                recipe="".join(f"{key}: {value}\n" for key, value in self.terms.items()),
                steps=current.steps,
                horizon=current.horizon,
                seed=self.candidates.seed,
                precision=self.precision,
            )

        done = train_alike(tasks, step, journal=self.folder / f"{what}.json", seconds=seconds, pace=pace, rounds=rounds)
        for name in tasks:
            took = sum(one.seconds[name] for one in done)
            self.trained[name] = {"steps": done[-1].steps, "seconds": round(took, 1)}

    def judge(
        self,
        plan: Plan,
        recognizer: nn.Module,
        restorers: Mapping[str, nn.Module],
        read_by: Mapping[str, tuple[nn.Module | None, nn.Module]],
    ) -> tuple[list[Evaluation], list[Shown]]:
        """An evaluation for each condition, and under the last the images where guidance gains and loses most."""
        judged = partial(
            evaluate,
            self._to_judge(recognizer, plan.test_images),
            model=restorers,
            recognizer=recognizer,
            read_by=read_by,
            with_baselines=(BM3D,) if plan.bm3d else (),
            seed=self.candidates.seed,
            showing=plan.test_images,
        )
        extremes = partial(Extremes, "separate", "guided", _SHOWN)
        return evaluate_under(self._conditions, judged, self._report, collect=extremes)


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
    if not splits.labelled:
        notes.append("no labels: right is what the recognizer sees in the clean image")
    if not plan.bm3d:
        notes.append("BM3D is left out: it is not installed, or the budget does not pay for it")
    if not candidates.retrainable():
        notes.append("the recognizer has no parameters that can be trained: no row of a retrained one")
    return notes
