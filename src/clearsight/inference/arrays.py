"""The kinds of image people hold in their hands ↔ pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from clearsight.errors import InvalidArgumentError
from clearsight.images.picture import Picture
from clearsight.images.pillow import from_pillow, to_pillow

__all__ = ["ImageLike", "like", "pictures_of"]

ImageLike = TypeVar("ImageLike", bound="Image.Image | NDArray[Any] | Tensor")


def pictures_of(image: ImageLike) -> list[Picture]:
    """One picture, or one for each image of a batch.

    Args:
        image: a Pillow image of any mode, which is turned upright as its EXIF block asks for; an array ``(H, W)`` or
            ``(H, W, C)``, C = 1 or 3, of integers that fit into 32 bits or floats; a tensor ``(H, W)``, ``(C, H, W)``
            or ``(B, C, H, W)`` of the same.

    Raises:
        InvalidArgumentError: it is none of these, or holds numbers that are not finite.
    """
    if isinstance(image, Image.Image):
        return [_checked(from_pillow(image))]
    if isinstance(image, Tensor):
        each = list(image) if image.ndim == 4 and len(image) else [image]
        return [_of_array(_channels_last(one)) for one in each]
    if isinstance(image, np.ndarray):
        return [_of_array(image)]
    raise InvalidArgumentError(f"expected a Pillow image, a numpy array or a tensor, got {type(image).__name__}")


def like(image: ImageLike, pictures: Sequence[Picture]) -> ImageLike:
    """The pictures as the kind of image that ``image`` is, whose pictures they were: undoes :func:`pictures_of`."""
    if isinstance(image, Image.Image):
        return cast(ImageLike, to_pillow(pictures[0]))
    if isinstance(image, Tensor):
        each = [_channels_first(picture, image) for picture in pictures]
        return cast(ImageLike, torch.stack(each) if image.ndim == 4 else each[0])
    pixels = pictures[0].pixels.astype(image.dtype, copy=False)
    return cast(ImageLike, pixels[..., 0] if image.ndim == 2 else pixels)


def _of_array(image: NDArray[Any]) -> Picture:
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise InvalidArgumentError(f"expected a grey or an RGB image, got an array of shape {image.shape}")
    if image.dtype.kind in "iu" and image.dtype.itemsize == 8:
        pixels = _narrowed(pixels)
    elif image.dtype.kind not in "iuf" or image.dtype.itemsize > 8:
        raise InvalidArgumentError(f"expected integers or floats, got {image.dtype}")
    return _checked(Picture(pixels=np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))))


def _narrowed(pixels: NDArray[Any]) -> NDArray[Any]:
    """Integers of 64 bits, which counts often are without a need, in 32."""
    limits = np.iinfo(np.int32)
    if pixels.min() < limits.min or pixels.max() > limits.max:
        raise InvalidArgumentError("integers of 64 bits must fit into 32 here: convert them to floats")
    return pixels.astype(np.int32)


def _checked(picture: Picture) -> Picture:
    if picture.pixels.dtype.kind == "f" and not np.isfinite(picture.pixels).all():
        raise InvalidArgumentError("the image holds NaN or infinity: replace them first")
    return picture


def _channels_last(image: Tensor) -> NDArray[Any]:
    image = image.detach().cpu()
    image = image.float() if image.dtype == torch.bfloat16 else image
    return image.movedim(0, -1).numpy() if image.ndim == 3 else image.numpy()


def _channels_first(picture: Picture, image: Tensor) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(picture.pixels))
    return (pixels[..., 0] if image.ndim == 2 else pixels.movedim(-1, 0)).to(image)
