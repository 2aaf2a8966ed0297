"""OpenEXR, through the optional part ``exr``: one layer is the picture, all else is written back as it was."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from clearsight.errors import ImageReadError, MissingExtraError
from clearsight.images.layers import Layer, chosen, layers_of, maps_of
from clearsight.images.picture import Array, Header, Metadata, Picture

__all__ = ["decode", "encode", "header", "left_out", "write_channels"]

_NATIVE = "OpenEXR"
_HALF = 65504.0
_FRESH = {"grey": "Y", "red": "R", "green": "G", "blue": "B", "premultiplied alpha": "A"}


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One part of a file.

    Attributes:
        name: of the part.
        header: its attributes.
        channels: the pixels of each, and whether they are perceptually linear.
        subsampled: names of channels with fewer pixels, which are not kept.
    """

    name: str
    header: Mapping[str, Any]
    channels: Mapping[str, tuple[Array, bool]]
    subsampled: tuple[str, ...] = ()

    @property
    def restorable(self) -> list[str]:
        """Channels that are no whole numbers, such as those that name objects."""
        return [name for name, (pixels, _) in self.channels.items() if pixels.dtype.kind == "f"]


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """What a file holds, and which layer of it became the picture."""

    parts: tuple[_Part, ...]
    layer: Layer


def header(source: Path | BytesIO) -> Header:
    """Read the size of the layer that is restored unless another is asked for; all channels of all parts are samples.

    Raises:
        ImageReadError: it holds deep pixels.
        MissingExtraError: OpenEXR is not installed.
    """
    with _on_disk(source) as path, _openexr().File(str(path), header_only=True) as file:
        sizes = [_size(part.header) for part in file.parts]
        _refuse_deep(source, file.parts)
        names = [[one.name for one in part.header["channels"] if _full_size(one)] for part in file.parts]
        layer = chosen(layers_of([part.name() for part in file.parts], names), None)
        width, height = sizes[layer.part if layer else 0]
        samples = sum(w * h * len(part.header["channels"]) for (w, h), part in zip(sizes, file.parts, strict=True))
        return Header(width, height, math.ceil(samples / (width * height)))


def decode(source: Path | BytesIO, layer: str | None) -> Picture:
    """Read a layer, R, G, B or Y and A where there is one, or a single channel; alpha is premultiplied.

    Halves stay halves; where channels are of several types the picture is float32, and each is written as it was.

    Args:
        source: the file.
        layer: such as ``"ViewLayer.Combined"``; ``None`` for the first that is a colour or grey picture.

    Raises:
        ImageReadError: there is no such layer, or none that is a picture; or it is luminance and chroma.
        MissingExtraError: OpenEXR is not installed.
        ValueError: its pixels are damaged.
    """
    with _on_disk(source) as path:
        parts, notes = _parts(path)
    layers = layers_of([part.name for part in parts], [part.restorable for part in parts])
    picked = chosen(layers, layer)
    if picked is None:
        raise ImageReadError(_no_layer(source, parts, layers, layer))
    _refuse_chroma(source, picked, parts[picked.part])
    channels = parts[picked.part].channels
    kinds = {channels[name][0].dtype for name in picked.channels.values()}
    dtype = np.dtype(np.float16) if kinds == {np.dtype(np.float16)} else np.dtype(np.float32)
    pixels = np.dstack([channels[name][0].astype(dtype, copy=False) for name in picked.channels.values()])
    maps = _maps(parts, picked, pixels.shape[:2])
    if layer is None and any(one.colour for one in layers if one is not picked and not one.guides):
        notes += (f"of several layers {picked.name} was restored",)
    metadata = Metadata(native={_NATIVE: _Rest(tuple(parts), picked)})
    return Picture(pixels=pixels, channels=tuple(picked.channels), metadata=metadata, notes=notes, maps=maps)


