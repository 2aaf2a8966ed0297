"""Denoising autoencoders: one layer, a stack of them, and the classifier that starts there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann import DBN, Layer, build_decoder, build_encoder
from clearsight.contracts import Degradation
from clearsight.degradations import Erase, Gaussian, SaltAndPepper
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.joint import start_classifier
from clearsight.recognizers import MLP
from clearsight.restorers import DenoisingLayer, StackedAutoencoder, train_layer
from stand_ins import seeded

PROTOTYPES = torch.tensor([[1.0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 1], [1, 0, 1, 0, 0, 0]])
DATA = PROTOTYPES.repeat(40, 1)


def layer(*, tied: bool = True, visible: str = "bernoulli") -> DenoisingLayer:
    return DenoisingLayer(n_visible=6, n_hidden=8, tied=tied, visible=visible, generator=seeded())  # type: ignore[arg-type]


def trained(net: DenoisingLayer, corruption: Degradation | None, **arguments: object) -> list[float]:
    settings = {"epochs": 25, "batch": 10, "rate": 0.2, "generator": seeded(1), **arguments}
    return list(train_layer(net, DATA, corruption=corruption, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("corruption", "tied", "loss"),
    [
        (Erase(probability=0.3), True, "cross-entropy"),
        (Gaussian(sigma=0.3), False, "squared"),
        (SaltAndPepper(amount=0.2), False, "cross-entropy"),
        (None, True, "squared"),
    ],
)
def test_a_layer_learns_to_restore(corruption: Degradation | None, tied: bool, loss: str) -> None:
    net = layer(tied=tied)
    losses = trained(net, corruption, loss=loss)
    assert losses[-1] < losses[0] / 2
    assert (net.visible(net.hidden(PROTOTYPES)) - PROTOTYPES).abs().mean() < 0.15


def test_one_step_is_the_gradient_of_the_loss_on_corrupted_data() -> None:
    net, by_hand, corruption = layer(tied=False), layer(tied=False), Erase(probability=0.5)
    trained(net, corruption, epochs=1, batch=len(DATA), rate=0.1, weight_cost=0.01)
    generator = seeded(1)
    v = DATA[torch.randperm(len(DATA), generator=generator)]
    erased = corruption(v[:, None, None], generator=generator)[:, 0, 0]
    loss = F.binary_cross_entropy(by_hand.visible(by_hand.hidden(erased)), v, reduction="sum") / len(v)
    loss.backward()
    for name, parameter in by_hand.named_parameters():
        decay = 0.01 * parameter if name in ("weight", "decoder") else 0
        expected = parameter - 0.1 * (parameter.grad + decay)
        torch.testing.assert_close(net.get_parameter(name), expected)


def test_noise_asks_for_more_than_the_identity() -> None:
    """What is erased comes back only where the layer has learned what goes with what."""
    plain, denoising = layer(), layer()
    trained(plain, None)
    trained(denoising, Erase(probability=0.4))
    erased = Erase(probability=0.4)(DATA[:, None, None], generator=seeded(2))[:, 0, 0]

    def error(net: DenoisingLayer) -> float:
        return F.mse_loss(net.visible(net.hidden(erased)), DATA).item()

    assert error(denoising) < 0.8 * error(plain)


def test_gaussian_units_are_linear() -> None:
    net = layer(visible="gaussian")
    h = net.hidden(DATA)
    torch.testing.assert_close(net.visible(h), net.visible_bias + h @ net.weight)


def stack(**arguments: object) -> StackedAutoencoder:
    torch.manual_seed(0)
    return StackedAutoencoder(**{"size": (2, 3), "hidden": (8, 5), **arguments})  # type: ignore[arg-type]


def test_a_stack_is_trained_layer_by_layer() -> None:
    net, by_hand, corruption = stack(), stack(), Erase(probability=0.2)
    settings = {"corruption": corruption, "epochs": 2, "batch": 10, "rate": 0.1, "momentum": 0.5}
    reports: list[tuple[int, int, float]] = []
    images = DATA.view(-1, 1, 2, 3)
    net.pretrain(images, **settings, generator=seeded(1), report=lambda *report: reports.append(report))  # type: ignore[arg-type]
    generator, (low, high) = seeded(1), by_hand.layers
    losses = list(train_layer(low, DATA, **settings, generator=generator))  # type: ignore[arg-type]
    losses += list(train_layer(high, low.hidden(DATA).detach(), **settings, generator=generator))  # type: ignore[arg-type]
    assert [loss for *_, loss in reports] == losses
    assert [report[:2] for report in reports] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all(map(torch.equal, net.parameters(), by_hand.parameters()))


@pytest.mark.parametrize("tied", [True, False])
def test_it_goes_up_and_down_as_far_as_it_is_told(tied: bool) -> None:
    whole, images = stack(tied=tied), DATA.view(-1, 1, 2, 3)
    v = build_decoder(whole.layers)(build_encoder(whole.layers)(DATA))
    torch.testing.assert_close(whole(images).flatten(1), v)
    first = stack(tied=tied, depth=1)
    torch.testing.assert_close(first(images).flatten(1), first.layers[0].visible(first.layers[0].hidden(DATA)))


@pytest.mark.parametrize("layers", [lambda: stack().layers, lambda: DBN(sizes=(6, 8, 5), generator=seeded()).rbms])
def test_a_classifier_starts_at_either_stack(layers: Callable[[], list[Layer]]) -> None:
    net, below = MLP(size=(2, 3), hidden=(8, 5), classes="abc", activation="logistic"), layers()
    start_classifier(net, below)
    expected = net.output(build_encoder(below)(DATA))
    torch.testing.assert_close(net(DATA.view(-1, 1, 2, 3)), expected)
    assert isinstance(net.hidden[0], nn.Linear)
    assert net.hidden[0].weight is not below[0].weight


def _train(**arguments: object) -> Callable[[], list[float]]:
    visible = str(arguments.pop("visible", "bernoulli"))
    data = arguments.pop("data", DATA)
    assert isinstance(data, Tensor)
    return lambda: list(train_layer(layer(visible=visible), data, epochs=1, generator=seeded(), **arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: stack(depth=3), "depth counts layers, 1 to 2, got 3"),
        (lambda: stack(hidden=(8, 0)), "at least one unit on either side, got 8, 0"),
        (lambda: layer(visible="real"), "visible units are one of bernoulli, gaussian; got 'real'"),
        (_train(data=torch.zeros(2, 5)), r"expected data of shape \(N, 6\), got \(2, 5\)"),
        (_train(rate=1e30, visible="gaussian", loss="squared"), "grown without bound by epoch 1: lower the rate"),
        (_train(loss="l1"), "loss is one of cross-entropy, squared; got 'l1'"),
        (_train(visible="gaussian"), "gaussian units have no cross-entropy: expected loss='squared'"),
        (
            lambda: start_classifier(MLP(size=(2, 3), hidden=(8,), activation="logistic"), stack().layers),
            r"expected layers with weights of shapes \[\(8, 6\)\], got \[\(8, 6\), \(5, 8\)\]",
        ),
    ],
)
def test_what_does_not_fit_is_said(build: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        build()


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ModelError, match=r"takes images of shape \(B, 1, 2, 3\)"):
        stack().pretrain(torch.zeros(4, 1, 3, 3), epochs=1, generator=seeded())
