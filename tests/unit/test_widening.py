"""A wide network takes over a narrow one's function; training then joins old and new channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from clearsight.errors import RecipeError
from clearsight.restorers import DnCNN, ResidualUNet
from clearsight.training.initialization import take_over
from stand_ins import bit_equal, moved, rand, small_unet, state


def wide_unet(widths: tuple[int, ...] = (9, 11)) -> nn.Module:
    return ResidualUNet(channels=1, widths=widths, blocks=(1,) * len(widths))


def test_the_wide_network_is_the_narrow_function() -> None:
    wide, narrow = wide_unet(), small_unet()
    y = rand(2, 1, 16, 20)
    take_over(wide, narrow)
    torch.testing.assert_close(wide(y), narrow(y))
    assert not narrow(y).equal(y)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [(wide_unet((6, 8)), small_unet()), (DnCNN(channels=1, depth=3, width=4), DnCNN(channels=1, depth=3, width=4))],
)
def test_the_same_width_is_a_copy(wide: nn.Module, narrow: nn.Module) -> None:
    """Also with batch normalisation, whose count of batches has no dimension."""
    take_over(wide, narrow)
    assert bit_equal(state(wide), state(narrow))


@pytest.mark.parametrize("bias", [True, False])
def test_a_grey_network_is_what_a_colour_one_makes_of_grey(bias: bool) -> None:
    colour = moved(ResidualUNet(channels=3, widths=[6, 8], blocks=[1, 1], bias=bias))
    grey = ResidualUNet(channels=1, widths=[6, 8], blocks=[1, 1], bias=bias)
    y = rand(2, 1, 16, 20)
    take_over(grey, colour)
    torch.testing.assert_close(grey(y), colour(y.expand(-1, 3, -1, -1)).mean(1, keepdim=True))


def test_new_channels_are_learned_and_heard() -> None:
    wide = wide_unet()
    take_over(wide, small_unet())
    weight = wide.encoder[0][0].first.weight
    old_of_new, new_of_old = (weight[part].detach().clone() for part in (np.s_[:6, 6:], np.s_[6:, :6]))
    optimizer = torch.optim.SGD(wide.parameters(), lr=0.01)
    for _ in range(3):
        wide(rand(2, 1, 16, 20)).square().mean().backward()
        optimizer.step()
    assert not old_of_new.any()
    assert weight[:6, 6:].any()
    assert not weight[6:, :6].equal(new_of_old)


@pytest.mark.parametrize(
    ("wide", "narrow", "says"),
    [
        (
            wide_unet((6, 8, 9)),
            small_unet(),
            "ResidualUNet cannot take over ResidualUNet, their layers are not the same: expected a restorer of",
        ),
        (wide_unet((6, 7)), small_unet(), r"encoder.1.0.first.weight is 8×8×3×3 there and 7×7×3×3 here"),
        (nn.Sequential(nn.Conv2d(1, 4, 5)), nn.Sequential(nn.Conv2d(1, 4, 3)), "0.weight is 4×1×3×3 there and 4×1×5×5"),
        (nn.Sequential(nn.Linear(2, 4)), nn.Sequential(nn.Linear(2, 3)), "0.weight is of no convolution"),
        (DnCNN(channels=1, depth=3, width=5), DnCNN(channels=1, depth=3, width=4), "is of no convolution"),
    ],
)
def test_what_cannot_be_taken_over(wide: nn.Module, narrow: nn.Module, says: str) -> None:
    before = state(wide)
    with pytest.raises(RecipeError, match=says):
        take_over(wide, narrow)
    assert bit_equal(state(wide), before)


@pytest.mark.parametrize("factor", [0.05, 3])
def test_without_constants_a_factor_goes_through(factor: float) -> None:
    """f(a·y) = a·f(y) for a ≥ 0."""
    network = moved(ResidualUNet(channels=1, widths=[6, 8], blocks=[1, 1], bias=False))
    y = rand(2, 1, 16, 20)
    torch.testing.assert_close(network(factor * y), factor * network(y))
    assert not small_unet()(factor * y).allclose(factor * small_unet()(y), atol=1e-3)
    assert not any(name.endswith("bias") for name in network.state_dict())


@pytest.mark.parametrize("widths", [(6, 8), (9, 11)])
def test_all_but_the_constants_is_taken_over(widths: tuple[int, ...]) -> None:
    free, trained = ResidualUNet(channels=1, widths=widths, blocks=[1, 1], bias=False), small_unet()
    take_over(free, trained)
    with torch.no_grad():
        for name, parameter in trained.named_parameters():
            parameter *= not name.endswith(".bias")
    y = rand(2, 1, 16, 20)
    torch.testing.assert_close(free(y), trained(y))
    if widths == (6, 8):
        assert all(value.equal(trained.state_dict()[name]) for name, value in free.state_dict().items())


def test_constants_are_not_made_up() -> None:
    without = ResidualUNet(channels=1, widths=[6, 8], blocks=[1, 1], bias=False)
    with pytest.raises(RecipeError, match="their layers are not the same"):
        take_over(wide_unet(), without)
