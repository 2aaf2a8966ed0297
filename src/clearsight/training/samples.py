"""The samples of a data set in memory: read once, changed as one, stacked to batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import Batch, Dataset, Input, Sample
from clearsight.errors import DataError, ImageReadError, RecipeError

__all__ = [
    "batch_of",
    "check_alike",
    "compact",
    "is_map",
    "read_samples",
    "resized",
    "say",
    "say_small",
    "stacked",
    "transformed",
]

_NOTHING_LOST = 1e-6
"""How far a float may be from a whole 255th, a rounding error, and still be held as 8 bits."""


def compact(values: Tensor) -> Tensor:
    """Floats that are whole 255ths as 8 bits, other floats as float32; all else as it is.

    Example:
        >>> compact(torch.tensor([0.0, 0.2, 1.0])), compact(torch.tensor([0.5, 1.5]))
        (tensor([  0,  51, 255], dtype=torch.uint8), tensor([0.5000, 1.5000]))
    """
    if not values.is_floating_point():
        return values
    steps = (255 * values).round()
    off = (steps.clamp(0, 255) / 255 - values).abs().max()
    return steps.byte() if off < _NOTHING_LOST else values.float()


def read_samples(dataset: Dataset, declared: Iterable[Input] = ()) -> list[Sample]:
    """Every sample that can be read; the others are named on standard error.

    Images, targets and maps are held by :func:`compact`, class maps as 8 bits.

    Args:
        dataset: what is read.
        declared: what the restorer takes besides; it says which inputs are maps.

    Raises:
        RecipeError: a target or a map has another size than its image.
        ClearsightError: no image can be read.
    """
    found, failed = list[Sample](), None
    for index in range(len(dataset)):
        try:
            sample = dataset[index]
        except (ImageReadError, DataError) as error:
            failed = error
            say(f"left out: {error}")
            continue
        found.append(_held(sample, declared))
    if failed is not None and not found:
        raise failed
    return found


def say(line: str) -> None:
    """One line on standard error."""
    print(line, file=sys.stderr)


def say_small(images: Sequence[Tensor], height: int, width: int, what: str, done: str) -> None:
    """Say how many images are smaller than a size, and what was done about it."""
    small = sum(image.shape[-2] < height or image.shape[-1] < width for image in images)
    if small:
        say(f"{small} of {len(images)} {what} are smaller than {width}×{height}: {done}")


def check_alike(samples: Sequence[Sample], declared: Iterable[Input] = ()) -> None:
    """Say which samples cannot be of one batch.

    Raises:
        RecipeError: they differ in more than their size.
    """
    for sample in samples[1:]:
        if (here := _kind(sample, declared)) != (there := _kind(samples[0], declared)):
            raise RecipeError(
                f"all samples of a data set have the same channels, targets and inputs, but {sample.name} has "
                f"{here} and {samples[0].name} {there}"
            )


def is_map(name: str, value: Tensor, x: Tensor, declared: Iterable[Input] = ()) -> bool:
    """Whether an input lies on the image: as it is declared; if it is not, where it has the image's size.

    Args:
        name: of the input.
        value: of one image, or stacked.
        x: the image, or the images.
        declared: what the restorer takes besides.
    """
    kinds = {one.name: one.kind for one in declared}
    if name in kinds:
        return kinds[name] == "map"
    return value.ndim == x.ndim and value.shape[-2:] == x.shape[-2:]


def transformed(
    sample: Sample,
    change: Callable[[Tensor], Tensor],
    declared: Iterable[Input] = (),
    *,
    labels: Callable[[Tensor], Tensor] | None = None,
) -> Sample:
    """A sample whose image, target, maps and class map are changed alike; values and whole inputs stay.

    Args:
        sample: what is changed.
        change: cuts, mirrors or resizes ``(…, H, W)``.
        declared: what the restorer takes besides.
        labels: what is done with a class map instead.
    """
    label = sample.label
    return replace(
        sample,
        x=change(sample.x),
        label=(labels or change)(label) if isinstance(label, Tensor) else label,
        target=None if sample.target is None else change(sample.target),
        inputs={
            name: change(value) if is_map(name, value, sample.x, declared) else value
            for name, value in sample.inputs.items()
        },
    )


def resized(values: Tensor, size: Sequence[int]) -> Tensor:
    """``(C, H, W)`` as held, in another size: bilinear with antialiasing; what is no intensity by the nearest."""
    if values.is_floating_point() or values.dtype == torch.uint8:
        result = F.interpolate(values[None].float(), tuple(size), mode="bilinear", antialias=True)[0]
        return result if values.is_floating_point() else result.round().byte()
    return F.interpolate(values[None].float(), tuple(size), mode="nearest-exact")[0].to(values.dtype)


def batch_of(samples: Sequence[Sample]) -> Batch:
    """Samples of one size as a batch; labels where all have one of the same kind, texts where all have one."""
    texts = [sample.text for sample in samples if sample.text is not None]
    targets = [sample.target for sample in samples if sample.target is not None]
    return Batch(
        x=stacked([sample.x for sample in samples]),
        labels=_labels([sample.label for sample in samples]),
        target=stacked(targets) if targets else None,
        names=tuple(sample.name for sample in samples),
        inputs={name: stacked([sample.inputs[name] for sample in samples]) for name in samples[0].inputs},
        texts=tuple(texts) if len(texts) == len(samples) else (),
    )


def stacked(values: Sequence[Tensor]) -> Tensor:
    """One tensor of all: as 8 bits where all are held so, else floats."""
    if len({value.dtype for value in values}) == 1:
        return torch.stack([*values])
    return torch.stack([value / 255 if value.dtype == torch.uint8 else value for value in values])


def _labels(labels: Sequence[int | Tensor | None]) -> Tensor | None:
    if all(isinstance(label, Tensor) for label in labels):
        return torch.stack(labels).long()  # type: ignore[arg-type]
    return torch.tensor(labels) if all(isinstance(label, int) for label in labels) else None


def _held(sample: Sample, declared: Iterable[Input]) -> Sample:
    maps = {name for name, value in sample.inputs.items() if is_map(name, value, sample.x, declared)}
    for name, value in {"the target": sample.target, **{name: sample.inputs[name] for name in maps}}.items():
        if value is not None and (value.ndim != 3 or value.shape[1:] != sample.x.shape[1:]):
            raise RecipeError(
                f"{name} of {sample.name} is {_size(value)}, the image {_size(sample.x)}: "
                "both must have as many rows and columns"
            )
    return replace(
        sample,
        x=compact(sample.x),
        label=sample.label.byte() if isinstance(sample.label, Tensor) else sample.label,
        target=None if sample.target is None else compact(sample.target),
        inputs={name: _input(value, name in maps) for name, value in sample.inputs.items()},
    )


def _input(value: Tensor, a_map: bool) -> Tensor:
    """As it is held: bytes of a batch are intensities, so what comes as bytes becomes floats of the same numbers."""
    value = value.float() if value.dtype == torch.uint8 else value
    return compact(value) if a_map else value


def _kind(sample: Sample, declared: Iterable[Input]) -> str:
    """What all samples of a data set have in common, in words."""
    inputs = {
        name: f"{len(value)} channels" if is_map(name, value, sample.x, declared) else _size(value) or "one value"
        for name, value in sorted(sample.inputs.items())
    }
    target = "" if sample.target is None else f", a target of {len(sample.target)}"
    return f"{len(sample.x)} channels{target}" + "".join(f", {name} of {size}" for name, size in inputs.items())


def _size(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))
