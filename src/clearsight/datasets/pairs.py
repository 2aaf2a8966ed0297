"""Clean images, each with what a degradation makes of it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple, cast

from torch import Generator, Tensor

from clearsight.contracts import Dataset, Degradation, NoiseDegradation, Sample
from clearsight.seeds import generator_for

__all__ = ["Pair", "Pairs", "Untouched"]


@dataclass(frozen=True, slots=True)
class Untouched:
    """No degradation: that of images which are degraded already; their data set may have their clean twins.

    Attributes:
        scale: 1.
        tells_sigma: never.
    """

    scale: int = 1
    tells_sigma: bool = False

    def __call__(self, x: Tensor, *, generator: Generator) -> Tensor:
        """``x``."""
        return x

    def __str__(self) -> str:
        return "as they are"


class Pair(NamedTuple):
    """A clean image and its degraded self.

    Attributes:
        sample: the clean one, or one with its target.
        y: ``(C, H, W)``, degraded; not clipped.
        sigma: of its noise, a scalar, where it was asked for.
    """

    sample: Sample
    y: Tensor
    sigma: Tensor | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """A data set paired with a degradation.

    What is drawn for an image depends on the seed, the epoch and the image's name: not on its place in the set, on the
    order of reading, or on the number of workers. As it stands it is fixed, as tests need it; training takes
    ``dataclasses.replace(pairs, epoch=k)`` for fresh noise in epoch k.

    Args:
        dataset: the clean images.
        degradation: any degradation.
        seed: of the noise.
        epoch: from 0.
        with_sigma: also tell the σ that each image drew; the degradation has to have one.

    Example:
        >>> import torch
        >>> from clearsight.contracts import Sample
        >>> clean = [Sample(name="a", x=torch.zeros(1, 2, 2), label=None)]
        >>> pairs = Pairs(clean, lambda x, generator: x + torch.rand(x.shape, generator=generator), seed=1)
        >>> torch.equal(pairs[0].y, pairs[0].y)
        True
    """

    dataset: Dataset
    degradation: Degradation
    _: KW_ONLY
    seed: int
    epoch: int = 0
    with_sigma: bool = False

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Pair:
        """Read one image and degrade it."""
        sample = self.dataset[index]
        generator = generator_for(self.seed, self.epoch, stream=sample.name)
        if not self.with_sigma:
            return Pair(sample, self.degradation(sample.x[None], generator=generator)[0], None)
        y, sigma = cast(NoiseDegradation, self.degradation).with_sigma(sample.x[None], generator=generator)
        return Pair(sample, y[0], sigma[0])
