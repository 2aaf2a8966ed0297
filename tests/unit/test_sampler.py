"""The sampler of clean images: its steps, its network, its training, and the command that draws from it."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import clearsight
from clearsight.contracts import Batch, Sampler
from clearsight.errors import InvalidArgumentError, UnknownNameError
from clearsight.restorers import FlowSampler
from clearsight.restorers.steppers import STEPPERS, walk
from clearsight.training import SamplerTask
from clearsight.weights import save
from stand_ins import rand, seeded

MEAN, DEVIATION = 0.4, 0.7


def tiny(**arguments: object) -> FlowSampler:
    """One whose answers depend on everything."""
    model = FlowSampler(**{"widths": [8, 12], "blocks": [1, 1], "steps": 3, **arguments})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=seeded())
    return model.eval()


def of_normal(z: Tensor, t: float) -> Tensor:
    """What a state may have come from where images are single numbers with a normal density."""
    variance = (t * DEVIATION) ** 2 + (1 - t) ** 2
    return MEAN + t * DEVIATION**2 / variance * (z - t * MEAN)


class TestSteppers:
    @pytest.mark.parametrize("name", STEPPERS)
    def test_they_draw_from_the_density(self, name: str) -> None:
        start, times = torch.randn(20_000, generator=seeded()), torch.linspace(0, 1, 65).tolist()
        drawn = walk(STEPPERS[name], of_normal, start, times, seeded(1))
        assert float(drawn.mean()) == pytest.approx(MEAN, abs=0.02)
        assert float(drawn.std()) == pytest.approx(DEVIATION, abs=0.04)

    def test_the_second_order_is_nearer_in_as_many_steps(self) -> None:
        start, times = torch.randn(2000, generator=seeded()), torch.linspace(0, 1, 9).tolist()
        exact = MEAN + DEVIATION * start
        first, second = (
            float((walk(STEPPERS[name], of_normal, start, times, seeded()) - exact).abs().mean())
            for name in ("euler", "heun")
        )
        assert second < first / 2

    @pytest.mark.parametrize("name", STEPPERS)
    def test_they_are_pure(self, name: str) -> None:
        z = torch.randn(5, generator=seeded())
        before, results = z.clone(), [STEPPERS[name](of_normal, z, 0.25, 0.5, seeded(k)) for k in (1, 1, 2)]
        assert z.equal(before)
        assert results[0].equal(results[1])
        assert results[0].equal(results[2]) == (name != "ancestral")

    @pytest.mark.parametrize("name", STEPPERS)
    def test_the_last_step_ends_at_an_image(self, name: str) -> None:
        assert STEPPERS[name](lambda z, t: torch.ones(3), torch.zeros(3), 0.9, 1.0, seeded()).allclose(torch.ones(3))


class TestFlowSampler:
    def test_it_is_one(self) -> None:
        assert isinstance(tiny(), Sampler)
        assert tiny().traits.samples

    @torch.no_grad()
    def test_at_first_the_noise_has_no_say_and_at_last_the_network_has_none(self) -> None:
        model, y = tiny(), rand(2, 1, 8, 12)
        one, other = (torch.randn(y.shape, generator=seeded(k)) for k in (1, 2))
        first = model.estimate(one, torch.zeros(2), y)
        assert first.equal(model.estimate(other, torch.zeros(2), y))
        assert ((first + 1) / 2).equal(model(y))
        assert model.estimate(one, torch.ones(2), y).equal(one)
        assert not model.estimate(one, torch.full((2,), 0.5), y).allclose(
            model.estimate(other, torch.full((2,), 0.5), y)
        )

    @torch.no_grad()
    @pytest.mark.parametrize("stepper", STEPPERS)
    def test_the_generator_decides(self, stepper: str) -> None:
        model, y = tiny(stepper=stepper), rand(2, 1, 8, 12)
        draw = partial(model.sample, y, n=3)
        first, again, other = (draw(generator=seeded(k)) for k in (1, 1, 2))
        assert first.shape == (2, 3, 1, 8, 12)
        assert first.equal(again)
        assert not first.allclose(other)
        assert not first[:, 0].allclose(first[:, 1])

    @torch.no_grad()
    def test_each_image_has_its_own(self) -> None:
        model, y = tiny(), rand(2, 1, 8, 8)
        noise = torch.randn(1, 1, 8, 8, generator=seeded())
        answers = model.estimate(noise.expand(2, -1, -1, -1), torch.full((2,), 0.3), y)
        assert answers[1:].allclose(model.estimate(noise, torch.full((1,), 0.3), y[1:]), atol=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            ({"widths": [8]}, InvalidArgumentError, "one number a level"),
            ({"steps": 0}, InvalidArgumentError, "at least 1 step, got 0"),
            ({"stepper": "huen"}, UnknownNameError, "did you mean 'heun'"),
        ],
    )
    def test_what_it_cannot_be(self, arguments: dict[str, object], error: type[Exception], said: str) -> None:
        with pytest.raises(error, match=said):
            tiny(**arguments)

    def test_images_of_any_size(self) -> None:
        y = (255 * rand(13, 10, seed=2).numpy()).astype(np.uint8)
        drawn = clearsight.restore(y, model=tiny(), samples=2, device="cpu")
        assert drawn.mean.shape == (13, 10)
        assert not np.array_equal(*drawn.samples)

    def test_saved_and_drawn_from_by_its_folder(self, tmp_path: Path) -> None:
        model, y = tiny(stepper="euler"), rand(8, 8).numpy()
        save(model, tmp_path, figures={"name": "tiny"}, card="")
        loaded = clearsight.load(tmp_path)
        assert (loaded.steps, loaded.stepper) == (3, "euler")
        one, two = (clearsight.restore(y, model=m, samples=2, device="cpu").mean for m in (model, loaded))
        np.testing.assert_allclose(one, two, atol=1e-2)


class TestTraining:
    @pytest.fixture
    def task(self) -> SamplerTask:
        return SamplerTask(
            restorer=FlowSampler(widths=[8, 12], blocks=[1, 1]),
            degradation="lower-half",
            validation=["lower-half", "lower-half | gaussian(sigma=0.1)"],
        )

    def test_a_net_that_knows_nothing_leaves_what_there_is(self, task: SamplerTask) -> None:
        """Images of variance 1 about 0 on its scale, of which it can tell nothing at t = 0 and all else as c says."""
        x = (torch.randn(512, 1, 8, 8, generator=seeded()) + 1) / 2
        assert task.objective(Batch(x=x), seeded(1)).item() == pytest.approx(1, abs=0.05)

    def test_it_learns(self, task: SamplerTask) -> None:
        batch = Batch(x=(rand(16, 1, 1, 1) > 0.5).float().expand(-1, -1, 8, 8))
        optimizer = torch.optim.Adam(task.parameters(), lr=0.01)
        losses = []
        for step in range(40):
            loss = task.objective(batch, seeded(step))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0] / 2

    @torch.no_grad()
    def test_validation_is_the_same_every_time(self, task: SamplerTask) -> None:
        batch = Batch(x=rand(16, 1, 8, 8))
        first, again = task.scores(batch, 0), task.scores(batch, 0)
        assert list(first) == list(task.units) == ["unexplained", "psnr"]
        for metric, conditions in first.items():
            for condition, values in conditions.items():
                assert values.shape == (16,)
                assert values.equal(again[metric][condition])
                assert not math.isnan(float(values.mean()))
