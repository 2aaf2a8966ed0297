"""When a recognizer had better see the image as it is: chosen on images that nothing is reported on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch, Dataset, Recognizer, Restorer
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import renumbered
from clearsight.degradations.language import parse
from clearsight.evaluation.loop import batches, labels_of
from clearsight.inference.device import choose_device, placed
from clearsight.joint.selective import Gate, Mean, Selective
from clearsight.metrics.recognition import departure

__all__ = ["CLEAN", "Selection", "applies", "select"]

CLEAN = "quantize"
"""What a file does to an image: the condition that nothing has gone wrong."""

_SLOPES = (0.0, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was found on the images.

    Attributes:
        rules: ``mean`` and ``gate``, each a recognizer before which the restorer stands.
        departures: by ``as it is``, ``restored``, ``mean`` and ``gate``, ½ Σ |p − t| in percent, the mean over all
            conditions and that of clean images.
    """

    rules: Mapping[str, Selective]
    departures: Mapping[str, float]

    @property
    def best(self) -> str:
        """The rule of the least departure; a gate may be one that always restores, or never."""
        return min(self.rules, key=lambda name: self.departures[name])

    @property
    def gate(self) -> Gate:
        """The rule that was fitted."""
        return cast(Gate, self.rules["gate"].rule)

    def as_json(self) -> dict[str, Any]:
        """What was found, for ``json.dumps``."""
        departures = {name: round(value, 3) for name, value in self.departures.items()}
        return {"best": self.best, "threshold": self.gate.threshold, "slope": self.gate.slope, "departure": departures}


def applies(restorer: nn.Module) -> bool:
    """Whether a restorer gives images of the same size from these alone: neither σ nor anything else has to be told."""
    traits = cast(Restorer, restorer).traits
    told = traits.sigma == "required" or any(one.required for one in traits.inputs)
    return traits.scale == 1 and not told


def select(
    restorer: nn.Module,
    recognizer: nn.Module,
    images: Dataset,
    degradations: Sequence[str],
    *,
    seed: int = 0,
    device: str = "auto",
) -> Selection:
    """Fit a gate, and tell by how much the recognizer departs from what is right with each rule.

    The gate's two numbers are those of the least departure, a mean over the conditions, each weighing alike: what a
    sweep over all thresholds between two images finds, for each of a few slopes.

    Args:
        restorer: for which :func:`applies` holds.
        recognizer: classifier or segmenter.
        images: labelled; nothing is reported on them.
        degradations: what goes wrong with them; clean images are one condition more.
        seed: of the noise.
        device: ``auto``, ``cpu``, ``cuda``, …

    Raises:
        DataError: an image has no label, or one that the recognizer does not tell.
        ModelError: restorer or recognizer cannot take the images.
    """
    images = renumbered(images, cast(Recognizer, recognizer).traits.classes)
    seen = _gathered(Selective(restorer, recognizer, rule=Mean()), images, degradations, seed, choose_device(device))
    gate, fitted = _fitted(seen)
    found = {
        "as it is": float(seen.as_is.mean()),
        "restored": float(seen.restored.mean()),
        "mean": float(seen.mean.mean()),
        "gate": fitted,
    }
    rules = {name: Selective(restorer, recognizer, rule=rule) for name, rule in (("mean", Mean()), ("gate", gate))}
    return Selection(rules, {name: 100 * value for name, value in found.items()})


class _Seen(NamedTuple):
    """What came of each image under each condition, ``(N,)`` each.

    Attributes:
        noise: log σ̂.
        surer: how much surer the recognizer is of the restored image.
        as_is: departure of the answer to the image as it is.
        restored: to the restored one.
        mean: of the mean of both.
    """

    noise: Tensor
    surer: Tensor
    as_is: Tensor
    restored: Tensor
    mean: Tensor


@torch.inference_mode()
def _gathered(
    reader: Selective, images: Dataset, degradations: Sequence[str], seed: int, device: torch.device
) -> _Seen:
    reader = cast(Selective, placed(reader, device)).eval()
    rows = [_looked(reader, batch.to(device)) for batch in _degraded(images, (CLEAN, *degradations), seed)]
    return _Seen(*(torch.cat(column).double().cpu() for column in zip(*rows, strict=True)))


def _degraded(images: Dataset, degradations: Sequence[str], seed: int) -> Iterator[Batch]:
    for degradation in dict.fromkeys(degradations):
        yield from batches(Pairs(images, parse(degradation), seed=seed), range(len(images)))


def _looked(reader: Selective, batch: Batch) -> _Seen:
    views, labels = reader.look(cast(Tensor, batch.y)), labels_of(batch)
    answers = (views.as_is, views.restored, (views.as_is + views.restored) / 2)
    return _Seen(views.noise(), views.surer(), *(departure(p.clamp(min=1e-30).log(), labels) for p in answers))


def _fitted(seen: _Seen) -> tuple[Gate, float]:
    """The best gate, and its mean departure."""
    found = []
    for slope in _SLOPES:
        scores, order = (seen.noise + slope * seen.surer).sort()
        nothing = torch.zeros(1).double()
        below = torch.cat([nothing, seen.as_is[order].cumsum(0)])
        above = torch.cat([seen.restored[order].flip(0).cumsum(0).flip(0), nothing])
        total, at = (below + above).min(0)
        edges = torch.cat([scores[:1] - 1, scores, scores[-1:] + 1])
        threshold = float(edges[at] + edges[at + 1]) / 2
        found.append((Gate(threshold=round(threshold, 4), slope=slope), float(total) / len(scores)))
    return min(found, key=lambda one: one[1])
