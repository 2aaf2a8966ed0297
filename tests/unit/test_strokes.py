"""Strokes: the calibration of their source, and what each kind draws."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from torch import Tensor

from clearsight.degradations import Strokes, parse
from clearsight.errors import UnknownNameError
from clearsight.metrics import psnr

needs_data = pytest.mark.skipif("CLEARSIGHT_DATA" not in os.environ, reason="CLEARSIGHT_DATA is not set")
SIZES = [(28, 28), (20, 16), (64, 48), (7, 5), (48, 64), (1, 1), (1, 9)]


def data() -> Path:
    return Path(os.environ["CLEARSIGHT_DATA"])


def digits() -> Tensor:
    pixels = np.fromfile(data() / "MNIST/raw/t10k-images-idx3-ubyte", np.uint8, offset=16)
    return torch.from_numpy(pixels).view(-1, 1, 28, 28) / 255


def alphadigits() -> Tensor:
    drawings = scipy.io.loadmat(data() / "binaryalphadigs.mat")["fea"]
    return torch.from_numpy(drawings.astype(np.float32)).view(-1, 1, 16, 20).mT


def strike(x: Tensor, kind: str = "both", *, seed: int = 0) -> Tensor:
    return parse(f"strokes(kind={kind})")(x, generator=torch.Generator().manual_seed(seed))


def masks(kind: str, n: int, height: int, width: int) -> Tensor:
    return strike(torch.zeros(n, 1, height, width), kind).squeeze(1).bool()


def check_calibration(x: Tensor, kind: str, printed: float) -> None:
    """The mean over the images that changed: a stroke may lie in the writing alone."""
    decibels = psnr(strike(x, kind), x)
    changed = decibels.isfinite()
    assert changed.double().mean() > 0.99
    assert float(decibels[changed].mean()) == pytest.approx(printed, abs=0.3)


@needs_data
@pytest.mark.parametrize(("kind", "printed"), [("light", 9.7), ("heavy", 7.65), ("both", (9.7 + 7.65) / 2)])
def test_digits_are_as_noisy_as_printed(kind: str, printed: float) -> None:
    check_calibration(digits()[::5], kind, printed)


@needs_data
def test_drawings_are_as_noisy_as_printed() -> None:
    check_calibration(alphadigits(), "heavy", 8.12)


@pytest.mark.parametrize("kind", ["light", "heavy", "both"])
@pytest.mark.parametrize("size", SIZES)
def test_the_result_is_ink_or_paper_at_any_size(kind: str, size: tuple[int, int]) -> None:
    x = torch.rand(40, 1, *size, generator=torch.Generator().manual_seed(1))
    y = strike(x, kind)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert ((y == 0) | (y == 1)).all()
    assert (y >= (x > 0.2).float()).all()
    assert masks(kind, 40, *size).flatten(1).any(1).all()


def test_writing_above_the_threshold_stays() -> None:
    x = torch.tensor([0.19, 0.21]).view(1, 1, 1, 2).expand(500, 1, 9, 2)
    y = strike(x)
    assert y[..., 1].eq(1).all()
    assert 0 < y[..., 0].mean() < 1


@pytest.mark.parametrize("kind", ["light", "heavy", "both"])
def test_all_channels_share_a_mask_and_no_two_images_do(kind: str) -> None:
    y = strike(torch.zeros(16, 3, 64, 48, dtype=torch.float64), kind)
    assert torch.equal(y[:, :1].expand_as(y), y)
    assert len({tuple(image.flatten().tolist()) for image in y[:, 0]}) > 12


def test_the_seed_decides() -> None:
    x = torch.zeros(8, 1, 28, 28)
    assert torch.equal(strike(x, seed=3), strike(x, seed=3))
    assert not torch.equal(strike(x, seed=3), strike(x, seed=4))


def full_rows(mask: Tensor) -> Tensor:
    """How many rows of each ``(n, H, W)`` mask are ink from border to border."""
    return mask.all(2).sum(1)


@pytest.fixture(scope="module")
def light() -> Tensor:
    return masks("light", 1500, 60, 48)


@pytest.fixture(scope="module")
def waves(light: Tensor) -> Tensor:
    return light[(full_rows(light) == 0) & (full_rows(light.mT) == 0)]


def test_light_strokes_are_rows_columns_and_waves_a_third_each(light: Tensor, waves: Tensor) -> None:
    counts = [int((full_rows(light) == 3).sum()), int((full_rows(light.mT) > 0).sum()), len(waves)]
    assert sum(counts) == len(light)
    assert all(abs(count - 500) < 5 * (1500 * 2 / 9) ** 0.5 for count in counts)


def test_rows_stay_a_sixth_away_from_the_border_and_reach_every_place_between(light: Tensor) -> None:
    rows = light[full_rows(light) > 0]
    assert torch.equal(rows.all(2), rows.any(2))
    assert rows.any(2).sum(1).eq(3).all()
    assert set((rows.any(2).double().argmax(1) + 1).tolist()) == set(range(10, 50))


def test_columns_reach_every_place(light: Tensor) -> None:
    columns = light[full_rows(light.mT) > 0]
    assert torch.equal(columns.all(1), columns.any(1))
    assert set(columns.any(1).sum(1).tolist()) == {2, 3}
    assert columns.any(1).any(0).all()


def test_waves_are_unbroken_a_sixth_high_and_repeat_every_twelve_pixels(waves: Tensor) -> None:
    height = waves.any(2).sum(1)
    assert 11 <= height.min() <= height.max() <= 13
    assert (waves[:, :, 1:] & waves[:, :, :-1]).any(1).all()
    assert torch.equal(waves[:, :, 1:23], waves[:, :, 13:35])
    assert (waves[:, :, 1:23] ^ waves[:, :, 7:29]).flatten(1).any(1).all()


def test_waves_have_every_phase(waves: Tensor) -> None:
    """On average over many waves no column is higher than another."""
    highest = waves.double().argmax(1)[:, 1:-1].double()
    below_crest = (highest - highest.amin(1, keepdim=True)).mean(0)
    assert below_crest.max() - below_crest.min() < 10 * 3.6 / len(waves) ** 0.5


@pytest.mark.parametrize(("height", "thickness"), [(28, 3), (20, 3), (6, 2), (1, 2), (30, 4), (64, 6)])
def test_bars_are_whole_pixels_thick_and_grow_with_the_height(height: int, thickness: int) -> None:
    """Of many bars some lie along the rows, and none fills more of them than it is thick."""
    assert full_rows(masks("heavy", 1000, height, 4 * thickness)).max() == min(thickness, height)


def test_bars_lie_at_every_angle_and_leave_the_corners_clearer() -> None:
    """Turned by 90° or mirrored, the mean of many masks is the same."""
    mean = masks("heavy", 6000, 28, 28).double().mean(0)
    for other in (mean.rot90(), mean.flip(0), mean.T):
        assert (mean - other).abs().max() < 5 * (2 * 0.25 / 6000) ** 0.5
    assert mean[13:15, 13:15].mean() > mean[0, 0] + 0.05


def test_two_bars_cross_the_whole_image() -> None:
    """Four ends: going around the border, ink begins as often as each bar has ends, unless they meet there."""
    mask = masks("heavy", 300, 60, 60)
    sides = mask[:, 0, :-1], mask[:, :-1, -1], mask[:, -1, 1:].flip(1), mask[:, 1:, 0].flip(1)
    border = torch.cat(sides, 1)
    ends = (border & ~border.roll(1, 1)).sum(1)
    assert ends.min() >= 1
    assert ends.max() == 4
    assert ends.double().mean() > 3


def test_both_draws_each_kind_half_of_the_time() -> None:
    n = 2000
    straight = full_rows(masks("both", n, 48, 36)) == 3
    assert abs(float(straight.double().mean()) - 1 / 6) < 5 * (5 / 36 / n) ** 0.5


def test_an_unknown_kind_says_which_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"^no kind of strokes is named 'hevy'; did you mean 'heavy'\?$"):
        parse("strokes(kind=hevy)")
    with pytest.raises(UnknownNameError, match=r"^no kind of strokes is named '3'; there is: both, heavy, light\.$"):
        parse("strokes(kind=3)")


def test_strokes_are_written_as_they_are_typed() -> None:
    assert str(parse("strokes( kind = light ) | quantize")) == "strokes(kind=light) | quantize"
    assert parse("strokes(kind=both)") == parse("strokes")
    assert Strokes(kind="light") != Strokes(kind="heavy")
