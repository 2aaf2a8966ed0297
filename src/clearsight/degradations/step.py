"""One degradation, and several of them one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import reduce
from operator import mul

import torch
from torch import Tensor

from clearsight.contracts import NoiseDegradation
from clearsight.degradations.ranges import format_number
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS

__all__ = ["Pipeline", "Step", "per_image"]


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Shape ``(B,)`` to ``(B, 1, 1, 1)`` on the device and in the dtype of ``like``."""
    return values.to(like).view(-1, 1, 1, 1)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return format_number(value) if isinstance(value, int | float) else str(value)


class Step(ABC):
    """One thing that goes wrong with an image.

    A subclass is a frozen dataclass with keyword-only fields, registered under the name people type. Its string is
    the call that makes it: ``gaussian(sigma=25/255)``; fields that have their default are left out.
    ``a | b`` degrades by ``a``, then by ``b``.
    """

    @property
    def scale(self) -> int:
        """Input size over output size; 1 unless it down-samples."""
        return 1

    @abstractmethod
    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``; each image draws its own parameters."""

    def __or__(self, other: Step | Pipeline) -> Pipeline:
        """Degrade by this, then by ``other``."""
        return Pipeline((self,)) | other

    def __str__(self) -> str:
        arguments = ", ".join(
            f"{f.name}={_written(getattr(self, f.name))}"
            for f in fields(self)  # type: ignore[arg-type]
            if getattr(self, f.name) != f.default
        )
        name = DEGRADATIONS.name_of(type(self))
        return f"{name}({arguments})" if arguments else name


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
            raise InvalidArgumentError("a degradation needs at least one step, such as gaussian(sigma=25/255)")

    @property
    def scale(self) -> int:
        """Product of the scales of its steps."""
        return reduce(mul, (step.scale for step in self.steps))

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)`` by each step in turn."""
        for step in self.steps:
            x = step(x, generator=generator)
        return x

    def with_sigma(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Degrade a batch and return it with the σ of each image, shape ``(B,)``.

        Raises:
            InvalidArgumentError: not exactly one of the steps has a σ.
        """
        noisy = [step for step in self.steps if isinstance(step, NoiseDegradation)]
        if len(noisy) != 1:
            raise InvalidArgumentError(f"a σ-aware restorer needs exactly one noise step with a σ, got {self}")
        sigma = torch.empty(0)
        for step in self.steps:
            if isinstance(step, NoiseDegradation):
                x, sigma = step.with_sigma(x, generator=generator)
            else:
                x = step(x, generator=generator)
        return x, sigma

    def __or__(self, other: Step | Pipeline) -> Pipeline:
        """Degrade by this, then by ``other``."""
        return Pipeline(self.steps + (other.steps if isinstance(other, Pipeline) else (other,)))

    def __str__(self) -> str:
        return " | ".join(map(str, self.steps))
