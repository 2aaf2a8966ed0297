"""Degradations: moments with tolerances from the sample count, linearity, the little language."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from clearsight.contracts import NoiseDegradation
from clearsight.degradations import (
    CORRUPTIONS,
    HELD_OUT,
    Area,
    Bicubic,
    Blur,
    Gaussian,
    Jpeg,
    Pipeline,
    Quantize,
    Range,
    Step,
    format_number,
    parse,
    parse_number,
)
from clearsight.degradations.blocks import recompressed
from clearsight.degradations.codec import _reread
from clearsight.degradations.step import conditions_of
from clearsight.errors import ClearsightError, DegradationSyntaxError, InvalidArgumentError, UnknownNameError
from clearsight.restorers.noise_level import estimate_sigma


def degrade(x: Tensor, degradation: Pipeline | Step | str, *, seed: int) -> Tensor:
    chosen = parse(degradation) if isinstance(degradation, str) else degradation
    return chosen(x, generator=torch.Generator().manual_seed(seed))


finite = st.floats(allow_nan=False, allow_infinity=False)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(value: float, n: int = 1, side: int = 256) -> Tensor:
    return torch.full((n, 1, side, side), value, dtype=torch.float64)


def check_moments(y: Tensor, mean: float, variance: float) -> None:
    """Both within five standard errors, for noise whose kurtosis is at most about 3."""
    n = y.numel()
    assert abs(float(y.mean()) - mean) < 5 * math.sqrt(variance / n)
    assert abs(float(y.var()) - variance) < 5 * variance * math.sqrt(2 / n) * 1.5


# --- numbers and ranges


@settings(deadline=None)
@given(finite)
def test_a_number_survives_its_string(value: float) -> None:
    assert parse_number(format_number(value)) == value


@settings(deadline=None)
@given(st.integers(0, 2550))
def test_tenths_of_a_level_are_written_shortly(tenths: int) -> None:
    assert len(format_number(tenths / 10 / 255)) <= len("123.4/255")


@settings(deadline=None)
@given(finite, finite)
def test_a_range_survives_its_string(a: float, b: float) -> None:
    made = Range(min(a, b), max(a, b))
    assert Range.of(str(made)) == made


@pytest.mark.parametrize("text", ["", "a", "1/0", "nan", "inf", "1/2/3", "25/255/"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a number"):
        parse_number(text)


def test_a_range_is_drawn_uniformly() -> None:
    drawn = Range(2, 4).draw(20000, torch.Generator().manual_seed(0))
    assert drawn.shape == (20000,)
    assert 2 <= drawn.min() < drawn.max() <= 4
    check_moments(drawn, mean=3, variance=4 / 12)


# --- the language


def test_steps_are_joined_and_spelled_the_shortest_way() -> None:
    pipeline = parse("gaussian( sigma = 0..55/255 )|jpeg(quality=60.0)|quantize(bits=8)")
    assert str(pipeline) == "gaussian(sigma=0..55/255) | jpeg(quality=60) | quantize"
    assert pipeline == Gaussian(sigma="0..55/255") | Jpeg(quality=60) | Quantize()


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", DegradationSyntaxError, "such as gaussian"),
        ("quantize |", DegradationSyntaxError, "such as gaussian"),
        ("quantize or", DegradationSyntaxError, "such as gaussian"),
        ("quantize or area(scale=2)", InvalidArgumentError, "of one scale, got quantize or area"),
        ("gaussian(sigma=(1))", DegradationSyntaxError, "such as gaussian"),
        ("gaussian(0.1)", DegradationSyntaxError, "expected key=value"),
        ("gaussian(sigma=)", DegradationSyntaxError, "expected key=value"),
        ("gaussian(sigma=0.1, sigma=0.2)", DegradationSyntaxError, "given twice"),
        ("gausian(sigma=0.1)", UnknownNameError, "did you mean 'gaussian'"),
        ("gaussian(sgma=0.1)", UnknownNameError, "did you mean 'sigma'"),
        ("gaussian", InvalidArgumentError, "needs sigma"),
        ("gaussian(sigma=high)", InvalidArgumentError, "expected a number"),
        ("gaussian(sigma=25)", InvalidArgumentError, r"\[0, 1\] scale, got 25: .* 25/255"),
        ("gaussian(sigma=0.2..0.1)", InvalidArgumentError, "from low to high, got 0.2..0.1"),
        ("gaussian(sigma=-0.1)", InvalidArgumentError, "between 0 and 1, got -0.1"),
        ("speckle(sigma=2)", InvalidArgumentError, r"\[0, 1\] scale"),
        ("poisson(peak=0)", InvalidArgumentError, "peak must be at least 0.01, got 0"),
        ("bernoulli(keep=1.5)", InvalidArgumentError, "keep must be between 0 and 1"),
        ("erase(probability=-1)", InvalidArgumentError, "probability must be"),
        ("salt-and-pepper(amount=2)", InvalidArgumentError, "amount must be"),
        ("random-impulse(amount=2)", InvalidArgumentError, "amount must be"),
        ("block(size=0)", InvalidArgumentError, "size must be a whole number"),
        ("block(size=2.5)", InvalidArgumentError, "size must be a whole number"),
        ("blur(sigma=-1)", InvalidArgumentError, "between 0 and 100"),
        ("area(scale=1)", InvalidArgumentError, "scale must be a whole number from 2 to 64, got 1"),
        ("jpeg(quality=0)", InvalidArgumentError, "between 1 and 100, got 0"),
        ("quantize(bits=17)", InvalidArgumentError, "bits must be a whole number from 1 to 16"),
        ("quantize(probability=2)", InvalidArgumentError, "probability must be"),
        ("text(coverage=1)", InvalidArgumentError, "between 0 and 0.9, got 1"),
    ],
)
def test_mistakes_are_explained_in_a_sentence(text: str, error: type[ClearsightError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_or_draws_one_for_each_image() -> None:
    text = "lower-half | salt-and-pepper(amount=1) or erase(probability=0) or block(size=8)"
    assert str(parse(text)) == text
    y = degrade(flat(0.5, n=60, side=8), text, seed=0)
    seen = [tuple(image.unique().tolist()) for image in y]
    assert {kind: 10 < seen.count(kind) < 32 for kind in set(seen)} == {(0, 1): True, (0, 0.5): True, (0,): True}


def test_conditions_span_the_ranges_of_either() -> None:
    first, *_, last = conditions_of(parse("erase(probability=0..0.3) or gaussian(sigma=0..50/255)"))
    assert first == "erase(probability=0) or gaussian(sigma=0)"
    assert last == "erase(probability=0.3) or gaussian(sigma=50/255)"


def test_a_pipeline_needs_a_step() -> None:
    with pytest.raises(InvalidArgumentError, match="at least one step"):
        Pipeline(())


# --- noise


def test_gaussian_has_its_moments_and_is_not_clipped() -> None:
    y = degrade(flat(0.9), "gaussian(sigma=50/255)", seed=0)
    check_moments(y, mean=0.9, variance=(50 / 255) ** 2)
    assert y.max() > 1


def test_gaussian_tells_the_sigma_each_image_drew() -> None:
    step = Gaussian(sigma="0.1..0.4")
    assert isinstance(step, NoiseDegradation)
    y, sigma = step.with_sigma(flat(0.5, n=8), generator=torch.Generator().manual_seed(0))
    assert sigma.shape == (8,)
    assert len(set(sigma.tolist())) == 8
    for image, told in zip(y, sigma.tolist(), strict=True):
        check_moments(image, mean=0.5, variance=told**2)


def test_a_pipeline_tells_the_sigma_of_its_one_noise() -> None:
    x, generator = flat(0.5, n=3, side=8), torch.Generator()
    pipeline = parse("blur(sigma=1) | gaussian(sigma=0..0.2) | quantize")
    y, sigma = pipeline.with_sigma(x, generator=generator.manual_seed(3))
    assert sigma.shape == (3,)
    assert torch.equal(y, pipeline(x, generator=generator.manual_seed(3)))


@pytest.mark.parametrize("text", ["quantize", "gaussian(sigma=0.1) | gaussian(sigma=0.1)"])
def test_a_pipeline_without_one_sigma_says_so(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="exactly one step with a σ"):
        parse(text).with_sigma(flat(0.5, side=8), generator=torch.Generator())


def test_poisson_has_its_moments() -> None:
    check_moments(degrade(flat(0.6), "poisson(peak=30)", seed=0), mean=0.6, variance=0.6 / 30)


def test_poisson_counts_photons_and_none_below_black() -> None:
    counts = degrade(flat(0.5, side=16), "poisson(peak=30)", seed=0) * 30
    assert torch.allclose(counts, counts.round())
    assert degrade(flat(-0.2, side=16), "poisson(peak=30)", seed=0).eq(0).all()


def test_speckle_grows_with_the_image() -> None:
    check_moments(degrade(flat(0.5), "speckle(sigma=0.2)", seed=0), mean=0.5, variance=0.01)
    assert degrade(flat(0), "speckle(sigma=0.2)", seed=0).eq(0).all()


# --- impulses and masks


@pytest.mark.parametrize(
    ("text", "share"),
    [("bernoulli(keep=0.7)", 0.3), ("erase(probability=0.3)", 0.3), ("block(size=64)", 1 / 16)],
)
def test_masks_black_out_their_share_in_all_channels(text: str, share: float) -> None:
    y = degrade(flat(0.5).expand(1, 3, 256, 256), text, seed=0)
    black = y.eq(0)
    assert torch.equal(black.any(1), black.all(1))
    assert y[~black].eq(0.5).all()
    assert abs(float(black.double().mean()) - share) < 5 * math.sqrt(share * (1 - share) / 256**2)


def test_salt_and_pepper_are_as_likely() -> None:
    y = degrade(flat(0.5).expand(1, 3, 256, 256), "salt-and-pepper(amount=0.2)", seed=0)
    for value in (0, 1):
        dots = y.eq(value)
        assert torch.equal(dots.any(1), dots.all(1))
        assert abs(float(dots.double().mean()) - 0.1) < 5 * math.sqrt(0.1 * 0.9 / 256**2)


def test_random_impulses_are_uniform_colours() -> None:
    y = degrade(flat(2).expand(1, 3, 256, 256), "random-impulse(amount=0.4)", seed=0)
    hit = y.ne(2)
    assert torch.equal(hit.any(1), hit.all(1))
    assert abs(float(hit.double().mean()) - 0.4) < 5 * math.sqrt(0.4 * 0.6 / 256**2)
    check_moments(y[hit], mean=0.5, variance=1 / 12)


def test_the_ends_of_a_probability_are_exact() -> None:
    x = flat(0.5)
    assert degrade(x, "erase(probability=1)", seed=0).eq(0).all()
    assert torch.equal(degrade(x, "erase(probability=0)", seed=0), x)


def test_each_image_draws_its_own_share() -> None:
    black = degrade(flat(1, n=8), "erase(probability=0.1..0.9)", seed=0).eq(0).double().mean((1, 2, 3))
    assert black.std() > 0.1


def test_a_block_is_a_square_somewhere_else_in_each_image() -> None:
    black = degrade(flat(1, n=16, side=28), "block(size=10)", seed=0).eq(0).squeeze(1)
    assert black.any(1).sum(1).eq(10).all()
    assert black.any(2).sum(1).eq(10).all()
    assert len({tuple(image.flatten().tolist()) for image in black}) == 16


def test_a_block_reaches_every_place() -> None:
    black = degrade(flat(1, n=400, side=4), "block(size=2)", seed=0).eq(0)
    corners = {tuple(image.nonzero()[0].tolist()) for image in black.squeeze(1)}
    assert corners == {(row, column) for row in range(3) for column in range(3)}


def test_the_lower_half_is_black() -> None:
    y = degrade(flat(1, side=28), "lower-half", seed=0)
    assert y[..., :14, :].eq(1).all()
    assert y[..., 14:, :].eq(0).all()


# --- linear ones


def adjoint_of_area(v: Tensor, scale: int) -> Tensor:
    return F.interpolate(v, scale_factor=scale, mode="nearest") / scale**2


@pytest.mark.parametrize("text", ["lower-half", "block(size=3)", "erase(probability=0.5)", "bernoulli(keep=0.5)"])
def test_masks_are_their_own_adjoint(text: str) -> None:
    x, v = noise(2, 3, 9, 7), noise(2, 3, 9, 7, seed=2)
    assert torch.allclose((degrade(x, text, seed=0) * v).sum(), (x * degrade(v, text, seed=0)).sum(), rtol=1e-12)


def test_blur_is_its_own_adjoint_away_from_the_border() -> None:
    x, v = (F.pad(noise(2, 3, 9, 7, seed=seed), (8, 8, 8, 8)) for seed in (1, 2))
    blurred = degrade(x, "blur(sigma=1..2)", seed=0)
    assert torch.allclose((blurred * v).sum(), (x * degrade(v, "blur(sigma=1..2)", seed=0)).sum(), rtol=1e-12)


def test_area_has_its_adjoint() -> None:
    x, v = noise(2, 3, 12, 6), noise(2, 3, 4, 2, seed=2)
    y = degrade(x, Area(scale=3), seed=0)
    assert torch.allclose((y * v).sum(), (x * adjoint_of_area(v, 3)).sum(), rtol=1e-12)


@pytest.mark.parametrize("text", ["blur(sigma=1..2)", "area(scale=2)", "bicubic(scale=2)", "lower-half"])
def test_linear_degradations_are_linear_and_keep_gradients(text: str) -> None:
    x, v = noise(2, 3, 12, 8), noise(2, 3, 12, 8, seed=2)
    together = degrade(2 * x - 3 * v, text, seed=0)
    assert torch.allclose(together, 2 * degrade(x, text, seed=0) - 3 * degrade(v, text, seed=0), atol=1e-12)
    assert degrade(x.requires_grad_(), text, seed=0).requires_grad


@pytest.mark.parametrize("text", ["blur(sigma=2)", "area(scale=2)", "bicubic(scale=2)"])
def test_low_passes_keep_a_constant(text: str) -> None:
    y = degrade(flat(0.3, side=12), text, seed=0)
    assert torch.allclose(y, torch.full_like(y, 0.3))


@pytest.mark.parametrize("size", [(40, 31), (5, 3)])
def test_blur_agrees_with_scipy(size: tuple[int, int]) -> None:
    x = noise(1, 1, *size)
    expected = scipy.ndimage.gaussian_filter(x[0, 0].numpy(), 2, mode="nearest", truncate=4)
    np.testing.assert_allclose(degrade(x, Blur(sigma=2), seed=0)[0, 0].numpy(), expected, atol=1e-12)


def test_no_blur_is_the_identity() -> None:
    x = noise(2, 1, 5, 5)
    assert torch.equal(degrade(x, Blur(sigma=0), seed=0), x)


def test_bicubic_agrees_with_pillow() -> None:
    x = noise(1, 1, 24, 36).float()
    expected = np.asarray(Image.fromarray(x[0, 0].numpy()).resize((12, 8), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(degrade(x, Bicubic(scale=3), seed=0)[0, 0].numpy(), expected, atol=1e-5)


def test_a_size_the_scale_does_not_divide_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match=r"area\(scale=2\) needs .* 2 divides, got 5×7; crop it"):
        degrade(noise(1, 1, 5, 7), "area(scale=2)", seed=0)


# --- files


def test_quantize_rounds_and_clips() -> None:
    x = torch.tensor([-0.2, 0.1, 0.2, 0.6, 1.3]).view(1, 1, 1, 5)
    assert degrade(x, "quantize(bits=1)", seed=0).flatten().tolist() == [0, 0, 0, 1, 1]


def test_quantize_happens_to_a_share_of_the_images() -> None:
    x = torch.rand(400, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    left = (degrade(x, "quantize(bits=2, probability=0.25)", seed=0) == x).flatten(1).all(1)
    assert abs(float(left.double().mean()) - 0.75) < 5 * math.sqrt(0.25 * 0.75 / 400)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_more_at_lower_quality(channels: int) -> None:
    x = torch.from_numpy(skimage.data.astronaut()[:128, 200:328, :channels] / 255).permute(2, 0, 1)[None]
    errors = [float((degrade(x, f"jpeg(quality={q})", seed=0) - x).square().mean()) for q in (95, 50, 10)]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.01


def test_jpeg_draws_a_quality_for_each_image() -> None:
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(6, 3, 32, 32)
    y = degrade(x, "jpeg(quality=5..95)", seed=0)
    assert len({float(image.sum()) for image in y}) == 6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("quality", "top", "left"), [(10, 0, 0), (50, 3, 7), (90, 15, 1), (98, 8, 8)])
def test_jpeg_in_tensors_is_what_files_hold(channels: int, quality: int, top: int, left: int) -> None:
    """Of a photograph whose sides are no multiples of a block: as good as always within a step."""
    photo = torch.from_numpy(skimage.data.astronaut()[60:197, 150:303].copy()).movedim(-1, 0)[:channels]
    at = (torch.tensor([number]) for number in (quality, top, left))
    found = recompressed(photo[None].float(), *at)[0]
    expected = _reread(photo, quality, top, left).float()
    off, lost = (found - expected).abs(), (photo - expected).abs().mean()
    assert off.mean() < 1
    assert off.mean() < 0.5 * lost
    assert (off <= 2).float().mean() > 0.93


def test_jpeg_in_tensors_has_its_own_quality_and_grid_for_each_image() -> None:
    photo = torch.from_numpy(skimage.data.astronaut()[60:124, 150:214].copy()).movedim(-1, 0).float()
    quality, top, left = torch.tensor([20, 80]), torch.tensor([0, 5]), torch.tensor([3, 0])
    both = recompressed(photo.expand(2, -1, -1, -1), quality, top, left)
    for index in range(2):
        alone = recompressed(photo[None], *(each[index : index + 1] for each in (quality, top, left)))
        assert both[index].equal(alone[0])


def test_jpeg_takes_grey_and_rgb_alone() -> None:
    with pytest.raises(InvalidArgumentError, match="1 or 3 channels, got 2"):
        degrade(torch.rand(1, 2, 8, 8), "jpeg(quality=60)", seed=0)


# --- text


@pytest.mark.parametrize("coverage", [0.1, 0.4])
def test_text_covers_its_share(coverage: float) -> None:
    y = degrade(torch.full((4, 3, 128, 128), 2.0), f"text(coverage={coverage})", seed=0)
    covered = y.ne(2).any(1).double().mean((1, 2))
    assert (covered >= coverage).all()
    assert (covered < coverage + 0.1).all()


def test_no_text_leaves_the_image() -> None:
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(degrade(x, "text(coverage=0)", seed=0), x)


def test_text_has_many_colours_and_differs_between_images() -> None:
    y = degrade(torch.full((2, 3, 96, 96), 2.0), "text(coverage=0.3)", seed=0)
    assert not torch.equal(y[0], y[1])
    inked = y[0][:, y[0].max(0).values <= 1]
    assert len({tuple(pixel) for pixel in inked.T.round(decimals=4).tolist()}) > 5


# --- estimating σ


def photograph(name: str) -> Tensor:
    pixels = torch.from_numpy(np.atleast_3d(getattr(skimage.data, name)()))
    return pixels.permute(2, 0, 1)[None, :, :256, :256].float() / 255


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee", "coins", "moon"])
@pytest.mark.parametrize(("level", "within"), [(5, 0.08), (15, 0.03), (25, 0.03), (50, 0.03)])
def test_sigma_is_estimated_on_photographs(name: str, level: int, within: float) -> None:
    y = degrade(photograph(name), f"gaussian(sigma={level}/255)", seed=0)
    assert float(estimate_sigma(y)) * 255 == pytest.approx(level, rel=within)


def test_sigma_is_estimated_in_files_too() -> None:
    y = degrade(photograph("camera"), "gaussian(sigma=25/255) | quantize", seed=0)
    assert float(estimate_sigma(y)) * 255 == pytest.approx(25, rel=0.05)


def test_each_image_has_its_sigma() -> None:
    step = Gaussian(sigma="10/255..60/255")
    x = torch.rand(5, 3, 1, 1, dtype=torch.float64).expand(5, 3, 96, 96)
    y, sigma = step.with_sigma(x, generator=torch.Generator().manual_seed(0))
    estimated = estimate_sigma(y)
    assert estimated.shape == (5,)
    assert estimated.dtype == torch.float64
    assert torch.allclose(estimated, sigma, rtol=0.05)


def test_a_clean_flat_image_has_no_noise() -> None:
    assert float(estimate_sigma(flat(0.5, side=32))) < 1e-6


def test_a_noise_level_takes_some_pixels() -> None:
    with pytest.raises(InvalidArgumentError, match="at least 8×8 pixels to estimate, got 7×9"):
        estimate_sigma(torch.rand(1, 1, 7, 9))


# Corruptions


@pytest.mark.parametrize("kind", [*CORRUPTIONS, *HELD_OUT])
def test_corruptions_are_worse_at_higher_severity(kind: str) -> None:
    mild, *_, severe = {**CORRUPTIONS, **HELD_OUT}[kind]
    x = torch.from_numpy(skimage.data.astronaut()[0:128, 140:268].copy()).movedim(-1, 0)[None].float() / 255
    off = [float((degrade(x, each, seed=0) - x).square().mean()) for each in (mild, severe)]
    assert off[0] > 1e-4
    if kind != "elastic":  # its first two are large affine maps, the others small ripples
        assert off[0] < off[1]


def test_there_are_fifteen_corruptions_and_four_more() -> None:
    assert (len(CORRUPTIONS), len(HELD_OUT)) == (15, 4)
    assert not CORRUPTIONS.keys() & HELD_OUT.keys()
    assert {len(each) for each in (*CORRUPTIONS.values(), *HELD_OUT.values())} == {5}


def test_each_image_draws_a_severity() -> None:
    x = torch.full((300, 1, 2, 2), 0.25)
    x[..., 0] = 0.75
    y = degrade(x, "contrast(severity=2..4)", seed=0)
    spread = (y[:, 0, 0, 0] - y[:, 0, 0, 1]).div(0.5).mul(100).round()
    assert {int(each): int((spread == each).sum()) > 70 for each in spread.unique()} == {30: True, 20: True, 10: True}


def test_shot_noise_is_that_of_so_many_photons() -> None:
    x = torch.full((1, 1, 200, 200), 0.5)
    y = degrade(x, "shot(severity=1)", seed=0)
    assert float(y.mean()) == pytest.approx(0.5, abs=0.003)
    assert float(y.var()) == pytest.approx(0.5 / 60, rel=0.05)


def test_defocus_keeps_the_light() -> None:
    x = torch.zeros(1, 1, 101, 101)
    x[..., 50, 50] = 1
    y = degrade(x, "defocus(severity=5)", seed=0)
    assert float(y.sum()) == pytest.approx(1, abs=1e-4)
    radius = 10 * 101 / 224
    rows, columns = torch.meshgrid(torch.arange(101.0) - 50, torch.arange(101.0) - 50, indexing="ij")
    assert float(y[0, 0][torch.hypot(rows, columns) > radius + 3].sum()) < 0.01
