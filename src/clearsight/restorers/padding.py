"""Images of any size for a restorer that takes multiples."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Restorer

__all__ = ["enlarged", "reflected", "reflected_symbolic", "restored"]


def restored(
    restorer: nn.Module, y: Tensor, sigma: Tensor | None = None, inputs: Mapping[str, Tensor] = MappingProxyType({})
) -> Tensor:
    """Restore images of any size: padded by reflection to the restorer's size multiple, restored, cropped.

    Args:
        restorer: image → image.
        y: ``(B, C, H, W)``.
        sigma: the noise level of each image, ``(B,)``, for a restorer that takes it.
        inputs: more than a restorer takes may be given: those it declares are passed on, maps padded like ``y``.

    Returns:
        ``(B, C, scale·H, scale·W)``.
    """
    traits, (height, width) = cast(Restorer, restorer).traits, y.shape[2:]
    padded = reflected(y, traits.multiple).contiguous(memory_format=torch.channels_last)
    given = {
        one.name: reflected(inputs[one.name], traits.multiple) if one.kind == "map" else inputs[one.name]
        for one in traits.inputs
        if one.name in inputs
    }
    x_hat: Tensor = restorer(padded, sigma, **given)
    return x_hat[..., : height * traits.scale, : width * traits.scale]


def reflected(y: Tensor, multiple: int) -> Tensor:
    """Pad ``(B, C, H, W)`` at the end to multiples, by reflection; as often as it takes where an image is small.

    Example:
        >>> reflected(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 4)
        tensor([[[[1., 2., 3., 2.],
                  [1., 2., 3., 2.],
                  [1., 2., 3., 2.],
                  [1., 2., 3., 2.]]]])
    """
    height, width = (size + -size % multiple for size in y.shape[2:])
    return enlarged(y, height, width)


def enlarged(y: Tensor, height: int, width: int) -> Tensor:
    """Pad ``(…, H, W)`` at the end to at least that size, by reflection; as often as it takes where it is small."""
    for axis, wanted in ((-2, height), (-1, width)):
        size = y.shape[axis]
        if size < wanted:
            period = max(2 * (size - 1), 1)
            at = torch.arange(wanted, device=y.device) % period
            y = y.index_select(axis, torch.minimum(at, period - at))
    return y


def reflected_symbolic(y: Tensor, multiple: int) -> Tensor:
    """What :func:`reflected` gives, without a branch on the size: exported to ONNX, the size stays a symbol."""
    for axis in (2, 3):
        size = y.shape[axis]
        period = torch.full((1,), torch.sym_max(2 * (size - 1), 1))  # type: ignore[no-untyped-call]
        at = torch.arange((size + multiple - 1) // multiple * multiple) % period
        y = y.index_select(axis, torch.minimum(at, period - at))
    return y
