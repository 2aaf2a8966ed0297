"""The joint models: their pathways, their loss against a hand's computation, where they start, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann import DBN, RBM
from clearsight.errors import DataError, InvalidArgumentError, ModelError
from clearsight.inference import Engine
from clearsight.joint import JointNet, Restoring, ThreePathwayNet, build_autoencoder, pretrain
from clearsight.joint.pretraining import _fit
from clearsight.objectives import JointLoss
from clearsight.restorers import DenoisingAutoencoder, ResidualUNet
from clearsight.restorers.autoencoder import pathway
from stand_ins import seeded

SIZE = (6, 5)
CLASSES = ("row", "column", "cross")


def shapes(net: nn.Module) -> list[int]:
    """Units of each layer of a pathway."""
    linears = [layer for layer in net if isinstance(layer, nn.Linear)]
    return [linears[0].in_features, *(linear.out_features for linear in linears)]


def toys(n: int = 300, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy images of a row, a column or both, the clean ones, and which of the three it is."""
    generator, (height, width) = seeded(seed), SIZE
    labels = torch.arange(n) % 3
    row = torch.randint(height, (n, 1, 1), generator=generator) == torch.arange(height)[:, None]
    column = torch.randint(width, (n, 1, 1), generator=generator) == torch.arange(width)
    clean = ((labels != 1)[:, None, None] & row) | ((labels != 0)[:, None, None] & column)
    clean = clean[:, None].float()
    flips = (torch.rand(clean.shape, generator=generator) < 0.05).float()
    return (clean - flips).abs(), clean, labels


def three_pathway(**arguments: Any) -> ThreePathwayNet:
    torch.manual_seed(0)
    return ThreePathwayNet(**{"size": SIZE, "encoder": (20, 12, 6), "classes": CLASSES, **arguments})


