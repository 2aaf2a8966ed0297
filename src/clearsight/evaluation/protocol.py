"""Clean, degraded, restored by each method: how they look and what can be recognized in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from inspect import signature
from typing import cast

from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Dataset, Restorer, Traits
from clearsight.datasets import Pairs
from clearsight.degradations import Pipeline, Step, parse
from clearsight.errors import DataError, InvalidArgumentError, MissingExtraError, ModelError, UnknownNameError
from clearsight.evaluation.judging import Judge
from clearsight.evaluation.results import Evaluation, Shown, multiplicities
from clearsight.evaluation.stream import Chunk, chunks
from clearsight.inference import Engine, Reader
from clearsight.metrics.metric import Metric, Outcome, recognition_metrics, restoration_metrics
from clearsight.recognizers import check_fits
from clearsight.registry import RESTORERS

__all__ = ["evaluate"]


def evaluate(
    dataset: Dataset,
    degradation: Pipeline | Step | str,
    *,
    model: nn.Module | Mapping[str, nn.Module] | None = None,
    recognizer: nn.Module | None = None,
    with_baselines: bool | Sequence[str] = False,
    seed: int = 0,
    device: str = "auto",
    show: Callable[[Shown], None] | None = None,
    showing: int = 8,
    track: Callable[[Iterable[int], int], Iterable[int]] | None = None,
) -> Evaluation:
    """Judge restorers on a data set, all of them on the same degraded images.

    What is drawn for an image depends on the seed and the image's name alone. Images are read, judged and forgotten: a
    million need no more memory than a hundred. Degraded images are restored as the degradation leaves them, unclipped
    or not (``| quantize`` makes them what a file holds), and judged clipped. A restorer that takes a noise level is
    told the σ of the noise or, of other degradations, the root mean square of what they changed.

    Args:
        dataset: clean images, labelled where there is a recognizer.
        degradation: what to do to them, or the string that makes it.
        model: the restorer in question, or several by the names of their rows.
        recognizer: is shown each image in each state.
        with_baselines: judge every classical method and shipped model that applies, too; or those of these names.
        seed: of the noise and of the intervals.
        device: ``auto``, ``cpu``, ``cuda``, …
        show: is handed some of the images in all their states.
        showing: how many, evenly spread.
        track: wraps the image numbers, which are so many, as they are gone through; for a progress bar.

    Raises:
        DataError: the data set is empty, has no labels, or others than the recognizer.
        ModelError: the restorer or the recognizer cannot take the images.
        InvalidArgumentError: the degradation shrinks the images, and no restorer enlarges them.
    """
    chosen = parse(str(degradation))
    reader = None if recognizer is None else Reader(recognizer, device=device)
    channels, height, width = _checked_shape(dataset, reader)
    metrics = [*restoration_metrics(height, width), *(recognition_metrics(reader.traits) if reader else [])]
    engines = _engines(model, with_baselines, channels=channels, degradation=chosen, device=device)
    judges = [
        *_untouched(metrics, reader, chosen.scale),
        *(Judge(name, metrics, engine=engine, reader=reader) for name, engine in engines.items()),
    ]
    numbers = range(len(dataset)) if track is None else track(range(len(dataset)), len(dataset))
    wanted = {i * len(dataset) // showing for i in range(showing)} if show else set()
    done = 0
    for chunk in chunks(Pairs(dataset, chosen, seed=seed, with_sigma=chosen.tells_sigma), numbers):
        times = multiplicities([sample.name for sample in chunk.samples], seed)
        outcomes = {judge.name: judge(chunk, times) for judge in judges}
        for at in (n - done for n in sorted(wanted) if done <= n < done + len(chunk.samples)):
            show(_shown(chunk, outcomes, at, reader))  # type: ignore[misc]
        done += len(chunk.samples)
    return Evaluation(done, str(chosen), seed, tuple(metrics), tuple(judge.row() for judge in judges))


def _checked_shape(dataset: Dataset, reader: Reader | None) -> tuple[int, int, int]:
    """Channels, height and width of the first image, after asking whether it goes with the recognizer."""
    if not len(dataset):
        raise DataError("the data set is empty: there is nothing to evaluate")
    first = dataset[0]
    channels, height, width = first.x.shape
    if reader is not None:
        if first.label is None:
            raise DataError("the images have no labels, by which a recognizer is judged: leave the recognizer out")
        check_fits(reader.traits, channels=channels, classes=dataset.classes)
        segmented = isinstance(first.label, Tensor)
        if segmented != (reader.traits.task == "segment"):
            has, takes = ("pixel", "image") if segmented else ("image", "pixel")
            raise DataError(f"the data set has a class for each {has}, but the recognizer gives one for each {takes}")
    return channels, height, width


def _engines(
    model: nn.Module | Mapping[str, nn.Module] | None,
    with_baselines: bool | Sequence[str],
    *,
    channels: int,
    degradation: Pipeline,
    device: str,
) -> dict[str, Engine]:
    """The restorers to judge, by name; those in question last."""
    scale, told = degradation.scale, degradation.tells_sigma or degradation.scale == 1
    models = model if isinstance(model, Mapping) else {} if model is None else {_name(model): model}
    if not models and not with_baselines and scale != 1:
        raise InvalidArgumentError(f"{degradation} shrinks the images: give a restorer that enlarges {scale} times")
    own = {name: Engine(model, device=device) for name, model in models.items()}
    for name, engine in own.items():
        _check_applies(name, engine.traits, channels=channels, scale=scale, told=told)
    if not with_baselines:
        return own
    found = _baselines(with_baselines, channels=channels, scale=scale, told=told, device=device)
    return {**{name: engine for name, engine in found if name not in own}, **own}


def _name(model: nn.Module) -> str:
    """The name of a trained model, or the one its class is registered under, or that of the class."""
    registered = next((entry.name for entry in RESTORERS.values() if entry.cls is type(model)), type(model).__name__)
    return str(getattr(model, "figures", {}).get("name", registered))


def _untouched(metrics: Sequence[Metric], reader: Reader | None, scale: int) -> Iterator[Judge]:
    """The images as they are; degraded ones of another size have no reference."""
    recognized = [metric for metric in metrics if metric.recognizes]
    if recognized:
        yield Judge("clean", recognized, reader=reader, clean=True)
    if scale == 1:
        yield Judge("degraded", metrics, reader=reader)


def _shown(chunk: Chunk, outcomes: Mapping[str, Outcome], at: int, reader: Reader | None) -> Shown:
    states, sample = {name: outcome.x_hat[at] for name, outcome in outcomes.items()}, chunk.samples[at]
    if reader is None or not isinstance(sample.label, int):
        return Shown(sample, states, {}, "")
    classes = reader.traits.classes
    answers = {name: classes[int(outcome.logits[at].argmax())] for name, outcome in outcomes.items()}
    return Shown(sample, states, answers, classes[sample.label])


def _check_applies(name: str, traits: Traits, *, channels: int, scale: int, told: bool) -> None:
    """Say why a restorer cannot be judged on these images.

    Args:
        name: of the restorer.
        traits: what it declares.
        channels: of the images.
        scale: by how much the degradation shrinks them.
        told: whether the degradation tells its σ.

    Raises:
        ModelError: another number of channels, another scale, or a σ that is not told.
    """
    if traits.channels not in (None, channels):
        raise ModelError(f"{name} restores images of {traits.channels} channels, the data has {channels}")
    if traits.scale != scale:
        raise ModelError(f"{name} enlarges {traits.scale} times, but the degradation shrinks {scale} times")
    if traits.sigma == "required" and not told:
        raise ModelError(f"{name} has to be told the noise level, but the degradation does not tell one σ")


def _baselines(
    wanted: bool | Sequence[str], *, channels: int, scale: int, told: bool, device: str
) -> Iterator[tuple[str, Engine]]:
    """Every classical method and every shipped model that applies, in this order.

    Args:
        wanted: the names that are wanted; ``True`` for all.
        channels: of the images.
        scale: by how much the degradation shrinks them.
        told: whether the degradation tells its σ.
        device: to compute on.

    Raises:
        UnknownNameError: a name is of no method and of no shipped model.
    """
    candidates = dict(_candidates(scale))
    names = list(candidates) if wanted is True else cast(Sequence[str], wanted)
    for name in names:
        if name not in candidates:
            raise UnknownNameError("baseline", name, candidates)
    for name, make in candidates.items():
        if name not in names:
            continue
        try:
            model = make()
            _check_applies(name, cast(Restorer, model).traits, channels=channels, scale=scale, told=told)
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
