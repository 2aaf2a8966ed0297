"""What strength and self-ensemble promise of every registered restorer, checked on its tiny variant."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import clearsight.restorers  # noqa: F401  (fills the registry)
from clearsight.contracts import Restorer
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.images import Picture
from clearsight.inference import Engine, Restoration
from clearsight.joint import Restoring
from clearsight.registry import JOINT, RESTORERS
from clearsight.restorers import SelfEnsemble, Strength, adjusted
from stand_ins import moved, rand, seeded, small_unet

SIGMA = 25 / 255


def tiny(name: str) -> nn.Module:
    registry = JOINT if name in JOINT else RESTORERS
    model = moved(registry[name].cls(**registry[name].tiny)).eval()
    return Restoring(model) if name in JOINT else model


ALL = [name for name in (*RESTORERS, *JOINT) if name != "bm3d"]
"""BM3D is left out: it takes minutes for this, and differs from run to run in the last digit."""


class Remembering(nn.Module):
    """A restorer that is asked the same thing once."""

    def __init__(self, restorer: nn.Module) -> None:
        super().__init__()
        self.restorer, self.traits = restorer, restorer.traits
        self._answers: dict[tuple[bytes, bool], Tensor] = {}

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        asked = (y.contiguous().numpy().tobytes(), sigma is None)
        if asked not in self._answers:
            self._answers[asked] = self.restorer(y, sigma)
        return self._answers[asked]


ENLARGING = [name for name in ALL if tiny(name).traits.scale > 1]
KEEPING = [name for name in ALL if name not in ENLARGING]
LOCAL = [name for name in KEEPING if tiny(name).traits.receptive_radius is not None]


def image(model: nn.Module, height: int = 16, width: int = 24) -> Tensor:
    """Noisy ramps, not clipped to [0, 1], of a size that the model takes."""
    height, width = model.traits.size or (
        -(-side // model.traits.multiple) * model.traits.multiple for side in (height, width)
    )
    ramp = torch.linspace(0, 1, height)[:, None] * torch.linspace(0, 1, width)
    return ramp + SIGMA * torch.randn((2, model.traits.channels or 3, height, width), generator=seeded())


def told(model: nn.Module, y: Tensor) -> list[Tensor | None]:
    """What σ it can be called with."""
    sigma = torch.full((len(y),), SIGMA)
    return {"blind": [None], "optional": [None, sigma], "required": [sigma]}[model.traits.sigma]


def orientations(x: Tensor) -> list[Tensor]:
    return [one.rot90(turns, (-2, -1)) for one in (x, x.flip(-1)) for turns in range(4)]


@pytest.mark.parametrize("name", KEEPING)
@torch.inference_mode()
def test_from_the_picture_to_the_models_answer_and_beyond(name: str) -> None:
    """Bit for bit at 0 and 1; what is taken away grows with the strength, even where nobody trained the network."""
    model = Remembering(tiny(name))
    y = image(model)
    for sigma in told(model, y):
        answers = {s: Strength(model, s)(y, sigma) for s in (0, 0.5, 1, 1.2, 4)}
        assert answers[0].equal(y)
        assert answers[1].equal(model(y, sigma))
        energies = [(y - x_hat).square().sum((1, 2, 3)) for x_hat in answers.values()]
        assert all(bool((less < more).all()) for less, more in pairwise(energies)), energies


@pytest.mark.parametrize("name", ENLARGING)
def test_what_enlarges_has_no_strength(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} enlarges images, which is not done by halves: leave strength out"):
        Strength(tiny(name), 1.5)


@pytest.mark.parametrize("name", ALL)
@torch.inference_mode()
def test_a_self_ensemble_turns_with_the_image(name: str) -> None:
    model = tiny(name)
    y = image(model)
    sigma = told(model, y)[-1]
    allowed = [k for k, one in enumerate(orientations(y)) if model.traits.size in (None, one.shape[2:])]
    assert len(allowed) in (4, 8)
    by_hand = torch.stack([back(model(orientations(y)[k].contiguous(), sigma), k) for k in allowed]).mean(0)
    turned = orientations(by_hand)
    for k in allowed if name != "mcwnnm" else (0, 5):  # it takes its time
        x_hat = SelfEnsemble(model)(orientations(y)[k].contiguous(), sigma)
        torch.testing.assert_close(x_hat, turned[k], rtol=0, atol=2e-5)


def back(x: Tensor, number: int) -> Tensor:
    """Undo one of :func:`orientations`."""
    x = x.rot90(-(number % 4), (-2, -1))
    return x.flip(-1) if number >= 4 else x


@pytest.mark.parametrize("name", LOCAL)
@torch.inference_mode()
def test_nothing_outside_the_declared_radius_matters(name: str) -> None:
    model = adjusted(tiny(name), strength=2, self_ensemble=True).double()
    radius, multiple = model.traits.receptive_radius, model.traits.multiple
    length = -(-(radius + 9) // multiple) * multiple
    y = image(model, 2 * multiple, length).double()
    changed = y.clone()
    changed[..., 4] += 0.5
    sigma = told(model, y)[-1]
    difference = (model(changed, sigma) - model(y, sigma)).abs().amax((0, 1, 2))
    assert difference[: radius + 5].max() > 1e-6
    assert difference[radius + 5 :].max() <= 1e-9


@pytest.mark.parametrize("options", [{"strength": 2.5}, {"self_ensemble": True}, {"strength": 0.5}])
def test_tiles_give_what_the_whole_gives(options: dict[str, Any]) -> None:
    y = image(small_unet(), 61, 203)[0].movedim(0, -1).numpy()
    whole, tiled = (
        Engine(adjusted(small_unet(), **options), device="cpu", tile=tile).restore_pixels(y) for tile in ("off", 32)
    )
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [("grey",), ("red", "green", "blue", "alpha"), ("grey", "other")])
def test_strength_0_gives_every_picture_back(dtype: str, channels: tuple[str, ...]) -> None:
    """Numbers that no network's float32 could hold, too."""
    pixels = (rand(9, 7, len(channels)).double().numpy() * (1 if dtype.startswith("f") else 255)).astype(dtype)
    pixels *= {"int32": 7654321, "uint16": 250}.get(dtype, 1)
    restored = Restoration(small_unet(), strength=0, self_ensemble=True)(Picture(pixels=pixels, channels=channels))
    np.testing.assert_array_equal(restored.pixels, pixels)
    assert restored.pixels.dtype == dtype


def test_strength_1_is_the_model_itself() -> None:
    model = small_unet()
    assert adjusted(model) is model


def test_it_goes_by_its_models_name() -> None:
    model = small_unet()
    model.figures = {"name": "denoise-mine", "validation": {"bfloat16_change": 0.001}}
    wrapped = adjusted(model, strength=1.5, self_ensemble=True)
    assert isinstance(wrapped, Restorer)
    assert wrapped.figures == {**model.figures, "name": "denoise-mine in eight orientations at strength 1.5"}
    assert Strength(RESTORERS["wiener"].cls(), 0.5).figures["name"] == "wiener at strength 0.5"


@pytest.mark.parametrize("strength", [-0.1, 4.1, float("nan"), float("inf")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(InvalidArgumentError, match=r"strength is from 0, the picture as it is, to 4; .* got"):
        Restoration(strength=strength)