def joint_loss(net: nn.Module, noisy: Tensor, clean: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        x_hat, logits = net(noisy)
        return float(JointLoss()(x_hat, clean, logits, labels))


# The three pathways


def test_the_published_net() -> None:
    net = ThreePathwayNet()
    assert shapes(net.encoder) == [784, 400, 200, 250, 100]
    assert shapes(net.restoration) == [100, 250, 200, 400, 784]
    assert shapes(net.classification) == [100, 250, 200, 400, 10]
    kinds = [type(path[-1]) for path in (net.encoder, net.restoration, net.classification)]
    assert kinds == [nn.Linear, nn.Sigmoid, nn.Linear]


def test_each_pathway_has_its_own_depth_and_width() -> None:
    net = ThreePathwayNet(size=(20, 16), encoder=(100, 64), restoration=(64,), classification=(64, 7, 8, 9))
    assert shapes(net.encoder) == [320, 100, 64]
    assert shapes(net.restoration) == [64, 320]
    assert shapes(net.classification) == [64, 7, 8, 9, 10]
    assert [answer.shape for answer in net(torch.zeros(2, 1, 20, 16))] == [(2, 1, 20, 16), (2, 10)]


def test_a_logistic_code_lies_between_0_and_1() -> None:
    noisy, *_ = toys()
    code = three_pathway(code="logistic").encode(noisy)
    assert 0 < code.min() < code.max() < 1
    assert three_pathway(code="linear").encode(noisy).min() < 0


def test_it_is_the_composition_of_its_pathways() -> None:
    noisy, *_ = toys(4)
    net = three_pathway()
    h = noisy.flatten(1)
    for layer in (net.encoder[0], net.encoder[2]):
        h = torch.sigmoid(F.linear(h, layer.weight, layer.bias))
    code = F.linear(h, net.encoder[4].weight, net.encoder[4].bias)
    torch.testing.assert_close(net.encode(noisy), code)
    x_hat, logits = net(noisy)
    torch.testing.assert_close(x_hat.flatten(1), net.restoration(code))
    torch.testing.assert_close(logits, net.classification(code))


def test_the_gradient_at_the_code_is_the_sum_of_the_heads_gradients() -> None:
    noisy, clean, labels = toys(8)
    net, loss = three_pathway().double(), JointLoss(weight=3)
    code = net.encode(noisy.double()).detach().requires_grad_()
    x_hat, logits = net.decode(code)
    both = torch.autograd.grad(loss(x_hat, clean.double(), logits, labels), code, retain_graph=True)[0]
    pixels, names = loss.terms(x_hat, clean.double(), logits, labels)
    of_pixels, of_labels = (torch.autograd.grad(term, code, retain_graph=True)[0] for term in (pixels, names))
    assert of_pixels.abs().max() > 1e-3
    assert of_labels.abs().max() > 1e-3
    torch.testing.assert_close(both, of_pixels + 3 * of_labels, rtol=1e-12, atol=1e-15)


def test_random_weights_leave_half_active_units_at_zero() -> None:
    layers = pathway([40, 30, 20], last="linear")
    first, last = layers[0], layers[2]
    assert not first.bias.any()
    torch.testing.assert_close(last(torch.full((1, 30), 0.5)), torch.zeros(1, 20), rtol=0, atol=1e-6)
    assert 0.9 * 4 < first.weight.abs().max() / math.sqrt(6 / 70) <= 4
    assert 0.9 < last.weight.abs().max() / math.sqrt(6 / 50) <= 1


# Our own net


def test_the_unet_is_its_encoder_and_its_decoder() -> None:
    net = ResidualUNet(channels=1, widths=[8, 12, 16], blocks=[1, 1, 1])
    nn.init.normal_(net.tail.weight, std=0.1)
    y = torch.rand(2, 1, 16, 24, generator=seeded())
    code, skips = net.encode(y)
    assert code.shape == (2, 16, 2, 3)
    assert [skip.shape for skip in skips] == [(2, 8, 8, 12), (2, 12, 4, 6)]
    assert net.decode(y, code, skips).equal(net(y))
    assert len(skips) == 2


def test_joint_net_starts_near_the_identity() -> None:
    y = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(1, 1, 1, 5)
    expected = torch.tensor([1 / (1 + math.e**4), 1 / (1 + math.e**2), 0.5, 1 / (1 + math.e**-2), 1 / (1 + math.e**-4)])
    torch.testing.assert_close(JointNet()(y)[0].flatten(), expected)


def moved_joint_net() -> JointNet:
    net = JointNet(widths=[8, 12], blocks=[1, 1], head=1).eval()
    with torch.no_grad():
        for p in net.parameters():
            p += 0.1 * torch.randn(p.shape, generator=seeded())
    return net


@pytest.mark.parametrize("size", [(28, 28), (21, 18), (3, 2), (1, 1)])
def test_it_pads_by_reflection_and_crops(size: tuple[int, int]) -> None:
    net, y = moved_joint_net(), torch.rand(2, 1, *size, generator=seeded())
    below, beside = (-n % net.traits.multiple for n in size)
    padded = torch.from_numpy(np.pad(y.numpy(), [(0, 0), (0, 0), (0, below), (0, beside)], mode="reflect"))
    x_hat, logits = net(y)
    expected, same_logits = net(padded)
    torch.testing.assert_close(x_hat, expected[..., : size[0], : size[1]], rtol=0, atol=1e-6)
    assert logits.equal(same_logits)


def test_as_a_restorer_it_can_be_tiled() -> None:
    restorer = Restoring(moved_joint_net())
    pixels = np.random.default_rng(0).uniform(size=(61, 83, 1)).astype(np.float32)
    whole, tiled = (
        Engine(restorer, device="cpu", precision="float32", tile=tile).restore_pixels(pixels) for tile in ("off", 8)
    )
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


# The loss


X = [[0.0, 1.0, 0.25], [1.0, 0.5, 0.0]]
X_HAT = [[0.1, 0.7, 0.3], [0.9, 0.2, 0.4]]
LOGITS = [[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]]
ANSWERS = [2, 1]


def by_hand(weight: float, pixels: str, labels: str) -> tuple[float, float]:
    """P and λ·Q, one number after another."""
    kinds: dict[str, Callable[[float, float], float]] = {
        "cross-entropy": lambda p, t: -(t * math.log(p) + (1 - t) * math.log(1 - p)),
        "squared": lambda p, t: (p - t) ** 2,
        "absolute": lambda p, t: abs(p - t),
    }
    of_pixels = sum(kinds[pixels](p, t) for ps, ts in zip(X_HAT, X, strict=True) for p, t in zip(ps, ts, strict=True))
    of_labels = 0.0
    for logits, label in zip(LOGITS, ANSWERS, strict=True):
        total = sum(map(math.exp, logits))
        for k, logit in enumerate(logits):
            p = math.exp(logit) / total
            if k == label:
                of_labels -= math.log(p)
            elif labels == "two-sided":
                of_labels -= math.log(1 - p)
    return of_pixels / 2, weight * of_labels / 2


def given() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x_hat, x, logits = (torch.tensor(rows, dtype=torch.float64) for rows in (X_HAT, X, LOGITS))
    return x_hat.view(2, 1, 1, 3), x.view(2, 1, 1, 3), logits, torch.tensor(ANSWERS)


@pytest.mark.parametrize("pixels", ["cross-entropy", "squared", "absolute"])
@pytest.mark.parametrize("labels", ["two-sided", "one-sided"])
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_equation_1_by_hand(pixels: Any, labels: Any, weight: float) -> None:
    loss = JointLoss(weight=weight, pixels=pixels, labels=labels)
    assert list(loss.parameters()) == []
    assert loss(*given()).item() == pytest.approx(sum(by_hand(weight, pixels, labels)), rel=1e-12)


def test_the_gradient_of_equation_1_is_right() -> None:
    x_hat, x, logits, labels = given()
    assert torch.autograd.gradcheck(
        lambda a, b: JointLoss(weight=0.7)(a, x, b, labels), (x_hat.requires_grad_(), logits.requires_grad_())
    )


@pytest.mark.parametrize("label", [0, 1])
def test_certain_answers_right_and_wrong_stay_finite(label: int) -> None:
    """ŷ is 1 and 0 in float32, x̂ exactly 0 and 1."""
    x_hat = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 1, 2, 2).requires_grad_()
    x = torch.tensor([0.0, 1.0, 1.0, 0.0]).view(1, 1, 2, 2)
    logits = torch.tensor([[200.0, -200.0, 0.0]], requires_grad=True)
    pixels, names = JointLoss().terms(x_hat, x, logits, torch.tensor([label]))
    expected = [0, 400 + 200][label]
    assert names.item() == pytest.approx(expected)
    assert 170 < pixels.item() < 180
    for gradient in torch.autograd.grad(pixels + names, (x_hat, logits)):
        assert gradient.isfinite().all()


