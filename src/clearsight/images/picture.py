"""An image in memory, as it was in its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearsight.errors import InvalidArgumentError

__all__ = ["ALPHA", "COLOUR", "GREY", "Array", "Header", "Meaning", "Metadata", "Mosaic", "Picture"]

Array = NDArray[Any]

Meaning = Literal["grey", "red", "green", "blue", "alpha", "premultiplied alpha", "other"]
"""What a channel is. Only what is tagged as alpha is alpha; colours beside premultiplied alpha are multiplied by it."""

GREY: tuple[Meaning, ...] = ("grey",)
COLOUR: tuple[Meaning, ...] = ("red", "green", "blue")

ALPHA: tuple[Meaning, ...] = ("alpha", "premultiplied alpha")
_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")


class Header(NamedTuple):
    """What a file says of itself before anything is decoded.

    Attributes:
        width: in pixels, as stored.
        height: in pixels, as stored.
        samples: numbers a pixel.
        planes: images that it holds and that are restored one by one: slices, times, channels, pages.
        frames: of an animation, which is not restored.
    """

    width: int
    height: int
    samples: int = 1
    planes: int = 1
    frames: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a file says besides its pixels.

    Attributes:
        exif: EXIF block, a TIFF stream beginning with ``II`` or ``MM``; empty where there is none.
        icc: ICC colour profile; empty where there is none.
        dpi: horizontal and vertical dots per inch.
        xmp: XMP packet; empty where there is none.
        iptc: IPTC-IIM records; empty where there are none.
        comment: of a JPEG or GIF.
        text: keys and values, as PNG keeps them.
        native: what only the format that was read knows, such as TIFF tags, chunks of a PNG, attributes and further
            layers of an OpenEXR file; written back where the format stays.
        lossless: whether a format that can be either was lossless.
    """

    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    text: tuple[tuple[str, str], ...] = ()
    native: Mapping[str, Any] = field(default_factory=dict)
    lossless: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mosaic:
    """What a sensor saw through a mosaic of colours.

    Attributes:
        planes: the sites of each of the four positions in the mosaic, ``(H/2, W/2, 4)``, on a scale where the noise of
            light that is counted is the same everywhere.
        develop: makes the picture of such planes.
    """

    planes: Array
    develop: Callable[[Array], Picture]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Picture:
    """One upright image and what its file says besides.

    Attributes:
        pixels: ``(H, W, C)``, every channel, in the file's dtype: integers of 8, 16 or 32 bits, floats of 16, 32 or 64.
        channels: what each of them is; one or three that nobody named are grey or RGB.
        metadata: what is written back.
        format: name of the format it was read from, such as ``"JPEG"``; empty if it was made in memory.
        notes: what the file held and this picture does not, a clause each, such as ``"palette colours became RGB"``.
        mosaic: what the sensor saw, where it was developed from that: its noise is white there, and nowhere later.
        maps: what a renderer wrote beside it, ``(H, W, 3)`` each: ``"albedo"`` and ``"normal"`` of the surfaces.

    Raises:
        InvalidArgumentError: a shape, a dtype or the channels make no sense.
    """

    pixels: Array
    channels: tuple[Meaning, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)
    format: str = ""
    notes: tuple[str, ...] = ()
    mosaic: Mosaic | None = None
    maps: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or 0 in shape or dtype.name not in _DTYPES:
            raise InvalidArgumentError(f"pixels must be (H, W, C) of {', '.join(_DTYPES)}, got {shape} of {dtype}")
        channels = self.channels or {1: GREY, 3: COLOUR}.get(shape[2], ())
        if len(channels) != shape[2]:
            raise InvalidArgumentError(f"{shape[2]} channels need a meaning each, got {channels or 'none'}")
        object.__setattr__(self, "channels", channels)

    @classmethod
    def of(cls, samples: Array, metadata: Metadata | None = None, *, alpha: Meaning = "alpha") -> Picture:
        """Make one of ``(H, W)`` or ``(H, W, 1..4)`` samples; the last of two or four is alpha."""
        samples = np.atleast_3d(samples)
        colours = {1: GREY, 2: (*GREY, alpha), 3: COLOUR, 4: (*COLOUR, alpha)}.get(samples.shape[2], ())
        return cls(pixels=samples, channels=colours, metadata=metadata or Metadata())

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Channels that are restored together: red, green and blue; all others but alpha each like a grey picture."""
        together = tuple(map(self.channels.index, COLOUR)) if set(COLOUR) <= set(self.channels) else ()
        alone = (i for i, name in enumerate(self.channels) if name not in ALPHA and i not in together)
        return (*([together] if together else []), *((i,) for i in alone))

    @property
    def colour(self) -> Array:
        """``(H, W, 3)`` where there are red, green and blue, else the first channel that is no alpha, ``(H, W, 1)``."""
        return self.take(self.groups[0])

    def take(self, group: tuple[int, ...]) -> Array:
        """Some channels, ``(H, W, n)``; a view where they follow one another."""
        adjacent = group == tuple(range(group[0], group[0] + len(group)))
        return self.pixels[..., slice(group[0], group[-1] + 1) if adjacent else list(group)]

    @property
    def alpha(self) -> Array | None:
        """``(H, W)`` opacity; ``None`` if opaque."""
        return next((self.pixels[..., i] for i, name in enumerate(self.channels) if name in ALPHA), None)

    @property
    def premultiplied(self) -> bool:
        """Whether the colours are multiplied by alpha."""
        return "premultiplied alpha" in self.channels

    @property
    def samples(self) -> Array:
        """The pixels in one contiguous array, ``(H, W)`` if there is one channel, else ``(H, W, C)``."""
        return np.ascontiguousarray(self.pixels[..., 0] if self.pixels.shape[2] == 1 else self.pixels)

    @property
    def icc(self) -> bytes:
        """The colour profile if it describes as many channels as the picture has, else empty."""
        space = b"RGB " if set(COLOUR) <= set(self.channels) else b"GRAY"
        return self.metadata.icc if self.metadata.icc[16:20] == space else b""

    def noting(self, note: str) -> Picture:
        """The same with one more note."""
        return replace(self, notes=(*self.notes, note))
