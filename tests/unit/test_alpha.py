"""Transparency: what nobody sees has no say, and nothing is divided by nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import clearsight
from clearsight import images
from clearsight.images import Picture
from clearsight.images.alpha import with_alpha
from clearsight.inference import Restoration
from clearsight.restorers import Bicubic

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
DISC = np.hypot(ROWS - 31.5, COLUMNS - 31.5) < 20
PINK, GREEN = (1.0, 0.4, 0.7), (0.1, 0.5, 0.2)


def stored(numbers: np.ndarray, dtype: str) -> np.ndarray:
    return np.rint(numbers * np.iinfo(dtype).max).astype(dtype) if dtype.startswith("u") else numbers.astype(dtype)


def disc(dtype: str, *, ground: tuple[float, ...], alpha: np.ndarray = DISC) -> Picture:
    """A green disc whose ground is transparent; the colour under it is nobody's business."""
    colours = np.where(DISC[..., None], GREEN, ground)
    return Picture.of(stored(np.dstack([colours, alpha]), dtype))


@pytest.fixture(scope="module")
def restoration() -> Restoration:
    return Restoration(device="cpu", precision="float32")


class TestHidden:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    def test_a_hidden_colour_is_not_seen_at_the_rim(self, restoration: Restoration, dtype: str) -> None:
        picture = disc(dtype, ground=PINK)
        result = restoration(picture)
        one = 1 / 255 if dtype == "float32" else np.iinfo(dtype).max / 255
        off = np.abs(result.colour.astype(float) - picture.colour)
        assert off[DISC].max() < 1.5 * one
        assert not off[~DISC].any(), "what is hidden stays as it is"
        np.testing.assert_array_equal(result.alpha, picture.alpha)

    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    def test_the_hidden_colour_makes_no_difference(self, restoration: Restoration, dtype: str) -> None:
        results = [restoration(disc(dtype, ground=ground)).colour[DISC] for ground in (PINK, (0, 0, 0), (1, 1, 1))]
        for other in results[1:]:
            step = 1 if dtype == "uint8" else 257
            assert np.abs(results[0].astype(int) - other).max() <= step

    def test_all_transparent(self, restoration: Restoration) -> None:
        picture = disc("uint8", ground=PINK, alpha=np.zeros((SIDE, SIDE)))
        np.testing.assert_array_equal(restoration(picture).pixels, picture.pixels)

    def test_grey(self, restoration: Restoration) -> None:
        grey = stored(np.dstack([np.where(DISC, 0.3, 1.0), DISC]), "uint8")
        result = restoration(Picture.of(grey))
        assert np.abs(result.colour.astype(int) - grey[..., :1])[DISC].max() < 2
        np.testing.assert_array_equal(result.alpha, grey[..., 1])

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
    def test_files_and_memory_agree(self, restoration: Restoration, tmp_path: Path, suffix: str) -> None:
        noisy = disc("uint8", ground=PINK).pixels
        noisy[..., :3] = np.clip(noisy[..., :3] + np.random.default_rng(0).normal(0, 15, (SIDE, SIDE, 3)), 0, 255)
        path = tmp_path / f"x{suffix}"
        Image.fromarray(noisy).save(path, **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
        of_file = restoration(images.read(path)).samples
        with Image.open(path) as image:
            of_memory = clearsight.restore(image, device="cpu", precision="float32")
        assert of_memory.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(of_memory), of_file)


class TestEnlarged:
    def test_files_and_memory_enlarge_alpha_alike(self) -> None:
        soft = np.clip(1.5 - np.hypot(ROWS - 31.5, COLUMNS - 31.5) / 16, 0, 1)
        picture = disc("uint8", ground=GREEN, alpha=soft)
        of_file = Restoration(Bicubic(scale=2))(picture)
        of_memory = np.asarray(clearsight.restore(Image.fromarray(picture.samples), model=Bicubic(scale=2)))
        np.testing.assert_array_equal(of_memory, of_file.samples)
        alone = Restoration(Bicubic(scale=2))(Picture(pixels=picture.pixels[..., 3:]))
        np.testing.assert_array_equal(of_file.alpha, alone.pixels[..., 0])


class TestPremultiplied:
    def test_alpha_0_and_a_colour_in_a_file(self, tmp_path: Path) -> None:
        pixels = np.zeros((SIDE, SIDE, 4), np.float32)
        pixels[DISC] = (*GREEN, 1)
        pixels[:8] = (0.01, 0.01, 0.01, 0)
        path = tmp_path / "x.tif"
        tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["assocalpha"])
        picture = images.read(path)
        assert picture.premultiplied
        result = Restoration("wiener")(picture)
        images.write(result, tmp_path / "y.tif")
        back = images.read(tmp_path / "y.tif")
        assert back.premultiplied
        assert np.isfinite(back.pixels).all()
        np.testing.assert_allclose(back.pixels[:4], pixels[:4], atol=1e-3)
        np.testing.assert_array_equal(back.alpha, pixels[..., 3])

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    @pytest.mark.parametrize("premultiplied", [True, False])
    def test_alpha_0_is_left_alone(self, dtype: str, premultiplied: bool) -> None:
        now = "alpha" if premultiplied else "premultiplied alpha"
        picture = Picture.of(stored(np.full((2, 2, 4), (0.01, 0.02, 0.03, 0.0)), dtype), alpha=now)
        changed = with_alpha(picture, premultiplied=premultiplied)
        np.testing.assert_allclose(changed.pixels, picture.pixels, rtol=1e-6)
        assert changed.premultiplied == premultiplied

    def test_there_and_back(self) -> None:
        values = np.random.default_rng(0).uniform(0.1, 1, (8, 8, 4)).astype(np.float32)
        picture = Picture.of(values)
        back = with_alpha(with_alpha(picture, premultiplied=True), premultiplied=False)
        np.testing.assert_allclose(back.pixels, values, rtol=1e-5)
