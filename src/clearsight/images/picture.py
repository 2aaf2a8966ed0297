"""An image in memory, as it was in its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearsight.errors import InvalidArgumentError

__all__ = ["Array", "Header", "Metadata", "Picture"]

Array = NDArray[Any]

_DTYPES = ("uint8", "uint16", "float32")


class Header(NamedTuple):
    """What a file says of itself before anything is decoded; width and height are in pixels, as stored."""

    width: int
    height: int
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a file says besides its pixels.

    Attributes:
        exif: EXIF block, a TIFF stream beginning with ``II`` or ``MM``; empty where there is none.
        icc: ICC colour profile; empty where there is none.
        dpi: horizontal and vertical dots per inch.
    """

    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """One upright image and what its file says besides.

    Attributes:
        pixels: ``(H, W, C)``, C = 1 (grey) or 3 (RGB); uint8 and uint16 use their full range, float32 is
            nominally in [0, 1] and may exceed it (HDR).
        alpha: ``(H, W)`` opacity, not multiplied into the colours, of the same dtype; ``None`` if opaque.
        metadata: EXIF, colour profile and resolution, to be written back.
        format: name of the format it was read from, such as ``"JPEG"``; empty if it was made in memory.

    Raises:
        InvalidArgumentError: a shape or a dtype is not one of these.
    """

    pixels: Array
    alpha: Array | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str = ""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or dtype.name not in _DTYPES:
            raise InvalidArgumentError(f"pixels must be (H, W, 1 or 3) of {', '.join(_DTYPES)}, got {shape} of {dtype}")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != dtype):
            got = f"{self.alpha.shape} of {self.alpha.dtype}"
            raise InvalidArgumentError(f"alpha must be {shape[:2]} of {dtype} like the pixels, got {got}")

    @classmethod
    def of(cls, samples: Array, metadata: Metadata) -> Picture:
        """Make one of ``(H, W)`` or ``(H, W, 1..4)`` samples; the last of two or four is alpha."""
        samples = np.atleast_3d(samples)
        if samples.shape[2] in (2, 4):
            return cls(pixels=samples[..., :-1], alpha=samples[..., -1], metadata=metadata)
        return cls(pixels=samples, metadata=metadata)

    @property
    def samples(self) -> Array:
        """Colours and alpha in one contiguous array, ``(H, W)`` if grey and opaque, else ``(H, W, 2..4)``."""
        if self.alpha is not None:
            return np.dstack([self.pixels, self.alpha])
        return np.ascontiguousarray(self.pixels[..., 0] if self.pixels.shape[2] == 1 else self.pixels)

    @property
    def icc(self) -> bytes:
        """The colour profile if it describes as many channels as the picture has, else empty."""
        space = b"GRAY" if self.pixels.shape[2] == 1 else b"RGB "
        return self.metadata.icc if self.metadata.icc[16:20] == space else b""
