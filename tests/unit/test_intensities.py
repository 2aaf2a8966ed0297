"""What the numbers of a picture mean: dim, counted, far from [0, 1], with lights and with no data, restored alike."""

from __future__ import annotations

import numpy as np
import pytest

import clearsight
from clearsight.errors import InvalidArgumentError
from clearsight.images import Intensities, Picture
from clearsight.inference import Restoration

SIDE = 96
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
AUTO = Restoration(device="cpu", precision="float32", tile="off")


def restored(pixels: np.ndarray, **options: object) -> np.ndarray:
    """As the command restores a file, by the shipped networks."""
    restoration = Restoration(device="cpu", precision="float32", **options) if options else AUTO
    result: np.ndarray = restoration(Picture(pixels=np.atleast_3d(pixels))).pixels
    return result.reshape(pixels.shape)


def by_hand(pixels: np.ndarray, black: float, white: float) -> np.ndarray:
    """Stretched to [0, 1], restored as what that is, and back."""
    unit = ((pixels.astype(float) - black) / (white - black)).astype(np.float32)
    return restored(unit, range="full").astype(float) * (white - black) + black


def normal(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def stored(numbers: np.ndarray, dtype: str) -> np.ndarray:
    if dtype.startswith("float"):
        return numbers.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(numbers), limits.min, limits.max).astype(dtype)


def cells() -> np.ndarray:
    """Smooth discs, in [0, 1]."""
    rng, image = np.random.default_rng(3), np.zeros((SIDE, SIDE))
    for row, column, radius in rng.uniform((0, 0, 6), (SIDE, SIDE, 13), (7, 3)):
        image = np.maximum(image, 1 / (1 + np.exp(np.hypot(ROWS - row, COLUMNS - column) - radius)))
    return image


def scene() -> np.ndarray:
    """Coloured discs on a ramp, over the whole of [0, 1]."""
    ramp = COLUMNS / (SIDE - 1)
    return np.dstack([ramp, 1 - cells(), 0.5 * ramp + 0.5 * cells()])


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)))


def psnr(a: np.ndarray, b: np.ndarray, span: float) -> float:
    return float(-20 * np.log10(rmse(a, b) / span))


class TestAnyRange:
    @pytest.mark.parametrize("signal", [60, 250, 1000, 4000])
    @pytest.mark.parametrize("pedestal", [100, 1000])
    def test_counts_on_a_pedestal(self, signal: int, pedestal: int) -> None:
        x = pedestal + signal * cells()
        y = stored(x + signal / 10 * normal(x.shape), "uint16")
        x_hat = restored(y)
        assert psnr(x_hat, x, signal) > psnr(by_hand(y, pedestal, pedestal + signal), x, signal) - 0.3
        if not np.any(y == 0):
            assert abs(x_hat.mean() - y.mean()) < 0.002 * signal

    def test_a_flat_field(self) -> None:
        y = stored(100 + 6 * normal((128, 128)), "uint16")
        x_hat = restored(y)
        assert abs(x_hat.mean() - 100) < 0.5
        assert x_hat.std() < 2

    @pytest.mark.parametrize(
        ("dtype", "black", "white"),
        [
            ("uint16", 0, 4095),
            ("int16", -1000, 2000),
            ("uint32", 3_000_000_000, 3_000_001_000),
            ("int32", -5_000_000, 5_000_000),
            ("float32", -1, 1),
            ("float32", 1e-6, 2e-6),
            ("float32", 1e30, 2e30),
            ("float64", 1, 1.001),
        ],
    )
    def test_as_stretched_by_hand(self, dtype: str, black: float, white: float) -> None:
        span = white - black
        x = black + span * cells()
        y = stored(x + span / 20 * normal(x.shape), dtype)
        x_hat = restored(y)
        assert x_hat.dtype == dtype
        assert psnr(x_hat, x, span) > psnr(by_hand(y, black, white), x, span) - 0.3

    @pytest.mark.parametrize(("dtype", "white"), [("float32", 255), ("float32", 65535), ("float64", 1)])
    def test_floats_that_mean_8_or_16_bits(self, dtype: str, white: float) -> None:
        y = scene() + 25 / 255 * normal((SIDE, SIDE, 3))
        unit, scaled = restored(y.astype(np.float32)), restored((y * white).astype(dtype))
        np.testing.assert_allclose(scaled / white, unit, atol=1e-4)

    def test_halves(self) -> None:
        y = (scene() + 25 / 255 * normal((SIDE, SIDE, 3))).astype(np.float16)
        np.testing.assert_allclose(restored(y), restored(y.astype(np.float32)), atol=1e-3)

    def test_in_the_unit_range_it_stays(self) -> None:
        y = np.clip(scene() + 25 / 255 * normal((SIDE, SIDE, 3)), 0, 1).astype(np.float32)
        x_hat = restored(y)
        assert x_hat.min() >= 0
        assert x_hat.max() <= 1

    def test_a_saturated_picture_is_what_it_is_in_8_bits(self) -> None:
        y = np.clip(1.6 * cells() + 0.03 * normal((SIDE, SIDE)), 0, 1)
        narrow, wide = (stored(y * np.iinfo(d).max, d) for d in ("uint8", "uint16"))
        np.testing.assert_allclose(restored(wide) / 65535, restored(narrow) / 255, atol=0.015)


