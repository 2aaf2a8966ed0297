"""Images as a recognizer is shown them while it guides: moved, and mirrored or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

__all__ = ["View"]

_FARTHEST = 8
"""An image is moved by up to its size over this."""


@dataclass(frozen=True, slots=True)
class View:
    """Another look at each image of a batch, the same at all that lies over its pixels: restored, clean, labels.

    Each image is moved by up to an eighth of its size both ways, what is missing at the edge is reflected there, and
    every other one is mirrored, left to right. A network that halves the resolution sees another grid then, so that
    what many views ask of an image is less peculiar to the network. Source: Xie et al., "Improving transferability of
    adversarial examples with input diversity", 2019, and Dong et al., "Evading defenses to transferable adversarial
    examples by translation-invariant attacks", 2019; there to deceive, here to help networks that are not known.

    Attributes:
        rows: which row of each image comes where, ``(B, H)``.
        columns: which column, ``(B, W)``.

    Example:
        >>> view = View(rows=torch.tensor([[1, 0]]), columns=torch.tensor([[0, 0]]))
        >>> view.of(torch.tensor([[[1, 2], [3, 4]]])).tolist()
        [[[3, 3], [1, 1]]]
    """

    rows: Tensor
    columns: Tensor

    @classmethod
    def draw(cls, x: Tensor, generator: torch.Generator) -> Self:
        """One for each image of ``(B, …, H, W)``, drawn on the generator's device."""
        images, (height, width) = len(x), x.shape[-2:]
        rows, columns = (_places(images, size, generator) for size in (height, width))
        mirrored = torch.rand(images, 1, generator=generator, device=generator.device) < 0.5
        return cls(rows.to(x.device), torch.where(mirrored, columns.flip(1), columns).to(x.device))

    def of(self, x: Tensor) -> Tensor:
        """``(B, …, H, W)`` as it is seen."""
        between = [1] * (x.ndim - 3)
        rows, columns = self.rows.view(len(x), *between, -1, 1), self.columns.view(len(x), *between, 1, -1)
        return x.gather(-2, rows.expand(x.shape)).gather(-1, columns.expand(x.shape))


def _places(images: int, size: int, generator: torch.Generator) -> Tensor:
    """Whence each row comes, ``(B, size)``, each image moved by so many."""
    farthest, device = size // _FARTHEST, generator.device
    moved = torch.randint(-farthest, farthest + 1, (images, 1), generator=generator, device=device)
    places = (torch.arange(size, device=device) + moved).abs()
    return size - 1 - (size - 1 - places).abs()
