"""Rooms rendered at random: what the files hold, what is repeated and what is not, and the pairs they make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clearsight.datasets import Renders
from clearsight.errors import DataError, InvalidArgumentError, MissingExtraError
from clearsight.images import open_image
from clearsight.rendering import Plan, draw_scene, render, shot_names

exr = pytest.importorskip("OpenEXR")
mitsuba = pytest.importorskip("mitsuba")

SIDE = 16
PLAN = Plan(scenes=2, shots=[2, 2, 6], size=SIDE)
CHANNELS = {"R", "G", "B", *(f"albedo.{c}" for c in "RGB"), *(f"normal.{c}" for c in "XYZ")}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("renders")
    assert [folder.name for folder in render(PLAN, out)] == ["00000", "00001"]
    return out


def load(path: Path) -> dict[str, np.ndarray]:
    with exr.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels for name, channel in file.channels().items()}


def test_files_hold_radiance_albedo_and_normals(rooms: Path) -> None:
    for path in rooms.glob("*/*.exr"):
        channels = load(path)
        assert channels.keys() == CHANNELS
        assert {(values.shape, values.dtype.name) for values in channels.values()} == {((SIDE, SIDE), "float16")}
        light, albedo = (np.dstack([channels[f"{prefix}{c}"] for c in "RGB"]) for prefix in ("", "albedo."))
        assert np.isfinite(light).all()
        assert light.min() >= 0
        assert 0 <= albedo.min() <= albedo.max() < 2
        lengths = np.linalg.norm(np.dstack([channels[f"normal.{c}"].astype(float) for c in "XYZ"]), axis=2)
        assert lengths.max() < 1.01
        assert np.median(lengths) > 0.95
    assert len([*rooms.glob("*/*.exr")]) == 6


def test_noise_is_independent_and_rooms_differ(rooms: Path) -> None:
    one, other, _ = (load(rooms / "00000" / name)["G"] for name in shot_names(PLAN.shots))
    assert (one != other).mean() > 0.5
    another = load(rooms / "00001" / "2spp-1.exr")
    assert not np.array_equal(load(rooms / "00000" / "2spp-1.exr")["albedo.R"], another["albedo.R"])


def test_the_same_seed_gives_the_same_numbers_and_what_is_there_is_left_alone(rooms: Path, tmp_path: Path) -> None:
    kept = tmp_path / "00000" / "6spp-1.exr"
    kept.parent.mkdir()
    kept.write_bytes(b"mine")
    assert len([*render(Plan(scenes=1, shots=PLAN.shots, size=SIDE), tmp_path)]) == 1
    assert kept.read_bytes() == b"mine"
    again, before = load(tmp_path / "00000" / "2spp-2.exr"), load(rooms / "00000" / "2spp-2.exr")
    assert all(np.array_equal(again[name], before[name]) for name in CHANNELS)
    assert draw_scene(1, 0, size=SIDE)["sensor"]["fov"] != draw_scene(0, 0, size=SIDE)["sensor"]["fov"]


def test_shapes_and_lamps_stand_in_the_order_they_were_drawn_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load_dict = [], mitsuba.load_dict
    monkeypatch.setattr(mitsuba, "load_dict", lambda *args, **how: loaded.append(load_dict(*args, **how)) or loaded[-1])
    assert len([*render(Plan(scenes=3, shots=[1], size=SIDE), tmp_path)]) == 3
    for number, scene in enumerate(loaded):
        drawn = [name for name in draw_scene(0, number, size=SIDE) if name.startswith(("wall", "solid", "lamp"))]
        assert _ids(scene.shapes()) == [name for name in drawn if name in _ids(scene.shapes())]
        assert len(scene.shapes()) >= len(drawn) - 1  # the sky is a lamp, and no shape


def _ids(shapes: list[Any]) -> list[str]:
    return [shape.id() for shape in shapes]


def test_pairs_are_of_one_room_and_never_of_one_render(rooms: Path) -> None:
    noisy, clean, every = (
        Renders(root=rooms, samples=2, target=2),
        Renders(root=rooms, samples=2, target=6),
        Renders(root=rooms),
    )
    assert [len(dataset) for dataset in (noisy, clean, every)] == [4, 4, 12]
    first, second = noisy[0], noisy[1]
    assert first.x.equal(second.target)
    assert first.target.equal(second.x)
    assert {name: value.shape for name, value in first.inputs.items()} == {
        "albedo": (3, SIDE, SIDE),
        "normal": (3, SIDE, SIDE),
    }
    assert clean[0].target.equal(torch.from_numpy(np.stack([load(rooms / "00000" / "6spp-1.exr")[c] for c in "RGB"])))
    assert all(sample.name.count("00000") == 1 for sample in (first, second))


def test_files_are_read_with_their_maps(rooms: Path) -> None:
    picture = open_image(rooms / "00000" / "2spp-1.exr").read()
    assert picture.channels == ("red", "green", "blue")
    assert picture.maps.keys() == {"albedo", "normal"}
    assert picture.notes == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenes": 0}, "at least 1 scene"),
        ({"shots": [8, 0]}, "at least 1 sample a pixel, such as 8,8,256"),
        ({"size": 8}, "at least 16 pixels wide, got 8"),
        ({"variant": "cuda"}, "no variant 'cuda'; there is: scalar_rgb, llvm_ad_rgb"),
    ],
)
def test_what_cannot_be_rendered_is_said(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Plan(**{"scenes": 1, "shots": [8], **options})


def test_without_mitsuba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(MissingExtraError, match=r"rendering needs the optional part 'render'"):
        next(render(PLAN, tmp_path))
    assert [*tmp_path.iterdir()] == []


def test_what_is_no_pair_is_said(tmp_path: Path) -> None:
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    (tmp_path / "a").mkdir()
    plain = {name: np.ones((4, 4), np.float16) for name in "RGB"}
    exr.File(header, plain).write(str(tmp_path / "a" / "8spp-1.exr"))
    with pytest.raises(DataError, match=r"holds no rooms that are rendered twice.*make them by clearsight render"):
        Renders(root=tmp_path)
    exr.File(header, plain).write(str(tmp_path / "a" / "8spp-2.exr"))
    with pytest.raises(DataError, match=r"8spp-1\.exr has no layer for albedo and normal, expected albedo\.R"):
        Renders(root=tmp_path)[0]
