"""Clean, degraded, restored by each method: how they look and what can be recognized in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch, Dataset, RecognitionTraits, Restorer, Sample, Traits
from clearsight.datasets.pairs import Pairs, Untouched
from clearsight.datasets.subset import renumbered
from clearsight.degradations.language import parse
from clearsight.degradations.step import Pipeline, Step
from clearsight.errors import (
    DataError,
    ImageReadError,
    InvalidArgumentError,
    MissingExtraError,
    ModelError,
    UnknownNameError,
)
from clearsight.evaluation.loop import Derived, Method, batches, judge
from clearsight.evaluation.results import Evaluation, Shown
from clearsight.evaluation.sheet import Collection, Sheet
from clearsight.inference.engine import Engine
from clearsight.inference.recognizing import Predictor
from clearsight.joint.selective import Selective, Views
from clearsight.metrics.metric import Metric, Outcome, recognition_metrics, restoration_metrics
from clearsight.recognizers.checks import check_fits, check_task
from clearsight.registry import RESTORERS

__all__ = ["ReadBy", "Ways", "evaluate", "evaluate_under", "method_of"]

ReadBy = Mapping[str, tuple[nn.Module | None, nn.Module]]
"""By the name of its row: a restorer, if any, and the recognizer that reads what it restores."""

Ways = Mapping[str, Selective]
"""By the name of its row: when the recognizer is shown what one of the restorers in question makes of an image."""

_NO_ROWS: Mapping[str, Any] = MappingProxyType({})


def evaluate(
    dataset: Dataset,
    degradation: Pipeline | Step | str | None,
    *,
    model: nn.Module | Mapping[str, nn.Module] | None = None,
    recognizer: nn.Module | None = None,
    ways: Ways = _NO_ROWS,
    read_by: ReadBy = _NO_ROWS,
    with_baselines: bool | Sequence[str] = False,
    seed: int = 0,
    device: str = "auto",
    show: Callable[[Shown], None] | None = None,
    showing: int = 8,
    track: Callable[[Iterable[int], int], Iterable[int]] | None = None,
    left_out: Callable[[Exception], None] | None = None,
) -> Evaluation:
    """Judge restorers on a data set, all of them on the same degraded images.

    What is drawn for an image depends on the seed and the image's name alone. Images are read, judged and forgotten: a
    million need no more memory than a hundred. Degraded images are restored as the degradation leaves them, unclipped
    or not (``| quantize`` makes them what a file holds), and judged clipped. A restorer that takes a noise level is
    told the σ of the noise or, of other degradations and of real noise, the root mean square of what they changed.

    Args:
        dataset: clean images, labelled where there is a recognizer, with their text where it reads; or noisy ones with
            their clean twins as targets; or, for a recognizer alone, degraded ones that have no clean twins.
        degradation: what to do to them, or the string that makes it; ``None`` for those that are degraded already.
            Of those without clean twins only what is recognized is judged, and no restorer is told a σ.
        model: the restorer in question, or several by the names of their rows.
        recognizer: is shown each image in each state.
        ways: by the names of their rows: the recognizer behind one of the restorers, which it may pass by; no image is
            restored or recognized once more for it.
        read_by: by the names of their rows: a restorer, if any, and the recognizer that reads what it restores.
        with_baselines: judge every classical method and shipped model that applies, too; or those of these names.
        seed: of the noise and of the intervals.
        device: ``auto``, ``cpu``, ``cuda``, …
        show: is handed some of the images in all their states, but for the rows of ``ways`` and ``read_by``.
        showing: how many, evenly spread.
        track: wraps the image numbers, which are so many, as they are gone through; for a progress bar.
        left_out: is told of each image that cannot be read, and the others are judged; if not given, it is raised.

    Labels are matched to the recognizer's classes by name, as :func:`~clearsight.classes.matched` does.

    Raises:
        DataError: the data set is empty, has no labels, or others than the recognizer.
        ModelError: the restorer or the recognizer cannot take the images.
        InvalidArgumentError: the degradation shrinks the images, and no restorer enlarges them; or there is none, and
            the images have neither clean twins nor a recognizer that they are judged by; or a way is none between an
            image as it is and restored by ``model`` for the recognizer.
    """
    chosen = Untouched() if degradation is None else parse(str(degradation))
    reader = None if recognizer is None else Predictor(recognizer, device=device)
    own = {name: Predictor(module, device=device) for name, (_, module) in read_by.items()}
    readers = [*([] if reader is None else [reader]), *own.values()]
    dataset, images = _checked(dataset, chosen, readers, forgiving=left_out is not None)
    engines = _engines(model, read_by, with_baselines, images, device)
    restored, methods = dict[str, Method](), _untouched(images, reader)
    for name, engine in engines.items():
        reads = own.get(name, reader)
        metrics = images.metrics(reads) if engine is not None else recognition_metrics(own[name].traits)
        restored[name] = method_of(metrics, engine=engine, reader=reads)
    methods |= {name: method for name, method in restored.items() if name not in own}
    methods |= {name: _weighed(way, _named(model), recognizer) for name, way in ways.items()}
    methods |= {name: restored[name] for name in own}
    numbers = range(len(dataset)) if track is None else track(range(len(dataset)), len(dataset))
    pairs = Pairs(dataset, chosen, seed=seed, with_sigma=chosen.tells_sigma)
    wanted = {i * len(dataset) // showing for i in range(showing)}
    shown = [name for name in methods if name not in {**ways, **own}]
    sheet = Sheet(show, wanted, shown, reader, has_reference=images.has_reference)
    missing: list[Exception] = []

    def miss(error: Exception) -> None:
        missing.append(error)
        cast(Callable[[Exception], None], left_out)(error)

    found = batches(pairs, numbers, None if left_out is None else miss)
    rows = judge(found, methods, seed=seed, each=sheet)
    return Evaluation(
        len(dataset) - len(missing), str(chosen), seed, tuple(images.metrics(reader)), tuple(rows.values())
    )


def evaluate_under(
    degradations: Sequence[str],
    judged: Callable[..., Evaluation],
    report: Callable[[str], None],
    collect: Callable[[], Collection] = list[Shown],
) -> tuple[list[Evaluation], list[Shown]]:
    """An evaluation under each of several degradations.

    Args:
        degradations: one after the other.
        judged: :func:`evaluate` with its other arguments.
        report: is told of each.
        collect: makes what takes the images that are shown.

    Returns:
        The evaluations, and some images under the last.
    """
    found, sheet = list[Evaluation](), collect()
    for degradation in degradations:
        report(f"judging: {degradation}")
        sheet = collect()
        found.append(judged(degradation=degradation, show=sheet.append))
    return found, [*sheet]


def method_of(metrics: Sequence[Metric], *, engine: Engine | None = None, reader: Predictor | None = None) -> Method:
    """The degraded images as they are, or restored by an engine; read by a recognizer, if there is one."""
    reads = _reads(reader)
    return Method(
        run=_degraded if engine is None else _Restored(engine),
        recognizer=None if reader is None or reads else reader.logits,
        reader=reader.read if reader is not None and reads else None,
        metrics=metrics,
        timed=engine is not None,
        precision=None if engine is None else str(engine.precision).removeprefix("torch."),
    )


def _reads(reader: Predictor | None) -> bool:
    """Whether it reads text, and tells no classes."""
    return reader is not None and reader.traits.task == "read"


def _clean(batch: Batch) -> tuple[Tensor, None]:
    return batch.reference, None


def _degraded(batch: Batch) -> tuple[Tensor, Tensor | None]:
    return cast(Tensor, batch.y), None


@dataclass(frozen=True, slots=True)
class _Restored:
    """Restores a batch; equal where the engine is the same, so that rows share what it gives."""

    engine: Engine

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        traits = self.engine.traits
        sigma = None if traits.sigma == "blind" else batch.sigma
        inputs = {one.name: batch.inputs[one.name] for one in traits.inputs if one.name in batch.inputs}
        return self.engine.restore_batch(cast(Tensor, batch.y), sigma, inputs), None


def _weighed(way: Selective, models: Mapping[str, nn.Module], recognizer: nn.Module | None) -> Derived:
    """The row of a recognizer that is shown an image as it is and restored, from the rows of these two."""
    row = next((name for name, model in models.items() if model is way.restorer), None)
    if row is None or way.recognizer is not recognizer:
        raise InvalidArgumentError("a way is between an image as it is and restored by a model, for the recognizer")
    return Derived(of=("degraded", row), outcome=partial(_either, way), metrics=recognition_metrics(way.traits))


def _either(way: Selective, as_is: Outcome, restored: Outcome) -> Outcome:
    """What comes of the answers to the images as they are and restored."""
    answers = (one.logits.softmax(1) if len(one.logits) else one.logits for one in (as_is, restored))
    views = Views(as_is.x_hat, restored.x_hat, *answers)
    if not restored.texts:
        return restored._replace(logits=way.weigh(views))
    pairs = zip(way.prefers(views).tolist(), as_is.read, restored.read, strict=True)
    return restored._replace(read=tuple(after if better else before for better, before, after in pairs))


class _Images(NamedTuple):
    """What a method has to go with: the first image's shape, and what the degradation does.

    Attributes:
        channels: of the images.
        height: of the images.
        width: of the images.
        degradation: what is done to them.
        has_reference: whether there is a clean image to compare with.
    """

    channels: int
    height: int
    width: int
    degradation: Pipeline | Untouched
    has_reference: bool

    def metrics(self, reader: Predictor | None) -> list[Metric]:
        """What is judged: how images look, and what the recognizer makes of them."""
        recognized = [] if reader is None else recognition_metrics(reader.traits)
        return [*(restoration_metrics(self.height, self.width) if self.has_reference else ()), *recognized]

    def check_applies(self, name: str, traits: Traits) -> None:
        """Say why a restorer cannot be judged on these images.

        Raises:
            ModelError: another number of channels, another scale, or a σ that is not told.
        """
        scale = self.degradation.scale
        if traits.channels not in (None, self.channels):
            raise ModelError(f"{name} restores images of {traits.channels} channels, the data has {self.channels}")
        if traits.scale != scale:
            raise ModelError(f"{name} enlarges {traits.scale} times, but the degradation shrinks {scale} times")
        if traits.sigma == "required" and not (self.degradation.tells_sigma or (scale == 1 and self.has_reference)):
            teller = "the degradation does" if self.has_reference else "images without clean twins do"
            raise ModelError(f"{name} has to be told the noise level, but {teller} not tell one σ")


def _checked(
    dataset: Dataset, degradation: Pipeline | Untouched, readers: Sequence[Predictor], *, forgiving: bool
) -> tuple[Dataset, _Images]:
    """The images, their labels numbered as the recognizers do, and the first one's shape, if all goes together."""
    if not len(dataset):
        raise DataError("the data set is empty: there is nothing to evaluate")
    first = _first(dataset) if forgiving else dataset[0]
    has_reference = first.target is not None or not isinstance(degradation, Untouched)
    if not (has_reference or readers):
        raise InvalidArgumentError(
            "the images have no clean twins to be compared with: say what to do to them, such as "
            "--with 'gaussian(sigma=25/255)', or who reads them as they are, such as --recognizer ocr-lines"
        )
    for reader in readers:
        if _reads(reader):
            _check_readable(reader.traits, first)
            continue
        if first.label is None:
            raise DataError("the images have no labels, by which a recognizer is judged: leave the recognizer out")
        check_fits(reader.traits, channels=len(first.x), classes=dataset.classes)
        check_task(reader.traits, maps=isinstance(first.label, Tensor))
    classes = {reader.traits.classes for reader in readers if not _reads(reader)}
    if len(classes) > 1:
        raise ModelError("the recognizers of one evaluation must tell the same classes, in the same order, apart")
    channels, height, width = first.x.shape
    return renumbered(dataset, *classes) if classes else dataset, _Images(
        channels, height, width, degradation, has_reference
    )


