"""Camera raw: developed, or refused in one sentence; never its preview."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from clearsight import images
from clearsight.errors import ImageReadError, ImageWriteError, MissingExtraError
from clearsight.inference import Restoration, plan, process

CAMERA = [
    (271, 2, 0, "Lumiere", True),
    (272, 2, 0, "Camera", True),
    (50708, 2, 0, "Lumiere Camera", True),
    (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
    (50728, 5, 3, (1, 2, 1, 1, 1, 1), True),
    (50778, 3, 1, 21, True),
]
DNG = [(50706, 1, 4, bytes([1, 4, 0, 0]), True)]
SENSOR = [
    (33421, 3, 2, (2, 2), True),
    (33422, 1, 4, bytes([0, 1, 1, 2]), True),
    (50714, 4, 1, 0, True),
    (50717, 4, 1, 16383, True),
    (50711, 3, 1, 1, True),
]


def mosaic() -> np.ndarray:
    sensor = np.full((64, 96), 4000, np.uint16)
    sensor[::2, ::2], sensor[1::2, 1::2] = 2000, 4000
    return sensor


def counted(*, noisy: bool = True) -> np.ndarray:
    """Smooth light, counted: twenty counts an electron, read with a deviation of 30, black at 512."""
    rng, rows = np.random.default_rng(0), np.linspace(0, 3, 192)
    light = 20 + 250 * (np.sin(rows)[:, None] * np.cos(rows / 2)) ** 2
    light[1::2, 1::2] *= 0.5
    electrons, read = (rng.poisson(light), rng.normal(0, 30, light.shape)) if noisy else (light, 0)
    return np.clip(np.rint(512 + 20 * electrons + read), 0, 16383).astype(np.uint16)


def write_raw(
    path: Path, *, preview: bool = False, version: bool = True, orientation: int = 1, sensor: np.ndarray | None = None
) -> Path:
    tags: list[Any] = [*CAMERA, *(DNG if version else []), (274, 3, 1, orientation, True)]
    options: dict[str, Any] = {"metadata": None, "software": False}
    with tifffile.TiffWriter(path) as tif:
        if preview:
            small = np.full((24, 32, 3), 200, np.uint8)
            tif.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=tags, **options)
            tif.write(mosaic(), photometric="cfa", subfiletype=0, extratags=SENSOR, **options)
        else:
            seen = mosaic() if sensor is None else sensor
            black = [(50714, 4, 1, 0 if sensor is None else 512, True)]
            where = [tag for tag in SENSOR if tag[0] != 50714] + black
            tif.write(seen, photometric="cfa", extratags=[*tags, *where], **options)
    return path


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("name", ["x.dng", "x.tif"])
def test_it_is_developed_linearly_whatever_its_name(tmp_path: Path, preview: bool, name: str) -> None:
    pytest.importorskip("rawpy")
    path = write_raw(tmp_path / name, preview=preview)
    for source in (path, BytesIO(path.read_bytes())):
        file = images.open_image(source)
        assert (file.format.name, file.header[:3]) == ("camera raw", (96, 64, 3))
        picture = file.read()
        assert (picture.format, picture.pixels.shape, picture.pixels.dtype) == ("camera raw", (64, 96, 3), np.uint16)
        # red was half of green, and its neutral half of green's: the field is neutral, and no gamma lifts it
        inner = picture.pixels[8:-8, 8:-8].reshape(-1, 3)
        assert np.ptp(inner.mean(axis=0)) < 0.01 * inner.mean()
        assert inner.mean() == pytest.approx(4000 / 16383 * 65535, rel=0.02)
        assert picture.notes == ("camera raw was developed: camera's white balance, sRGB primaries, linear light",)


def test_what_the_sensor_saw_is_restored_before_it_is_developed(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    noisy = images.read(write_raw(tmp_path / "x.dng", sensor=counted()))
    assert noisy.mosaic is not None
    assert noisy.mosaic.planes.shape == (96, 96, 4)
    restored, developed = Restoration()(noisy), Restoration()(replace(noisy, mosaic=None))
    light = images.read(write_raw(tmp_path / "light.dng", sensor=counted(noisy=False)))
    before, after, later = (
        float(np.square(one.pixels[20:-20, 20:-20].astype(float) - light.pixels[20:-20, 20:-20]).mean())
        for one in (noisy, restored, developed)
    )
    assert after < 0.15 * before
    assert after < later
    assert restored.pixels.mean() == pytest.approx(light.pixels.mean(), rel=0.005)
    assert (restored.format, restored.notes, restored.metadata.icc) == (noisy.format, noisy.notes, noisy.metadata.icc)


def test_a_sensor_that_nothing_changes_is_developed_the_same(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    picture = images.read(write_raw(tmp_path / "x.dng", sensor=counted(), orientation=6))
    assert picture.mosaic is not None
    again = picture.mosaic.develop(picture.mosaic.planes)
    assert np.abs(again.pixels.astype(int) - picture.pixels).max() <= 16383 // 255
    assert again.pixels.shape == picture.pixels.shape


def test_it_is_turned_once_and_becomes_tiff(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    write_raw(tmp_path / "in.dng", preview=True, orientation=6)
    (job,) = plan([tmp_path / "in.dng"], tmp_path / "out")
    assert job.target == tmp_path / "out" / "in.tif"
    (report,) = process([job], lambda job, picture: picture)
    assert report.error is None
    back = images.read(job.target)
    assert (back.format, back.pixels.shape, back.pixels.dtype) == ("TIFF", (96, 64, 3), np.uint16)
    with tifffile.TiffFile(job.target) as tif:
        assert tif.pages.first.tags["Make"].value == "Lumiere"
    profile = ImageCms.ImageCmsProfile(BytesIO(back.metadata.icc))
    assert "linear" in ImageCms.getProfileDescription(profile)


def test_it_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ImageWriteError, match=r"camera raw is only read, write \.tif \(--format tif\)"):
        images.check_writable(tmp_path / "x.dng")


@pytest.mark.parametrize("version", [False, True])
def test_a_preview_before_what_nobody_can_develop_is_refused(tmp_path: Path, version: bool) -> None:
    pytest.importorskip("rawpy")
    tags = DNG if version else []
    with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
        small, large = np.full((24, 32, 3), 200, np.uint8), np.full((64, 96, 3), 7, np.uint8)
        tif.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=tags)
        tif.write(large, photometric="rgb", metadata=None)
    with pytest.raises(ImageReadError) as caught:
        images.read(tmp_path / "x.tif")
    assert "\n" not in str(caught.value)
    assert ("camera raw" if version else "previews of a picture") in str(caught.value)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_raw(tmp_path / "x.dng")
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[raw\]'"):
        images.open_image(tmp_path / "x.dng")


@pytest.mark.parametrize(
    "head", [b"II*\0\x10\0\0\0CR\2\0", b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"FUJIFILMCCD-RAW 0201"]
)
def test_the_signatures_of_cameras(tmp_path: Path, head: bytes) -> None:
    pytest.importorskip("rawpy")
    (tmp_path / "x.bin").write_bytes(head + bytes(500))
    with pytest.raises(ImageReadError, match="cannot be read as camera raw"):
        images.open_image(tmp_path / "x.bin")