def test_equal_logits_are_a_tie_like_any_other() -> None:
    logits = torch.zeros(1, 4, dtype=torch.float64)
    _, names = JointLoss().terms(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), logits, torch.tensor([3]))
    assert names.item() == pytest.approx(-math.log(1 / 4) - 3 * math.log(3 / 4), rel=1e-12)


def test_learned_weights() -> None:
    loss = JointLoss(weight=2, weighting="learned").double()
    pixels, labels = by_hand(2, "cross-entropy", "two-sided")
    assert loss(*given()).item() == pytest.approx(pixels + labels, rel=1e-12)
    loss.log_scales.data = torch.tensor([0.5, -0.25], dtype=torch.float64)
    value = loss(*given())
    assert value.item() == pytest.approx(math.exp(-0.5) * pixels + 0.5 + math.exp(0.25) * labels - 0.25, rel=1e-12)
    value.backward()
    slopes = [1 - math.exp(-0.5) * pixels, 1 - math.exp(0.25) * labels]
    assert loss.log_scales.grad.tolist() == pytest.approx(slopes, rel=1e-12)


def test_learned_weights_settle_where_each_loss_counts_as_one() -> None:
    """The minimum over s of e^(−s) L + s is at s = log L."""
    loss = JointLoss(weighting="learned").double()
    loss.log_scales.data = torch.tensor(by_hand(1, "cross-entropy", "two-sided"), dtype=torch.float64).log()
    loss(*given()).backward()
    torch.testing.assert_close(loss.log_scales.grad, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)


# Where the nets start


@pytest.mark.parametrize(("encoder", "gain"), [((24,), 0.4), ((16, 6), 0.85)])
@pytest.mark.parametrize("code", ["linear", "logistic"])
@pytest.mark.parametrize("labelled", [True, False])
def test_pretraining_lowers_the_joint_loss(encoder: tuple[int, ...], gain: float, code: Any, labelled: bool) -> None:
    noisy, clean, labels = toys(1000)
    net = three_pathway(encoder=encoder, code=code)
    before = joint_loss(net, noisy, clean, labels)
    pretrain(net, noisy, clean, labels if labelled else None, epochs=20, generator=seeded())
    assert joint_loss(net, noisy, clean, labels) < gain * before
    assert all(p.requires_grad and p.is_leaf for p in net.parameters())


def test_a_pretrained_net_restores_better_than_the_mean_image() -> None:
    noisy, clean, labels = toys(1000)
    net = three_pathway(encoder=(24,))
    pretrain(net, noisy, clean, labels, epochs=20, generator=seeded())
    mean = clean.mean(0, keepdim=True).expand_as(clean)
    assert (net(noisy)[0] - clean).square().mean() < 0.6 * (mean - clean).square().mean()


def test_pretraining_draws_from_the_seed_alone() -> None:
    noisy, clean, labels = toys(60)
    nets = [three_pathway() for _ in range(3)]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        pretrain(net, noisy, clean, labels, epochs=2, generator=seeded(seed))
    one, same, other = (torch.cat([p.flatten() for p in net.parameters()]) for net in nets)
    assert one.equal(same)
    assert not one.equal(other)