def _check_readable(traits: RecognitionTraits, sample: Sample) -> None:
    """Check that a reader can be fed and judged with an image.

    Raises:
        DataError: nobody knows what is written there.
        ModelError: it takes another number of channels.
    """
    if sample.text is None:
        raise DataError(
            "the images have no text, by which a reader is judged: write what is in a.png to a.txt beside it, or take "
            "the data set pages"
        )
    check_fits(traits, channels=len(sample.x), classes=())


def _first(dataset: Dataset) -> Sample:
    """The first image that can be read; the error of the last one where none can."""
    for index in range(len(dataset) - 1):
        with suppress(ImageReadError, DataError):
            return dataset[index]
    return dataset[len(dataset) - 1]


def _untouched(images: _Images, reader: Predictor | None) -> dict[str, Method | Derived]:
    """The images as they are: clean ones, where there are any, and degraded ones, where they are as large."""
    metrics = images.metrics(reader)
    found = dict[str, Method | Derived]()
    if reader is not None and images.has_reference:
        recognized = [metric for metric in metrics if metric.recognizes]
        found["clean"] = replace(method_of(recognized, reader=reader), run=_clean)
    if images.degradation.scale == 1:
        found["degraded"] = method_of(metrics, reader=reader)
    return found


def _engines(
    model: nn.Module | Mapping[str, nn.Module] | None,
    read_by: ReadBy,
    with_baselines: bool | Sequence[str],
    images: _Images,
    device: str,
) -> dict[str, Engine | None]:
    """The restorers to judge, by name: baselines, those in question, those before a recognizer of their own."""
    models = _named(model)
    before = {name: restorer for name, (restorer, _) in read_by.items()}
    restored = bool(models or before or with_baselines) and None not in before.values()
    if not restored and images.degradation.scale != 1:
        raise InvalidArgumentError(
            f"{images.degradation} shrinks the images: give a restorer that enlarges {images.degradation.scale} times"
        )
    shared = {id(one): Engine(one, device=device) for one in (*models.values(), *before.values()) if one is not None}
    own = {name: shared.get(id(restorer)) for name, restorer in {**models, **before}.items()}
    for name, engine in own.items():
        if engine is not None:
            images.check_applies(name, engine.traits)
    found = _baselines(with_baselines, images, device) if with_baselines else ()
    return {**{name: engine for name, engine in found if name not in own}, **own}


