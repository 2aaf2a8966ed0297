"""Tables 2 and 3: PSNR of colour denoisers on Kodak24 and CBSD68, all of them on the same noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clearsight.contracts import Batch, Dataset
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.photographs import Photographs
from clearsight.datasets.subset import Centres, take
from clearsight.degradations.language import parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.evaluation.results import Row
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.liu2020.methods import METHODS, engines
from clearsight.inference.engine import Engine
from clearsight.metrics.metric import PSNR, Outcome

__all__ = ["SIGMAS", "TABLES", "judged"]

SIGMAS = (25, 35, 50)
"""Noise levels of the tables, in grey levels."""

Scores = dict[str, dict[int, Row]]
"""Method → σ → what it reached."""


def judged(dataset: Dataset, sigma: int, methods: Mapping[str, Engine], config: RunConfig) -> dict[str, Row]:
    """PSNR of the noisy images and of each method on one noise level; images and noise are the same for all of them."""
    pairs = Pairs(dataset, parse(f"gaussian(sigma={sigma}/255)"), seed=config.seed, with_sigma=True)
    rows = {"noisy": method_of([PSNR]), **{name: method_of([PSNR], engine=engine) for name, engine in methods.items()}}
    done = 0

    def tell(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        nonlocal done
        done += len(batch.x)
        config.report(f"sigma {sigma}: {done} of {len(dataset)} images of {batch.x.shape[3]}×{batch.x.shape[2]}")

    return judge(batches(pairs, range(len(dataset))), rows, seed=config.seed, each=tell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Which images, and by which methods.

    Attributes:
        title: of its columns: the whole set, or how many centres of which size.
        images: so many, spread evenly; ``None`` for all.
        size: of their centres; ``None`` for whole images.
        quick: only quick methods.
    """

    title: str
    images: int | None
    size: int | None
    quick: bool

    def of(self, dataset: Dataset) -> Dataset:
        """Those images."""
        some = dataset if self.images is None else take(dataset, self.images)
        return some if self.size is None else Centres(some, self.size)


_WHOLE = Part(title="whole", images=None, size=None, quick=True)
PARTS: Mapping[Preset, Sequence[Part]] = {
    "smoke": [Part(title="2 × 32²", images=2, size=32, quick=False)],
    "cpu": [_WHOLE, Part(title="12 × 192²", images=12, size=192, quick=False)],
    "paper": [Part(title="whole", images=None, size=None, quick=False)],
}
"""Slow methods are judged on the centres of some images; so are all others, there, on the same noise."""


@dataclass(frozen=True, slots=True)
class Table:
    """What one table is of.

    Attributes:
        data: the folder of its images, as its published figures are named.
    """

    data: Literal["kodak24", "cbsd68"]

    def run(self, config: RunConfig) -> Result:
        """Judge every method that can run here."""
        dataset, figures = Photographs(root=self.data), published("liu2020")[self.data]
        parts = PARTS[config.preset]
        scores = {part.title: _scores(part, dataset, config) for part in parts}
        names = [name for name in ("noisy", *(m.name for m in METHODS)) if name in figures or _ran(scores, name)]
        header = ["PSNR dB, σ =", *(f"{title}, {sigma}" for title in ("published", *scores) for sigma in SIGMAS)]
        rows = [[name, *_published_cells(figures.get(name)), *_cells(scores, name)] for name in names]
        record = {
            "sigma": [f"{sigma}/255" for sigma in SIGMAS],
            "convention": PSNR.convention,
            "published": figures,
            "models": {
                f"{sigma}/255": {name: e.name for name, e in engines(sigma, config.runs).items()} for sigma in SIGMAS
            },
            "parts": {
                part.title: {"images": len(part.of(dataset)), "rows": _record(scores[part.title])} for part in parts
            },
        }
        return Result(header, rows, record, _headline(scores, figures))


def _scores(part: Part, dataset: Dataset, config: RunConfig) -> Scores:
    found: Scores = {}
    for sigma in SIGMAS:
        able = engines(sigma, config.runs, quick=part.quick)
        for name, row in judged(part.of(dataset), sigma, able, config).items():
            found.setdefault(name, {})[sigma] = row
    return found


def _ran(scores: Mapping[str, Scores], name: str) -> bool:
    return any(name in part for part in scores.values())


def _published_cells(figures: Sequence[float | None] | None) -> list[str]:
    return ["–" if value is None else f"{value:.2f}" for value in figures or [None] * len(SIGMAS)]


def _cells(scores: Mapping[str, Scores], name: str) -> list[str]:
    rows = [part.get(name, {}).get(sigma) for part in scores.values() for sigma in SIGMAS]
    return ["–" if row is None else f"{row.figures['psnr'].value:.2f}" for row in rows]


def _record(scores: Scores) -> dict[str, Any]:
    return {name: {f"{sigma}/255": row.as_json() for sigma, row in rows.items()} for name, rows in scores.items()}


def _headline(scores: Mapping[str, Scores], figures: Mapping[str, Sequence[float | None]]) -> str:
    """Our own denoiser beside the paper's."""
    title, part = next(iter(scores.items()))
    ours = "/".join(f"{row.figures['psnr'].value:.2f}" for row in part["denoise-color"].values())
    return (
        f"denoise-color {ours} dB, {title}; liu2020, published, whole, {'/'.join(_published_cells(figures['liu2020']))}"
    )


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "half an hour on two cores",
    "paper": "hours, most of them CBM3D's and MCWNNM's",
}
TABLES = [
    Experiment("liu2020/table2", "Colour denoisers on Kodak24 at σ = 25, 35, 50", _COST, Table("kodak24").run),
    Experiment("liu2020/table3", "Colour denoisers on CBSD68 at σ = 25, 35, 50", _COST, Table("cbsd68").run),
]
