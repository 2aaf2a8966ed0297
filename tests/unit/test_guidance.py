"""The losses of a guided restorer, and the cascade it is trained in; and nothing of the recognizer moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import VOID, Joint, Traits
from clearsight.errors import DataError, InvalidArgumentError, ModelError, UnknownNameError
from clearsight.joint import Cascade
from clearsight.metrics import departure
from clearsight.objectives import Frozen, Guidance, Layer, Perceptual, Recognition, has_default_layer
from clearsight.recognizers import MLP, Wrapped
from clearsight.restorers import FFDNet, Wiener
from stand_ins import CLASSES, SIDE, Fickle, bit_equal, moved, rand, seeded, small_unet, state

# What is frozen


def test_a_frozen_network_is_nobody_s_part() -> None:
    network = Fickle().train()
    holder = nn.ModuleList([Frozen(network)]).train()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert [*holder.parameters(), *holder.buffers(), *holder.state_dict()] == []
    x = rand(2, 1, 8, 8).requires_grad_()
    holder[0](x).sum().backward()
    assert x.grad is not None
    assert x.grad.any()


def test_a_frozen_network_moves_along_and_keeps_its_numbers() -> None:
    network = Fickle()
    before = state(network)
    nn.ModuleList([Frozen(network)]).to(torch.float64).to(memory_format=torch.channels_last)
    assert bit_equal(before, state(network))
    nn.ModuleList([Frozen(network)]).to("meta").to(memory_format=torch.channels_last)
    assert {p.device.type for p in network.parameters()} == {"meta"}


# Features


def test_features_are_those_of_the_layer_before_anything_is_done_to_them_in_place() -> None:
    network, x = Fickle().eval(), rand(2, 1, 8, 8)
    with Layer(network, "norm").watch() as seen:
        network(x)
    expected = network.norm(network.first(x))
    assert seen[-1].equal(expected)
    assert (expected < 0).any()
    assert not network.norm._forward_hooks


def test_a_network_can_name_its_layers_itself() -> None:
    network = Fickle()
    assert not has_default_layer(network)
    network.layers = {"relu3_3": network.rectify}
    assert has_default_layer(network)
    assert has_default_layer(Frozen(network).network)
    loss = Perceptual(network=network)
    x_hat, x = rand(2, 1, 8, 8), rand(2, 1, 8, 8, seed=1)
    a, b = (F.relu(network.norm(network.first(z))) for z in (x_hat, x))
    assert loss(x_hat, x).item() == pytest.approx((a - b).square().mean().item(), rel=1e-6)


def test_the_hook_is_gone_also_after_an_error() -> None:
    network = Fickle()
    with pytest.raises(RuntimeError), Layer(network, "norm").watch():
        network(rand(2, 4, 8, 8))
    assert not network.norm._forward_hooks


def test_the_perceptual_gradient_reaches_x_hat_alone() -> None:
    network, x_hat, x = Fickle(), rand(2, 1, 8, 8).requires_grad_(), rand(2, 1, 8, 8, seed=1).requires_grad_()
    before = state(network)
    Perceptual(network=network, layer="rectify")(x_hat, x).backward()
    assert x_hat.grad is not None
    assert x_hat.grad.any()
    assert x.grad is None
    assert all(p.grad is None for p in network.parameters())
    assert bit_equal(before, state(network))


def test_the_perceptual_gradient_is_right() -> None:
    loss, x = Perceptual(network=Fickle(), layer="first"), rand(1, 1, 4, 4, seed=1)
    x_hat, step = rand(1, 1, 4, 4).requires_grad_(), 1e-2 * torch.randn(1, 1, 4, 4, generator=seeded(2))
    (slope,) = torch.autograd.grad(loss(x_hat, x), x_hat)
    with torch.no_grad():
        change = (loss(x_hat + step, x) - loss(x_hat - step, x)) / 2
    assert change.item() == pytest.approx((slope * step).sum().item(), rel=1e-3)


def test_features_under_autocast_are_compared_in_full_precision() -> None:
    loss = Perceptual(network=Fickle(), layer="first")
    x_hat, x = rand(2, 1, 8, 8).requires_grad_(), rand(2, 1, 8, 8, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(x_hat, x)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(x_hat, x).item(), rel=0.02)
    value.backward()
    assert x_hat.grad is not None
    assert x_hat.grad.dtype == torch.float32


def test_unknown_layers_are_explained() -> None:
    with pytest.raises(UnknownNameError, match="no layer of the network is named 'rectifi'; did you mean 'rectify'"):
        Perceptual(network=Fickle(), layer="rectifi")
    with pytest.raises(UnknownNameError, match=r"no layer of the network is named 'conv9'; there is: .*norm"):
        Perceptual(network=Fickle(), layer="conv9")
    with pytest.raises(InvalidArgumentError, match="the network has no layer relu3_3: name the layer"):
        Perceptual(network=Fickle())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_layers_that_cannot_be_watched_are_explained() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    with pytest.raises(ModelError, match="the layer 0 lies in a TorchScript program, into which one cannot look"):
        Perceptual(network=scripted, layer="0")
    aside = Fickle()
    aside.aside = nn.ReLU()
    with pytest.raises(ModelError, match="the layer aside is not passed on the way to the answer"):
        Perceptual(network=aside, layer="aside")(rand(1, 1, 8, 8), rand(1, 1, 8, 8))

    class Paired(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    with pytest.raises(ModelError, match="the layer 0 gives a tuple: name one that gives a tensor"):
        Perceptual(network=nn.Sequential(Paired()), layer="0")(rand(1, 1, 8, 8), rand(1, 1, 8, 8))


# Recognition


def test_recognition_with_labels_is_the_cross_entropy() -> None:
    logits, labels = 3 * rand(5, 3), torch.tensor([0, 1, 2, 1, 1])
    assert Recognition()(logits, labels).item() == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-6)
    maps = torch.randint(3, (2, 4, 5), generator=seeded())
    maps[0, 1:] = VOID
    pixels = 3 * rand(2, 3, 4, 5)
    expected = F.cross_entropy(pixels, maps, ignore_index=VOID)
    assert Recognition()(pixels, maps).item() == pytest.approx(expected.item(), rel=1e-6)


def test_images_that_are_all_void_say_nothing() -> None:
    logits = rand(1, 3, 4, 4).requires_grad_()
    value = Recognition()(logits, torch.full((1, 4, 4), VOID))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_class_255_of_a_classifier_is_a_class_like_any_other() -> None:
    logits = rand(2, 300)
    labels = torch.tensor([VOID, 3])
    assert Recognition()(logits, labels).item() == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-6)
    p = logits.softmax(1)
    assert departure(logits, labels).tolist() == pytest.approx([1 - p[0, VOID].item(), 1 - p[1, 3].item()])


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 4)])
def test_recognition_without_labels_is_the_divergence_from_the_clean_answer(shape: tuple[int, ...]) -> None:
    logits, clean = (4 * rand(*shape)).double(), (4 * rand(*shape, seed=1)).double()
    t, p = clean.softmax(1), logits.softmax(1)
    expected = (t * (t / p).log()).sum(1).mean()
    assert Recognition()(logits, clean).item() == pytest.approx(expected.item(), rel=1e-5)
    assert Recognition()(clean, clean).item() == pytest.approx(0, abs=1e-6)
    expected = 0.5 * (p - t).abs().sum(1).reshape(len(p), -1).mean(1)
    torch.testing.assert_close(departure(logits, clean), expected.float())


def test_departure_of_pixels_leaves_void_ones_out() -> None:
    logits, maps = rand(2, 3, 2, 2), torch.tensor([[[0, VOID], [VOID, VOID]], [[VOID, VOID], [VOID, VOID]]])
    expected = 1 - logits.softmax(1)[0, 0, 0, 0].item()
    assert departure(logits, maps).tolist() == pytest.approx([expected, 0.0])


@pytest.mark.parametrize(
    ("logits", "wanted", "error", "says"),
    [
        (rand(2, 3), torch.tensor([0, 3]), DataError, "3 classes have the labels 0 to 2, got labels from 0 to 3"),
        (rand(2, 3), torch.tensor([0, -1]), DataError, "got labels from -1 to 0"),
        (rand(1, 3, 2, 2), torch.full((1, 2, 2), 7), DataError, "got labels from 7 to 7"),
        (rand(2, 3), torch.zeros(2, 4, 4).long(), InvalidArgumentError, r"must have the shape \(2,\), got \(2, 4, 4\)"),
        (rand(2, 3, 4, 4), torch.zeros(2).long(), InvalidArgumentError, r"must have the shape \(2, 4, 4\), got \(2,\)"),
        (rand(2, 3), rand(2, 4), InvalidArgumentError, r"must have the shape \(2, 3\), got \(2, 4\)"),
    ],
)
def test_what_cannot_be_recognized_is_explained(
    logits: Tensor, wanted: Tensor, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        Recognition()(logits, wanted)


# The sum


def guidance(**options: Any) -> Guidance:
    return Guidance(**{"recognizer": Fickle(), "layer": "rectify", **options})


LABELS = torch.tensor([0, 2, 1])


def test_equation_3_by_hand() -> None:
    x_hat, x = 1.2 * rand(3, 1, 8, 8), rand(3, 1, 8, 8, seed=1)
    assert (x_hat > 1).any()
    network, shown = Fickle().eval(), x_hat.clamp(0, 1)
    pixels = (x_hat - x).square().mean()
    features = [F.relu(network.norm(network.first(z))) for z in (shown, x)]
    task = F.cross_entropy(network(shown), LABELS)
    loss = guidance(pixels=nn.MSELoss(), perceptual=0.5, recognition=0.25, weighting="fixed")
    expected = pixels + 0.5 * F.mse_loss(*features) + 0.25 * task
    assert loss(x_hat, x, LABELS).item() == pytest.approx(expected.item(), rel=1e-6)
    assert list(loss.parts(x_hat, x, LABELS)) == ["pixels", "perceptual", "recognition"]


def test_parts_of_weight_0_are_not_computed() -> None:
    x_hat, x = rand(3, 1, 8, 8), rand(3, 1, 8, 8, seed=1)
    refuses = Frozen(nn.Sequential())
    refuses.forward = None  # type: ignore[assignment]
    plain = Guidance(recognizer=refuses, perceptual=0, recognition=0)
    assert plain(x_hat, x).item() == (x_hat - x).abs().mean().item()
    assert list(guidance(perceptual=0).parts(x_hat, x, LABELS)) == ["pixels", "recognition"]
    assert list(guidance(recognition=0).parts(x_hat, x)) == ["pixels", "perceptual"]


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("perceptual", [0.0, 0.5])
def test_each_network_is_gone_through_as_often_as_it_has_to_be(labelled: bool, perceptual: float) -> None:
    network, passes = Fickle(), []
    network.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    x_hat = rand(3, 1, 8, 8).requires_grad_()
    guidance(recognizer=network, labelled=labelled, perceptual=perceptual)(x_hat, rand(3, 1, 8, 8), LABELS)
    assert sorted(passes) == [True] if labelled and not perceptual else [False, True]


def test_features_of_another_network() -> None:
    other = nn.Sequential(nn.AvgPool2d(2))
    x_hat, x = rand(3, 1, 8, 8), rand(3, 1, 8, 8, seed=1)
    parts = guidance(features=other, layer="0").parts(x_hat, x, LABELS)
    assert parts["perceptual"].item() == pytest.approx(F.mse_loss(other(x_hat), other(x)).item())
    assert parts["recognition"].item() == pytest.approx(F.cross_entropy(Fickle().eval()(x_hat), LABELS).item())


def test_without_labels_the_recognizer_s_own_answer_is_the_target() -> None:
    x_hat, x = rand(3, 1, 8, 8).requires_grad_(), rand(3, 1, 8, 8, seed=1)
    network = Fickle().eval()
    loss = guidance(labelled=False)
    expected = Recognition()(network(x_hat), network(x))
    assert loss.parts(x_hat, x)["recognition"].item() == pytest.approx(expected.item())
    assert loss.parts(x_hat, x, LABELS)["recognition"].item() == pytest.approx(expected.item())
    with pytest.raises(DataError, match="the images have no labels to be guided by"):
        guidance()(x_hat, x)


def slope(loss: Tensor, x_hat: Tensor) -> Tensor:
    return torch.autograd.grad(loss, x_hat, retain_graph=True)[0]


def test_balanced_each_part_pulls_with_its_weight() -> None:
    x_hat, x = rand(3, 1, 8, 8).requires_grad_(), rand(3, 1, 8, 8, seed=1)
    loss = guidance(perceptual=0.5, recognition=0.25, pixels=nn.MSELoss())
    parts = loss.parts(x_hat, x, LABELS)
    own = {name: slope(part, x_hat) for name, part in parts.items()}
    pull = own["pixels"].norm()
    factors = {"pixels": 1, "perceptual": 0.5 * pull / own["perceptual"].norm()}
    factors["recognition"] = 0.25 * pull / own["recognition"].norm()
    assert all(own[name].norm() > 0 for name in own)
    value = loss(x_hat, x, LABELS)
    expected = sum(factors[name] * own[name] for name in own)
    torch.testing.assert_close(slope(value, x_hat), expected, rtol=1e-5, atol=1e-9)
    assert value.item() == pytest.approx(sum(float(factors[n] * p.detach()) for n, p in parts.items()), rel=1e-5)


def test_balanced_the_units_of_a_part_do_not_matter() -> None:
    x_hat, x = rand(3, 1, 8, 8).requires_grad_(), rand(3, 1, 8, 8, seed=1)
    network = Fickle()
    before = slope(guidance(recognizer=network, recognition=0, layer="last")(x_hat, x), x_hat)
    with torch.no_grad():
        network.last.weight *= 100
    after = slope(guidance(recognizer=network, recognition=0, layer="last")(x_hat, x), x_hat)
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-8)


def test_balanced_a_part_without_gradient_pulls_nowhere() -> None:
    x = rand(3, 1, 8, 8)
    for x_hat in (x.clone().requires_grad_(), (x + 3).requires_grad_()):
        gradient = slope(guidance(pixels=nn.MSELoss(), labelled=False)(x_hat, x), x_hat)
        assert gradient.isfinite().all()


def test_the_balanced_gradient_reaches_the_restorer_and_nothing_else() -> None:
    for weighting in ("balanced", "fixed"):
        restorer, network = small_unet(), Fickle()
        before = state(network)
        guidance(recognizer=network, weighting=weighting)(
            restorer(rand(3, 1, 8, 8)), rand(3, 1, 8, 8), LABELS
        ).backward()
        assert all(p.grad is not None and p.grad.any() for p in restorer.parameters())
        assert all(p.grad is None for p in network.parameters())
        assert bit_equal(before, state(network))


def test_under_autocast_the_loss_is_of_full_precision() -> None:
    restorer = small_unet()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = guidance()(restorer(rand(3, 1, 8, 8)), rand(3, 1, 8, 8), LABELS)
    assert value.dtype == torch.float32
    value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in restorer.parameters())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"perceptual": -1}, "the weight of the perceptual part is 0 or more, got -1"),
        ({"weighting": "learned"}, "weighting is one of balanced, fixed; got 'learned'"),
        ({"layer": None}, "the network has no layer relu3_3"),
    ],
)
def test_guidance_that_cannot_be_given(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        guidance(**options)


# The cascade


def test_a_cascade_is_a_joint_model() -> None:
    cascade = Cascade(small_unet(), Fickle())
    assert isinstance(cascade, Joint)
    assert cascade.traits.multiple == 4
    assert cascade.recognition.classes == CLASSES
    assert not cascade.train().recognizer.training
    assert cascade.restorer.training
    assert {*cascade.parameters()} == {*cascade.restorer.parameters()}


@pytest.mark.parametrize("size", [(8, 12), (13, 9), (3, 1)])
@pytest.mark.parametrize("task", ["classify", "segment"])
def test_any_size_is_padded_and_cropped(size: tuple[int, int], task: str) -> None:
    cascade = Cascade(small_unet(), Fickle(task=task)).eval()
    y = rand(2, 1, *size)
    below, beside = (-n % 4 for n in size)
    padded = torch.from_numpy(np.pad(y.numpy(), [(0, 0), (0, 0), (0, below), (0, beside)], mode="reflect"))
    expected = cascade.restorer(padded)[..., : size[0], : size[1]]
    x_hat, logits = cascade(y)
    torch.testing.assert_close(x_hat, expected)
    torch.testing.assert_close(logits, cascade.recognizer(expected.clamp(0, 1)))
    assert logits.shape == ((2, 3) if task == "classify" else (2, 3, *size))


def test_gradients_of_the_answer_flow_to_the_restorer() -> None:
    cascade = Cascade(small_unet(), Fickle()).train()
    cascade(rand(2, 1, 13, 9))[1].square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in cascade.parameters())


def test_a_restorer_that_is_told_sigma() -> None:
    cascade = Cascade(moved(FFDNet(channels=1, depth=3, width=4)).eval(), Fickle())
    y = rand(2, 1, 9, 8)
    one, other = (cascade(y, torch.full((2,), level)) for level in (0.1, 0.3))
    assert not one[0].equal(other[0])
    assert not one[1].equal(other[1])


COLOUR = Wrapped(nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
SIZED = MLP(size=[SIDE, SIDE], hidden=[4], classes=CLASSES)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: Cascade(small_unet(), COLOUR),
            "the restorer gives images of 1 channels, the recognizer takes 3: "
            "give a restorer of the images that the recognizer takes",
        ),
        (
            lambda: Cascade(small_unet(), SIZED)(rand(1, 1, 8, 8)),
            "the recognizer takes images of 13×13 pixels, got 8×8: crop or resize them",
        ),
        (
            lambda: Cascade(Wiener(), COLOUR)(rand(1, 1, 8, 8)),
            "the recognizer takes images of 3 channels, got 1: convert them, or give one that takes them",
        ),
        (
            lambda: Cascade(small_unet(3), COLOUR)(rand(1, 1, 8, 8)),
            "the restorer takes images of 3 channels, got 1: convert them, or give one that takes them",
        ),
        (
            lambda: Cascade(Sized(), SIZED),
            "the restorer gives images of 16×12 pixels, the recognizer takes 13×13: give two that go together",
        ),
    ],
)
def test_cascades_that_do_not_fit(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ModelError) as raised:
        call()
    assert str(raised.value) == says


class Sized(nn.Module):
    """A restorer of one size, which it doubles."""

    traits = Traits(channels=1, scale=2, receptive_radius=None, size=(8, 6))
