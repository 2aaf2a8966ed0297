"""What every registered restorer promises, checked on its tiny variant."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

import clearsight.restorers  # noqa: F401  (fills the registry)
from clearsight import weights
from clearsight.contracts import Restorer, Traits
from clearsight.errors import MissingExtraError, ModelError
from clearsight.inference import Engine
from clearsight.registry import RESTORERS
from stand_ins import seeded

SLACK = 8


def tiny(name: str) -> nn.Module:
    """A restorer in evaluation mode; what starts at zero is moved, so that every weight has a say."""
    entry = RESTORERS[name]
    model: nn.Module = entry.cls(**entry.tiny)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape, generator=seeded())
    return model.eval()


NETWORKS = [name for name, entry in RESTORERS.items() if issubclass(entry.cls, PyTorchModelHubMixin)]
CLASSICAL = [name for name in RESTORERS if name not in NETWORKS]
DENOISERS = [name for name in CLASSICAL if tiny(name).traits.sigma != "blind"]
LOCAL = [name for name in RESTORERS if tiny(name).traits.receptive_radius is not None]


@pytest.fixture(params=list(RESTORERS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


@pytest.fixture(params=CLASSICAL)
def classical(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


@pytest.fixture(params=DENOISERS)
def denoiser(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


@pytest.fixture(params=[name for name in NETWORKS if name in LOCAL])
def local_network(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


@pytest.fixture(params=LOCAL)
def local(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


def image(traits: Traits, height: int, width: int, *, channels: int = 3) -> Tensor:
    """Two noisy ramps, not clipped to [0, 1], of the model's size or enlarged to its size multiple."""
    height, width = traits.size or (height, width)
    ramp = torch.linspace(0, 1, height)[:, None] * torch.linspace(0, 1, width)
    shape = (2, traits.channels or channels, height, width)
    y = ramp + 25 / 255 * torch.randn(shape, generator=seeded())
    right, below = -width % traits.multiple, -height % traits.multiple
    return F.pad(y, (0, right, 0, below), mode="replicate")


def restore(model: nn.Module, y: Tensor) -> Tensor:
    sigma = None if model.traits.sigma == "blind" else torch.full((len(y),), 25 / 255)
    return model(y, sigma)


def test_declares_traits(model: nn.Module) -> None:
    assert isinstance(model, Restorer)
    assert isinstance(model.traits, Traits)
    assert model.traits.scale >= 1
    assert model.traits.multiple >= 1


@pytest.mark.parametrize("size", [(32, 32), (37, 29)])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_dtype_and_finite_and_input_left_alone(model: nn.Module, size: tuple[int, int], channels: int) -> None:
    y = image(model.traits, *size, channels=channels)
    before = y.clone()
    x_hat = restore(model, y)
    assert y.equal(before)
    assert x_hat.shape[:2] == y.shape[:2]
    assert x_hat.shape[2:] == tuple(model.traits.scale * n for n in y.shape[2:])
    assert x_hat.dtype == y.dtype
    assert x_hat.device == y.device
    assert x_hat.isfinite().all()


@pytest.mark.parametrize("name", [name for name in RESTORERS if tiny(name).traits.size])
def test_other_sizes_than_its_own_are_refused(name: str) -> None:
    model = tiny(name)
    assert model.traits.multiple == 1
    assert model.traits.receptive_radius is None
    height, width = model.traits.size
    with pytest.raises(ModelError, match="takes images of shape"):
        model(torch.zeros(1, 1, height, width + 1))
    with pytest.raises(ModelError, match=f"takes images of {height}×{width} pixels, got {width + 1}×{height}: resize"):
        Engine(model, device="cpu").restore_pixels(np.zeros((width + 1, height, 1), np.uint8))


@pytest.mark.parametrize("kind", ["a pixel", "8×8", "grey in three channels"])
def test_small_and_plain_images_are_no_trouble(classical: nn.Module, kind: str) -> None:
    sides, channels = {"a pixel": ((1, 1), 3), "8×8": ((8, 8), 3)}.get(kind, ((20, 24), 1))
    y = torch.rand(1, channels, *sides, generator=seeded()).expand(-1, 3, -1, -1)
    x_hat, scale = classical(y, torch.tensor([0.1])), classical.traits.scale
    assert x_hat.shape == (1, 3, *(scale * side for side in sides))
    assert x_hat.isfinite().all()


