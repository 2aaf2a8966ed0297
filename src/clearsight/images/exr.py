"""OpenEXR, through the optional part ``exr``; always float32 in memory, linear light stays linear."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np

from clearsight.errors import MissingExtraError
from clearsight.images.picture import Header, Picture

__all__ = ["decode", "encode", "header"]


def header(source: Path | BytesIO) -> Header:
    """Read size and number of parts.

    Raises:
        MissingExtraError: OpenEXR is not installed.
    """
    with _on_disk(source) as path, _openexr().File(str(path), header_only=True) as file:
        low, high = file.header()["dataWindow"]
        width, height = (high.astype(int) - low + 1).tolist()
        return Header(width, height, len(file.header()["channels"]))


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read RGB or Y and, if there is one, A; other channels are left out.

    Raises:
        MissingExtraError: OpenEXR is not installed.
        ValueError: there is neither RGB nor Y.
    """
    with _on_disk(source) as path, _openexr().File(str(path)) as file:
        channels = {name: channel.pixels for name, channel in file.channels().items()}
    colour = next((name for name in ("RGBA", "RGB", "Y") if name in channels), None)
    if colour is None:
        raise ValueError(f"channels {', '.join(channels)}, expected R, G, B or Y")
    layers = [channels[colour]] + ([channels["A"]] if "A" in channels else [])
    return Picture.of(np.dstack(layers).astype(np.float32, copy=False), alpha="premultiplied alpha")


def encode(picture: Picture, path: Path) -> None:
    """Write float32, losslessly compressed.

    Raises:
        MissingExtraError: OpenEXR is not installed.
    """
    openexr = _openexr()
    pixels = np.ascontiguousarray(picture.colour)
    channels = {"Y": pixels[..., 0]} if pixels.shape[2] == 1 else {"RGB": pixels}
    if picture.alpha is not None:
        channels["A"] = np.ascontiguousarray(picture.alpha)
    options = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(options, channels).write(str(path))


@contextmanager
def _on_disk(source: Path | BytesIO) -> Iterator[Path]:
    """The reading library takes paths only."""
    if isinstance(source, Path):
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content.exr"
        path.write_bytes(source.getbuffer())
        yield path


def _openexr() -> ModuleType:
    try:
        import OpenEXR
    except ImportError:
        raise MissingExtraError("OpenEXR", "exr") from None
    module: ModuleType = OpenEXR
    return module
