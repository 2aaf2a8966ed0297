"""Random numbers, drawn where the generator lives and then moved: same seed, same numbers on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range

__all__ = ["chosen_pixels", "normal_like", "per_image", "uniform_like"]


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Shape ``(B,)`` to ``(B, 1, 1, 1)`` on the device and in the dtype of ``like``."""
    return values.to(like).view(-1, 1, 1, 1)


def normal_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers with the shape, device and dtype of ``x``."""
    return torch.randn(x.shape, generator=generator, device=generator.device).to(x)


def uniform_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers from 0 to 1 with the shape, device and dtype of ``x``."""
    return torch.rand(x.shape, generator=generator, device=generator.device).to(x)


def chosen_pixels(x: Tensor, share: Range | float | str, generator: torch.Generator) -> Tensor:
    """A ``(B, 1, H, W)`` mask, true at each pixel independently with the share its image draws."""
    shares = Range.of(share).draw(len(x), generator).view(-1, 1, 1, 1)
    chances = torch.rand(x[:, :1].shape, generator=generator, device=generator.device)
    return (chances < shares).to(x.device)
