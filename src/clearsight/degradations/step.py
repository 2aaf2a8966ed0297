"""One degradation, and several of them one after the other."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from clearsight.contracts import NoiseDegradation
from clearsight.degradations.ranges import Range, format_number, whole_number
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Either", "OneByOne", "Pipeline", "Step", "conditions_of"]

_POINTS = 4
"""Of a degradation with ranges, the conditions that span it."""


def _written(value: object) -> str:
    return format_number(value) if isinstance(value, int | float) else str(value)


class Step(ABC):
    """One thing that goes wrong with an image.

    A subclass is a frozen dataclass with keyword-only fields, registered under the name people type. Its
    string is the call that makes it: ``gaussian(sigma=25/255)``; fields that have their default are left out.
    A field takes the text people type as well as the value. ``a | b`` degrades by ``a``, then by ``b``.

    Attributes:
        scale: input size over output size; 1 unless it down-samples.
    """

    scale: int = 1

    @abstractmethod
    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``; each image draws its own parameters."""

    def _bound(self, name: str, low: float, high: float = math.inf) -> None:
        """Make a field the range it stands for, within [low, high]."""
        object.__setattr__(self, name, Range.of(getattr(self, name)).within(low, high, name))

    def _bound_whole(self, name: str, low: int, high: int) -> None:
        """Make a field the whole number it stands for, from low to high."""
        object.__setattr__(self, name, whole_number(getattr(self, name), low, high, name))

    def __or__(self, other: Step | Pipeline) -> Pipeline:
        """Degrade by this, then by ``other``."""
        return Pipeline((self,)) | other

    def __str__(self) -> str:
        written = [(f, _written(getattr(self, f.name))) for f in fields(self)]  # type: ignore[arg-type]
        arguments = ", ".join(f"{f.name}={text}" for f, text in written if text != _written(f.default))
        name = DEGRADATIONS.name_of(type(self))
        return f"{name}({arguments})" if arguments else name


class OneByOne(Step):
    """A degradation that goes through a batch image by image, for each draws all by itself."""

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return torch.cat([self.at(one, generator) for one in torch.split(x, 1)])

    @abstractmethod
    def at(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One image, ``(1, C, H, W)``."""

    def _drawn(self, name: str, generator: torch.Generator) -> float:
        """A number of the range that a field is."""
        return Range.of(getattr(self, name)).one(generator)


def _through(steps: Sequence[Step], x: Tensor, generator: torch.Generator) -> Tensor:
    for step in steps:
        x = step(x, generator=generator)
    return x


@dataclass(frozen=True)
class Pipeline:
    """Several degradations, one after the other.

    Args:
        steps: at least one, in the order they are applied.

    Raises:
        InvalidArgumentError: there is no step.
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise InvalidArgumentError("a pipeline needs at least one step, such as gaussian(sigma=25/255)")

    @property
    def scale(self) -> int:
        """Product of the scales of its steps."""
        return math.prod(step.scale for step in self.steps)

    @property
    def tells_sigma(self) -> bool:
        """Whether :meth:`with_sigma` can tell it: exactly one of the steps has a σ."""
        return sum(isinstance(step, NoiseDegradation) for step in self.steps) == 1

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)`` by each step in turn."""
        return _through(self.steps, x, generator)

    def with_sigma(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Degrade a batch and return it with the σ that each image drew, shape ``(B,)``.

        The σ is that of the noise when it was added; steps that come after it are not accounted for.

        Raises:
            InvalidArgumentError: not exactly one of the steps has a σ.
        """
        noises = [(at, step) for at, step in enumerate(self.steps) if isinstance(step, NoiseDegradation)]
        if len(noises) != 1:
            raise InvalidArgumentError(f"a σ-aware restorer needs exactly one step with a σ, got {self}")
        ((at, noise),) = noises
        y, sigma = noise.with_sigma(_through(self.steps[:at], x, generator), generator=generator)
        return _through(self.steps[at + 1 :], y, generator), sigma

    def __or__(self, other: Step | Pipeline) -> Pipeline:
        """Degrade by this, then by ``other``."""
        return Pipeline(self.steps + (other.steps if isinstance(other, Pipeline) else (other,)))

    def __str__(self) -> str:
        return " | ".join(map(str, self.steps))


@dataclass(frozen=True)
class Either(Step):
    """Each image by one of several degradations, all as likely: ``a or b``; what is likelier stands there twice.

    Args:
        choices: at least two, all of one scale.

    Raises:
        InvalidArgumentError: there are fewer, or their scales differ.

    Example:
        >>> from clearsight.degradations import parse
        >>> str(parse("lower-half | salt-and-pepper(amount=0.1) or gaussian(sigma=50/255)"))
        'lower-half | salt-and-pepper(amount=0.1) or gaussian(sigma=50/255)'
    """

    choices: tuple[Pipeline, ...]

    def __post_init__(self) -> None:
        if len(self.choices) < 2 or len({choice.scale for choice in self.choices}) > 1:
            raise InvalidArgumentError(f"or stands between degradations of one scale, got {str(self) or 'none'}")

    @property
    def scale(self) -> int:  # type: ignore[override]
        """That of each."""
        return self.choices[0].scale

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        which = torch.randint(len(self.choices), (len(x),), generator=generator, device=generator.device).to(x.device)
        order = which.argsort(stable=True)
        shares = torch.split(x[order], torch.bincount(which, minlength=len(self.choices)).tolist())
        degraded = [
            choice(share, generator=generator) for choice, share in zip(self.choices, shares, strict=True) if len(share)
        ]
        return torch.cat(degraded)[order.argsort()]

    def __str__(self) -> str:
        return " or ".join(map(str, self.choices))


def conditions_of(degradation: Pipeline) -> list[str]:
    """Four degradations, evenly from one end of all ranges to the other; the degradation itself if it has none.

    Example:
        >>> from clearsight.degradations import parse
        >>> conditions_of(parse("gaussian(sigma=15/255..60/255)"))[:2]
        ['gaussian(sigma=15/255)', 'gaussian(sigma=30/255)']
    """
    points = [Pipeline(tuple(_at(step, k / (_POINTS - 1)) for step in degradation.steps)) for k in range(_POINTS)]
    return list(dict.fromkeys(map(str, points)))


def _at(step: Step, share: float) -> Step:
    if isinstance(step, Either):
        return Either(tuple(Pipeline(tuple(_at(one, share) for one in choice.steps)) for choice in step.choices))
    ranges = {field.name: getattr(step, field.name) for field in fields(step)}  # type: ignore[arg-type]
    fixed = {name: _between(value, share) for name, value in ranges.items() if isinstance(value, Range)}
    return replace(step, **fixed)  # type: ignore[type-var]


def _between(ends: Range, share: float) -> Range:
    """A point of the range; where it is a tenth of a grey level, that exactly, and above 1 four digits."""
    value = ends.low + share * (ends.high - ends.low)
    if value > 1:
        return Range(float(f"{value:.4g}"), float(f"{value:.4g}"))
    level = round(255 * value, 1) / 255
    value = level if abs(level - value) < 1e-9 else round(value, 4)
    return Range(value, value)