class TestLights:
    def test_a_night_sky(self) -> None:
        rng, stars = np.random.default_rng(5), np.zeros((SIDE, SIDE))
        for row, column, peak in rng.uniform((0, 0, -2), (SIDE, SIDE, 0), (17, 3)):
            stars += 10**peak * np.exp(-((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / 3)
        x = np.minimum(0.002 + stars, 1)
        y = (x + 0.0005 * normal(x.shape)).astype(np.float32)
        x_hat = restored(y)
        assert rmse(x_hat, x) < rmse(y, x)
        sky, peaks = x < 0.0021, x > 0.3
        assert rmse(x_hat[sky], x[sky]) < 0.3 * rmse(y[sky], x[sky])
        assert np.abs(x_hat[peaks] / y[peaks] - 1).max() < 0.02

    @pytest.mark.parametrize("light", [2, 5, 100, 1e4])
    def test_nothing_spills_out_of_a_light(self, light: float) -> None:
        x = np.full((SIDE, SIDE, 3), 0.2)
        x[44:52, 44:52] = light
        y = (x + 0.05 * normal(x.shape)).astype(np.float32)
        x_hat, beside = restored(y), x[..., 0] < 1
        assert np.abs(x_hat - x)[beside].max() < 0.05
        assert x_hat.min() > y.min() - 0.01
        np.testing.assert_allclose(x_hat[~beside], x[~beside], rtol=0.01, atol=0.2)

    @pytest.mark.parametrize("light", [20, 100, 1e4])
    def test_lamps_that_take_up_more_of_a_picture(self, light: float) -> None:
        x = 0.8 * scene()
        x[20:23], x[:, 70] = light, light / 2
        y, beside = (x + 0.05 * normal(x.shape)).astype(np.float32), x[..., 0] < 1
        assert rmse(restored(y)[beside], x[beside]) < 0.4 * rmse(y[beside], x[beside])

    def test_one_hot_pixel(self) -> None:
        y = stored(500 + 5 * normal((SIDE, SIDE)), "uint16")
        y[40, 40] = 65535
        others = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) != 40 * SIDE + 40
        assert restored(y)[others].std() < 1
        y[others] = 0
        assert not restored(y)[others].any()


class TestNoMeasurement:
    @pytest.mark.parametrize(
        ("dtype", "fill"),
        [("float32", -9999), ("float32", -3.4e38), ("float32", 0), ("uint16", 65535), ("int16", -32768)],
    )
    def test_areas_without_data_stay_and_do_not_matter(self, dtype: str, fill: float) -> None:
        x = 200 + 800 * COLUMNS / SIDE
        y, nothing = stored(x + 20 * normal(x.shape), dtype), cells() > 0.6
        y[nothing] = fill
        x_hat = restored(y)
        np.testing.assert_array_equal(x_hat[nothing], y[nothing])
        assert rmse(x_hat[~nothing], x[~nothing]) < 0.5 * rmse(y[~nothing], x[~nothing])

    @pytest.mark.parametrize("dtype", ["uint16", "float32"])
    def test_masks_labels_and_drawings_stay(self, dtype: str) -> None:
        mask, labels, lines = cells() > 0.5, ROWS // 20 * 3 + COLUMNS // 25, (ROWS % 16 > 0) & (COLUMNS % 20 > 0)
        for numbers in (0.4 * mask, labels, 20 * lines, 500 * mask, 0.001 * lines):
            y = stored(1.0 * numbers, dtype)
            np.testing.assert_allclose(restored(y), y, rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_black_and_white_are_for_a_model_to_judge(self, dtype: str) -> None:
        """Of a drawing in black and white that is all there is to restore, such as digits under strokes."""
        drawn = stored((cells() > 0.5) * (255 if dtype == "uint8" else 1.0), dtype)
        assert not np.array_equal(clearsight.restore(drawn, model="wiener", sigma=50 / 255), drawn)

    def test_coloured_ground_stays(self) -> None:
        x, ground = 0.8 * scene(), cells() > 0.5
        y = (x + 0.05 * normal(x.shape)).astype(np.float32)
        y[ground] = (0.2, 0.4, 2.0)
        x_hat = restored(y)
        np.testing.assert_array_equal(x_hat[ground], y[ground])
        assert rmse(x_hat[~ground], x[~ground]) < 0.5 * rmse(y[~ground], x[~ground])

    def test_enlarged_edges_have_no_stairs(self) -> None:
        y = stored(500 * (cells() > 0.5), "uint16")
        enlarged = Restoration("bicubic")(Picture(pixels=y[..., None])).pixels
        assert len(np.unique(enlarged)) > 2

    def test_few_counts_are_measurements(self) -> None:
        x = 0.1 + cells()
        y = np.random.default_rng(0).poisson(x).astype(np.float32)
        assert Intensities.of(y[..., None]).fills == ()
        assert rmse(restored(y), x) < 0.7 * rmse(y, x)

    def test_salt_and_pepper_are_no_areas(self) -> None:
        y = (0.4 + 0.2 * cells()).astype(np.float32)
        strewn = np.random.default_rng(0).random(y.shape)
        y[strewn < 0.05], y[strewn > 0.95] = 0, 1
        assert Intensities.of(y[..., None]).fills == ()

    def test_dark_noise_that_is_clipped_is_measured(self) -> None:
        y = np.maximum(cells() - 0.05 + 0.1 * normal((SIDE, SIDE)), 0).astype(np.float32)
        assert Intensities.of(y[..., None]).fills == ()
        assert Intensities.of(stored(4000 * y, "uint16")[..., None]).fills == ()


class TestSmallAndEmpty:
    @pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "float16", "float32", "float64"])
    @pytest.mark.parametrize("value", [0, 1, 600, -600])
    @pytest.mark.parametrize("sigma", [None, 25 / 255])
    def test_a_constant_picture_stays(self, dtype: str, value: int, sigma: float | None) -> None:
        y = stored(np.full((24, 24), float(value)), dtype)
        options = {} if sigma is None else {"model": "wiener", "sigma": sigma}
        np.testing.assert_array_equal(restored(y, **options), y)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (1, 1, 3), (3, 2, 3), (2, 2)])
    @pytest.mark.parametrize("dtype", ["uint16", "float32"])
    def test_pictures_of_a_few_pixels(self, shape: tuple[int, ...], dtype: str) -> None:
        y = stored(1000 + 10 * normal(shape), dtype)
        x_hat = restored(y)
        assert x_hat.shape == shape
        assert np.abs(x_hat.astype(float) - y).max() < 50


