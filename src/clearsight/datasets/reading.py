"""Bytes of an image file → pixels or labels, upright; whatever goes wrong is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from clearsight.errors import ClearsightError, DataError

__all__ = ["explained", "labels", "pixels"]

_GREY = ("1", "L", "LA", "La")
_DEEP = ("I;16", "I;16B", "I;16L", "I")
_INDEXED = ("1", "L", "P", *_DEEP)


def pixels(data: bytes) -> Tensor:
    """Decode an image: ``(C, H, W)`` float32 in [0, 1], grey with one channel, everything else as RGB.

    16-bit grey keeps its precision; 16-bit colour is read with 8, as Pillow does. Alpha is left out.

    Raises:
        Exception: anything a decoder raises; see :func:`explained`.
    """
    image = _upright(data)
    if image.mode == "F":
        raise ValueError("floating-point pixels of unknown range")
    deep = image.mode in _DEEP
    plain = image if deep else image.convert("L" if image.mode in _GREY else "RGB")
    values = torch.from_numpy(np.array(plain, dtype=np.float32)) / (65535 if deep else 255)
    if values.min() < 0 or values.max() > 1:
        raise ValueError("32-bit pixels of unknown range")
    return values.permute(2, 0, 1).contiguous() if values.ndim == 3 else values[None]


def labels(data: bytes) -> Tensor:
    """Decode an index map: ``(H, W)`` int64; of a palette image the indices, not the colours.

    Raises:
        Exception: anything a decoder raises; see :func:`explained`.
    """
    image = _upright(data)
    if image.mode not in _INDEXED:
        raise ValueError(f"expected one channel of class numbers, got {image.mode}")
    return torch.from_numpy(np.asarray(image).astype(np.int64))


def _upright(data: bytes) -> Image.Image:
    try:
        return ImageOps.exif_transpose(Image.open(BytesIO(data)))
    except UnidentifiedImageError:  # its text would name the buffer
        raise ValueError(f"{len(data)} bytes of no known format") from None


@contextmanager
def explained(where: str, what: str) -> Iterator[None]:
    """Turn whatever reading raises into one sentence.

    Args:
        where: the file.
        what: what it was to be, with its article.

    Raises:
        DataError: the file is missing, damaged, or something else.
    """
    try:
        yield
    except ClearsightError:
        raise
    except FileNotFoundError:
        raise DataError(
            f"{where} does not exist, expected {what}: was it moved, or the data set copied in part?"
        ) from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{where} cannot be read as {what} ({reason}): copy it again, or remove it") from error
