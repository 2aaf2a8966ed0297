"""The networks are the ones their papers count, and start where their docstrings say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearsight.errors import InvalidArgumentError
from clearsight.restorers import DnCNN, FFDNet, MultiscaleDenoiser, ResidualUNet
from clearsight.restorers.padding import reflected, reflected_symbolic


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def conv(before: int, after: int, *, size: int = 3, bias: bool = True) -> int:
    return (before * size**2 + bias) * after


def test_multiscale_is_the_one_of_the_paper() -> None:
    model = MultiscaleDenoiser()
    norms = sum(count(m) for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert count(model) == 1_033_443
    assert count(model) - count(model.stem) - norms == 1_026_019  # liu2020, Table I: 1,026k


@pytest.mark.parametrize(("channels", "depth"), [(1, 17), (3, 20)])
def test_dncnn_counts(channels: int, depth: int) -> None:
    width = 64
    inner = conv(width, width, bias=False) + 2 * width
    expected = conv(channels, width) + (depth - 2) * inner + conv(width, channels)
    assert count(DnCNN(channels=channels, depth=depth, width=width)) == expected


@pytest.mark.parametrize(("channels", "depth", "width", "published"), [(1, 15, 64, 490_000), (3, 12, 96, 850_000)])
def test_ffdnet_counts(channels: int, depth: int, width: int, published: int) -> None:
    model = FFDNet(channels=channels, depth=depth, width=width)
    folded = 4 * channels
    assert count(model) == conv(folded + 1, width) + (depth - 2) * conv(width, width) + conv(width, folded)
    assert count(model) == pytest.approx(published, rel=0.01)


def test_ffdnet_defaults_to_the_colour_net() -> None:
    assert count(FFDNet()) == count(FFDNet(channels=3, depth=12, width=96))


def test_residual_unet_starts_as_the_identity() -> None:
    y = torch.randn(1, 3, 24, 16, generator=torch.Generator().manual_seed(0))
    assert ResidualUNet().eval()(y).equal(y)


def test_residual_unet_needs_one_number_a_level() -> None:
    with pytest.raises(InvalidArgumentError, match="one number a level"):
        ResidualUNet(widths=[8, 16], blocks=[1])


def test_multiscale_with_its_skip_adds_the_input() -> None:
    y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    model = MultiscaleDenoiser(encoder_width=16, decoder_width=16, stem_width=8).eval()
    with_skip = model(y)
    model.skip = False
    torch.testing.assert_close(with_skip, y + model(y))


@pytest.mark.parametrize("scales", [2, 3, 4])
def test_multiscale_halves_once_a_scale(scales: int) -> None:
    model = MultiscaleDenoiser(scales=scales, encoder_width=16, decoder_width=16, stem_width=8).eval()
    multiple = 2 ** (scales - 1)
    assert model.traits.multiple == multiple
    assert model(torch.zeros(1, 3, multiple, 3 * multiple)).shape == (1, 3, multiple, 3 * multiple)


@pytest.mark.parametrize("multiple", [1, 2, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (5, 8), (16, 24)])
def test_both_paddings_are_equal(size: tuple[int, int], multiple: int) -> None:
    y = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    assert reflected_symbolic(y, multiple).equal(reflected(y, multiple))