class TestTold:
    def test_full_and_levels(self) -> None:
        y = stored(4095 * cells() + 100 * normal((SIDE, SIDE)), "uint16")
        np.testing.assert_array_equal(restored(y, range=(0.0, 65535.0)), restored(y, range="full"))
        np.testing.assert_allclose(restored(y, range=(0.0, 4095.0)), np.clip(by_hand(y, 0, 4095), 0, None), atol=0.6)

    def test_levels_the_wrong_way_round(self) -> None:
        with pytest.raises(InvalidArgumentError, match="white must be above black"):
            Intensities.of(np.zeros((4, 4, 1), np.uint16), (5.0, 5.0))

    def test_sigma_is_a_share_of_the_full_range(self) -> None:
        y = np.clip(scene() + 25 / 255 * normal((SIDE, SIDE, 3)), 0, 1)
        narrow, wide = (
            clearsight.restore(stored(y * np.iinfo(d).max, d), model="wiener", sigma=25 / 255)
            for d in ("uint8", "uint16")
        )
        np.testing.assert_allclose(wide / 257, narrow, atol=1.5)

    def test_sigma_of_a_dim_picture(self) -> None:
        x = 100 + 1000 * cells()
        y = stored(x + 50 * normal(x.shape), "uint16")
        told = clearsight.restore(y, model="wiener", sigma=50 / 65535)
        hand = clearsight.restore((y / 1000).astype(np.float32), model="wiener", sigma=50 / 1000, range=(0.0, 1.0))
        np.testing.assert_allclose(told, hand * 1000.0, atol=1)
        assert rmse(told, x) < 0.6 * rmse(y, x)

    def test_sigma_of_floats_up_to_255(self) -> None:
        y = (255 * scene() + 25 * normal((SIDE, SIDE, 3))).astype(np.float32)
        told = clearsight.restore(y, model="wiener", sigma=25 / 255)
        unit = clearsight.restore(y / 255, model="wiener", sigma=25 / 255)
        np.testing.assert_allclose(told, 255 * unit, atol=0.01)


@pytest.mark.parametrize("kind", ["dim", "light", "no data"])
def test_tiles_agree_with_the_whole(kind: str) -> None:
    y = 100 + 1000 * np.tile(cells(), 2) + 50 * normal((SIDE, 2 * SIDE))
    if kind == "light":
        y[10:14, 100:104] = 60000
    if kind == "no data":
        y[:, 150:] = 0
    y = stored(y, "uint16")
    tiled = restored(y, tile=64).astype(int)
    assert np.abs(tiled - restored(y)).max() <= 1 + 8 * (kind != "dim")


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64"])
def test_integers_that_nobody_fills_are_taken_by_what_they_hold(dtype: str) -> None:
    rng = np.random.default_rng(0)
    y = np.clip(np.rint(np.linspace(0, 255, 64 * 64).reshape(64, 64) + rng.normal(0, 15, (64, 64))), 0, 255)
    bytes_, wide = (clearsight.restore(y.astype(t), model="wiener", sigma=15 / 255) for t in ("uint8", dtype))
    assert wide.dtype == dtype
    assert np.abs(wide.astype(int) - bytes_).max() <= 1
