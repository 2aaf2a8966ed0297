"""The engine: what it adapts, that tiles equal the whole, and that many files pass without a jam."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from huggingface_hub import PyTorchModelHubMixin
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms
from torch import Tensor, nn

from clearsight import images, restore, weights
from clearsight.contracts import Traits
from clearsight.errors import ClearsightError, InvalidArgumentError, ModelError
from clearsight.images import Intensities, Picture
from clearsight.inference import Engine, Job, Report, Restoration, degrade, plan, process
from clearsight.inference import files as batches
from clearsight.inference.arrays import like, pictures_of
from clearsight.inference.device import choose_device, choose_precision, fused
from clearsight.inference.engine import _noise_level
from clearsight.inference.restoring import model_for
from clearsight.inference.tiles import Tile, cut, fitting
from clearsight.registry import RESTORERS
from clearsight.restorers import Bicubic, DnCNN, FFDNet, ResidualUNet, Wiener

SIGMA = 25 / 255
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NETWORKS = [
    name
    for name, entry in RESTORERS.items()
    if issubclass(entry.cls, PyTorchModelHubMixin) and not entry.cls(**entry.tiny).traits.size
]


def randomized(model: nn.Module) -> nn.Module:
    """No weight and no statistic is zero, or where it started."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator)
                value += 0.1 * (noise.abs() if "var" in name else noise)
    return model.eval()


def tiny(name: str) -> nn.Module:
    entry = RESTORERS[name]
    torch.manual_seed(0)
    return randomized(entry.cls(**entry.tiny))


