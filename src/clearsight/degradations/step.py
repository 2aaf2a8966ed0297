"""One degradation, and several of them one after the other."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from clearsight.contracts import NoiseDegradation
from clearsight.degradations.ranges import Range, format_number, whole_number
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Pipeline", "Step"]


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