def test_repeatable(model: nn.Module) -> None:
    y = image(model.traits, 24, 24, channels=1)[:1]
    torch.testing.assert_close(restore(model, y), restore(model, y), rtol=0, atol=1e-6)


def test_images_of_a_batch_do_not_mix(model: nn.Module) -> None:
    y = image(model.traits, 24, 24, channels=1)
    torch.testing.assert_close(restore(model, y)[1:], restore(model, y[1:]), rtol=0, atol=1e-5)


def test_sigma_is_demanded_where_it_is_required(model: nn.Module) -> None:
    y = image(model.traits, 24, 24, channels=1)[:1]
    if model.traits.sigma == "required":
        with pytest.raises(ModelError, match="sigma"):
            model(y)
    else:
        assert model(y).isfinite().all()


def test_gradients_reach_every_parameter(network: nn.Module) -> None:
    restore(network, image(network.traits, 24, 24)).square().sum().backward()
    unreached = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


def test_saved_and_loaded_it_is_the_same(network: nn.Module, tmp_path: Path) -> None:
    y = image(network.traits, 24, 24)
    weights.round_(network)
    weights.save(network, tmp_path, figures={"summary": "tiny"}, card="# Tiny\n")
    loaded = weights.load(tmp_path)
    assert type(loaded) is type(network)
    assert loaded.traits == network.traits
    assert loaded.figures == {"summary": "tiny"}
    assert restore(loaded, y).equal(restore(network, y))


def test_without_weights_it_is_loaded_by_name(classical: nn.Module) -> None:
    assert type(weights.load(RESTORERS.name_of(type(classical)))) is type(classical)


def test_without_weights_it_takes_noise_away(denoiser: nn.Module) -> None:
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    y = ramp + 25 / 255 * torch.randn(ramp.shape, generator=seeded())
    for sigma in (torch.tensor([25 / 255]), None):
        assert (denoiser(y, sigma) - ramp).square().mean() < 0.5 * (y - ramp).square().mean()
    torch.testing.assert_close(denoiser(y, torch.zeros(1)), y)


def test_bm3d_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(MissingExtraError, match=r"clearsight\[bm3d\]"):
        RESTORERS["bm3d"].cls()


def test_nothing_outside_the_receptive_radius_matters(local: nn.Module) -> None:
    """Change one input pixel: no output further away than the declared radius may change."""
    radius, scale = local.traits.receptive_radius, local.traits.scale
    y = image(local.traits, 2 * radius + 9, 2 * radius + 9).double()
    local.double()
    at = y.shape[-1] // 2
    changed = y.clone()
    changed[..., at, at] += 0.5
    difference = (restore(local, changed) - restore(local, y)).abs().amax((0, 1))
    inside = slice(max(at - radius, 0) * scale, (at + radius + 1) * scale)
    assert difference[inside, inside].max() > 1e-6, "the pixel has to matter to its neighbours"
    difference[inside, inside] = 0
    assert difference.max() <= 1e-9


def reaches(model: nn.Module, y: Tensor) -> Iterator[int]:
    """How far the gradient of an output pixel reaches, in input pixels, near both ends of a cell of the coarsest grid.

    In between it reaches less far.
    """
    scale, multiple = model.traits.scale, model.traits.multiple
    first = y.shape[-1] // (2 * multiple) * multiple
    x_hat = restore(model, y)
    for at in {first + phase % multiple for phase in (0, 1, -2, -1)}:
        pixel = x_hat[..., at * scale, at * scale].sum()
        (gradient,) = torch.autograd.grad(pixel, y, retain_graph=True)
        rows, columns = gradient.abs().sum((0, 1)).nonzero(as_tuple=True)
        yield int(torch.cat([rows - at, columns - at]).abs().max())


def test_declared_radius_is_near_the_true_one(local_network: nn.Module) -> None:
    """With positive weights nothing cancels, so the gradient shows the whole receptive field."""
    local_network.double()
    with torch.no_grad():
        for p in local_network.parameters():
            p.fill_(2 / max(p[0].numel(), 1))
    radius = local_network.traits.receptive_radius
    y = image(local_network.traits, 2 * radius + 9, 2 * radius + 9).double().abs()[:1].requires_grad_()
    true = max(reaches(local_network, y))
    assert true <= radius <= true + SLACK
