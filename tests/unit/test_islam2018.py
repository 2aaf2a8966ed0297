"""islam2018: objective, corruption, what is trained on, and what figures are made of."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from clearsight.contracts import Batch, Sample
from clearsight.degradations import parse
from clearsight.errors import RecipeError
from clearsight.evaluation.loop import Method as Judged
from clearsight.evaluation.loop import judge
from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.islam2018.budgets import BUDGETS, DESIGNS, FAIR, LSTM, PUBLISHED
from clearsight.experiments.islam2018.figures import Trend
from clearsight.experiments.islam2018.halves import CORRUPTION, images, judged_digits
from clearsight.experiments.islam2018.judging import metrics, over_seeds
from clearsight.experiments.islam2018.trained import Networks
from clearsight.objectives import RMSELoss
from clearsight.restorers import CNNLSTM, ConvAutoencoder
from clearsight.training import TeacherForcedTask
from stand_ins import rand, seeded

GREY = "gaussian(sigma=0.1)"


def test_cnn_lstm_has_no_more_parameters_than_its_fair_rival() -> None:
    published, fair, lstm = (
        sum(p.numel() for p in DESIGNS[name].build().parameters()) for name in (PUBLISHED, FAIR, LSTM)
    )
    assert published < lstm <= fair < 1.01 * lstm


def test_a_step_follows_the_objective_of_the_paper() -> None:
    """Adam's first step is a sign: of the gradient of RMSE + λ Σ w²."""
    w = torch.tensor([2.0, -1.0], requires_grad=True)
    decay = DESIGNS[LSTM].optimizer(BUDGETS["paper"])([w]).defaults["weight_decay"]
    target = torch.tensor([1.0, 1.0])
    (RMSELoss()(w, target) + decay / 2 * w.square().sum()).backward()
    error = w.detach() - target
    expected = error / (2 * error.square().mean().sqrt()) + decay * w.detach()
    torch.testing.assert_close(w.grad, expected)
    assert DESIGNS[f"{LSTM}, Adadelta"].optimizer(BUDGETS["paper"])([w]).defaults["weight_decay"] == decay


def test_the_loss_is_a_root_and_has_a_slope_at_nothing() -> None:
    x = rand(3, 1, 4, 4).requires_grad_()
    assert RMSELoss()(x, x.detach()).item() < 1e-5
    RMSELoss()(x, x.detach()).backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_half_is_missing_and_noise_lies_on_both_halves() -> None:
    y = parse(CORRUPTION)(torch.full((40, 1, 28, 28), 0.5), generator=seeded())
    upper, lower = y[:, :, :14], y[:, :, 14:]
    assert 0 <= y.min() <= y.max() <= 1
    assert lower.median() == 0
    assert (lower > 0).any((1, 2, 3)).all()
    salted = [len(image.unique()) == 3 for image in upper]
    assert 8 < sum(salted) < 32


def test_no_digit_is_both_trained_on_and_judged() -> None:
    data = images(7, batch=2, epoch=1)
    names = [[dataset[k].name for k in range(len(dataset))] for dataset in (data.train_set, data.validation_set)]
    names.append([digits[k].name for digits in [judged_digits(7)] for k in range(len(digits))])
    assert [len(set(part)) for part in names] == [7, 7, 7]
    assert len(set().union(*names)) == 21


def test_figures_of_the_missing_half_are_of_it_alone() -> None:
    x = torch.zeros(2, 1, 28, 28)
    y = x.clone()
    y[:, :, 21:] = 0.2
    batch = Batch(x=x, labels=torch.zeros(2).long(), y=y, names=("a", "b"))
    method = Judged(run=lambda b: (b.y, torch.eye(2)), metrics=metrics())
    figures = {key: one.value for key, one in judge([batch], {"": method}, seed=0)[""].figures.items()}
    assert figures["rmse"] == pytest.approx(0.1)
    assert figures["rmse_missing_half"] == pytest.approx(0.2 / math.sqrt(2))
    assert figures["psnr"] == pytest.approx(20)
    assert figures["psnr_missing_half"] == pytest.approx(20 - 10 * math.log10(2))
    assert 0 <= figures["error_digits-conv"] <= 100


def test_an_interval_is_that_of_students_t() -> None:
    estimate = over_seeds([1.0, 2.0, 3.0])
    assert (estimate.value, estimate.high - 2) == pytest.approx((2, 4.303 / math.sqrt(3)), rel=1e-3)
    assert math.isnan(over_seeds([1.0]).low)


def test_a_trend_is_found() -> None:
    losses = 0.4 - 0.03 * torch.arange(1, 201).log()
    assert Trend.of(losses) == pytest.approx((0.4, -0.03), abs=1e-5)
    assert Trend.of(losses, 100) == pytest.approx((0.4, -0.03), abs=1e-5)


def test_teacher_forcing_feeds_clean_rows() -> None:
    torch.manual_seed(0)
    net = CNNLSTM(size=(6, 5), code=3, hidden=4, layers=1, dropout=0)
    task = TeacherForcedTask(restorer=net, degradation=GREY, validation=[GREY], loss=RMSELoss())
    batch = Batch(rand(2, 1, 6, 5))
    y = parse(GREY)(batch.x, generator=seeded())
    assert task.objective(batch, seeded()).equal(RMSELoss()(net(y, previous=batch.x), batch.x))
    assert not task.objective(batch, seeded()).equal(RMSELoss()(net(y), batch.x))


def test_teacher_forcing_needs_a_restorer_that_is_fed() -> None:
    with pytest.raises(RecipeError, match="got ConvAutoencoder: take RestorationTask"):
        TeacherForcedTask(restorer=ConvAutoencoder(), degradation=GREY, validation=[GREY])


def test_a_training_is_kept_with_its_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchanged: None) -> None:
    said: list[str] = []
    digits = [Sample(name=str(k), x=rand(1, 28, 28, seed=k), label=0) for k in range(4)]
    monkeypatch.setattr("clearsight.experiments.islam2018.halves.MNIST", lambda part: _Digits(digits))
    networks = Networks(RunConfig("smoke", 0, tmp_path, said.append))
    first = networks.restorer(PUBLISHED, 1)
    assert said == ["training CNN-CNN-1"]
    again = Networks(RunConfig("smoke", 0, tmp_path, said.append)).restorer(PUBLISHED, 1)
    assert len(said) == 1
    assert first.losses.shape == (2,)
    assert again.losses.equal(first.losses)
    assert again.seconds == first.seconds
    assert all(a.equal(b) for a, b in zip(first.network.parameters(), again.network.parameters(), strict=True))


class _Digits(list[Sample]):
    classes = tuple("0123456789")
