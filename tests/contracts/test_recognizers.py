"""What every registered recognizer promises, checked on its tiny variant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import clearsight.recognizers  # noqa: F401  (fills the registry)
from clearsight.contracts import Reader, RecognitionTraits, Recognizer
from clearsight.errors import ModelError
from clearsight.registry import RECOGNIZERS
from stand_ins import seeded


def tiny(name: str) -> nn.Module:
    """A recognizer in evaluation mode; what starts at zero is moved, so that every weight has a say."""
    entry = RECOGNIZERS[name]
    model: nn.Module = entry.cls(**entry.tiny)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape, generator=seeded())
    return model.eval()


@pytest.fixture(params=list(RECOGNIZERS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


def images(traits: RecognitionTraits, count: int = 3, *, size: tuple[int, int] = (20, 16)) -> Tensor:
    return torch.rand(count, traits.channels or 3, *(traits.size or size), generator=seeded())


def test_keeps_the_contract(model: nn.Module) -> None:
    assert isinstance(model, Recognizer)
    assert isinstance(model.traits, RecognitionTraits)
    assert model.traits.task in ("classify", "segment", "read")
    assert isinstance(model, Reader) == (model.traits.task == "read")
    assert len(model.traits.classes) >= 2


def test_has_a_summary_that_fits_a_line(model: nn.Module) -> None:
    summary = RECOGNIZERS[RECOGNIZERS.name_of(type(model))].summary
    assert summary.endswith(".")
    assert len(summary) < 110


@pytest.mark.parametrize("count", [1, 2, 5])
def test_gives_one_logit_a_class_for_any_number_of_images(model: nn.Module, count: int) -> None:
    x = images(model.traits, count)
    logits = model(x)
    places = {"classify": (), "segment": x.shape[2:], "read": logits.shape[2:3]}[model.traits.task]
    assert logits.shape == (count, len(model.traits.classes), *places)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_takes_the_declared_sizes_and_no_others(model: nn.Module) -> None:
    for size in [(9, 7), (28, 28), (33, 20)]:
        x = torch.rand(2, model.traits.channels or 3, *size, generator=seeded())
        if model.traits.size in (None, size):
            assert model(x).isfinite().all()
        else:
            with pytest.raises(ModelError, match="takes images of shape"):
                model(x)


def test_takes_the_declared_channels_and_no_others(model: nn.Module) -> None:
    x = images(model.traits)
    for channels in (1, 3):
        y = x[:, :1].expand(-1, channels, -1, -1)
        if model.traits.channels in (None, channels):
            assert model(y).isfinite().all()
        else:
            with pytest.raises(ModelError, match="takes images of shape"):
                model(y)


def test_images_without_a_batch_are_refused(model: nn.Module) -> None:
    with pytest.raises(ModelError, match="takes images of shape"):
        model(images(model.traits)[0])


def test_its_classes_are_those_it_was_given(model: nn.Module) -> None:
    entry = RECOGNIZERS[RECOGNIZERS.name_of(type(model))]
    other = entry.cls(**entry.tiny, classes=["cat", "dog", "cow"]).eval()
    assert other.traits.classes == ("cat", "dog", "cow")
    assert other(images(other.traits)).shape[:2] == (3, 3)


def test_depends_on_its_input_and_leaves_it_alone(model: nn.Module) -> None:
    x = images(model.traits)
    before = x.clone()
    assert not model(x).equal(model(1 - x))
    assert x.equal(before)


def test_repeatable(model: nn.Module) -> None:
    x = images(model.traits)
    assert model(x).equal(model(x))


def test_images_of_a_batch_do_not_mix(model: nn.Module) -> None:
    x = images(model.traits)
    torch.testing.assert_close(model(x)[1:], model(x[1:]), rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter_and_the_images(model: nn.Module) -> None:
    x = images(model.traits, 8).requires_grad_()
    model(x).square().sum().backward()
    unreached = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert unreached == []
    assert x.grad.flatten(1).any(1).all()


def test_saved_and_loaded_it_is_the_same(model: nn.Module, tmp_path: Path) -> None:
    x = images(model.traits)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert loaded.traits == model.traits
    assert loaded(x).equal(model(x))