def test_pretraining_reports_every_epoch() -> None:
    reports: list[tuple[str, int, int, float]] = []
    pretrain(three_pathway(), *toys(60), epochs=2, generator=seeded(), report=lambda *report: reports.append(report))
    parts = [(part, layer) for part in ("encoder", "restoration", "classification") for layer in (0, 1)]
    assert [r[:3] for r in reports] == [(*where, epoch) for where in [*parts, ("code", 0)] for epoch in (0, 1)]
    assert all(0 < error < 1 for *_, error in reports)


def linears(net: nn.Module) -> list[nn.Linear]:
    return [layer for layer in net if isinstance(layer, nn.Linear)]


def test_the_decoders_start_at_the_transposes_of_their_own_machines() -> None:
    """Without an epoch the machines are as they were drawn: stacks first, then the branches of the code."""
    noisy, clean, labels = toys(60)
    net, generator = three_pathway(encoder=(8, 4)), seeded(5)
    pretrain(net, noisy, clean, labels, epochs=0, generator=seeded(5))
    below = [RBM(n_visible=n, n_hidden=8, generator=generator).weight for n in (30, 30, 3)]
    tops = [RBM(n_visible=8, n_hidden=4, hidden="linear", generator=generator).weight for _ in range(3)]
    assert linears(net.encoder)[0].weight.equal(below[0])
    for path, low, top in zip((net.restoration, net.classification), below[1:], tops[1:], strict=True):
        assert [layer.weight.equal(w.T) for layer, w in zip(linears(path), (top, low), strict=True)] == [True, True]


def test_without_labels_the_classification_starts_at_the_transposed_encoder() -> None:
    noisy, clean, _ = toys()
    net = three_pathway()
    output = [p.clone() for p in net.classification[-1].parameters()]
    pretrain(net, noisy, clean, epochs=2, generator=seeded())
    low, high, _ = linears(net.encoder)
    inner, outer, last = linears(net.classification)
    assert outer.weight.equal(high.weight.T)
    assert inner.weight.shape == (12, 6)
    assert not outer.weight.equal(linears(net.restoration)[1].weight), "which has a stack of its own"
    assert [p.equal(q) for p, q in zip(last.parameters(), output, strict=True)] == [True, True]
    assert low.weight.shape == (20, 30)


def test_without_labels_other_widths_stay_at_random() -> None:
    noisy, clean, _ = toys(60)
    net = three_pathway(classification=(6, 7))
    before = [p.clone() for p in net.classification.parameters()]
    pretrain(net, noisy, clean, epochs=1, generator=seeded())
    assert all(p.equal(q) for p, q in zip(net.classification.parameters(), before, strict=True))


def test_the_code_layer_is_fitted_by_least_squares() -> None:
    generator = seeded()
    features = torch.rand(200, 5, generator=generator, dtype=torch.float64)
    weight, bias = torch.randn(3, 5, generator=generator, dtype=torch.float64), torch.tensor([1.0, -2.0, 0.5]).double()
    encoder = pathway([9, 5, 3], last="logistic").double().requires_grad_(False)
    _fit(encoder, features, F.linear(features, weight, bias))
    assert linears(encoder)[0].weight.shape == (5, 9)
    torch.testing.assert_close(linears(encoder)[1].weight, weight, rtol=0.03, atol=0.01)
    torch.testing.assert_close(linears(encoder)[1](features), F.linear(features, weight, bias), rtol=0, atol=0.03)


# The autoencoder


@pytest.mark.parametrize(("code", "kind"), [("linear", nn.Linear), ("bernoulli", nn.Sigmoid)])
def test_an_autoencoder_unrolls_a_stack(code: Any, kind: type) -> None:
    dbn = DBN(sizes=(30, 12, 5), code=code, generator=seeded())
    net = build_autoencoder(dbn.rbms, size=SIZE, loops=2)
    assert isinstance(net.encoder[-1], kind)
    assert net.loops == 2
    up, down = linears(net.encoder), linears(net.decoder)
    assert [layer.weight.equal(rbm.weight) for layer, rbm in zip(up, dbn.rbms, strict=True)] == [True, True]
    assert [b.weight.equal(a.weight.T) for a, b in zip(up, reversed(down), strict=True)] == [True, True]
    noisy, *_ = toys(4)
    h = dbn.rbms[0].visible(dbn.rbms[1].visible(dbn.activations(noisy.flatten(1))))
    net.loops = 1
    torch.testing.assert_close(net(noisy).flatten(1), h)


