"""Tables 4 and 5: what a recognizer reads in restored images, the denoisers trained for it and not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from torch import nn

from clearsight import weights
from clearsight.contracts import Dataset
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import Squares, take
from clearsight.evaluation.figures import draw
from clearsight.evaluation.protocol import ReadBy, evaluate, evaluate_under
from clearsight.evaluation.results import Evaluation, Row, Shown
from clearsight.evaluation.selection import Selection, select
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.liu2020.trained import Trained

__all__ = ["TABLES"]

SIGMAS = (0, 15, 30, 45, 60)
"""Noise levels of the tables, in grey levels; and none, where a restorer can only do harm."""

_CONDITIONS = [f"gaussian(sigma={sigma}/255)" for sigma in SIGMAS]

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
        others: recognizers that nothing was trained with; they read what is restored, too.
        squares: images are resized and cut to what the recognizers take, before there is noise in them.
        selected_on: validation images that tell when to restore.
        tested: test images, evenly spread, the same for all methods.
        tested_slowly: how many of them the slow baseline restores, and the others beside it once more; none if unsaid.
    """

    table: Literal["table4", "table5"]
    data: str
    recognizer: str
    restorers: Mapping[str, str]
    retrained: Mapping[str, tuple[str, str | None]]
    key: Literal["error", "miou"]
    selected_on: Mapping[Preset, int]
    tested: Mapping[Preset, int]
    tested_slowly: Mapping[Preset, int]
    others: Sequence[str] = ()
    squares: bool = False

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
        selection = self._selection(restorers["guided"], recognizer, config)
        images = self._images("test", self.tested[config.preset])
        readers = {other: weights.load_recognizer(other) for other in self.others}
        others: ReadBy = {
            f"{row}, read by {other}": (restorer, reader)
            for other, reader in readers.items()
            for row, restorer in {"noisy": None, **restorers}.items()
        }
        judged = partial(evaluate, model=restorers, recognizer=recognizer, seed=config.seed)
        whole = partial(judged, images, ways=selection.rules, read_by={**retrained, **others})
        found, sheet = _judged(whole, config)
        few, beside = self.tested_slowly.get(config.preset), list[Evaluation]()
        if few is not None:
            beside, _ = _judged(partial(judged, take(images, few), with_baselines=[_SLOW]), config)
        figures, shown = published("liu2020")[self.table], self._figures(found)
        header = [f"{_TITLES[self.key]}, σ =", *(f"{title}{s}" for title in ("", "published, ") for s in SIGMAS)]
        rows = [
            *_rows(shown, figures),
            *_rows(self._figures(beside), figures, f", {few} images"),
            *_rows(self._figures(found, "top5_error"), {}, ", top-5"),
            *self._gains(found),
        ]
        record = {
            "data": self.data,
            "recognizer": self.recognizer,
            "published": figures,
            "selection": selection.as_json(),
            "conditions": [one.as_json() for one in found],
            "beside_slow_baselines": [one.as_json() for one in beside],
        }
        return Result(header, rows, record, _headline(shown, self.key), partial(draw, sheet))

    def _images(self, part: str, n: int) -> Dataset:
        some = take(open_dataset(self.data, part=part), n)
        return Squares(some) if self.squares else some

    def _selection(self, restorer: nn.Module, recognizer: nn.Module, config: RunConfig) -> Selection:
        """When to restore, chosen on validation images."""
        config.report("choosing when to restore, on validation images")
        images = self._images("val", self.selected_on[config.preset])
        return select(restorer, recognizer, images, _CONDITIONS[1:], seed=config.seed)

    def _figures(self, found: Sequence[Evaluation], key: str | None = None) -> dict[str, list[float]]:
        """Row → accuracy or mean IoU, in percent, of each noise level; no rows where there is no such figure."""
        shown: dict[str, list[float]] = {}
        for row in (row for one in found for row in one.rows if (key or self.key) in row.figures):
            value = row.figures[key or self.key].value
            shown.setdefault(row.name, []).append(value if self.key == "miou" else 100 - value)
        return shown

    def _gains(self, found: Sequence[Evaluation]) -> list[list[str]]:
        """What guidance gains over its twin by each recognizer, in points, with intervals over the same images."""
        rows = []
        for suffix in ("", *(f", read by {other}" for other in self.others)):
            for row in ("guided", "guided, no labels"):
                ours, twin = f"{row}{suffix}", f"separate{suffix}"
                better, worse = (ours, twin) if self.key == "miou" else (twin, ours)
                gains = [one.difference(self.key, better, worse) for one in found]
                cells = [f"{gain.value:+.2f} [{gain.low:.2f}, {gain.high:.2f}]" for gain in gains]
                rows.append([f"{row} − {twin}", *cells, *_cells(None)])
        return rows


