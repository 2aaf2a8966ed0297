"""Experiments: what is kept of a run, and what a budget is spent on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from clearsight.errors import WeightsError
from clearsight.experiments import catalogue
from clearsight.experiments.chen2016.cache import Cache


def _train(net: nn.Linear, value: float) -> None:
    with torch.no_grad():
        net.weight.fill_(value)


def test_a_cache_trains_once(tmp_path: Path) -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    seconds = Cache(tmp_path).fill("net", first, lambda: _train(first, 3), terms="")
    again = Cache(tmp_path).fill("net", second, lambda: pytest.fail("it is there already"), terms="")
    assert again == pytest.approx(seconds, abs=0.1)
    assert torch.equal(second.weight, torch.full((2, 2), 3.0))
    assert torch.equal(second.bias, first.bias)
    assert not second.training


def test_other_terms_train_again(tmp_path: Path) -> None:
    net = nn.Linear(2, 2)
    Cache(tmp_path).fill("net", net, lambda: _train(net, 1), terms="one")
    Cache(tmp_path).fill("net", net, lambda: _train(net, 2), terms="two")
    loaded = nn.Linear(2, 2)
    Cache(tmp_path).fill("net", loaded, lambda: pytest.fail("it is there already"), terms="two")
    assert loaded.weight[0, 0] == 2


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="remove it to train it anew"):
        Cache(tmp_path).fill("net", nn.Linear(2, 2), lambda: None, terms="")


def test_an_interrupted_training_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path).fill("net", nn.Linear(2, 2), interrupted, terms="")
    assert not list(tmp_path.iterdir())


def test_every_experiment_says_what_each_preset_costs() -> None:
    for name, experiment in catalogue().items():
        assert name == experiment.name
        assert "/" in name
        assert list(experiment.cost) == ["smoke", "cpu", "paper"]
