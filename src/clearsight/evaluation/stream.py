"""A data set and what a degradation makes of it, a few images of one size at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets import Pair, Pairs
from clearsight.errors import DataError

__all__ = ["Chunk", "chunks"]

_PIXELS_AT_ONCE = 2**18


class Chunk(NamedTuple):
    """Images of one size.

    Attributes:
        samples: as they were read.
        x: the clean images, ``(B, C, H, W)``.
        y: the degraded ones, not clipped.
        sigma: what restorers that take a noise level are told, ``(B,)``: the σ of the noise, or else the root mean
            square of y − x, which favours them; ``None`` where the sizes differ.
    """

    samples: list[Sample]
    x: Tensor
    y: Tensor
    sigma: Tensor | None

    def labels(self) -> Tensor:
        """What is to be recognized: ``(B,)`` classes or ``(B, H, W)`` maps.

        Raises:
            DataError: an image has no label.
        """
        for sample in self.samples:
            if sample.label is None:
                raise DataError(f"{sample.name} has no label, by which a recognizer is judged: label it or remove it")
        return torch.stack([torch.as_tensor(sample.label) for sample in self.samples])


def chunks(pairs: Pairs, numbers: Iterable[int]) -> Iterator[Chunk]:
    """The pairs of these numbers in their order; as many together as have one size and a quarter of a megapixel."""
    held: list[Pair] = []
    for number in numbers:
        pair = pairs[number]
        pixels = pair.sample.x[0].numel()
        if held and (pair.sample.x.shape != held[0].sample.x.shape or (len(held) + 1) * pixels > _PIXELS_AT_ONCE):
            yield _stacked(held)
            held = []
        held.append(pair)
    if held:
        yield _stacked(held)


def _stacked(pairs: list[Pair]) -> Chunk:
    samples = [pair.sample for pair in pairs]
    x, y = torch.stack([sample.x for sample in samples]), torch.stack([pair.y for pair in pairs])
    levels = [pair.sigma for pair in pairs if pair.sigma is not None]
    if levels:
        return Chunk(samples, x, y, torch.stack(levels))
    return Chunk(samples, x, y, (y - x).square().mean((1, 2, 3)).sqrt() if x.shape == y.shape else None)