def encode(picture: Picture, path: Path) -> None:
    """Write the picture in its place among the layers it came with; one of another size is written alone.

    Where it came from no OpenEXR file it is compressed losslessly.

    Raises:
        MissingExtraError: OpenEXR is not installed.
    """
    openexr = _openexr()
    parts = _rewritten(picture)
    made = [
        (
            {k: v for k, v in part.header.items() if k not in ("channels", "chunkCount")},
            {k: openexr.Channel(np.ascontiguousarray(v), 1, 1, flag) for k, (v, flag) in part.channels.items()},
        )
        for part in parts
    ]
    if len(parts) == 1:
        openexr.File(*made[0]).write(str(path))
    else:
        openexr.File([openexr.Part(*each, part.name) for each, part in zip(made, parts, strict=True)]).write(str(path))


def write_channels(channels: Mapping[str, Array], path: Path) -> None:
    """Write a file of named channels, ``(H, W)`` each, halves or floats, losslessly.

    Raises:
        MissingExtraError: OpenEXR is not installed.
    """
    openexr = _openexr()
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    openexr.File(header, {name: np.ascontiguousarray(values) for name, values in channels.items()}).write(str(path))


def left_out(picture: Picture, stays: bool) -> tuple[str, ...]:
    """What the file held and is not written: all other layers where the size is another or the format does not stay."""
    rest = picture.metadata.native.get(_NATIVE)
    if not isinstance(rest, _Rest) or (stays and _fits(rest, picture)):
        return ()
    others = sum(len(part.channels) for part in rest.parts) - len(rest.layer.channels)
    why = "the result is of another size" if stays else "only OpenEXR holds them"
    return (f"other layers were left out, for {why}",) if others else ()


def _parts(path: Path) -> tuple[list[_Part], tuple[str, ...]]:
    """All parts, with their pixels; and what is said of levels, which are not kept."""
    openexr = _openexr()
    with openexr.File(str(path), header_only=True) as file:
        count = len(file.parts)
    parts, notes = [], []
    with openexr.File(str(path), separate_channels=True) as file:
        if len(file.parts) != count:
            raise ValueError("its pixels are damaged")
        for part in file.parts:
            attributes = {k: v for k, v in part.header.items() if not (isinstance(v, list) and not v)}
            attributes.setdefault("type", part.type())
            tiles = attributes.get("tiles")
            if tiles is not None and tiles.mode != openexr.ONE_LEVEL:
                attributes["tiles"] = _one_level(openexr, tiles)
                notes.append("smaller copies (levels) were left out")
            subsampled = tuple(name for name, one in part.channels.items() if not _full_size(one))
            if subsampled:
                notes.append(f"subsampled channels ({', '.join(subsampled)}) were left out")
            channels = {k: (v.pixels, bool(v.pLinear)) for k, v in part.channels.items() if k not in subsampled}
            parts.append(_Part(part.name(), attributes, channels, subsampled))
    return parts, tuple(dict.fromkeys(notes))


def _maps(parts: list[_Part], picked: Layer, size: tuple[int, ...]) -> dict[str, Array]:
    """Albedo and normal as large as the picture and not the picture itself; what is no number counts as 0."""
    named = maps_of([part.name for part in parts], [part.restorable for part in parts])
    found = {}
    for kind, (number, names) in named.items():
        if not set(names) <= set(picked.channels.values()) and parts[number].channels[names[0]][0].shape == size:
            values = np.dstack([parts[number].channels[name][0] for name in names])
            found[kind] = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    return found


def _one_level(openexr: ModuleType, tiles: Any) -> Any:
    level = openexr.TileDescription()
    level.xSize, level.ySize, level.mode = tiles.xSize, tiles.ySize, openexr.ONE_LEVEL
    return level


def _full_size(channel: Any) -> bool:
    return (channel.xSampling, channel.ySampling) == (1, 1)


