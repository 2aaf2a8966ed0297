"""Who is shown what in which order: a function of the seed and of the rater's number, so that nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from clearsight.errors import InvalidArgumentError
from clearsight.seeds import generator_for

__all__ = ["REFERENCE", "Design", "Ranking", "Trial", "balanced"]

REFERENCE = "reference"
"""What the clean image is called among the methods, where it hides."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One page: an image in all its states.

    Attributes:
        image: which.
        places: the methods from left to right.
        repeat: whether the rater has seen the image before, in another order.
    """

    image: str
    places: tuple[str, ...]
    repeat: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a rater made of a trial.

    Attributes:
        rater: by number.
        image: which.
        order: the methods, the best first.
        repeat: as :class:`Trial`.
    """

    rater: int
    image: str
    order: tuple[str, ...]
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Design:
    """What is compared, and how often.

    Attributes:
        images: by name.
        methods: by name, the hidden reference among them if there is one.
        repeats: how many images each rater is shown a second time, at most half of them.
        seed: of every order.

    Raises:
        InvalidArgumentError: there is nothing to compare, a name is there twice, or more repeats than can be.
    """

    images: tuple[str, ...]
    methods: tuple[str, ...]
    repeats: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.methods) < 2 or not self.images:
            raise InvalidArgumentError("a study compares at least two methods on an image: name more")
        if len({*self.methods}) < len(self.methods) or len({*self.images}) < len(self.images):
            raise InvalidArgumentError("a study compares methods and images of different names: name each once")
        most = len(self.images) // 2
        if not 0 <= self.repeats <= most:
            raise InvalidArgumentError(f"repeats are between 0 and {most}, half of the images, got {self.repeats}")

    def trials(self, rater: int) -> list[Trial]:
        """The pages of one rater: images at random, repeats in the second half, each method in each place as often.

        Args:
            rater: by number, from 1; over raters that follow one another, places are balanced as well.
        """
        generator = generator_for(self.seed, rater, stream="study")
        images = [self.images[i] for i in torch.randperm(len(self.images), generator=generator)]
        half = len(images) // 2
        later = [*((image, False) for image in images[half:]), *((image, True) for image in images[: self.repeats])]
        shown = [(image, False) for image in images[:half]]
        shown += [later[i] for i in torch.randperm(len(later), generator=generator)]
        rows = balanced(len(self.methods))
        first = (rater - 1) * len(shown)
        return [
            Trial(image, tuple(self.methods[i] for i in rows[(first + number) % len(rows)]), repeat)
            for number, (image, repeat) in enumerate(shown)
        ]


def balanced(n: int) -> list[tuple[int, ...]]:
    """Orders of ``n`` things: each is in each place, and each follows each other, equally often (a Williams design).

    Source: Williams, "Experimental designs balanced for the estimation of residual effects of treatments", 1949.

    Example:
        >>> balanced(4)
        [(0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1)]
    """
    zigzag = [(k + 1) // 2 if k % 2 else -k // 2 for k in range(n)]
    rows = [tuple((start + step) % n for step in zigzag) for start in range(n)]
    return rows if n % 2 == 0 else [*rows, *(row[::-1] for row in rows)]
