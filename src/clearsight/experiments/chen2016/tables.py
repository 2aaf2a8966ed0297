"""Tables 1 to 3: every method's PSNR and error, ours beside the published ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import yaml
from torch import Tensor, nn

from clearsight.contracts import Sample
from clearsight.evaluation import Shown
from clearsight.evaluation.criteria import EXACT
from clearsight.evaluation.picture import draw
from clearsight.experiments.catalogue import Experiment, Finding, Preset
from clearsight.experiments.chen2016.budgets import BUDGETS
from clearsight.experiments.chen2016.methods import Method, Workshop
from clearsight.experiments.chen2016.triplets import Split, alphadigits, mnist
from clearsight.metrics import psnr

__all__ = ["TABLES"]

Row = dict[str, Any]

_SHOWN = 8
_MNIST_ENCODER = (400, 200, 250, 100)
_ALPHADIGITS_ENCODER = (100, 64)


def _published() -> dict[str, Any]:
    text = files("clearsight.experiments.chen2016").joinpath("published.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def _methods(workshop: Workshop) -> Iterator[Method]:
    yield Method("noisy", lambda noisy: (noisy, None), 0.0)
    yield workshop.wiener()
    yield workshop.robm()
    yield from workshop.autoencoders()
    yield workshop.joint()
    yield workshop.joint_net()


class Judged(NamedTuple):
    """What a method makes of the test part.

    Attributes:
        row: its figures.
        x_hat: the restored images.
        answers: the classes they are taken for, ``(N,)``.
    """

    row: Row
    x_hat: Tensor
    answers: Tensor


def _judged(method: Method, split: Split, classifier: nn.Module) -> Judged:
    started = time.monotonic()
    x_hat, logits = method(split.test.noisy)
    seconds = (time.monotonic() - started) / len(x_hat)
    x_hat = x_hat.clamp(0, 1)
    answers = (_logits(classifier, x_hat) if logits is None else logits).argmax(1)
    brightest = x_hat / x_hat.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
    row = {
        "method": method.name,
        "psnr": round(_mean_psnr(x_hat, split.test.clean), 3),
        "psnr_divided_by_maximum": round(_mean_psnr(brightest, split.test.clean), 3),
        "error": round(100 * float((answers != split.test.labels).float().mean()), 3),
        "training_seconds": round(method.seconds, 1),
        "seconds_per_image": round(seconds, 6),
        "chosen": method.chosen,
    }
    return Judged(row, x_hat, answers)


def _mean_psnr(x_hat: Tensor, x: Tensor) -> float:
    return float(psnr(x_hat, x).clamp(max=EXACT).mean())


@torch.inference_mode()
def _logits(classifier: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([classifier(chunk) for chunk in torch.split(images, 1000)])


def _cells(row: Row) -> list[str]:
    psnr_, error = (f"{value:.2f}" for value in row["published"] or ()) if row["published"] else ("–", "–")
    ours = [f"{row['psnr']:.2f}", psnr_, f"{row['error']:.2f}", error]
    return [row["method"], *ours, f"{row['training_seconds']:.0f}", f"{row['seconds_per_image']:.1e}"]


def _headline(rows: list[Row]) -> str:
    return "; ".join(
        f"{row['method']} {row['psnr']:.2f} dB, {row['error']:.2f} %"
        for row in rows
        if row["method"].startswith("joint")
    )


@dataclass(frozen=True, slots=True)
class Table:
    """What one table is of.

    Attributes:
        name: of the table in the paper.
        open: gives its triplets.
        encoder: units of each layer of its joint model, from the image to the code.
        kind: of its strokes.
    """

    name: str
    open: Callable[..., Split]
    encoder: tuple[int, ...]
    kind: Literal["light", "heavy"]

    def run(self, preset: Preset, seed: int, report: Callable[[str], None]) -> Finding:
        """Train every method on the same triplets and judge it on the same test images."""
        budget, published = BUDGETS[preset], _published()
        split = self.open(limit=budget.limit, seed=seed)
        workshop = Workshop(split, encoder=self.encoder, kind=self.kind, budget=budget, seed=seed, report=report)
        classifier = workshop.classifier()
        wrong = _logits(classifier, split.test.clean).argmax(1) != split.test.labels
        results = {method.name: _judged(method, split, classifier) for method in _methods(workshop)}
        rows = [{**row, "published": published[self.name[:6]].get(row["method"])} for row, *_ in results.values()]
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        record = {
            "images": {part: len(triplets.labels) for part, triplets in parts.items()},
            "clean_error": round(100 * float(wrong.float().mean()), 3),
            "clean_error_published": published["clean"][self.name[:6]],
            "rows": rows,
        }
        header = ["method", "PSNR dB", "published", "error %", "published", "training s", "s / image"]
        return Finding(header, [_cells(row) for row in rows], record, _headline(rows), partial(_draw, split, results))


def _draw(split: Split, results: dict[str, Judged], path: Path) -> None:
    """Some test images, restored by each method, and what each is taken for."""
    n = len(split.test.labels)
    sheet = [_shown(split, results, at) for at in range(0, n, max(n // _SHOWN, 1))][:_SHOWN]
    draw(sheet, path)


def _shown(split: Split, results: dict[str, Judged], at: int) -> Shown:
    states = {name: judged.x_hat[at] for name, judged in results.items()}
    answers = {name: split.classes[int(judged.answers[at])] for name, judged in results.items()}
    label = int(split.test.labels[at])
    return Shown(Sample(name=str(at), x=split.test.clean[at], label=label), states, answers, split.classes[label])


_COST: dict[Preset, str] = {"smoke": "a minute", "cpu": "an hour on two cores", "paper": "half an hour on a GPU"}
_TABLES = {
    "light strokes on MNIST": Table("table1", partial(mnist, "light"), _MNIST_ENCODER, "light"),
    "heavy strokes on MNIST": Table("table2", partial(mnist, "heavy"), _MNIST_ENCODER, "heavy"),
    "heavy strokes on Alphadigits, split by pairs": Table(
        "table3", partial(alphadigits, "pairs"), _ALPHADIGITS_ENCODER, "heavy"
    ),
    "heavy strokes on Alphadigits, split by drawings": Table(
        "table3-drawings", partial(alphadigits, "drawings"), _ALPHADIGITS_ENCODER, "heavy"
    ),
}
TABLES = [
    Experiment(f"chen2016/{table.name}", f"Restoration and error of every method: {what}", _COST, table.run)
    for what, table in _TABLES.items()
]
