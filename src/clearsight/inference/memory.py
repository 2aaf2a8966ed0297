"""How large a tile a device's memory allows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from clearsight.contracts import Traits

__all__ = ["CPU_BUDGET", "tile_size"]

CPU_BUDGET = 600 * 2**20
"""Bytes that a tile's activations may take on a CPU: a 100-megapixel image then restores in under 2 GB."""

_ALIVE = 4
"""Activations of the largest layer that are alive at once: a skip, an input, a product and an output."""


def tile_size(model: nn.Module, traits: Traits, device: torch.device) -> int:
    """Height and width in pixels of what is kept of a tile; at least 64.

    The largest activation of the model, in bytes for each input pixel, is measured on a small input.
    """
    budget = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else CPU_BUDGET
    window = math.isqrt(int(budget / (_ALIVE * _bytes_per_pixel(model, traits, device))))
    return max(window - 2 * (traits.receptive_radius or 0), 64) // traits.multiple * traits.multiple


@torch.inference_mode()
def _bytes_per_pixel(model: nn.Module, traits: Traits, device: torch.device) -> float:
    side = 16 * traits.multiple
    sizes = [4.0 * 3 * traits.scale**2]

    def note(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size() / side**2)

    hooks = [module.register_forward_hook(note) for module in model.modules()]
    try:
        model(
            torch.zeros(1, traits.channels or 3, side, side, device=device),
            None if traits.sigma == "blind" else torch.full((1,), 0.1, device=device),
        )
    finally:
        for hook in hooks:
            hook.remove()
    return max(sizes)
