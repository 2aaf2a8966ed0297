"""A wider network that starts out as the same function as a trained narrower one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clearsight.errors import RecipeError

__all__ = ["take_over"]


@torch.no_grad()
def take_over(wide: nn.Module, narrow: nn.Module) -> None:
    """Give ``wide`` the weights of ``narrow``, of the same layers with fewer channels, and so its function.

    The channels of ``narrow`` become the first ones of each layer of ``wide`` and hear nothing of the others; those
    keep the weights they have and hear everything. Training joins the two.

    Args:
        wide: of convolutions; changed in place.
        narrow: whose layers have the same names, kernels and biases.

    Raises:
        RecipeError: the layers differ in more than in channels, or ``wide`` has fewer; it is left half changed.

    Source: the aim is that of Net2Net (Chen et al., 2016), which copies channels where this one adds silent ones.

    Example:
        >>> wide, narrow = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 4, 3)
        >>> take_over(wide, narrow)
        >>> wide.weight[:4].equal(narrow.weight)
        True
    """
    theirs, modules = narrow.state_dict(), dict(wide.named_modules())
    ours = wide.state_dict()
    if theirs.keys() != ours.keys():
        raise RecipeError(f"{_name(wide)} cannot take over {_name(narrow)}: their layers are not the same")
    for key, kept in ours.items():
        value, owner = theirs[key], modules[key.rpartition(".")[0]]
        fits = kept.ndim == value.ndim and kept.shape[2:] == value.shape[2:]
        if not fits or any(a < b for a, b in zip(kept.shape, value.shape, strict=True)):
            raise RecipeError(
                f"{_name(wide)} cannot take over {_name(narrow)}: {key} is {_size(value)} there and {_size(kept)} here"
            )
        if kept.shape != value.shape and not isinstance(owner, nn.Conv2d | nn.ConvTranspose2d):
            raise RecipeError(f"{_name(wide)} cannot take over {_name(narrow)}: {key} is of no convolution")
        transposed = isinstance(owner, nn.ConvTranspose2d) and kept.ndim > 1
        _fill(*((t.transpose(0, 1) if transposed else t) for t in (kept, value)))


def _fill(kept: Tensor, value: Tensor) -> None:
    """Of tensors ``(outputs, inputs, …)`` or ``(outputs,)``: old outputs hear old inputs alone."""
    outputs = len(value)
    if kept.ndim == 1:
        kept[:outputs] = value
        return
    kept[:outputs] = 0
    kept[:outputs, : value.shape[1]] = value


def _name(network: nn.Module) -> str:
    return type(network).__name__


def _size(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))
