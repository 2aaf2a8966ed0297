"""What every registered joint model promises, checked on its tiny variant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import clearsight.joint  # noqa: F401  (fills the registry)
from clearsight.contracts import Joint, RecognitionTraits, Recognizer, Restorer, Traits
from clearsight.errors import ModelError
from clearsight.joint import Recognizing, Restoring
from clearsight.objectives import JointLoss
from clearsight.registry import JOINT
from stand_ins import seeded


def tiny(name: str) -> nn.Module:
    """A joint model in evaluation mode; what starts at zero is moved, so that every weight has a say."""
    entry = JOINT[name]
    model: nn.Module = entry.cls(**entry.tiny)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape, generator=seeded())
    return model.eval()


def loss_of(model: nn.Module) -> tuple[JointLoss, Tensor]:
    """A joint loss, and what is to be recognized in eight images: their classes, or letters."""
    labels = torch.arange(8) % len(model.recognition.classes)
    if model.recognition.task == "classify":
        return JointLoss(), labels
    return JointLoss(pixels="squared", labels="one-sided"), labels[:, None].clamp(min=1)


@pytest.fixture(params=list(JOINT))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return tiny(request.param)


def images(traits: Traits, count: int = 3, *, size: tuple[int, int] = (20, 16)) -> Tensor:
    return torch.rand(count, traits.channels or 3, *(traits.size or size), generator=seeded())


def test_keeps_the_contract(model: nn.Module) -> None:
    assert isinstance(model, Joint)
    assert isinstance(model.traits, Traits)
    assert isinstance(model.recognition, RecognitionTraits)
    assert model.recognition.task in ("classify", "read")
    assert (model.traits.scale, model.traits.sigma) == (1, "blind")
    assert (model.traits.channels, model.traits.size) == (model.recognition.channels, model.recognition.size)


def test_has_a_summary_that_fits_a_line(model: nn.Module) -> None:
    summary = JOINT[JOINT.name_of(type(model))].summary
    assert summary.endswith(".")
    assert len(summary) < 110


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("size", [(28, 28), (17, 9), (3, 1)])
def test_gives_an_image_in_range_and_a_logit_a_class(model: nn.Module, count: int, size: tuple[int, int]) -> None:
    y = images(model.traits, count, size=size)
    x_hat, logits = model(y)
    assert x_hat.shape == y.shape
    assert logits.shape[:2] == (count, len(model.recognition.classes))
    assert (logits.ndim == 3) is (model.recognition.task == "read")
    assert x_hat.dtype == logits.dtype == torch.float32
    assert 0 <= x_hat.min() <= x_hat.max() <= 1
    assert logits.isfinite().all()


def test_other_shapes_are_refused(model: nn.Module) -> None:
    y = images(model.traits)
    wrong = [y[0], y.expand(-1, 2, -1, -1), y[:, 0]]
    if model.traits.size is not None:
        wrong += [y[..., 1:], y.mT]
    for given in wrong:
        with pytest.raises(ModelError, match=r"takes images of shape \(B, 1, .*\), got \(\d.*: convert"):
            model(given)


def test_its_classes_are_those_it_was_given(model: nn.Module) -> None:
    entry = JOINT[JOINT.name_of(type(model))]
    other = entry.cls(**{**entry.tiny, "classes": ["cat", "dog", "cow"]}).eval()
    assert other.recognition.classes == ("cat", "dog", "cow")
    assert other(images(other.traits))[1].shape[:2] == (3, 3)


def test_both_answers_depend_on_the_image_and_leave_it_alone(model: nn.Module) -> None:
    y = images(model.traits)
    before = y.clone()
    for answer, other in zip(model(y), model(1 - y), strict=True):
        assert not torch.allclose(answer, other, rtol=0, atol=1e-4)
    assert y.equal(before)


def test_repeatable(model: nn.Module) -> None:
    y = images(model.traits)
    for answer, again in zip(model(y), model(y), strict=True):
        assert answer.equal(again)


def test_images_of_a_batch_do_not_mix(model: nn.Module) -> None:
    y = images(model.traits)
    for whole, part in zip(model(y), model(y[1:]), strict=True):
        torch.testing.assert_close(whole[1:], part, rtol=0, atol=1e-5)


def test_gradients_of_the_joint_loss_reach_every_parameter_and_the_images(model: nn.Module) -> None:
    y = images(model.traits, 8).requires_grad_()
    loss, labels = loss_of(model)
    x_hat, logits = model(y)
    loss(x_hat, images(model.traits, 8).round(), logits, labels).backward()
    unreached = [n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert unreached == []
    assert y.grad.flatten(1).any(1).all()


def test_a_small_step_down_the_gradient_lowers_the_joint_loss_as_much_as_it_should(model: nn.Module) -> None:
    y, parameters = images(model.traits, 8).double(), list(model.double().parameters())
    loss, labels = loss_of(model)

    def value() -> Tensor:
        x_hat, logits = model(y)
        return loss(x_hat, y.round(), logits, labels)

    before, rate = value(), 1e-8
    slopes = torch.autograd.grad(before, parameters)
    with torch.no_grad():
        for p, slope in zip(parameters, slopes, strict=True):
            p -= rate * slope
    expected = rate * sum(slope.square().sum() for slope in slopes)
    torch.testing.assert_close(before - value(), expected, rtol=0.01, atol=0)


def test_saved_and_loaded_it_is_the_same(model: nn.Module, tmp_path: Path) -> None:
    y = images(model.traits)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert (loaded.traits, loaded.recognition) == (model.traits, model.recognition)
    for answer, again in zip(model(y), loaded(y), strict=True):
        assert answer.equal(again)


def test_either_half_keeps_its_own_contract(model: nn.Module) -> None:
    y = images(model.traits)
    restorer, recognizer = Restoring(model), Recognizing(model)
    assert isinstance(restorer, Restorer)
    assert isinstance(recognizer, Recognizer)
    assert (restorer.traits, recognizer.traits) == (model.traits, model.recognition)
    x_hat, logits = model(y)
    assert restorer(y).equal(x_hat)
    assert restorer(y, torch.full((3,), 0.1)).equal(x_hat)
    assert recognizer(y).equal(logits)


def test_the_halves_share_the_weights(model: nn.Module) -> None:
    shared = set(model.parameters())
    assert set(Restoring(model).parameters()) == set(Recognizing(model).parameters()) == shared
    assert not Restoring(model).train(False).joint.training