def _named(model: nn.Module | Mapping[str, nn.Module] | None) -> Mapping[str, nn.Module]:
    """The restorers in question, by the names of their rows."""
    return model if isinstance(model, Mapping) else {} if model is None else {RESTORERS.called(model): model}


def _baselines(wanted: bool | Sequence[str], images: _Images, device: str) -> Iterator[tuple[str, Engine]]:
    """Every classical method and every shipped model that applies, in this order; ``wanted`` are the names, or all.

    Raises:
        UnknownNameError: a name is of no method and of no shipped model.
    """
    candidates = dict(_candidates(images.degradation.scale))
    names = list(candidates) if wanted is True else cast(Sequence[str], wanted)
    for name in names:
        if name not in candidates:
            raise UnknownNameError("baseline", name, candidates)
    for name, make in candidates.items():
        if name not in names:
            continue
        try:
            model = make()
            images.check_applies(name, cast(Restorer, model).traits)
        except (ModelError, MissingExtraError):
            continue
        yield name, Engine(model, device=device)


def _candidates(scale: int) -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    """Names, and how to make what they name; interpolation is made for the scale in question, if there is one."""
    for entry in weights.weightless():
        interpolates = "scale" in signature(entry.cls).parameters
        if not interpolates:
            yield entry.name, entry.cls
        elif scale > 1:
            yield entry.name, partial(entry.cls, scale=scale)
    for stored in weights.shipped():
        yield stored.name, partial(weights.load, stored.name)
