"""The kinds of image people hold in their hands, and the way there and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from clearsight.errors import InvalidArgumentError

__all__ = ["map_pixels"]

ImageLike = TypeVar("ImageLike", bound="Image.Image | NDArray[Any] | Tensor")
Transform = Callable[[NDArray[Any]], NDArray[Any]]
"""``(H, W, 1 or 3)`` of uint8, uint16 or float32 to the same dtype; height and width may change."""


def map_pixels(image: ImageLike, transform: Transform) -> ImageLike:
    """Apply a transform to an image; the same kind comes back.

    Args:
        image: a Pillow image (grey of 8 or 16 bits, or of floats in [0, 1]; other modes become RGB; transparency is
            carried over); an array ``(H, W)`` or ``(H, W, C)`` of uint8, uint16 or floats in [0, 1]; a tensor
            ``(H, W)``, ``(C, H, W)`` or ``(B, C, H, W)`` of the same.
        transform: what to do with its pixels.

    Raises:
        InvalidArgumentError: it is none of these, or holds numbers that are not finite.
    """
    if isinstance(image, Image.Image):
        return cast(ImageLike, _map_pillow(image, transform))
    if isinstance(image, Tensor):
        return cast(ImageLike, _map_tensor(image, transform))
    if isinstance(image, np.ndarray):
        return cast(ImageLike, _map_array(image, transform))
    raise InvalidArgumentError(f"expected a Pillow image, a numpy array or a tensor, got {type(image).__name__}")


def _map_pillow(image: Image.Image, transform: Transform) -> Image.Image:
    if image.mode in ("I;16", "I;16L", "I;16B", "F", "I"):
        pixels = np.asarray(image)
        return Image.fromarray(_map_array(pixels.astype(pixels.dtype.newbyteorder("=")), transform))
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    alpha = image.convert(f"{mode}A").getchannel("A") if image.has_transparency_data else None
    result = Image.fromarray(_map_array(np.asarray(image.convert(mode)), transform))
    if alpha is not None:
        result.putalpha(alpha.resize(result.size, Image.Resampling.BICUBIC) if alpha.size != result.size else alpha)
    return result


def _map_tensor(image: Tensor, transform: Transform) -> Tensor:
    if image.ndim == 4 and len(image):
        return torch.stack([_map_tensor(one, transform) for one in image])
    channels_last = image.detach().cpu().movedim(0, -1) if image.ndim == 3 else image.detach().cpu()
    if channels_last.is_floating_point():
        channels_last = channels_last.float()
    result = torch.from_numpy(_map_array(channels_last.numpy(), transform))
    return (result.movedim(-1, 0) if image.ndim == 3 else result).to(image)


def _map_array(image: NDArray[Any], transform: Transform) -> NDArray[Any]:
    pixels = image[..., None] if image.ndim == 2 else image
    floating = np.issubdtype(image.dtype, np.floating)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise InvalidArgumentError(f"expected a grey or an RGB image, got an array of shape {image.shape}")
    if not floating and image.dtype not in (np.uint8, np.uint16):
        raise InvalidArgumentError(f"expected uint8, uint16 or floats in [0, 1], got {image.dtype}")
    if floating and not np.isfinite(image).all():
        raise InvalidArgumentError("the image holds NaN or infinity: replace them first")
    result = transform(pixels.astype(np.float32) if floating else pixels).astype(image.dtype, copy=False)
    return result[..., 0] if image.ndim == 2 else result
