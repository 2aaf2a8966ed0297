"""TNRD: its parts are what their docstrings say."""

from __future__ import annotations

import pytest
import torch

from clearsight.restorers import TNRD
from clearsight.restorers.tnrd import Diffusion, RadialMixture, _Interpolated
from stand_ins import seeded


@pytest.mark.parametrize(("size", "filters"), [(5, 24), (7, 48)])
def test_parameters_of_the_published_nets(size: int, filters: int) -> None:
    stage = filters * filters + filters * 63
    assert sum(p.numel() for p in TNRD(size=size).parameters()) == 5 * stage + 4


def test_the_table_is_the_sum_of_its_gaussians() -> None:
    phi = RadialMixture(channels=2, centres=63, slope=1).double()
    with torch.no_grad():
        phi.weight.copy_(torch.randn(phi.weight.shape, generator=seeded(), dtype=torch.float64))
    z = 700 * torch.rand(1, 2, 5, 40, generator=seeded(), dtype=torch.float64) - 350
    mu = torch.linspace(-310, 310, 63, dtype=torch.float64)
    exact = 10 * torch.einsum("cj,bchwj->bchw", phi.weight, torch.exp(-((z[..., None] - mu) ** 2) / 200))
    assert (phi(z) - exact).abs().max() < 0.02 * exact.abs().max()


def test_gradients_of_the_table() -> None:
    table = torch.randn(3, 11, dtype=torch.float64, generator=seeded(), requires_grad=True)
    places = (13 * torch.rand(2, 3, 4, 4, dtype=torch.float64, generator=seeded()) - 1.3).requires_grad_()
    assert torch.autograd.gradcheck(_Interpolated.apply, (table, places))


def test_brightness_exerts_no_force() -> None:
    assert Diffusion(size=5, centres=63)(torch.full((1, 1, 9, 9), 180.0)).abs().max() < 1e-3


def test_it_starts_as_a_denoiser() -> None:
    x = torch.linspace(0.2, 0.8, 64).expand(1, 1, 64, 64)
    y = x + 25 / 255 * torch.randn(x.shape, generator=seeded())
    assert (TNRD()(y) - x).square().mean() < 0.3 * (y - x).square().mean()