def _rewritten(picture: Picture) -> list[_Part]:
    rest = picture.metadata.native.get(_NATIVE)
    if not isinstance(rest, _Rest) or set(rest.layer.channels) != set(picture.channels):
        openexr = _openexr()
        header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
        names = [_FRESH[meaning] for meaning in picture.channels]
        return [_Part("", header, {name: (picture.pixels[..., i], False) for i, name in enumerate(names)})]
    part = rest.parts[rest.layer.part]
    new = {}
    for i, meaning in enumerate(picture.channels):
        name = rest.layer.channels[meaning]
        before, flag = part.channels[name]
        new[name] = (_typed(picture.pixels[..., i], before.dtype), flag)
    if not _fits(rest, picture):
        return [replace(part, header=_resized(part.header, picture), channels=new)]
    parts = list(rest.parts)
    parts[rest.layer.part] = replace(part, channels={**part.channels, **new})
    return [one for one in parts if one.channels]


def _fits(rest: _Rest, picture: Picture) -> bool:
    return _size(rest.parts[rest.layer.part].header) == (picture.pixels.shape[1], picture.pixels.shape[0])


def _typed(values: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers as a channel of that type; a half holds 65,504 at most."""
    return (values.clip(-_HALF, _HALF) if dtype == np.float16 else values).astype(dtype)


def _resized(header: Mapping[str, Any], picture: Picture) -> dict[str, Any]:
    """The attributes with windows that grew as the picture did."""
    (low, _), (height, width) = header["dataWindow"], picture.pixels.shape[:2]
    scale = np.array([width, height]) / _size(header)

    def grown(window: Any) -> tuple[Array, Array]:
        first, last = (np.asarray(corner) for corner in window)
        begin, end = np.rint(first * scale).astype(np.int32), np.rint((last + 1) * scale).astype(np.int32)
        return begin, end - 1

    begin = np.rint(low * scale).astype(np.int32)
    data = begin, begin + np.array([width - 1, height - 1], np.int32)
    return {**header, "dataWindow": data, "displayWindow": grown(header["displayWindow"])}


def _size(header: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of the data window."""
    low, high = header["dataWindow"]
    width, height = (np.asarray(high).astype(int) - low + 1).tolist()
    return width, height


def _refuse_deep(source: Path | BytesIO, parts: Any) -> None:
    openexr = _openexr()
    if any(part.type() in (openexr.deepscanline, openexr.deeptile) for part in parts):
        raise ImageReadError(f"{_name(source)} holds deep pixels, expected one sample a pixel: flatten it first")


def _refuse_chroma(source: Path | BytesIO, layer: Layer, part: _Part) -> None:
    held = {*part.channels, *part.subsampled}
    chroma = [name for name in (f"{layer.dotted}RY", f"{layer.dotted}BY") if name in held]
    if chroma and "grey" in layer.channels:
        raise ImageReadError(
            f"{_name(source)} holds luminance and chroma ({layer.channels['grey']}, {', '.join(chroma)}), "
            "expected R, G, B or Y alone: convert it to RGB first"
        )


def _no_layer(source: Path | BytesIO, parts: list[_Part], layers: list[Layer], wanted: str | None) -> str:
    names = ", ".join(dict.fromkeys(layer.name for layer in layers))
    if not names:
        held = ", ".join(name for part in parts for name in part.channels)
        return f"{_name(source)} holds no layer that can be restored ({held}), expected R, G, B or Y: export them, too"
    if wanted is None:
        return f"{_name(source)} holds no colour, expected R, G, B or Y: name one of its layers instead: {names}"
    return f"{_name(source)} holds no layer {wanted!r} that can be restored: there is {names}"


def _name(source: Path | BytesIO) -> str:
    return str(source) if isinstance(source, Path) else "the OpenEXR file"


@contextmanager
def _on_disk(source: Path | BytesIO) -> Iterator[Path]:
    """The reading library takes paths only, and text in UTF-8 only."""
    try:
        if isinstance(source, Path):
            yield source
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "content.exr"
            path.write_bytes(source.getbuffer())
            yield path
    except UnicodeDecodeError:
        raise ImageReadError(
            f"{_name(source)} holds an attribute whose text is not UTF-8, which OpenEXR asks for: write it anew"
        ) from None


def _openexr() -> ModuleType:
    try:
        import OpenEXR
    except ImportError:
        raise MissingExtraError("OpenEXR", "exr") from None
    module: ModuleType = OpenEXR
    return module
