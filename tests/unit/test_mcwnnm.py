"""MCWNNM: the problem of one group, and whole images."""

from __future__ import annotations

import pytest
import torch

from clearsight.metrics import psnr
from clearsight.restorers import MCWNNM, Wiener
from clearsight.restorers.mcwnnm import low_rank
from stand_ins import seeded

SMALL = {"search_radius": 8, "similar": 40, "passes": 4}


def group(noise: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """A rank-1 matrix of 40 patches in double precision, and with noise of so much in each channel."""
    u, v = torch.randn(1, 40, 1, generator=seeded()).double(), torch.randn(1, 1, 48, generator=seeded()).double()
    clean = 0.3 * u @ v
    levels = torch.tensor(noise, dtype=torch.float64).repeat_interleave(16)
    return clean, clean + levels * torch.randn(clean.shape, generator=seeded().manual_seed(1), dtype=torch.float64)


def test_alternating_directions_agree_with_the_closed_form() -> None:
    _, y = group([0.1, 0.1, 0.1])
    one = low_rank(y, torch.tensor([[0.1]]).double())
    three = low_rank(y, torch.tensor([[0.1, 0.1, 0.1]]).double())
    assert (one - three).abs().max() < 0.02 * one.abs().max()


def test_knowing_the_noise_of_each_channel_helps() -> None:
    clean, y = group([0.02, 0.02, 0.4])
    apart = low_rank(y, torch.tensor([[0.02, 0.02, 0.4]]).double())
    alike = low_rank(y, torch.tensor([[0.02**2, 0.02**2, 0.4**2]]).double().mean(1, keepdim=True).sqrt())
    error = [float((x - clean).square().mean()) for x in (apart, alike)]
    assert error[0] < 0.8 * error[1]


def test_it_is_better_than_a_local_filter_on_a_pattern() -> None:
    wave = torch.sin(torch.arange(40) * 0.7) * 0.3 + 0.5
    x = (wave[:, None] * wave)[None, None].expand(1, 3, 40, 40)
    y, sigma = x + 50 / 255 * torch.randn(x.shape, generator=seeded()), torch.tensor([50 / 255])
    assert psnr(MCWNNM(**SMALL)(y, sigma), x) > psnr(Wiener()(y, sigma), x) + 3


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (40, 7)])
def test_any_size_and_equal_patches_everywhere(size: tuple[int, int]) -> None:
    y = torch.full((1, 3, *size), 0.25)
    torch.testing.assert_close(MCWNNM(**SMALL)(y, torch.tensor([25 / 255])), y)
