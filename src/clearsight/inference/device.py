"""Which device to compute on, in which precision, and in how few passes over memory."""

from __future__ import annotations

import copy
from itertools import chain, pairwise
from typing import Literal

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from clearsight.errors import InvalidArgumentError

__all__ = [
    "BFLOAT16_TOLERANCE",
    "Precision",
    "choose_device",
    "choose_precision",
    "fused",
    "has_fast_bfloat16",
    "placed",
]

Precision = Literal["auto", "float32", "bfloat16"]

BFLOAT16_TOLERANCE = 0.02
"""dB by which bfloat16 may move a model's PSNR for ``auto`` to choose it."""


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Raises:
        InvalidArgumentError: the name is no device, or this machine has none of that kind.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError):
        raise InvalidArgumentError(
            f"device {name!r} cannot be used here: expected auto, cpu, or an accelerator that is here"
        ) from None
    return device


def choose_precision(name: str, model: nn.Module, device: torch.device) -> torch.dtype:
    """The precision of that name; ``auto`` takes bfloat16 where it is fast and known to be harmless.

    Fast: see :func:`has_fast_bfloat16`. Harmless: the model's own
    figures say that it moves the PSNR by less than :data:`BFLOAT16_TOLERANCE`.

    Raises:
        InvalidArgumentError: there is no such precision.
    """
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name in named:
        return named[name]
    if name != "auto":
        raise InvalidArgumentError(f"precision is auto, float32 or bfloat16, got {name!r}")
    return torch.bfloat16 if _is_harmless(model) and has_fast_bfloat16(device) else torch.float32


def _is_harmless(model: nn.Module) -> bool:
    figures = getattr(model, "figures", {})
    change = figures.get("validation", {}).get("bfloat16_change", float("inf"))
    return bool(abs(change) < BFLOAT16_TOLERANCE)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products: CUDA 8.0 and later, AMX, AVX-512 BF16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def placed(module: nn.Module, device: torch.device) -> nn.Module:
    """The module if it is on the device, else a copy: whoever gave it goes on with it where it is."""
    places = {tensor.device for tensor in chain(module.parameters(), module.buffers())}
    if all(place.type == device.type and device.index in (None, place.index) for place in places):
        return module
    return copy.deepcopy(module).to(device)


def fused(model: nn.Module) -> nn.Module:
    """A copy, in evaluation mode, whose convolution + batch normalisation pairs are single convolutions.

    Only pairs that follow one another in an ``nn.Sequential`` are folded; a network that knows how to fold itself, by a
    method ``folded``, does so first.
    """
    model = copy.deepcopy(getattr(model, "folded", lambda: model)()).eval()
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        names = list(sequence._modules)
        for first, second in pairwise(names):
            convolution, norm = sequence._modules[first], sequence._modules[second]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence._modules[first] = fuse_conv_bn_eval(convolution, norm)
                sequence._modules[second] = nn.Identity()
    return model
