"""OpenEXR of every kind: one layer is restored, all else comes back as it was."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearsight import images
from clearsight.errors import ImageReadError
from clearsight.images import Picture, open_image
from clearsight.images.layers import chosen, layers_of
from clearsight.inference import Restoration, plan, process
from clearsight.restorers import Bicubic

openexr = pytest.importorskip("OpenEXR")

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 24, 32
WINDOWS = {"dataWindow": ((100, 50), (131, 73)), "displayWindow": ((0, 0), (639, 479))}


def plane(dtype: str = "float16", height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    if dtype == "uint32":
        return RNG.integers(0, 2**32, (height, width), dtype=np.uint32)
    return np.clip(0.5 + RNG.normal(0, 0.1, (height, width)), 0, 1).astype(dtype)


def rgb(prefix: str = "", dtype: str = "float16", alpha: bool = False) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": plane(dtype) for name in ("RGBA" if alpha else "RGB")}


def save(path: Path, channels: Mapping[str, Any], **header: Any) -> Path:
    openexr.File({"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **header}, channels).write(
        str(path)
    )
    return path


def save_parts(path: Path, **parts: Mapping[str, Any]) -> Path:
    window = ((0, 0), (WIDTH - 1, HEIGHT - 1))  # which all parts share
    header = {"compression": openexr.PIZ_COMPRESSION, "type": openexr.scanlineimage, "displayWindow": window}
    openexr.File([openexr.Part({**header, "comments": k}, dict(v), k) for k, v in parts.items()]).write(str(path))
    return path


def load(path: Path) -> list[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    with openexr.File(str(path), separate_channels=True) as file:
        return [
            (
                {k: v for k, v in part.header.items() if k not in ("channels", "chunkCount")},
                {name: channel.pixels for name, channel in part.channels.items()},
            )
            for part in file.parts
        ]


def said(value: Any) -> str:
    """Attributes are compared as they print; pictures of them would not compare."""
    data = value.data if isinstance(value, openexr.OpaqueAttribute) else b""
    return f"{type(value).__name__} {value!r} {data!r}"


def same_headers(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    assert {k: said(v) for k, v in before.items()} == {k: said(v) for k, v in after.items()}


def restored(path: Path, layer: str | None = None, **options: Any) -> tuple[Path, tuple[str, ...]]:
    """Restore a file as the command does; the result and what was said of it."""
    target = path.with_name(f"restored {path.name}")
    restoration = Restoration(options.pop("model", "wiener"), **options)
    (report,) = process(
        plan([path], target), lambda _, picture: restoration(picture), layer=layer, overwrite=True, workers=1
    )
    assert report.error is None, report.error
    return target, report.notes


def changed(path: Path, layer: str | None = None) -> set[str]:
    """Which channels a restoration changed; all others, all types and all attributes are as they were."""
    target, _ = restored(path, layer)
    names = set()
    before, after = load(path), load(target)
    assert len(before) == len(after)
    for (header, channels), (header_after, channels_after) in zip(before, after, strict=True):
        same_headers(header, header_after)
        assert channels.keys() == channels_after.keys()
        for name, pixels in channels.items():
            assert channels_after[name].dtype == pixels.dtype
            if not np.array_equal(channels_after[name], pixels, equal_nan=True):
                names.add(name)
    return names


def timecode() -> Any:
    code = openexr.TimeCode()
    code.hours, code.frame = 3, 7
    return code


ATTRIBUTES = {
    "chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "owner": "Lumière",
    "comments": "",
    "custom": "anything",
    "exposure": 1.5,
    "samples": 128,
    "double": np.array([1 / 3]),
    "offset": np.array([1, 2], np.int32),
    "position": np.array([1, 2, 3], np.float32),
    "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
    "rotation": np.eye(3, dtype=np.float32),
    "region": (np.array([0, 0], np.float32), np.array([1, 1], np.float32)),
    "timeCode": timecode(),
    "keyCode": openexr.KeyCode(),
    "framesPerSecond": openexr.OpaqueAttribute(struct.pack("<iI", 24000, 1001), "rational"),
    "multiView": ["left", "right"],
    "weights": [0.5, 1.5],
    "unknown": openexr.OpaqueAttribute(b"abc", "somebody's type"),
    "envmap": openexr.ENVMAP_LATLONG,
    "pixelAspectRatio": 2.0,
    "screenWindowWidth": 1.5,
    "lineOrder": openexr.DECREASING_Y,
}


class TestKept:
    def test_windows_attributes_depth_ids_and_halves(self, tmp_path: Path) -> None:
        others = {"Z": plane("float32"), "id": plane("uint32"), "ViewLayer.Normal.X": plane(), "mask": plane("float32")}
        others["Z"][3, 4], others["Z"][5, 6] = np.inf, np.nan
        path = save(tmp_path / "x.exr", {**rgb(alpha=True), **others}, **WINDOWS, **ATTRIBUTES)
        assert changed(path) == {"R", "G", "B"}

    @pytest.mark.parametrize("compression", ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB"])
    def test_compression(self, tmp_path: Path, compression: str) -> None:
        kind = getattr(openexr, f"{compression}_COMPRESSION")
        target, _ = restored(save(tmp_path / "x.exr", rgb(), compression=kind))
        assert load(target)[0][0]["compression"] == kind

    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_the_type_of_pixels(self, tmp_path: Path, dtype: str) -> None:
        path = save(tmp_path / "x.exr", rgb(dtype=dtype, alpha=True))
        assert images.read(path).pixels.dtype == dtype
        assert changed(path) == {"R", "G", "B"}

    def test_types_that_differ_from_channel_to_channel(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {"R": plane(), "G": plane("float32"), "B": plane("float32"), "A": plane()})
        assert images.read(path).pixels.dtype == np.float32
        assert changed(path) == {"R", "G", "B"}

    def test_a_half_beside_floats_never_becomes_infinite(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {"R": plane(), "G": plane("float32"), "B": 1e6 * plane("float32")})
        picture = images.read(path)
        images.write(Picture(pixels=picture.pixels + 1e5, metadata=picture.metadata), tmp_path / "y.exr")
        assert load(tmp_path / "y.exr")[0][1]["R"].max() == 65504

    def test_parts(self, tmp_path: Path) -> None:
        path = save_parts(
            tmp_path / "x.exr", depth={"Z": plane("float32")}, beauty=rgb(), ids={"id": plane("uint32")}, more=rgb()
        )
        target, notes = restored(path)
        assert notes == ("of several layers beauty was restored",)
        before, after = load(path), load(target)
        assert [header["name"] for header, _ in after] == ["depth", "beauty", "ids", "more"]
        for (header, channels), (header_after, channels_after) in zip(before, after, strict=True):
            same_headers(header, header_after)
            same = [np.array_equal(channels_after[name], pixels) for name, pixels in channels.items()]
            assert all(same) == (header["name"] != "beauty")

    def test_tiles(self, tmp_path: Path) -> None:
        tiles = openexr.TileDescription()
        tiles.xSize = tiles.ySize = 16
        path = save(tmp_path / "x.exr", rgb(), type=openexr.tiledimage, tiles=tiles)
        assert changed(path) == {"R", "G", "B"}

    def test_memory_and_streams(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {**rgb(alpha=True), "Z": plane("float32")}, **WINDOWS)
        images.write(open_image(BytesIO(path.read_bytes())).read(), tmp_path / "y.exr")
        for (header, channels), (header_after, channels_after) in zip(
            load(path), load(tmp_path / "y.exr"), strict=True
        ):
            same_headers(header, header_after)
            np.testing.assert_equal(channels_after, channels)

    def test_alpha_is_premultiplied(self, tmp_path: Path) -> None:
        picture = images.read(save(tmp_path / "x.exr", rgb(alpha=True)))
        assert picture.channels == ("red", "green", "blue", "premultiplied alpha")


class TestAnotherSize:
    def test_windows_grow_and_other_layers_are_left_out(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {**rgb(alpha=True), "Z": plane("float32")}, owner="me", **WINDOWS)
        target, notes = restored(path, model=Bicubic(scale=2))
        assert notes == ("other layers were left out, for the result is of another size",)
        ((header, channels),) = load(target)
        assert np.array_equal(header["dataWindow"], ((200, 100), (263, 147)))
        assert np.array_equal(header["displayWindow"], ((0, 0), (1279, 959)))
        assert header["owner"] == "me"
        assert {name: (c.shape, c.dtype.name) for name, c in channels.items()} == dict.fromkeys(
            "ABGR", ((48, 64), "float16")
        )

    def test_nothing_is_said_where_nothing_is_lost(self, tmp_path: Path) -> None:
        assert restored(save(tmp_path / "x.exr", rgb()), model=Bicubic(scale=2))[1] == ()

    def test_another_format(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {**rgb(), "Z": plane("float32")})
        assert images.write(images.read(path), tmp_path / "x.tif") == (
            "other layers were left out, for only OpenEXR holds them",
        )


class TestLayers:
    CHANNELS = (
        *("ViewLayer.AO.B", "ViewLayer.AO.G", "ViewLayer.AO.R"),
        *("ViewLayer.Combined.A", "ViewLayer.Combined.B", "ViewLayer.Combined.G", "ViewLayer.Combined.R"),
        *("ViewLayer.CryptoObject00.b", "ViewLayer.CryptoObject00.g", "ViewLayer.CryptoObject00.r"),
        *("ViewLayer.Depth.Z", "ViewLayer.Normal.X", "ViewLayer.Normal.Y", "ViewLayer.Normal.Z"),
    )

    def test_the_finished_picture_comes_first(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {name: plane() for name in self.CHANNELS})
        assert changed(path) == {f"ViewLayer.Combined.{c}" for c in "RGB"}

    @pytest.mark.parametrize(
        ("layer", "names"),
        [
            ("ViewLayer.AO", {"ViewLayer.AO.R", "ViewLayer.AO.G", "ViewLayer.AO.B"}),
            ("ViewLayer.Depth.Z", {"ViewLayer.Depth.Z"}),
            ("ViewLayer.Depth", {"ViewLayer.Depth.Z"}),
            ("ViewLayer.Normal.Y", {"ViewLayer.Normal.Y"}),
        ],
    )
    def test_any_can_be_named(self, tmp_path: Path, layer: str, names: set[str]) -> None:
        path = save(tmp_path / "x.exr", {name: plane() for name in self.CHANNELS})
        assert changed(path, layer) == names
        assert restored(path, layer)[1] == ()

    @pytest.mark.parametrize(
        ("channels", "first"),
        [
            (["B", "G", "R", "ViewLayer.Combined.B", "ViewLayer.Combined.G", "ViewLayer.Combined.R"], "RGB"),
            (["A", "B", "G", "R"], "RGBA"),
            (["Y", "Z"], "Y"),
            (["A", "Y"], "YA"),
            (["Z", "albedo.b", "albedo.g", "albedo.r", "diffuse.B", "diffuse.G", "diffuse.R"], "albedo"),
            (["Z", "left.Y"], "left"),
            (["Z", "A"], None),
            (["X", "Y", "Z"], None),
        ],
    )
    def test_the_first_without_a_name(self, channels: list[str], first: str | None) -> None:
        picked = chosen(layers_of([""], [channels]), None)
        assert (picked and picked.name) == first

    def test_parts_are_layers(self, tmp_path: Path) -> None:
        path = save_parts(tmp_path / "x.exr", beauty=rgb(), depth={"Z": plane("float32")}, glow=rgb())
        for layer, names in (("glow", "RGB"), ("depth.Z", "Z"), ("Z", "Z")):
            before, after = load(path), load(restored(path, layer)[0])
            part = layer.removesuffix(".Z").replace("Z", "depth")
            for (header, channels), (_, channels_after) in zip(before, after, strict=True):
                moved = {name for name in channels if not np.array_equal(channels[name], channels_after[name])}
                assert moved == (set(names) if header["name"] == part else set())

    def test_parts_of_different_sizes(self, tmp_path: Path) -> None:
        path = save_parts(tmp_path / "x.exr", depth={"Z": plane("float32", 5, 7)}, beauty=rgb())
        assert open_image(path).header[:2] == (WIDTH, HEIGHT)
        assert [c["Z"].shape for _, c in load(restored(path)[0]) if "Z" in c] == [(5, 7)]


class TestRefused:
    def read_error(self, path: Path, layer: str | None = None) -> str:
        with pytest.raises(ImageReadError) as caught:
            open_image(path, layer=layer).read()
        assert str(path) in str(caught.value)
        assert "separate_channels" not in str(caught.value)
        return str(caught.value)

    def test_a_layer_that_is_not_there(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {**rgb("ViewLayer.Combined."), "Z": plane("float32"), "id": plane("uint32")})
        assert self.read_error(path, "Beauty").endswith(
            "holds no layer 'Beauty' that can be restored: there is ViewLayer.Combined, Z"
        )

    def test_no_colour(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {"Z": plane("float32"), "n.X": plane(), "n.Y": plane()})
        assert self.read_error(path).endswith(
            "holds no colour, expected R, G, B or Y: name one of its layers instead: Z, n.X, n.Y"
        )
        assert changed(path, "Z") == {"Z"}

    def test_whole_numbers_alone(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.exr", {"id": plane("uint32")})
        for layer in (None, "id"):
            assert "holds no layer that can be restored (id)" in self.read_error(path, layer)

    def test_deep_pixels(self, tmp_path: Path) -> None:
        deep = np.empty((4, 5), object)
        for at in np.ndindex(4, 5):
            deep[at] = np.ones(2, np.float32)
        header = {"type": openexr.deepscanline, "compression": openexr.ZIPS_COMPRESSION}
        openexr.File(header, {"Z": deep, "A": deep.copy()}).write(str(tmp_path / "x.exr"))
        assert "deep pixels" in self.read_error(tmp_path / "x.exr")

    def test_luminance_and_chroma(self, tmp_path: Path) -> None:
        path = tmp_path / "x.exr"
        path.write_bytes(by_hand([("BY", 2), ("RY", 2), ("Y", 1)]))
        assert "luminance and chroma (Y, RY, BY)" in self.read_error(path)

    def test_text_that_is_not_utf_8(self, tmp_path: Path) -> None:
        path = tmp_path / "x.exr"
        path.write_bytes(by_hand([("Y", 1)], attribute("owner", "string", "Lumière".encode("latin-1"))))
        assert "text is not UTF-8" in self.read_error(path)

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
    def test_damage(self, tmp_path: Path, kept: float) -> None:
        whole = save_parts(tmp_path / "x.exr", beauty=rgb(), depth={"Z": plane("float32")}).read_bytes()
        (tmp_path / "x.exr").write_bytes(whole[: int(kept * len(whole))])
        self.read_error(tmp_path / "x.exr")


class TestPartlyKept:
    def test_subsampled_channels_beside_the_picture(self, tmp_path: Path) -> None:
        path = tmp_path / "x.exr"
        path.write_bytes(by_hand([("Y", 1), ("sparse", 2)]))
        target, notes = restored(path)
        assert notes == ("subsampled channels (sparse) were left out",)
        assert load(target)[0][1].keys() == {"Y"}

    def test_levels(self, tmp_path: Path) -> None:
        path = tmp_path / "x.exr"
        path.write_bytes(mipmapped())
        target, notes = restored(path)
        assert notes == ("smaller copies (levels) were left out",)
        ((header, channels),) = load(target)
        assert header["tiles"].mode == openexr.ONE_LEVEL
        assert channels["Y"].shape == (8, 8)


def attribute(name: str, kind: str, data: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data


def head(channels: list[tuple[str, int]], width: int, height: int, *, more: bytes = b"", tiled: bool = False) -> bytes:
    listed = b"".join(n.encode() + b"\0" + struct.pack("<iB3xii", 1, 0, step, step) for n, step in channels)
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    return b"".join(
        [
            b"v/1\x01" + struct.pack("<I", 2 | (0x200 if tiled else 0)),
            attribute("channels", "chlist", listed + b"\0"),
            attribute("compression", "compression", b"\0"),
            attribute("dataWindow", "box2i", window),
            attribute("displayWindow", "box2i", window),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
            more + b"\0",
        ]
    )


def with_offsets(header: bytes, chunks: list[bytes]) -> bytes:
    at, offsets = len(header) + 8 * len(chunks), []
    for chunk in chunks:
        offsets.append(struct.pack("<Q", at))
        at += len(chunk)
    return header + b"".join(offsets) + b"".join(chunks)


def by_hand(channels: list[tuple[str, int]], more: bytes = b"") -> bytes:
    """What the library cannot write: subsampled channels, text of other encodings; halves, not compressed."""
    width, height = 32, 24
    chunks = []
    for y in range(height):
        rows = b"".join(plane("float16", 1, width // step).tobytes() for _, step in channels if y % step == 0)
        chunks.append(struct.pack("<ii", y, len(rows)) + rows)
    return with_offsets(head(channels, width, height, more=more), chunks)


def mipmapped() -> bytes:
    """Eight by eight pixels in one tile, and their smaller copies."""
    tiles = attribute("tiles", "tiledesc", struct.pack("<IIB", 8, 8, 1))
    chunks = []
    for level, side in enumerate((8, 4, 2, 1)):
        pixels = plane("float16", side, side).tobytes()
        chunks.append(struct.pack("<5i", 0, 0, level, level, len(pixels)) + pixels)
    return with_offsets(head([("Y", 1)], 8, 8, more=tiles, tiled=True), chunks)