def noise(shape: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return images.from_unit(rng.uniform(0.2, 0.8, shape), dtype)


def engine(model: nn.Module, tile: Any = "off") -> Engine:
    return Engine(model, device="cpu", precision="float32", tile=tile)


def sigma_for(model: nn.Module) -> float | None:
    return SIGMA if model.traits.sigma == "required" else None


# Tiles


@pytest.mark.parametrize("tile", [1, 8, 24])
@pytest.mark.parametrize("size", [(61, 83), (40, 64)])
@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_equal_the_whole(name: str, size: tuple[int, int], tile: int) -> None:
    model = tiny(name)
    if tile == 1:
        size = (size[0] // 4, size[1] // 4)
    pixels = noise((*size, model.traits.channels or 3))
    whole = engine(model).restore_pixels(pixels, sigma_for(model))
    tiled = engine(model, tile).restore_pixels(pixels, sigma_for(model))
    assert model.traits.scale > 1 or np.abs(whole - pixels).max() > 1e-3
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("model", [Wiener(), Bicubic(scale=2), Bicubic(scale=3)])
def test_tiles_equal_the_whole_without_weights(model: nn.Module) -> None:
    pixels = noise((45, 70, 3))
    sigma = SIGMA if model.traits.sigma == "optional" else None
    whole = engine(model).restore_pixels(pixels, sigma)
    tiled = engine(model, 16).restore_pixels(pixels, sigma)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_tiles_agree_on_a_noise_level_that_is_not_told() -> None:
    pixels = noise((64, 96, 1))
    whole, tiled = (engine(Wiener(), tile).restore_pixels(pixels) for tile in ("off", 16))
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2), (7, 9), (2, 40)])
@pytest.mark.parametrize("tile", ["off", "auto", 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_below_the_multiple_and_the_radius(name: str, tile: Any, size: tuple[int, int]) -> None:
    model = tiny(name)
    pixels = noise((*size, model.traits.channels or 3))
    restored = engine(model, tile).restore_pixels(pixels, sigma_for(model))
    assert restored.shape == (*(model.traits.scale * side for side in size), pixels.shape[2])
    assert np.isfinite(restored).all()


def test_what_is_padded_is_what_the_model_would_have_seen() -> None:
    model = tiny("residual-unet")
    pixels = noise((13, 18, 3))
    reflected = np.pad(pixels, ((0, -13 % 4), (0, -18 % 4), (0, 0)), mode="reflect")
    y = torch.from_numpy(reflected).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = model(y)[0].permute(1, 2, 0)[:13, :18].numpy()
    np.testing.assert_allclose(engine(model).restore_pixels(pixels), expected, rtol=0, atol=1e-5)


def test_a_large_image_is_tiled_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.inference.tiles.CPU_BUDGET", 2**20)
    model = tiny("residual-unet")
    pixels = noise((150, 260, 3))
    automatic = engine(model, "auto")
    assert len(automatic._tiles(150, 260)) > 1
    whole = engine(model).restore_pixels(pixels)
    np.testing.assert_allclose(automatic.restore_pixels(pixels), whole, rtol=0, atol=1e-5)
    assert len(engine(tiny("multiscale"), "off")._tiles(5000, 5000)) == 1
    assert len(engine(RESTORERS["total-variation"].cls(), 64)._tiles(500, 500)) == 1


sizes = st.integers(1, 90)


@given(
    sizes,
    sizes,
    st.none() | st.tuples(*2 * [st.integers(1, 40)]),
    st.none() | st.integers(0, 20),
    st.sampled_from([1, 2, 4, 6, 8]),
)
@settings(deadline=None, max_examples=80)
def test_every_pixel_is_kept_once(
    height: int, width: int, size: tuple[int, int] | None, radius: int | None, multiple: int
) -> None:
    kept = np.zeros((height, width), int)
    tiles = list(cut(height, width, size=size, radius=radius, multiple=multiple))
    for tile in tiles:
        kept[tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop] += 1
        check_window(tile, height, width, radius, multiple)
    assert (kept == 1).all()
    if size is None or radius is None:
        assert len(tiles) == 1


def area(tile: Tile) -> int:
    """Pixels that are computed."""
    return (tile.rows.after - tile.rows.before) * (tile.columns.after - tile.columns.before)


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(2, 2000),
    st.integers(0, 200),
    st.sampled_from([1, 4, 6, 16]),
)
@settings(deadline=None, max_examples=80)
def test_tiles_fit_and_overlap_little(height: int, width: int, side: int, radius: int, multiple: int) -> None:
    margin = radius + -radius % multiple
    pixels = max(side, 64 + multiple + 2 * margin) ** 2
    size = fitting(height, width, pixels=pixels, radius=radius, multiple=multiple)
    tiles = list(cut(height, width, size=size, radius=radius, multiple=multiple))
    assert all(area(tile) <= pixels for tile in tiles)
    square = (math.isqrt(pixels) - 2 * margin) // multiple * multiple
    of_squares = math.prod(n + -n % multiple + 2 * margin * ((n - 1) // square) for n in (height, width))
    assert sum(map(area, tiles)) <= of_squares


def check_window(tile: Tile, height: int, width: int, radius: int | None, multiple: int) -> None:
    """Aligned, within the padded image, and reaching as far as the model sees."""
    for span, length in [(tile.rows, height), (tile.columns, width)]:
        padded = length + -length % multiple
        assert span.before % multiple == span.after % multiple == 0
        assert 0 <= span.before <= span.start < span.stop <= span.after <= padded
        if radius is None:
            assert (span.before, span.after) == (0, padded)
        else:
            assert span.before <= max(span.start - radius, 0)
            assert span.after >= min(span.stop + radius, padded)


# Channels and numbers


def test_grey_goes_through_a_colour_model_and_back() -> None:
    model = tiny("residual-unet")
    grey = noise((24, 16, 1))
    as_colour = engine(model).restore_pixels(np.repeat(grey, 3, axis=2))
    restored = engine(model).restore_pixels(grey)
    assert restored.shape == grey.shape
    np.testing.assert_allclose(restored, as_colour.mean(2, keepdims=True), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["dncnn", "ffdnet"])
def test_colour_goes_through_a_grey_model_channel_by_channel(name: str) -> None:
    model = tiny(name)
    colour = noise((24, 16, 3))
    each = [engine(model).restore_pixels(colour[..., c : c + 1], sigma_for(model)) for c in range(3)]
    restored = engine(model).restore_pixels(colour, sigma_for(model))
    np.testing.assert_allclose(restored, np.concatenate(each, axis=2), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("tile", ["off", 16])
def test_numbers_keep_their_kind(dtype: str, tile: Any) -> None:
    model = tiny("residual-unet")
    pixels = noise((20, 30, 3), dtype)
    restored = engine(model, tile).restore_pixels(pixels)
    assert restored.dtype == pixels.dtype
    expected = images.from_unit(engine(model).restore_pixels(images.to_unit(pixels)), dtype)
    assert np.abs(restored.astype(float) - expected).max() <= (1 if dtype != "float32" else 1e-5)


def test_floats_outside_the_unit_range_are_not_clipped() -> None:
    pixels = np.full((16, 16, 1), 3.0, np.float32)
    assert engine(Wiener()).restore_pixels(pixels, SIGMA).max() == pytest.approx(3)


def test_alpha_and_metadata_are_carried_over() -> None:
    picture = replace(Picture.of(noise((8, 6, 4), "uint8"), images.Metadata(dpi=(300.0, 300.0))), format="PNG")
    same = Restoration(Wiener(), sigma=SIGMA)(picture)
    np.testing.assert_array_equal(same.alpha, picture.alpha)
    assert (same.metadata, same.format) == (picture.metadata, "PNG")
    twice = Restoration(Bicubic(scale=2))(picture)
    assert twice.pixels.shape == (16, 12, 4)


# σ, device and precision


def test_sigma_is_taken_refused_or_demanded() -> None:
    pixels = noise((16, 16, 3))
    with pytest.raises(ModelError, match="ResidualUNet finds the noise level itself"):
        engine(tiny("residual-unet")).restore_pixels(pixels, SIGMA)
    with pytest.raises(ModelError, match="FFDNet has to be told"):
        engine(tiny("ffdnet")).restore_pixels(pixels)
    weak, strong = (engine(tiny("ffdnet")).restore_pixels(pixels, sigma) for sigma in (0.01, 0.5))
    assert np.abs(weak - strong).max() > 1e-3
    for wrong in (-0.1, 1.1, 25):
        with pytest.raises(InvalidArgumentError, match="25/255"):
            Restoration(Wiener(), sigma=wrong)


def test_a_noise_level_is_found_in_an_image_of_any_size() -> None:
    assert _noise_level(np.full((1, 1, 3), 0.5, np.float32), Intensities()) == pytest.approx(0, abs=1e-6)
    assert _noise_level(noise((7, 5000, 1)), Intensities()) > 0
    rng = np.random.default_rng(0)
    noisy = (0.5 + 0.1 * rng.standard_normal((200, 3000, 3))).astype(np.float32)
    assert _noise_level(noisy, Intensities()) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("name", ["nonsense", "meta", "cuda:99", "", "hpu"])
def test_devices_that_cannot_be_used(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be used here"):
        choose_device(name)


def test_a_device_is_found() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device() == choose_device("auto")


def with_figures(**validation: float) -> nn.Module:
    model = Wiener()
    model.figures = {"validation": validation}
    return model


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def have(*, avx512_bf16: bool = False, amx: bool = False, capability: tuple[int, int] = (7, 5)) -> None:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    return have


@pytest.mark.parametrize(
    ("machine", "device", "fast"),
    [
        ({}, "cpu", False),
        ({"avx512_bf16": True}, "cpu", True),
        ({"amx": True}, "cpu", True),
        ({"capability": (7, 5)}, "cuda", False),
        ({"capability": (8, 0)}, "cuda", True),
        ({"capability": (9, 0)}, "cuda", True),
        ({"amx": True}, "mps", False),
    ],
)
def test_bfloat16_is_chosen_where_ithas_fast_bfloat16_and_harmless(
    hardware: Callable[..., None], machine: dict[str, Any], device: str, fast: bool
) -> None:
    hardware(**machine)
    chosen = {
        change: choose_precision("auto", with_figures(bfloat16_change=change), torch.device(device))
        for change in (0.0, -0.019, 0.02, -0.5)
    }
    low = torch.bfloat16 if fast else torch.float32
    assert chosen == {0.0: low, -0.019: low, 0.02: torch.float32, -0.5: torch.float32}
    assert choose_precision("auto", with_figures(), torch.device(device)) == torch.float32
    assert choose_precision("auto", Wiener(), torch.device(device)) == torch.float32


def test_a_precision_that_is_named_is_taken() -> None:
    cpu = torch.device("cpu")
    assert choose_precision("float32", with_figures(bfloat16_change=0.0), cpu) == torch.float32
    assert choose_precision("bfloat16", Wiener(), cpu) == torch.bfloat16
    with pytest.raises(InvalidArgumentError, match="float16"):
        choose_precision("float16", Wiener(), cpu)


def test_bfloat16_is_near_float32() -> None:
    pixels = noise((32, 32, 3))
    low = Engine(tiny("residual-unet"), device="cpu", precision="bfloat16", tile="off").restore_pixels(pixels)
    assert low.dtype == np.float32
    assert 0 < np.abs(low - engine(tiny("residual-unet")).restore_pixels(pixels)).max() < 0.05


@pytest.mark.parametrize("tile", [0, -1])
def test_tiles_have_a_size(tile: int) -> None:
    with pytest.raises(InvalidArgumentError, match="at least 1 pixel"):
        engine(Wiener(), tile)


class Exhausting(nn.Module):
    traits = Traits(channels=None, receptive_radius=1)

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        raise self.error


def test_running_out_of_memory_is_told_apart() -> None:
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ):
        with pytest.raises(MemoryError, match="Exhausting runs out of memory on cpu: give a smaller tile"):
            engine(Exhausting(error)).restore_pixels(noise((8, 8, 1)))
    with pytest.raises(RuntimeError, match="memory format"):
        engine(Exhausting(RuntimeError("unsupported memory format"))).restore_pixels(noise((8, 8, 1)))


class Broken(nn.Module):
    traits = Traits(channels=None, receptive_radius=1)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        return y / 0


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_nan_out_of_a_network_is_an_error(dtype: str) -> None:
    with pytest.raises(ModelError, match="Broken gives NaN or infinity in float32"):
        engine(Broken()).restore_pixels(noise((8, 8, 1), dtype))


# Folding


@pytest.mark.parametrize("name", ["dncnn", "multiscale"])
def test_folded_equals_unfolded(name: str) -> None:
    model = tiny(name)
    y = torch.rand(2, model.traits.channels, 32, 24, generator=torch.Generator().manual_seed(1))
    folded = fused(model)
    assert any(isinstance(m, nn.BatchNorm2d) for m in model.modules()), "the original is left alone"
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        torch.testing.assert_close(folded(y), model(y), rtol=0, atol=1e-5)


def test_a_training_model_is_left_in_training() -> None:
    model = DnCNN(channels=1, depth=4, width=8).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    engine(model).restore_pixels(noise((8, 8, 1)))
    assert model.training
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())


# Kinds of image


def brighter(image: Any) -> Any:
    return like(image, [replace(p, pixels=p.pixels + p.pixels.dtype.type(1)) for p in pictures_of(image)])


def doubled(image: Any) -> Any:
    return like(image, [replace(p, pixels=p.pixels.repeat(2, 0).repeat(2, 1)) for p in pictures_of(image)])


@pytest.mark.parametrize(
    ("mode", "back"),
    [
        ("L", "L"),
        ("RGB", "RGB"),
        ("LA", "LA"),
        ("RGBA", "RGBA"),
        ("La", "LA"),
        ("RGBa", "RGBA"),
        ("1", "L"),
        ("CMYK", "RGB"),
        ("YCbCr", "RGB"),
    ],
)
def test_pillow_images(mode: str, back: str) -> None:
    image = Image.fromarray(noise((5, 7, 4), "uint8"), "RGBA")
    image = image.convert("LA").convert(mode) if mode == "La" else image.convert(mode)
    result = brighter(image)
    assert isinstance(result, Image.Image)
    assert (result.mode, result.size) == (back, (7, 5))
    difference = np.asarray(result).astype(int) - np.asarray(image.convert(back))
    assert (difference % 256 == 1).all()
    assert (doubled(image).size, doubled(image).mode) == ((14, 10), back)


def test_a_pillow_palette_becomes_rgb_and_keeps_its_transparency() -> None:
    image = Image.fromarray(noise((5, 7, 3), "uint8")).quantize(8)
    assert doubled(image).mode == "RGB"
    image.info["transparency"] = image.getpixel((0, 0))
    result = doubled(image)
    assert result.mode == "RGBA"
    assert result.getpixel((0, 0))[3] == 0
    assert result.getpixel((13, 9))[3] == image.convert("RGBA").getpixel((6, 4))[3]


def test_a_transparent_colour_becomes_alpha() -> None:
    image = Image.fromarray(noise((5, 7), "uint8"))
    image.info["transparency"] = image.getpixel((0, 0))
    assert brighter(image).mode == "LA"


def test_16_bit_and_float_pillow_images() -> None:
    deep = Image.fromarray(noise((5, 7), "uint16"))
    result = brighter(deep)
    assert result.mode == deep.mode == "I;16"
    assert (np.asarray(result).astype(int) - np.asarray(deep) == 1).all()
    for other in (Image.fromarray(noise((5, 7))), Image.fromarray(np.ones((3, 3), np.int32))):
        assert brighter(other).mode == other.mode


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_pillow_image_comes_back_upright(orientation: int) -> None:
    pixels, exif = noise((5, 7, 3), "uint8"), Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = orientation, "Lumiere"
    image = Image.fromarray(pixels)
    image.info |= {"exif": exif.tobytes(), "dpi": (300, 150), "icc_profile": SRGB}
    result = brighter(image)
    expected = {1: pixels, 3: np.rot90(pixels, 2), 6: np.rot90(pixels, -1)}[orientation]
    np.testing.assert_array_equal(np.asarray(result), expected + np.uint8(1))
    assert result.info["icc_profile"] == SRGB
    assert result.info["dpi"] == ((150, 300) if orientation == 6 else (300, 150))
    assert (result.getexif()[ExifTags.Base.Make], result.getexif()[ExifTags.Base.Orientation]) == ("Lumiere", 1)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64", ">f4"]
)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_arrays(shape: tuple[int, ...], dtype: str) -> None:
    array = noise(shape, dtype)
    result = brighter(array)
    assert (type(result), result.shape, result.dtype) == (np.ndarray, shape, np.dtype(dtype))
    np.testing.assert_allclose(result.astype(float) - array, 1, atol=1e-3)
    assert doubled(array).shape == (10, 14, *shape[2:])


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::-1], np.s_[::2, ::2]])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_arrays_of_any_layout(view: Any, dtype: str) -> None:
    array = noise((16, 16, 3), dtype)[view]
    for result, expected in [
        (restore(array, model=Wiener(), sigma=SIGMA), restore(array.copy(), model=Wiener(), sigma=SIGMA)),
        (degrade(array, "gaussian(sigma=0.1)"), degrade(array.copy(), "gaussian(sigma=0.1)")),
    ]:
        assert (result == expected).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(5, 7), (1, 5, 7), (3, 5, 7), (2, 1, 5, 7), (2, 3, 5, 7)])
