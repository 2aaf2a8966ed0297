"""When a recognizer had better see the image as it is: chosen on images that nothing is reported on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch, Dataset, Prediction, Reader, Recognizer, Restorer
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import renumbered
from clearsight.degradations.language import parse
from clearsight.evaluation.loop import batches, labels_of, texts_of
from clearsight.inference.device import choose_device, placed
from clearsight.joint.selective import Gate, Mean, Selective
from clearsight.metrics.reading import edits
from clearsight.metrics.recognition import departure
from clearsight.recognizers.checks import tells_classes

__all__ = ["CLEAN", "Selection", "applies", "select"]

CLEAN = "quantize"
"""What a file does to an image: the condition that nothing has gone wrong."""

_SLOPES = (0.0, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was found on the images.

    Attributes:
        rules: ``mean``, but of a reader, and ``gate``, each a recognizer before which the restorer stands.
        departures: by ``as it is``, ``restored`` and the rules, ½ Σ |p − t| in percent, the mean over all conditions
            and that of clean images; of a reader the character error rate.
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
    sweep over all thresholds between two images finds, for each of a few slopes. In front of a reader the noise alone
    decides, and texts have no mean.

    Args:
        restorer: for which :func:`applies` holds.
        recognizer: whatever it tells or reads.
        images: labelled, or their texts known; nothing is reported on them.
        degradations: what goes wrong with them; clean images are one condition more.
        seed: of the noise.
        device: ``auto``, ``cpu``, ``cuda``, …

    Raises:
        DataError: an image has no label or text, or a label that the recognizer does not tell.
        ModelError: restorer or recognizer cannot take the images.
    """
    if tells_classes(recognizer):
        images = renumbered(images, cast(Recognizer, recognizer).traits.classes)
    seen = _gathered(Selective(restorer, recognizer, rule=Mean()), images, degradations, seed, choose_device(device))
    gate, fitted = _fitted(seen)
    rules: dict[str, nn.Module] = {"gate": gate} if seen.mean is None else {"mean": Mean(), "gate": gate}
    found = {"as it is": seen.as_is, "restored": seen.restored, "mean": seen.mean}
    departures = {name: float(values.mean()) for name, values in found.items() if values is not None}
    return Selection(
        {name: Selective(restorer, recognizer, rule=rule) for name, rule in rules.items()},
        {name: 100 * value for name, value in {**departures, "gate": fitted}.items()},
    )


class _Seen(NamedTuple):
    """What came of each image under each condition, ``(N,)`` each.

    Attributes:
        noise: log σ̂.
        as_is: departure of the answer to the image as it is.
        restored: to the restored one.
        surer: how much surer the recognizer is of the restored image; ``None`` of a reader.
        mean: departure of the mean of both answers; ``None`` of a reader.
    """

    noise: Tensor
    as_is: Tensor
    restored: Tensor
    surer: Tensor | None = None
    mean: Tensor | None = None


@torch.inference_mode()
def _gathered(
    reader: Selective, images: Dataset, degradations: Sequence[str], seed: int, device: torch.device
) -> _Seen:
    reader = cast(Selective, placed(reader, device)).eval()
    found = (batch.to(device) for batch in _degraded(images, (CLEAN, *degradations), seed))
    if reader.traits.task == "read":
        noise, letters, *wrong = _columns(_read(reader, batch) for batch in found)
        return _Seen(noise, *(each / letters.mean() for each in wrong))
    return _Seen(*_columns(_looked(reader, batch) for batch in found))


def _columns(rows: Iterable[tuple[Tensor, ...]]) -> list[Tensor]:
    return [torch.cat(column).double().cpu() for column in zip(*rows, strict=True)]


def _degraded(images: Dataset, degradations: Sequence[str], seed: int) -> Iterator[Batch]:
    for degradation in dict.fromkeys(degradations):
        yield from batches(Pairs(images, parse(degradation), seed=seed), range(len(images)))


def _looked(reader: Selective, batch: Batch) -> tuple[Tensor, ...]:
    """Of each image what :class:`_Seen` has."""
    views, labels = reader.look(cast(Tensor, batch.y)), labels_of(batch)
    answers = (views.as_is, views.restored, (views.as_is + views.restored) / 2)
    before, after, mean = (departure(p.clamp(min=1e-30).log(), labels) for p in answers)
    return views.noise(), before, after, views.surer(), mean


def _read(reader: Selective, batch: Batch) -> tuple[Tensor, ...]:
    """Of each image log σ̂, how many letters it has, and how many are wrong as it is, and restored."""
    views, texts = reader.restore(cast(Tensor, batch.y)), texts_of(batch)
    read = (cast(Reader, reader.recognizer).read(images) for images in (views.y, views.x_hat))
    before, after = (edits([Prediction.of(lines).label for lines in each], texts, unit="letters") for each in read)
    return views.noise(), before[:, 0], before[:, 1], after[:, 1]


def _fitted(seen: _Seen) -> tuple[Gate, float]:
    """The best gate, and its mean departure."""
    found = []
    for slope in _SLOPES if seen.surer is not None else (0.0,):
        scores, order = (seen.noise if seen.surer is None else seen.noise + slope * seen.surer).sort()
        nothing = torch.zeros(1).double()
        below = torch.cat([nothing, seen.as_is[order].cumsum(0)])
        above = torch.cat([seen.restored[order].flip(0).cumsum(0).flip(0), nothing])
        total, at = (below + above).min(0)
        edges = torch.cat([scores[:1] - 1, scores, scores[-1:] + 1])
        threshold = float(edges[at] + edges[at + 1]) / 2
        found.append((Gate(threshold=round(threshold, 4), slope=slope), float(total) / len(scores)))
    return min(found, key=lambda one: one[1])