def _judged(judged: Callable[..., Evaluation], config: RunConfig) -> tuple[list[Evaluation], list[Shown]]:
    found, sheet = evaluate_under(_CONDITIONS, judged, config.report)
    return [replace(one, rows=tuple(map(_renamed, one.rows))) for one in found], sheet


def _rows(
    shown: Mapping[str, Sequence[float]], figures: Mapping[str, Sequence[float]], title: str = ""
) -> list[list[str]]:
    return [
        [f"{name}{title}", *(f"{value:.2f}" for value in values), *_cells(figures.get(name))]
        for name, values in shown.items()
    ]


_TITLES = {"error": "top-1 %", "miou": "mIoU %"}
_NAMES = {"degraded": "noisy", _SLOW: "CBM3D"}


def _renamed(row: Row) -> Row:
    """By the name that the row is published under."""
    return replace(row, name=_NAMES.get(row.name, row.name))


def _cells(figures: Sequence[float] | None) -> list[str]:
    """As published, of noisy images alone."""
    return ["–"] * len(SIGMAS) if figures is None else ["–", *(f"{value:.2f}" for value in figures)]


def _headline(shown: Mapping[str, Sequence[float]], key: str) -> str:
    rows = (f"{name} {values[-1]:.1f}" for name, values in shown.items() if name in ("noisy", "separate", "guided"))
    return f"{_TITLES[key]} at σ = {SIGMAS[-1]}: {', '.join(rows)}"


def _recognition(which: str, other: str | None, **said: Any) -> Recognition:
    crossed = {"cross-task": f"guided-{other}", "cross-task, not guided": f"separate-{other}"} if other else {}
    retrained: dict[str, tuple[str, str | None]] = {
        "retrained on noisy": (f"retrained-noisy-{which}", None),
        "retrained on restored": (f"retrained-restored-{which}", "separate"),
    }
    return Recognition(
        restorers={
            "separate": f"separate-{which}",
            "guided": f"guided-{which}",
            **crossed,
            "guided, no labels": f"guided-{which}-unlabelled",
        },
        retrained=retrained if other else {},
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
    others=("cifar-all-conv",),
    selected_on={"smoke": 2, "cpu": 500, "paper": 5_000},
    tested={"smoke": 2, "cpu": 2_000, "paper": 10_000},
    tested_slowly={"cpu": 200, "paper": 2_000},
)
_PIXELS = _recognition(
    "camvid",
    "cifar",
    table="table5",
    data="camvid",
    recognizer="camvid-segmenter",
    key="miou",
    selected_on={"smoke": 4, "cpu": 25, "paper": 101},
    tested={"smoke": 8, "cpu": 117, "paper": 233},
    tested_slowly={"cpu": 18, "paper": 233},
)
_PHOTOGRAPHS = _recognition(
    "imagenet",
    None,
    table="table4",
    data="imagenet-sample",
    recognizer="efficientnet-lite0",
    key="error",
    others=("efficientnet-lite1", "efficientnet-lite2"),
    squares=True,
    selected_on={"smoke": 2, "cpu": 40, "paper": 40},
    tested={"smoke": 2, "cpu": 300, "paper": 300},
    tested_slowly={"paper": 300},
)
_COST_OF_PHOTOGRAPHS: dict[Preset, str] = {
    "smoke": "some minutes",
    "cpu": "an hour on two cores",
    "paper": "an hour on a GPU, BM3D beside it for some more",
}
TABLES = [
    Experiment("liu2020/table4", "Classes read in restored images: CIFAR-10 here, ImageNet there", _COST, _CLASSES.run),
    Experiment("liu2020/table5", "Pixels' classes in restored images: CamVid here, VOC 2012 there", _COST, _PIXELS.run),
    Experiment(
        "liu2020/imagenet",
        "Table 4 on 300 photographs of ImageNet, read by three EfficientNets, of which one guides",
        _COST_OF_PHOTOGRAPHS,
        _PHOTOGRAPHS.run,
    ),
]