def test_tensors(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    image = torch.from_numpy(noise(shape, "uint8" if dtype == torch.uint8 else "float32")).to(dtype)
    result = brighter(image)
    assert (type(result), result.shape, result.dtype) == (Tensor, image.shape, dtype)
    torch.testing.assert_close(result.double(), image.double() + 1, rtol=0, atol=1e-2)
    assert doubled(image).shape == (*shape[:-2], 10, 14)


def test_images_of_a_batch_are_restored_one_by_one() -> None:
    batch = torch.from_numpy(noise((3, 3, 16, 16)))
    each = torch.stack([restore(one, model=Wiener()) for one in batch])
    assert restore(batch, model=Wiener()).equal(each)


def test_a_tensor_that_takes_part_in_training() -> None:
    image = torch.rand(3, 8, 8, requires_grad=True)
    assert not restore(image, model=Wiener(), sigma=SIGMA).requires_grad


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("photo.png", "got str"),
        ([[0.5]], "got list"),
        (np.zeros((2, 2, 4), np.uint8), r"shape \(2, 2, 4\)"),
        (np.zeros((2, 2, 2), np.uint8), r"shape \(2, 2, 2\)"),
        (np.zeros((0, 2), np.uint8), r"shape \(0, 2\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.full((2, 2), 2**40), "must fit into 32"),
        (np.zeros((2, 2), np.complex64), "got complex64"),
        (np.zeros((2, 2), bool), "got bool"),
        (np.full((2, 2), np.nan), "NaN or infinity"),
        (torch.full((1, 2, 2), torch.inf), "NaN or infinity"),
        (torch.zeros(2, 2, 2), "shape"),
        (torch.zeros(0, 3, 2, 2), "shape"),
        (torch.zeros(1, 2, 3, 2, 2), "shape"),
        (torch.full((2, 2), -(2**40)), "must fit into 32"),
    ],
)
def test_what_is_no_image(image: Any, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        pictures_of(image)


def test_degrading_depends_on_the_seed_alone() -> None:
    image = noise((12, 12, 3), "uint8")
    one, same, other = (degrade(image, "gaussian(sigma=0.1)", seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[int], list[Job]]:
    """Write so many pictures, the third of them empty, and plan to copy them."""

    def write(count: int) -> list[Job]:
        (tmp_path / "in").mkdir()
        for i in range(count):
            images.write(Picture(pixels=noise((10 + i % 5, 12, 1), "uint8", i)), tmp_path / f"in/{i:03}.png")
        (tmp_path / "in/002.png").write_bytes(b"")
        return plan([tmp_path / "in"], tmp_path / "out")

    return write


def keep(job: Job, picture: Picture) -> Picture:
    return picture


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """What the work returns, unless it takes so long that it must have jammed."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert results, "it jammed, or failed"
    return results[0]


@pytest.mark.parametrize("pixels", [1, 130, 300, 64_000_000])
@pytest.mark.parametrize("workers", [1, 3])
def test_files_pass_in_order_through_any_gate(
    folder: Callable, monkeypatch: pytest.MonkeyPatch, pixels: int, workers: int
) -> None:
    monkeypatch.setattr(batches, "_PIXELS_IN_FLIGHT", pixels)
    jobs = folder(20)
    reports: list[Report] = within(60, lambda: list(process(jobs, keep, workers=workers)))
    assert [report.job for report in reports] == jobs
    assert [report.job.key for report in reports if report.error] == ["002.png"]
    assert [report.pixels for report in reports][:2] == [120, 132]
    assert all(job.target.exists() == (job.key != "002.png") for job in jobs)


def test_no_more_pixels_are_in_flight_than_the_gate_holds(folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_PIXELS_IN_FLIGHT", 300)
    held: list[int] = []
    enter = batches._PixelGate.try_enter

    def noted(gate: Any, pixels: int) -> bool:
        entered = enter(gate, pixels)
        held.append(gate._held)
        return entered

    monkeypatch.setattr(batches._PixelGate, "try_enter", noted)
    within(60, lambda: list(process(folder(20), keep, workers=3)))
    assert 150 < max(held) <= 300


def test_failures_are_reported_and_stop_nothing(folder: Callable) -> None:
    def moody(job: Job, picture: Picture) -> Picture:
        if job.key == "004.png":
            raise ModelError("not this one")
        if job.key == "005.png":
            raise MemoryError
        if job.key == "006.png":
            return Picture(pixels=images.to_unit(picture.pixels))
        return picture

    reports = list(process(folder(9), moody))
    errors = {report.job.key: report.error for report in reports if report.error}
    assert list(errors) == ["002.png", "004.png", "005.png", "006.png"]
    assert errors["004.png"] == "not this one"
    assert "not enough memory" in errors["005.png"]
    assert "cannot hold float32" in errors["006.png"]


def test_what_nobody_foresaw_is_raised(folder: Callable) -> None:
    def broken(job: Job, picture: Picture) -> Picture:
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(process(folder(9), broken))
    assert threading.active_count() == before


def test_what_is_done_already_is_skipped(folder: Callable) -> None:
    jobs = folder(5)
    list(process(jobs[:2], keep))
    again = list(process(jobs, keep))
    assert [report.skipped for report in again] == [True, True, False, False, False]
    assert not any(report.skipped for report in process(jobs, keep, overwrite=True))


def test_also_gets_both_pictures(folder: Callable) -> None:
    seen = set()

    def note(job: Job, before: Picture, after: Picture) -> None:
        seen.add((job.key, before.pixels.dtype.name, after.pixels.dtype.name))

    def deeper(job: Job, picture: Picture) -> Picture:
        return Picture(pixels=images.from_unit(images.to_unit(picture.pixels), np.uint16))

    list(process(folder(2), deeper, also=note))
    assert seen == {("000.png", "uint8", "uint16"), ("001.png", "uint8", "uint16")}


@pytest.mark.parametrize("after", [0, 1, 5])
def test_stopping_early_leaves_no_thread_and_no_half_file(folder: Callable, tmp_path: Path, after: int) -> None:
    threads = threading.active_count()
    reports = process(folder(20), keep, workers=3)
    for _ in range(after):
        next(reports)
    reports.close()
    assert threading.active_count() == threads
    written = list((tmp_path / "out").rglob("*")) if after else []
    assert all(images.read(path).pixels.size for path in written)
    assert after <= len(written) + 1 <= 20


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_at_least_one_worker(workers: int) -> None:
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        list(process([], keep, workers=workers))


# Plans


def test_a_plan_keeps_inner_paths(tmp_path: Path) -> None:
    for name in ("a.png", "b/c.jpg", ".hidden/d.png", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    out = tmp_path / "out"
    assert [(job.target, job.key) for job in plan([tmp_path / "in"], out)] == [
        (out / "a.png", "a.png"),
        (out / "b/c.jpg", "b/c.jpg"),
    ]
    assert [job.target for job in plan([tmp_path / "in"], out, suffix=".tif")] == [out / "a.tif", out / "b/c.tif"]
    single = plan([tmp_path / "in/b/c.jpg"], out)
    assert [(job.target, job.key) for job in single] == [(out / "c.jpg", "c.jpg")]
    assert plan([tmp_path / "in/a.png"], tmp_path / "x.tif")[0].target == tmp_path / "x.tif"


def test_plans_that_would_lose_something(tmp_path: Path) -> None:
    for name in ("one/a.png", "one/a.jpg", "two/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for inputs, out, suffix in [
        ([tmp_path / "one"], tmp_path / "one", None),
        ([tmp_path / "one", tmp_path / "two"], tmp_path / "out", None),
        ([tmp_path / "one"], tmp_path / "out", ".png"),
        ([tmp_path / "one/a.png"], tmp_path / "one/a.jpg", ".png"),
        ([tmp_path / "one/a.png"], tmp_path / "out", ".xyz"),
    ]:
        with pytest.raises(ClearsightError):
            plan(inputs, out, suffix=suffix)


# In memory


def test_a_folder_of_weights_restores_an_array(tmp_path: Path) -> None:
    weights.save(FFDNet(channels=1, depth=3, width=8), tmp_path, figures={"summary": "tiny"}, card="")
    image = noise((8, 8), "uint8")
    assert restore(image, model=str(tmp_path), sigma=SIGMA).shape == image.shape


def test_a_model_is_loaded_once() -> None:
    one = Restoration(ResidualUNet(channels=3, widths=[8], blocks=[1]))
    assert one.engine(3) is one.engine(1)


def test_the_default_model_is_chosen_by_the_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.weights.load", lambda name: with_name(name))
    automatic = Restoration()
    automatic.check()
    assert automatic.engine(1).name == "denoise-grey"
    assert automatic.engine(3).name == "denoise-photo"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    ("noise", "chosen"),
    [
        ("gaussian(sigma=15/255)", "denoise-color"),
        ("gaussian(sigma=50/255)", "denoise-color"),
        ("camera(iso=3200, full_well=20000)", "denoise-photo"),
        ("camera(iso=1600, full_well=8000) | jpeg(quality=90)", "denoise-photo"),
        ("correlated(sigma=10/255, radius=0.8)", "denoise-photo"),
        ("jpeg(quality=30)", "denoise-photo"),
        ("quantize", "denoise-photo"),
    ],
)
def test_of_colour_the_noise_chooses_the_model(noise: str, chosen: str, dtype: str) -> None:
    photograph = skimage.data.astronaut()[::2, ::2]
    degraded = np.asarray(degrade(photograph, noise))
    pixels = images.from_unit(degraded / np.float32(255), dtype)
    assert model_for(pixels) == chosen
    assert model_for(pixels[..., :1]) == "denoise-grey"
    assert model_for(pixels[:12, :12]) == "denoise-photo"


def with_name(name: str) -> nn.Module:
    model = Wiener()
    model.figures = {"name": name}
    return model
