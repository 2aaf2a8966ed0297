"""The trainings of a guard run, in turns and within their time; what they end with is kept within limits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from clearsight import weights
from clearsight.guarding.candidates import RATES, Candidates
from clearsight.guarding.limits import blend, largest_share, pattern_of
from clearsight.guarding.planning import ROUNDS, Plan
from clearsight.guarding.rounds import Round, train_alike
from clearsight.inference.device import choose_device, has_fast_bfloat16
from clearsight.training.card import validate
from clearsight.training.fitting import Precision, export, fit, take_best
from clearsight.training.task import Task

__all__ = ["Trainings"]

_TRIAL = 0.3
"""Of the time to retrain a recognizer, what goes into the choice of a rate."""

_PATTERN = 6
"""Times the power around it that a periodic part of the residual has at least, to be spoken of."""


class Trainings:
    """What a run trains.

    Args:
        candidates: what is trained.
        folder: where to.
        terms: what was asked for, for the cards.
        report: is told how far it has come.

    Attributes:
        data: what all of it is trained on.
        notes: what has to be said about it.
        trained: by the name of a training its steps and seconds.
        precision: of the products.
    """

    def __init__(
        self, candidates: Candidates, folder: Path, terms: Mapping[str, Any], report: Callable[[str], None]
    ) -> None:
        self.candidates, self.folder, self.terms, self._report = candidates, folder, terms, report
        self.data = candidates.data()
        self.notes: list[str] = []
        self.trained: dict[str, dict[str, float]] = {}
        fast = has_fast_bfloat16(choose_device())
        self.precision: Precision = "bf16-mixed" if fast else "32-true"

    def train_restorers(self, plan: Plan) -> dict[str, nn.Module]:
        """Separate and guided, each for the same steps; guided as far as it stays an image."""
        tasks: dict[str, Task] = {"guided": self.candidates.guided(), "separate": self.candidates.separate()}
        self.data.setup("fit")
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
                for index, batch in enumerate(one.scaled() for one in self.data.held_out())
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
            self.data,
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
            return validate(judge, self.data)["psnr"]

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
        figures = validate(task, self.data)[task.metric]
        return sum(figures.values()) / len(figures), task.network

    def _train(self, tasks: Mapping[str, Task], what: str, *, seconds: float, pace: float, rounds: int) -> None:
        """Some of the trainings, all for the same steps."""

        def step(name: str, task: Task, n: int, current: Round) -> None:
            self._report(f"{name}: to step {current.steps} of about {current.horizon}")
            self.data.epoch = n
            fit(
                task,
                self.data,
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
