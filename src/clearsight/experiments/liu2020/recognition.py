"""Tables 4 and 5: what a recognizer reads in restored images, the denoisers trained for it and not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from clearsight import weights
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import take
from clearsight.evaluation.figures import draw
from clearsight.evaluation.protocol import evaluate, evaluate_under
from clearsight.evaluation.results import Evaluation, Row, Shown
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.liu2020.trained import Trained

__all__ = ["TABLES"]

SIGMAS = (15, 30, 45, 60)
"""Noise levels of the tables, in grey levels."""

_SLOW = "bm3d"
"""The published baseline that runs here, seconds an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognition:
    """What one table is of.

    Attributes:
        table: of the paper, whose published figures stand beside ours.
        data: the data set.
        recognizer: that comes with clearsight.
        restorers: row → recipe.
        retrained: row → recipe of the recognizer that reads, and the row of the restorer it reads from, if any.
        key: of the metric.
        tested: test images, evenly spread, the same for all methods.
        tested_slowly: how many of them the slow baseline restores, and the others beside it once more; none if unsaid.
    """

    table: Literal["table4", "table5"]
    data: str
    recognizer: str
    restorers: Mapping[str, str]
    retrained: Mapping[str, tuple[str, str | None]]
    key: Literal["error", "miou"]
    tested: Mapping[Preset, int]
    tested_slowly: Mapping[Preset, int]

    def run(self, config: RunConfig) -> Result:
        """Train what is not there yet, judge all of it on the same noisy test images."""
        made = Trained(config)
        restorers = {row: weights.load(made.restorer(recipe)) for row, recipe in self.restorers.items()}
        retrained = {
            row: (
                None if front is None else restorers[front],
                weights.load_recognizer(made.retrained(recipe, None if front is None else self.restorers[front])),
            )
            for row, (recipe, front) in self.retrained.items()
        }
        recognizer = weights.load_recognizer(made.recognizer(self.recognizer))
        judged = partial(evaluate, model=restorers, recognizer=recognizer, seed=config.seed)
        images = take(open_dataset(self.data, part="test"), self.tested[config.preset])
        found, sheet = _judged(partial(judged, images, retrained=retrained), config)
        few, beside = self.tested_slowly.get(config.preset), list[Evaluation]()
        if few is not None:
            beside, _ = _judged(partial(judged, take(images, few), with_baselines=[_SLOW]), config)
        figures = published("liu2020")[self.table]
        shown = self._figures(found)
        rows = [[name, *(f"{v:.2f}" for v in values), *_cells(figures.get(name))] for name, values in shown.items()]
        rows += [
            [f"{name}, {few} images", *(f"{v:.2f}" for v in values), *_cells(figures.get(name))]
            for name, values in self._figures(beside).items()
        ]
        header = [f"{_TITLES[self.key]}, σ =", *(f"{title}{s}" for title in ("", "published, ") for s in SIGMAS)]
        record = {
            "data": self.data,
            "recognizer": self.recognizer,
            "published": figures,
            "conditions": [one.as_json() for one in found],
            "beside_slow_baselines": [one.as_json() for one in beside],
        }
        return Result(header, rows, record, _headline(shown, self.key), partial(draw, sheet))

    def _figures(self, found: Sequence[Evaluation]) -> dict[str, list[float]]:
        """Row → top-1 accuracy or mean IoU, in percent, of each noise level."""
        shown: dict[str, list[float]] = {}
        for one in found:
            for row in one.rows:
                value = row.figures[self.key].value
                shown.setdefault(row.name, []).append(100 - value if self.key == "error" else value)
        return shown


def _judged(judged: Callable[..., Evaluation], config: RunConfig) -> tuple[list[Evaluation], list[Shown]]:
    found, sheet = evaluate_under([f"gaussian(sigma={sigma}/255)" for sigma in SIGMAS], judged, config.report)
    return [replace(one, rows=tuple(map(_renamed, one.rows))) for one in found], sheet


_TITLES = {"error": "top-1 %", "miou": "mIoU %"}
_NAMES = {"degraded": "noisy", _SLOW: "CBM3D"}


def _renamed(row: Row) -> Row:
    """By the name that the row is published under."""
    return replace(row, name=_NAMES.get(row.name, row.name))


def _cells(figures: Sequence[float] | None) -> list[str]:
    return ["–"] * len(SIGMAS) if figures is None else [f"{value:.2f}" for value in figures]


def _headline(shown: Mapping[str, Sequence[float]], key: str) -> str:
    rows = (f"{name} {values[-1]:.1f}" for name, values in shown.items() if name in ("noisy", "separate", "guided"))
    return f"{_TITLES[key]} at σ = {SIGMAS[-1]}: {', '.join(rows)}"


def _recognition(which: str, other: str, **said: Any) -> Recognition:
    return Recognition(
        restorers={
            "separate": f"separate-{which}",
            "guided": f"guided-{which}",
            "cross-task": f"guided-{other}",
            "cross-task, not guided": f"separate-{other}",
            "guided, no labels": f"guided-{which}-unlabelled",
        },
        retrained={
            "retrained on noisy": (f"retrained-noisy-{which}", None),
            "retrained on restored": (f"retrained-restored-{which}", "separate"),
        },
        **said,
    )


_COST: dict[Preset, str] = {
    "smoke": "two minutes",
    "cpu": "hours on two cores, minutes where the denoisers are trained already",
    "paper": "an hour on a GPU",
}
_CLASSES = _recognition(
    "cifar",
    "camvid",
    table="table4",
    data="cifar10",
    recognizer="cifar-resnet",
    key="error",
    tested={"smoke": 8, "cpu": 2_000, "paper": 10_000},
    tested_slowly={"cpu": 200, "paper": 2_000},
)
_PIXELS = _recognition(
    "camvid",
    "cifar",
    table="table5",
    data="camvid",
    recognizer="camvid-segmenter",
    key="miou",
    tested={"smoke": 8, "cpu": 117, "paper": 233},
    tested_slowly={"cpu": 18, "paper": 233},
)
TABLES = [
    Experiment("liu2020/table4", "Classes read in restored images: CIFAR-10 here, ImageNet there", _COST, _CLASSES.run),
    Experiment("liu2020/table5", "Pixels' classes in restored images: CamVid here, VOC 2012 there", _COST, _PIXELS.run),
]