def test_loops_feed_the_output_back() -> None:
    torch.manual_seed(0)
    once = DenoisingAutoencoder(size=SIZE, encoder=(12, 5))
    thrice = DenoisingAutoencoder(size=SIZE, encoder=(12, 5), loops=3)
    thrice.load_state_dict(once.state_dict())
    noisy, *_ = toys(4)
    assert thrice(noisy).equal(once(once(once(noisy))))
    assert not thrice(noisy).equal(once(noisy))


def test_the_published_autoencoder() -> None:
    net = DenoisingAutoencoder()
    assert shapes(net.encoder) == [784, 400, 200, 250, 100]
    assert shapes(net.decoder) == [100, 250, 200, 400, 784]
    assert isinstance(net.encoder[-1], nn.Linear)


# What is refused

NOISY, CLEAN, LABELS = toys(6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: ThreePathwayNet(classification=(64, 200)),
            InvalidArgumentError,
            "classification starts at the code, so its first layer has the encoder's last 100 units; got [64, 200]",
        ),
        (
            lambda: ThreePathwayNet(encoder=(30, 20), restoration=()),
            InvalidArgumentError,
            "restoration starts at the code, so its first layer has the encoder's last 20 units; got []",
        ),
        (
            lambda: ThreePathwayNet(code="relu"),
            InvalidArgumentError,
            "code units are linear or logistic, got 'relu'",
        ),
        (
            lambda: ThreePathwayNet()(torch.zeros(2, 1, 20, 16)),
            ModelError,
            "the network takes images of shape (B, 1, 28, 28), got (2, 1, 20, 16): convert or resize them first",
        ),
        (
            lambda: JointNet()(torch.zeros(2, 3, 20, 16)),
            ModelError,
            "the network takes images of shape (B, 1, H, W), got (2, 3, 20, 16): convert them first",
        ),
        (
            lambda: JointNet()(torch.zeros(2, 1, 0, 16)),
            ModelError,
            "the network takes images of shape (B, 1, H, W), got (2, 1, 0, 16): convert them first",
        ),
        (
            lambda: JointNet(widths=[8, 12], blocks=[1]),
            InvalidArgumentError,
            "widths and blocks need one number a level, got 2 and 1",
        ),
        (
            lambda: DenoisingAutoencoder(loops=0),
            InvalidArgumentError,
            "loops counts the passes through the network, at least 1; got 0",
        ),
        (
            lambda: build_autoencoder(DBN(sizes=(12, 5)).rbms, size=(4, 4)),
            InvalidArgumentError,
            "expected a stack on bernoulli units, one for each of 4×4 pixels; got 12 bernoulli units",
        ),
        (
            lambda: build_autoencoder(DBN(sizes=(12, 5), visible="gaussian").rbms, size=(4, 3)),
            InvalidArgumentError,
            "expected a stack on bernoulli units, one for each of 4×3 pixels; got 12 gaussian units",
        ),
        (
            lambda: pretrain(three_pathway(), NOISY, CLEAN[1:], LABELS, generator=seeded()),
            InvalidArgumentError,
            "expected as many noisy images as clean ones and labels, got [6, 5, 6]",
        ),
        (
            lambda: pretrain(three_pathway(), NOISY, CLEAN, LABELS + 1, generator=seeded()),
            DataError,
            "3 classes have the labels 0 to 2, got labels from 1 to 3",
        ),
        (
            lambda: pretrain(three_pathway(size=(5, 6)), NOISY, CLEAN, generator=seeded()),
            ModelError,
            "the network takes images of shape (B, 1, 5, 6), got (6, 1, 6, 5): convert or resize them first",
        ),
        (
            lambda: JointLoss()(NOISY, CLEAN, torch.zeros(6, 3), LABELS - 1),
            DataError,
            "3 classes have the labels 0 to 2, got labels from -1 to 1",
        ),
        (
            lambda: JointLoss()(NOISY, CLEAN[:1], torch.zeros(6, 3), LABELS),
            InvalidArgumentError,
            "x_hat is of shape (6, 1, 6, 5), x of (1, 1, 6, 5): expected one",
        ),
        (
            lambda: JointLoss(pixels="l1"),
            InvalidArgumentError,
            "pixels is one of cross-entropy, squared, absolute; got 'l1'",
        ),
        (
            lambda: JointLoss(weighting="kendall"),
            InvalidArgumentError,
            "weighting is one of fixed, learned; got 'kendall'",
        ),
    ],
)
def test_mistakes_are_explained(call: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == says
