"""What is computed on an accelerator, by one that is not there; guard's commands on it are in test_guard.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import clearsight
from clearsight import registry, weights
from clearsight.seeds import generator_for
from stand_ins import rand

SHIPPED = [stored.name for stored in weights.shipped(registry.RESTORERS)]
CLASSICAL = ["non-local-means", "total-variation", "wavelet", "wiener"]


@pytest.mark.parametrize("name", SHIPPED + CLASSICAL)
def test_a_restorer_gives_there_what_it_gives_here(name: str, elsewhere: torch.device) -> None:
    model = clearsight.load(name)
    size, channels = model.traits.size or (48, 56), model.traits.channels or 3
    y = (255 * rand(*size, channels)).round().byte().numpy()
    told = {} if model.traits.sigma == "blind" else {"sigma": 25 / 255}
    there, here = (clearsight.restore(y, model=name, device=device, **told) for device in (str(elsewhere), "cpu"))
    np.testing.assert_array_equal(there, here)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda there: there + rand(2, 3),
        lambda there: there.numpy(),
        lambda there: torch.rand(2, generator=generator_for(0, 0, stream="x"), device=there.device),
        lambda there: torch.rand(2, generator=generator_for(0, 0, stream="x", device=there.device)),
        lambda there: torch.nn.functional.linear(rand(1, 3), there),
    ],
    ids=["two devices", "NumPy", "a generator here", "a generator there", "a weight there"],
)
def test_it_refuses_what_an_accelerator_refuses(
    wrong: Callable[[torch.Tensor], object], elsewhere: torch.device
) -> None:
    there = rand(2, 3).to(elsewhere)
    assert torch.equal(there.cpu(), rand(2, 3))
    with pytest.raises(RuntimeError):
        wrong(there)
