"""Noise2Noise: the network, losses of targets that are not clean, and trainings on them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from clearsight.errors import ModelError
from clearsight.objectives import AnnealedL0, HDRLoss, KnownMSE
from clearsight.restorers import Noise2NoiseUNet, restored
from stand_ins import rand, seeded

TABLE = [
    ("first", 9, 48),
    *((f"encoder.{level}", 48, 48) for level in range(5)),
    ("code", 48, 48),
    ("decoder.0.first", 96, 96),
    ("decoder.0.second", 96, 96),
    *(row for at in (1, 2, 3) for row in ((f"decoder.{at}.first", 144, 96), (f"decoder.{at}.second", 96, 96))),
    ("last.0", 96 + 9, 64),
    ("last.1", 64, 32),
    ("tail", 32, 3),
]
"""Layers of the paper with n = 9 and m = 3: name, channels in and out."""


# The network


def test_layers_are_those_of_the_paper() -> None:
    layers = {name: m for name, m in Noise2NoiseUNet(channels=3, features=6).named_modules() if _is_conv(m)}
    assert [(name, m.in_channels, m.out_channels) for name, m in layers.items()] == TABLE
    assert {m.kernel_size for m in layers.values()} == {(3, 3)}


def _is_conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def test_resolutions_are_those_of_the_paper() -> None:
    sizes: dict[str, int] = {}
    model = Noise2NoiseUNet(channels=1, width=6)
    for name, layer in model.named_modules():
        if _is_conv(layer):
            layer.register_forward_hook(lambda m, i, o, name=name: sizes.update({name: o.shape[-1]}))
    assert model(rand(1, 1, 64, 64)).shape == (1, 1, 64, 64)
    down = [64, 64, 32, 16, 8, 4, 2]
    assert [*sizes.values()] == [*down, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 64]


def test_any_size_is_restored() -> None:
    assert restored(Noise2NoiseUNet(channels=3, width=6), rand(2, 3, 37, 50)).shape == (2, 3, 37, 50)


def test_features_are_shown_beside_the_image() -> None:
    model, y = Noise2NoiseUNet(channels=1, features=2, width=6), rand(1, 1, 32, 32)
    assert not model(y, features=rand(1, 2, 32, 32)).equal(model(y, features=rand(1, 2, 32, 32, seed=1)))
    with pytest.raises(ModelError, match="takes 2 features"):
        model(y)


# Losses


def minimiser(loss: nn.Module, targets: Tensor) -> float:
    """The constant with the least loss."""
    guesses = torch.linspace(0, 1, 401)
    values = torch.stack([loss(guess.expand_as(targets), targets) for guess in guesses])
    return guesses[values.argmin()].item()


def test_mean_median_and_mode() -> None:
    """80 % of the targets are replaced by anything in [0, 1], the others are 0.2."""
    targets = torch.where(rand(4000, seed=1) < 0.8, rand(4000), torch.full((4000,), 0.2))
    annealed = AnnealedL0()
    found = []
    for progress in (0, 0.5, 0.9):
        annealed.anneal(progress)
        found.append(minimiser(annealed, targets))
    mean, median = 0.8 * 0.5 + 0.2 * 0.2, 0.2 + (0.5 - 0.2 - 0.8 * 0.2) / 0.8
    assert found == pytest.approx([mean, median, 0.2], abs=0.02)
    assert minimiser(nn.MSELoss(), targets) == pytest.approx(mean, abs=0.02)


def test_the_relative_error_settles_at_the_mean() -> None:
    targets = torch.tensor([0.0, 0.0, 0.0, 4.0])
    x_hat = torch.ones(4).requires_grad_()
    HDRLoss()(x_hat, targets).backward()
    assert x_hat.grad.sum().item() == pytest.approx(0, abs=1e-6)
    x_hat = torch.tensor([2.0], requires_grad=True)
    HDRLoss()(x_hat, torch.tensor([1.0])).backward()
    assert x_hat.grad.item() == pytest.approx(2 / 2.01**2)


def test_what_is_missing_says_nothing() -> None:
    x = rand(2, 3, 8, 8) + 0.1
    kept = torch.rand(2, 1, 8, 8, generator=seeded(3)) < 0.5
    x_hat = (x + 0.1).requires_grad_()
    loss = KnownMSE()(x_hat, x * kept)
    loss.backward()
    assert loss.item() == pytest.approx(0.01, rel=1e-3)
    assert x_hat.grad.abs().sum(1, keepdim=True).ne(0).equal(kept)
    assert KnownMSE()(x, torch.zeros_like(x)).item() == 0
