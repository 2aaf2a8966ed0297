"""The noise of cameras, film and sensors: moments, correlations and spectra, and mixtures of degradations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from clearsight.degradations import parse
from clearsight.degradations.mosaic import bilinear, high_quality, sites
from clearsight.degradations.step import Either, conditions_of
from clearsight.errors import ClearsightError, InvalidArgumentError

_SIDE = 256


def degrade(x: Tensor, text: str, seed: int = 0) -> Tensor:
    return parse(text)(x, generator=torch.Generator().manual_seed(seed))


def flat(value: float, channels: int = 3, n: int = 1) -> Tensor:
    return torch.full((n, channels, _SIDE, _SIDE), value, dtype=torch.float64)


def correlation(a: Tensor, b: Tensor) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean() / (a.std() * b.std()))


def along(noise: Tensor, distance: int) -> float:
    """The correlation of pixels at a distance, along rows and columns, of one channel."""
    rows = correlation(noise[..., distance:], noise[..., :-distance])
    return (rows + correlation(noise[..., distance:, :], noise[..., :-distance, :])) / 2


def to_light(shown: Tensor) -> Tensor:
    return torch.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


def to_shown(light: float) -> float:
    return 1.055 * light ** (1 / 2.4) - 0.055


@pytest.mark.parametrize("radius", [0, 0.6, 0.84, 2])
@pytest.mark.parametrize("colour", [0, 0.5, 1])
def test_correlated_noise_has_the_deviation_and_the_correlations_it_names(radius: float, colour: float) -> None:
    noise = degrade(flat(0.5), f"correlated(sigma=10/255, radius={radius}, colour={colour})") - 0.5
    assert float(noise.std()) * 255 == pytest.approx(10, rel=0.04)
    assert correlation(noise[:, 0], noise[:, 2]) == pytest.approx(colour, abs=0.05)
    expected = math.exp(-1 / (4 * radius**2)) if radius else 0
    assert along(noise[:, 1], 1) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("tone", "share"), [(0, 0), (0.5, 1), (0.2, 0.8), (1, 0)])
def test_grain_is_strongest_in_the_middle_and_grey(tone: float, share: float) -> None:
    noise = degrade(flat(tone), "grain(sigma=0.1)") - tone
    assert float(noise.std()) == pytest.approx(0.1 * share, rel=0.03, abs=1e-9)
    assert torch.allclose(noise[:, 0], noise[:, 1])


@pytest.mark.parametrize(("axis", "along_axis"), [("rows", 3), ("columns", 2)])
def test_banding_moves_whole_rows_or_columns(axis: str, along_axis: int) -> None:
    noise = degrade(flat(0.5, n=4), f"banding(sigma=0.1, axis={axis})") - 0.5
    assert float(noise.std(along_axis).max()) < 1e-9
    assert float(noise.std()) == pytest.approx(0.1, rel=0.15)


def test_banding_takes_either_axis() -> None:
    noise = degrade(flat(0.5, n=16), "banding(sigma=0.1, axis=either)")
    assert 0 < int((noise.std(3).amax((1, 2)) < 1e-9).sum()) < 16


def test_hot_pixels_are_rare_bright_and_of_one_colour() -> None:
    x = flat(0.2)
    y = degrade(x, "hot-pixels(amount=0.01)")
    hot = y > x
    assert int(hot.sum()) / _SIDE**2 == pytest.approx(0.01, rel=0.2)
    assert int(hot.sum(1).max()) == 1
    assert float(y[hot].min()) >= 0.5
    assert torch.equal(y[~hot], x[~hot])


@pytest.mark.parametrize("light", [0.05, 0.3, 0.7])
@pytest.mark.parametrize(("iso", "read"), [(100, 0), (1600, 0), (1600, 40)])
def test_a_grey_camera_counts_electrons(light: float, iso: int, read: float) -> None:
    settings = f"iso={iso}, full_well=20000, read={read}, contrast=1.3, reduction=0, sharpening=0"
    y = degrade(flat(to_shown(light), channels=1), f"camera({settings})")
    straight = (1 + ((1 - y) / y.clamp(min=1e-9)) ** (1 / 1.3)) ** -1
    electrons = 20000 * 100 / iso
    seen, x = to_light(straight), to_light(torch.tensor(to_shown(light)))
    before = 1 / (1 + ((1 - to_shown(light)) / to_shown(light)) ** (1 / 1.3))
    exact = float(to_light(torch.tensor(before, dtype=torch.float64)))
    assert float(seen.mean()) == pytest.approx(exact, rel=0.01)
    assert float(seen.var()) == pytest.approx(exact / electrons + (read / electrons) ** 2, rel=0.04)
    assert float(x) == pytest.approx(light, rel=1e-6)


def test_a_camera_without_noise_gives_the_picture_back() -> None:
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = degrade(x, "camera(iso=25, full_well=1000000, read=0)")
    assert float((y - x).abs().mean()) < 1 / 255


def test_a_mosaic_makes_noise_of_neighbours_alike_and_reduction_leaves_the_coarse_part() -> None:
    plain = "iso=1600, full_well=20000, contrast=1, sharpening=0"
    own = degrade(flat(0.5), f"camera({plain}, colour=0, demosaic=none, reduction=0, chroma_reduction=0)") - 0.5
    seen = degrade(flat(0.5), f"camera({plain}, colour=0, demosaic=bilinear, reduction=0, chroma_reduction=0)") - 0.5
    left = "reduction=0.9, radius=2, chroma_reduction=0.9, chroma_radius=2"
    reduced = degrade(flat(0.5), f"camera({plain}, colour=0, demosaic=none, {left})") - 0.5
    assert abs(along(own[:, 0], 1)) < 0.02
    assert along(seen[:, 0], 1) > 0.3
    power = (torch.fft.fft2(reduced).abs() ** 2 / torch.fft.fft2(own).abs() ** 2)[0, 0]
    assert float(power[_SIDE // 2, _SIDE // 2]) == pytest.approx(0.01, rel=0.1)
    assert float(power[1, 0]) > 0.9


def test_sharpening_raises_the_fine_noise_of_luma() -> None:
    plain = "camera(iso=1600, full_well=20000, contrast=1, reduction=0, chroma_reduction=0, sharpening={})"
    dull, sharp = (degrade(flat(0.5), plain.format(amount)) - 0.5 for amount in (0, 1))
    assert float(sharp.std()) > 1.1 * float(dull.std())


@pytest.mark.parametrize("interpolate", [bilinear, high_quality])
@pytest.mark.parametrize("phase", range(4))
def test_a_demosaicing_keeps_sites_and_is_exact_on_ramps(interpolate: object, phase: int) -> None:
    ramp = torch.arange(16.0)[:, None] + 2 * torch.arange(12.0)
    x = torch.stack([ramp, ramp + 5, ramp - 3])[None]
    colours = sites(torch.tensor([phase]), 16, 12)
    y = interpolate((x * colours).sum(1, keepdim=True), colours)  # type: ignore[operator]
    inner = (..., slice(2, -2), slice(2, -2))
    assert torch.allclose(y[inner], x[inner], atol=1e-5)
    assert torch.equal(colours.sum(1), torch.ones(1, 16, 12, dtype=torch.long))


def test_the_grid_of_a_jpeg_may_lie_anywhere() -> None:
    x = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    aligned, moved, around = (degrade(x, f"jpeg(quality=20, offset={rows})") for rows in (0, 3, 8))
    assert torch.equal(aligned, degrade(x, "jpeg(quality=20)"))
    assert torch.equal(around, aligned)
    assert not torch.equal(moved, aligned)


def test_each_image_has_one_of_its_degradations() -> None:
    either = parse("gaussian(sigma=0.1) or lower-half or quantize(bits=1)")
    x = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = either(x, generator=torch.Generator().manual_seed(1))
    gone = (y[:, :, 4:] == 0).all((1, 2, 3))
    binary = ((y == 0) | (y == 1)).all((1, 2, 3)) & ~gone
    assert torch.equal(y[gone][:, :, :4], x[gone][:, :, :4])
    assert torch.equal(y[binary], x[binary].round())
    assert min(int(gone.sum()), int(binary.sum()), int((~gone & ~binary).sum())) > 8


def test_one_of_several_is_a_step_among_others() -> None:
    text = "lower-half | salt-and-pepper(amount=0..0.2) or gaussian(sigma=0..50/255) | quantize"
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)
    assert (
        conditions_of(parse(text))[3] == "lower-half | salt-and-pepper(amount=0.2) or gaussian(sigma=50/255) | quantize"
    )
    longer = Either((parse("area(scale=2) | quantize"), parse("bicubic(scale=2)")))
    assert longer.scale == 2
    assert longer(torch.rand(4, 1, 8, 8), generator=torch.Generator()).shape == (4, 1, 4, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Either(()),
        lambda: parse("quantize or area(scale=2)"),
        lambda: parse("quantize or"),
        lambda: parse("camera(iso=0)"),
        lambda: parse("camera(iso=100, demosaic=perfect)"),
        lambda: parse("banding(sigma=0.1, axis=diagonal)"),
        lambda: parse("jpeg(quality=50, offset=16)"),
        lambda: parse("correlated(sigma=0.1, colour=2)"),
    ],
)
def test_says_what_is_out_of_range(make: object) -> None:
    with pytest.raises(ClearsightError):
        make()  # type: ignore[operator]


def test_a_camera_sees_grey_or_three_colours() -> None:
    with pytest.raises(InvalidArgumentError, match="1 or 3 channels, got 2"):
        degrade(torch.rand(1, 2, 8, 8), "camera(iso=400)")
