"""The lecture's networks, curves and losses, and its experiments on little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from clearsight.datasets import CURVES
from clearsight.errors import InvalidArgumentError
from clearsight.experiments import RunConfig, catalogue
from clearsight.experiments.fleuret_dlc import budgets, points, samples
from clearsight.experiments.fleuret_dlc.adversarial import SHARPNESS
from clearsight.experiments.fleuret_dlc.samples import Half, _agreement, _diversity
from clearsight.metrics.metric import Outcome
from clearsight.objectives import Adversarial, Critic, HalfSumOfSquares
from clearsight.restorers import DeepAutoencoder, FlowSampler, PointAutoencoder
from stand_ins import rand, seeded

DOWN = [(nn.Conv2d, 1, 32, 5, 1), (nn.Conv2d, 32, 32, 5, 1), (nn.Conv2d, 32, 32, 4, 2), (nn.Conv2d, 32, 32, 3, 2)]
UP = [
    (nn.ConvTranspose2d, 16, 32, 4, 1),
    (nn.ConvTranspose2d, 32, 32, 3, 2),
    (nn.ConvTranspose2d, 32, 32, 4, 2),
    (nn.ConvTranspose2d, 32, 32, 5, 1),
    (nn.ConvTranspose2d, 32, 1, 5, 1),
]


def listed(part: nn.Sequential) -> list[tuple[type, int, int, int, int]]:
    return [
        (type(layer), layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0])
        for layer in part
        if not isinstance(layer, nn.ReLU)
    ]


class TestNetworks:
    def test_the_deep_autoencoder_layer_by_layer(self) -> None:
        model = DeepAutoencoder(dim=16)
        assert listed(model.encoder) == [*DOWN, (nn.Conv2d, 32, 16, 4, 1)]
        assert listed(model.decoder) == UP
        for part in (model.encoder, model.decoder):
            assert [isinstance(layer, nn.ReLU) for layer in part] == [False, True] * 4 + [False]

    def test_the_sizes_between(self) -> None:
        sizes, x = [], torch.zeros(1, 1, 28, 28)
        for layer in (*DeepAutoencoder().encoder, *DeepAutoencoder().decoder):
            x = layer(x)
            sizes += [] if isinstance(layer, nn.ReLU) else [x.shape[-1]]
        assert sizes == [24, 20, 9, 4, 1, 4, 9, 20, 24, 28]

    def test_sizes_it_cannot_give_back(self) -> None:
        with pytest.raises(InvalidArgumentError, match="a multiple of 4 above it, got 28×30"):
            DeepAutoencoder(size=[28, 30])

    def test_the_net_of_points(self) -> None:
        assert [type(layer) for layer in PointAutoencoder()] == [nn.Linear, nn.ReLU, nn.Linear]
        assert [tuple(p.shape) for p in PointAutoencoder().parameters()] == [(100, 2), (100,), (2, 100), (2,)]


class TestLosses:
    def test_half_the_sum_of_squares_an_image(self) -> None:
        x_hat, x = rand(3, 1, 4, 4), rand(3, 1, 4, 4, seed=1)
        by_hand = 0.5 * (x_hat - x).pow(2).sum() / x_hat.size(0)
        assert HalfSumOfSquares()(x_hat, x).item() == pytest.approx(by_hand.item())

    def test_each_network_learns_from_its_own_part(self) -> None:
        loss, x = Adversarial(critic=Critic(width=4), weight=0.5), rand(2, 1, 8, 8)
        x_hat = rand(2, 1, 8, 8, seed=1).requires_grad_()
        loss(x_hat, x).backward()
        restorers = x_hat.grad.clone()
        critics = [p.grad.clone() for p in loss.parameters()]
        assert all(gradient.any() for gradient in critics if gradient.ndim > 1)
        loss.eval()
        x_hat.grad = None
        said = -0.5 * loss.critic(x_hat).mean() + (x_hat - x).square().mean()
        said.backward()
        torch.testing.assert_close(restorers, x_hat.grad, atol=1e-3, rtol=0.1)
        loss.zero_grad()
        fooled = torch.relu(1 - loss.critic(x)).mean() + torch.relu(1 + loss.critic(x_hat.detach())).mean()
        fooled.backward()
        for before, p in zip(critics, loss.parameters(), strict=True):
            torch.testing.assert_close(before, p.grad, atol=0.05, rtol=0.3)

    def test_sharpness_is_a_share_of_the_originals(self) -> None:
        x = rand(4, 1, 16, 16)
        soft = nn.functional.avg_pool2d(x, 3, 1, 1)
        nothing = torch.empty(0)
        values = [
            float(SHARPNESS.value(SHARPNESS.statistic(Outcome(x_hat, x, nothing, nothing)).sum(0)))
            for x_hat in (x, 0.5 * x, soft)
        ]
        assert values[:2] == pytest.approx([100, 25])
        assert values[2] < 25


class TestPlane:
    @pytest.mark.parametrize("name", CURVES)
    def test_points_of_a_curve_lie_on_it(self, name: str) -> None:
        drawn = CURVES[name].draw(200, seeded())
        assert drawn.shape == (200, 2)
        assert float(CURVES[name].distance(drawn).max()) < 0.01
        assert float(drawn.abs().max()) < 1.5

    def test_the_opening_is_between_the_ends(self) -> None:
        circle = CURVES["circle"]
        ends, opening = circle.at(torch.tensor([0.0, 1.0])), torch.tensor(circle.opening)
        torch.testing.assert_close(ends.mean(0), opening)
        assert float(circle.distance(opening[None])) > 1.5 * points.SIGMA

    def test_near_pairs_come_from_both_ends(self) -> None:
        circle = CURVES["circle"]
        kept = points.near(circle, torch.tensor(circle.opening), 300_000, 0.05, seeded())
        assert len(kept) > 10
        assert 0.2 < float((kept[:, 1] > 0).float().mean()) < 0.8
        assert float(kept.mean(0)[0]) > 0.9


def test_agreement_and_diversity_of_known_samples() -> None:
    """A recognizer that reads a class off a pixel: one digit whose samples agree, one whose samples do not."""

    class Reader(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 100 * nn.functional.one_hot((10 * x[:, 0, 0, 0]).round().long(), 10).float()

    drawn = torch.zeros(2, 8, 1, 28, 28)
    drawn[0, :, 0, 0, 0] = 0.3
    drawn[1, :, 0, 0, 0] = torch.tensor([1, 1, 1, 1, 1, 2, 2, 4]) / 10
    half = Half(torch.zeros(2, 1, 28, 28), torch.zeros(2, 1, 28, 28), torch.tensor([3, 2]))
    agreement = {one["at_least"]: (one["digits"], one["right"]) for one in _agreement(drawn, half, Reader())}
    assert agreement[8] == agreement[7] == (1, 100)
    assert agreement[5] == (2, 50)
    answers = torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)])
    assert _diversity(drawn, answers, half, Reader())["rank_correlation"] == 1


@pytest.mark.parametrize("name", ["posterior2d", "erasure", "adversarial", "samples"])
def test_experiments_on_little(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    little = replace(
        budgets.BUDGETS["smoke"], points=100, point_epochs=2, pairs=50_000, digits=16, tests=12, drawn=4, agreeing=8
    )
    monkeypatch.setitem(budgets.BUDGETS, "smoke", little)
    monkeypatch.setattr(samples, "_sampler", lambda config: FlowSampler(widths=[8, 12], blocks=[1, 1], steps=2).eval())
    result = catalogue()[f"fleuret_dlc/{name}"].run(RunConfig("smoke", 0, tmp_path, lambda line: None))
    assert result.headline
    assert {len(row) for row in result.rows} == {len(result.header)}
    result.draw(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
