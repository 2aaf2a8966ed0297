"""What every registered degradation promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from clearsight.contracts import Degradation
from clearsight.degradations import Pipeline, Step, parse
from clearsight.errors import InvalidArgumentError
from clearsight.registry import DEGRADATIONS


def degrade(x: Tensor, degradation: Pipeline | Step | str, *, seed: int) -> Tensor:
    chosen = parse(degradation) if isinstance(degradation, str) else degradation
    return chosen(x, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=list(DEGRADATIONS))
def step(request: pytest.FixtureRequest) -> Step:
    entry = DEGRADATIONS[request.param]
    made: Step = entry.cls(**entry.tiny)
    return made


def images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def test_keeps_the_contract(step: Step) -> None:
    assert isinstance(step, Degradation)


def test_has_a_summary_that_fits_a_line(step: Step) -> None:
    summary = DEGRADATIONS[DEGRADATIONS.name_of(type(step))].summary
    assert summary.endswith(".")
    assert len(summary) < 110


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gives_the_declared_shape_in_the_same_dtype(step: Step, channels: int, dtype: torch.dtype) -> None:
    y = degrade(images(2, channels, 16, 12, dtype=dtype), step, seed=0)
    assert y.shape == (2, channels, 16 // step.scale, 12 // step.scale)
    assert y.dtype == dtype
    assert y.isfinite().all()


def test_leaves_its_input_alone_and_changes_the_image(step: Step) -> None:
    x = images(2, 3, 32, 32)
    before = x.clone()
    y = degrade(x, step, seed=0)
    assert torch.equal(x, before)
    assert y.shape != x.shape or not torch.equal(y, x)


def test_is_repeatable_from_a_seed(step: Step) -> None:
    x = images(2, 3, 16, 16)
    assert torch.equal(degrade(x, step, seed=7), degrade(x, step, seed=7))


def test_takes_its_randomness_from_the_generator_alone(step: Step) -> None:
    x = images(2, 3, 16, 16)
    state = torch.get_rng_state()
    degrade(x, step, seed=7)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 9)])
def test_takes_odd_sizes_or_says_why_not(step: Step, size: tuple[int, int]) -> None:
    x = images(2, 3, *size)
    if step.scale == 1:
        assert degrade(x, step, seed=0).shape == x.shape
    else:
        with pytest.raises(InvalidArgumentError, match=r"divides, got \d+×\d+"):
            degrade(x, step, seed=0)


def test_takes_values_outside_the_unit_interval(step: Step) -> None:
    assert degrade(4 * images(2, 3, 16, 16) - 2, step, seed=0).isfinite().all()


def test_takes_images_that_are_not_contiguous(step: Step) -> None:
    x = images(2, 16, 16, 3)
    view = x.movedim(-1, 1)
    assert torch.allclose(degrade(view, step, seed=0), degrade(view.contiguous(), step, seed=0), atol=1e-6)


def test_survives_its_own_string(step: Step) -> None:
    assert parse(str(step)) == Pipeline((step,))
    assert str(parse(str(step))) == str(step)


def test_composes(step: Step) -> None:
    pipeline = parse(f"gaussian(sigma=25/255) | {step} | area(scale=2) | quantize")
    assert pipeline.scale == 2 * step.scale
    y = degrade(images(2, 3, 16, 16), pipeline, seed=0)
    assert y.shape[-1] == 16 // pipeline.scale
    assert y.min() >= 0
    assert y.max() <= 1


def test_differs_with_the_seed_exactly_where_it_is_random(step: Step) -> None:
    x = images(4, 3, 16, 16)
    deterministic = DEGRADATIONS.name_of(type(step)) in {"area", "bicubic", "lower-half", "quantize"}
    assert torch.equal(degrade(x, step, seed=0), degrade(x, step, seed=1)) == deterministic
