"""Boltzmann machines, each small enough to enumerate: energies, gradients, learning, stacks, occlusion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from clearsight.boltzmann import (
    DBN,
    RBM,
    Gradient,
    HiddenKind,
    JointRBM,
    RoBM,
    VisibleKind,
    build_decoder,
    build_encoder,
    contrastive_divergence,
    persistent_divergence,
    published_momentum,
    train_rbm,
)
from clearsight.errors import InvalidArgumentError, ModelError
from stand_ins import seeded


def every(n: int) -> Tensor:
    """All 2ⁿ states of n binary units."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


def machine(
    n_visible: int = 4,
    n_hidden: int = 3,
    *,
    visible: VisibleKind = "bernoulli",
    hidden: HiddenKind = "bernoulli",
    spread: float = 1.0,
    seed: int = 0,
) -> RBM:
    """A machine in float64 with random weights and biases."""
    rbm = RBM(n_visible=n_visible, n_hidden=n_hidden, visible=visible, hidden=hidden).double()
    generator = seeded(seed)
    for parameter in rbm.parameters():
        parameter.data = spread * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return rbm.requires_grad_(False)


def log_likelihood(rbm: RBM, v: Tensor) -> Tensor:
    """Mean log p(v) of a machine of Bernoulli units, by enumeration of its visible states."""
    return (-rbm.free_energy(v) - torch.logsumexp(-rbm.free_energy(every(v.shape[1]).to(v)), 0)).mean()


def exact_gradient(rbm: RBM, v: Tensor) -> Gradient:
    parameters = rbm.requires_grad_(True).weight, rbm.visible_bias, rbm.hidden_bias
    gradient = Gradient(*torch.autograd.grad(log_likelihood(rbm, v), parameters))
    rbm.requires_grad_(False)
    return gradient


# --- the machine


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_free_energy_of_bernoulli_hidden_units_is_the_sum_over_them(visible: VisibleKind) -> None:
    rbm = machine(visible=visible)
    v = every(4) if visible == "bernoulli" else torch.randn(16, 4, generator=seeded(1), dtype=torch.float64)
    h = every(3)
    own = v.square().sum(1) / 2 if visible == "gaussian" else torch.zeros(16)
    energy = (own - v @ rbm.visible_bias)[:, None] - h @ rbm.hidden_bias - v @ rbm.weight.T @ h.T
    torch.testing.assert_close(rbm.free_energy(v), -torch.logsumexp(-energy, 1))


def test_free_energy_of_linear_hidden_units_is_the_integral_over_them() -> None:
    rbm = machine(n_hidden=2, hidden="linear", spread=0.7)
    step = 0.05
    axis = torch.arange(-12, 12, step, dtype=torch.float64)
    h = torch.cartesian_prod(axis, axis)
    v = every(4)
    energy = h.square().sum(1) / 2 - h @ rbm.hidden_bias - v @ rbm.weight.T @ h.T - (v @ rbm.visible_bias)[:, None]
    torch.testing.assert_close(rbm.free_energy(v), -torch.logsumexp(-energy, 1) - 2 * math.log(step))


def test_gaussian_visible_units_are_a_mixture_of_gaussians() -> None:
    """p(v) = Σ_h p(h) N(v; a + Wᵀh, 1) with p(h) ∝ exp(cᵀh + ½‖a + Wᵀh‖²), and so is exp(−F(v)), normalised."""
    rbm = machine(n_visible=2, visible="gaussian")
    h = every(3)
    centres = rbm.visible(h)
    log_prior = torch.log_softmax(h @ rbm.hidden_bias + centres.square().sum(1) / 2, 0)
    step = 0.1
    axis = torch.arange(-15, 15, step, dtype=torch.float64)
    v = torch.cartesian_prod(axis, axis)
    log_density = -torch.logsumexp(-rbm.free_energy(v), 0) - 2 * math.log(step) - rbm.free_energy(v)
    components = MultivariateNormal(centres, torch.eye(2, dtype=torch.float64)).log_prob(v[:, None])
    torch.testing.assert_close(log_density, torch.logsumexp(log_prior + components, 1))


def test_gaussian_with_linear_units_is_one_gaussian() -> None:
    """Its precision is I − WᵀW and its mean (I − WᵀW)⁻¹(a + Wᵀc)."""
    rbm = machine(visible="gaussian", hidden="linear", spread=0.25)
    precision = torch.eye(4, dtype=torch.float64) - rbm.weight.T @ rbm.weight
    mean = torch.linalg.solve(precision, rbm.visible_bias + rbm.hidden_bias @ rbm.weight)
    v = torch.randn(20, 4, generator=seeded(1), dtype=torch.float64)
    off = MultivariateNormal(mean, precision_matrix=precision).log_prob(v) + rbm.free_energy(v)
    torch.testing.assert_close(off, off[:1].expand(20))


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("hidden", ["bernoulli", "linear"])
def test_samples_have_the_moments_of_their_conditional(visible: VisibleKind, hidden: HiddenKind) -> None:
    n = 20_000
    rbm = machine(visible=visible, hidden=hidden)
    v, h = torch.ones(n, 4, dtype=torch.float64), torch.ones(n, 3, dtype=torch.float64)
    for drawn, mean, binary in (
        (rbm.sample_hidden(v, seeded(1)), rbm.hidden(v), hidden == "bernoulli"),
        (rbm.sample_visible(h, seeded(2)), rbm.visible(h), visible == "bernoulli"),
    ):
        variance = mean * (1 - mean) if binary else torch.ones_like(mean)
        assert ((drawn - mean).mean(0).abs() < 5 * (variance[0] / n).sqrt()).all()
        torch.testing.assert_close(drawn.var(0), variance[0], rtol=0, atol=5 * math.sqrt(2 / n))
        assert not binary or set(drawn.unique().tolist()) == {0.0, 1.0}


def test_weights_start_small_and_repeat() -> None:
    first, again, other = (RBM(n_visible=200, n_hidden=100, generator=seeded(seed)) for seed in (3, 3, 4))
    assert first.weight.equal(again.weight)
    assert not first.weight.equal(other.weight)
    assert first.weight.std().item() == pytest.approx(0.1, rel=5 / math.sqrt(2 * 20_000))
    assert not first.visible_bias.any()
    assert not first.hidden_bias.any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: RBM(n_visible=2, n_hidden=2, visible="binary"),
            "visible units are one of bernoulli, gaussian; got 'bi",
        ),
        (lambda: RBM(n_visible=2, n_hidden=2, hidden="relu"), "hidden units are one of bernoulli, linear; got 'relu'"),
        (lambda: RBM(n_visible=0, n_hidden=2), "at least one visible unit, got 0"),
        (lambda: DBN(sizes=[784]), r"at least two layers, got \[784\]"),
        (lambda: JointRBM(branches=[]), "one size and kind of hidden layer"),
        (lambda: JointRBM(branches=[machine(4, 3), machine(4, 2)]), r"got \[\(2, 'bernoulli', .*\(3, "),
        (lambda: JointRBM(branches=[machine(4), machine(2)]).side_by_side([every(4), every(3)]), r"V = \[4, 2\]"),
        (lambda: JointRBM(branches=[machine(4), machine(2)]).side_by_side([every(4), every(2)]), r"\(4, 2\)"),
        (lambda: train_rbm(machine(4), every(3), generator=seeded()), r"shape \(N, 4\), got \(8, 3\)"),
        (lambda: train_rbm(machine(4), every(4), batch=0, generator=seeded()), "at least 1, got 0 and 1"),
        (lambda: train_rbm(machine(4), every(4), k=0, generator=seeded()), "at least 1, got 100 and 0"),
    ],
)
def test_mistakes_are_explained(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        make()


# --- contrastive divergence


def within_errors(estimates: list[Gradient], exact: Gradient) -> bool:
    """Whether the mean over independent estimates lies within five of its standard errors, for every parameter."""
    for parts, truth in zip(zip(*estimates, strict=True), exact, strict=True):
        stacked = torch.stack(parts)
        error = stacked.std(0) / math.sqrt(len(stacked))
        if not ((stacked.mean(0) - truth).abs() < 5 * error + 1e-12).all():
            return False
    return True


def test_long_chains_estimate_the_gradient() -> None:
    rbm = machine(spread=0.7)
    data = every(4)[[1, 3, 6, 6, 15]]
    chains = data.repeat(200, 1)
    generator = seeded()
    estimates = [contrastive_divergence(rbm, chains, k=30, sampled=True, generator=generator)[0] for _ in range(20)]
    short = [contrastive_divergence(rbm, chains, k=1, generator=generator)[0] for _ in range(20)]
    assert within_errors(estimates, exact_gradient(rbm, data))
    assert not within_errors(short, exact_gradient(rbm, data))


def test_persistent_chains_estimate_the_gradient() -> None:
    rbm = machine(spread=0.7)
    data = every(4)[[1, 3, 6, 6, 15]]
    chains, generator, estimates = data.repeat(200, 1), seeded(), []
    for _ in range(20):
        gradient, chains = persistent_divergence(rbm, data, chains, k=30, generator=generator)
        estimates.append(gradient)
    assert within_errors(estimates, exact_gradient(rbm, data))


def test_cd_1_is_the_published_recipe() -> None:
    """Hidden states are sampled once; statistics and the reconstruction take probabilities."""
    rbm, v = machine(), every(4)
    gradient, reconstruction = contrastive_divergence(rbm, v, generator=seeded(5))
    p = rbm.hidden(v)
    torch.testing.assert_close(reconstruction, rbm.visible(rbm.sample_hidden(v, seeded(5))))
    q = rbm.hidden(reconstruction)
    torch.testing.assert_close(gradient.weight, (p.T @ v - q.T @ reconstruction) / 16)
    torch.testing.assert_close(gradient.visible_bias, (v - reconstruction).mean(0))
    torch.testing.assert_close(gradient.hidden_bias, (p - q).mean(0))


# --- training

PROTOTYPES = torch.tensor([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], dtype=torch.float32)


def flipped_prototypes(chance: float) -> Tensor:
    """log p of each of the 64 states, where one of three prototypes is drawn and each of its units flipped at times."""
    flips = (every(6)[:, None] - PROTOTYPES).abs().sum(2)
    return torch.logsumexp(flips * math.log(chance) + (6 - flips) * math.log(1 - chance) - math.log(3), 1)


@pytest.mark.parametrize(("persistent", "most"), [(True, 0.06), (False, 0.15)])
def test_a_distribution_is_learnt(persistent: bool, most: float) -> None:
    """The log-likelihood comes near the entropy: Kullback–Leibler divergence in nats, by enumeration."""
    generator = seeded()
    truth = flipped_prototypes(0.1)
    data = every(6)[torch.multinomial(truth.exp(), 3000, replacement=True, generator=generator)]
    rbm = RBM(n_visible=6, n_hidden=6, generator=generator).double()

    def divergence() -> float:
        free = -rbm.free_energy(every(6)).detach()
        return float((truth.exp() * (truth - free + free.logsumexp(0))).sum())

    before = divergence()
    steps = {"epochs": 20, "rate": 0.2, "momentum": lambda epoch: 0.0, "weight_cost": 0}
    errors = list(train_rbm(rbm, data, **steps, persistent=persistent, generator=generator))
    assert before > 1
    assert divergence() < most
    assert errors[-1] < errors[0] / 1.5


def test_training_repeats_and_can_be_stopped() -> None:
    def trained(seed: int, epochs: int) -> tuple[RBM, list[float]]:
        rbm = RBM(n_visible=6, n_hidden=4, generator=seeded(1))
        errors = train_rbm(rbm, PROTOTYPES.repeat(10, 1), batch=7, generator=seeded(seed))
        return rbm, list(itertools.islice(errors, epochs))

    (first, errors), (again, same), (other, _) = trained(0, 3), trained(0, 3), trained(1, 3)
    assert len(errors) == 3
    assert errors == same
    assert first.weight.equal(again.weight)
    assert not first.weight.equal(other.weight)


def test_nothing_is_trained_before_the_first_epoch_is_asked_for() -> None:
    rbm = RBM(n_visible=6, n_hidden=4, generator=seeded())
    before = rbm.weight.clone()
    epochs = train_rbm(rbm, PROTOTYPES, generator=seeded())
    assert rbm.weight.equal(before)
    next(epochs)
    assert not rbm.weight.equal(before)


def test_momentum_and_weight_cost_by_hand() -> None:
    """Two epochs of one batch whose gradient is exactly zero for the weights: what moves them is the cost alone."""
    rbm = RBM(n_visible=1, n_hidden=1)
    rbm.weight.data.fill_(1.0)
    rbm.visible_bias.data.fill_(-100.0)  # v is 0, in the data and in the reconstruction
    momenta = {0: 0.5, 1: 0.8}
    list(
        train_rbm(
            rbm,
            torch.zeros(4, 1),
            epochs=2,
            rate=0.1,
            momentum=momenta.__getitem__,
            weight_cost=0.01,
            generator=seeded(),
        )
    )
    first = -0.1 * 0.01 * 1.0
    second = 0.8 * first - 0.1 * 0.01 * (1.0 + first)
    assert rbm.weight.item() == pytest.approx(1.0 + first + second, abs=1e-6)
    assert rbm.visible_bias.item() == pytest.approx(-100)


def test_the_published_momentum() -> None:
    assert [published_momentum(epoch) for epoch in range(50)] == [0.5] * 5 + [0.9] * 45


@pytest.mark.parametrize(
    ("visible", "hidden", "rate"),
    [("bernoulli", "bernoulli", 0.1), ("bernoulli", "linear", 0.001), ("gaussian", "bernoulli", 0.001)],
)
def test_the_published_rate(visible: VisibleKind, hidden: HiddenKind, rate: float) -> None:
    default, told = (RBM(n_visible=6, n_hidden=4, visible=visible, hidden=hidden, generator=seeded()) for _ in range(2))
    assert list(train_rbm(default, PROTOTYPES, epochs=3, generator=seeded())) == list(
        train_rbm(told, PROTOTYPES, epochs=3, rate=rate, generator=seeded())
    )
    assert default.weight.equal(told.weight)


def test_divergence_is_explained() -> None:
    rbm = RBM(n_visible=6, n_hidden=4, visible="gaussian", hidden="linear", generator=seeded())
    with pytest.raises(InvalidArgumentError, match=r"grown without bound by epoch \d+: lower the rate"):
        list(train_rbm(rbm, 100 * PROTOTYPES, rate=1.0, generator=seeded()))


def test_linear_hidden_units_find_the_principal_direction() -> None:
    """Gaussian data of variance 9/4 along one direction and 1 across: ‖w‖² → 1 − 4/9, along that direction."""
    direction = torch.tensor([0.6, 0.8, 0.0])
    noise = torch.randn(5000, 3, generator=seeded(1))
    data = noise + 0.5 * (noise @ direction)[:, None] * direction
    rbm = RBM(n_visible=3, n_hidden=1, visible="gaussian", hidden="linear", generator=seeded(2))
    steps = {"epochs": 15, "batch": 500, "rate": 0.02, "momentum": lambda epoch: 0.5, "weight_cost": 0}
    list(train_rbm(rbm, data, **steps, persistent=True, generator=seeded()))
    weight = rbm.weight[0].detach()
    assert float((weight @ direction).abs() / weight.norm()) > 0.99
    assert float(weight @ weight) == pytest.approx(5 / 9, abs=0.05)


# --- several branches


def test_a_joint_machine_is_its_branches_side_by_side() -> None:
    left, right = machine(3, seed=1), machine(2, seed=2)
    joint = JointRBM(branches=[left, right])
    a, b = every(3), every(2).repeat(2, 1)
    v, h = joint.side_by_side([a, b]), every(3)
    total = left.weight @ a.T + right.weight @ b.T + (left.hidden_bias + right.hidden_bias)[:, None]
    torch.testing.assert_close(joint.hidden(v), torch.sigmoid(total.T))
    torch.testing.assert_close(joint.visible(h), torch.cat([left.visible(h), right.visible(h)], 1))


def test_branches_come_back_with_the_shared_bias() -> None:
    left, right = machine(3, hidden="linear", seed=1), machine(2, hidden="linear", seed=2)
    joint = JointRBM(branches=[left, right])
    for given, back in zip((left, right), joint.branches(), strict=True):
        assert back.hidden_kind == "linear"
        assert back.weight.equal(given.weight)
        assert back.visible_bias.equal(given.visible_bias)
        assert back.hidden_bias.equal(left.hidden_bias + right.hidden_bias)


def test_a_joint_machine_learns_what_goes_with_what() -> None:
    """Branch A tells which of three it is; the code inferred from A and a blank B reconstructs the right B."""
    generator = seeded()
    labels = torch.eye(3)
    joint = JointRBM(branches=[RBM(n_visible=n, n_hidden=8, generator=generator) for n in (6, 3)])
    data = joint.side_by_side([PROTOTYPES, labels]).repeat(50, 1)
    list(train_rbm(joint, data, epochs=60, batch=30, generator=generator))
    unknown = joint.side_by_side([PROTOTYPES, torch.full((3, 3), 1 / 3)])
    assert joint.visible(joint.hidden(unknown))[:, 6:].argmax(1).tolist() == [0, 1, 2]


# --- stacks


@pytest.mark.parametrize(
    ("visible", "code", "encoder", "decoder"),
    [
        ("bernoulli", "bernoulli", "LSLSLS", "LSLSLS"),
        ("bernoulli", "linear", "LSLSL", "LSLSLS"),
        ("gaussian", "linear", "LSLSL", "LSLSL"),
    ],
)
def test_encoder_and_decoder_are_the_mean_field_passes(
    visible: VisibleKind, code: HiddenKind, encoder: str, decoder: str
) -> None:
    dbn = DBN(sizes=(7, 6, 5, 2), visible=visible, code=code, generator=seeded())
    for rbm in dbn.rbms:
        nn.init.normal_(rbm.visible_bias, generator=seeded(1))
        nn.init.normal_(rbm.hidden_bias, generator=seeded(2))
    up, down = build_encoder(dbn.rbms), build_decoder(dbn.rbms)
    v = torch.rand(4, 7, generator=seeded(3))
    h = dbn.activations(v)
    torch.testing.assert_close(up(v), h)
    x = h
    for rbm in reversed(dbn.rbms):
        x = rbm.visible(x)
    torch.testing.assert_close(down(h), x)
    assert "".join(type(layer).__name__[0] for layer in up) == encoder
    assert "".join(type(layer).__name__[0] for layer in down) == decoder


def test_encoder_and_decoder_share_nothing_with_the_stack() -> None:
    dbn = DBN(sizes=(4, 3, 2), generator=seeded())
    before = [parameter.clone() for parameter in dbn.parameters()]
    for network in (build_encoder(dbn.rbms), build_decoder(dbn.rbms)):
        for parameter in network.parameters():
            assert parameter.requires_grad
            nn.init.zeros_(parameter)
    assert all(map(torch.equal, before, dbn.parameters()))


def test_a_stack_is_pretrained_from_the_bottom_up() -> None:
    data = PROTOTYPES.repeat(20, 1)
    dbn, by_hand = (DBN(sizes=(6, 5, 4), generator=seeded()) for _ in range(2))
    reports: list[tuple[int, int, float]] = []
    dbn.pretrain(data, epochs=3, batch=10, generator=seeded(1), report=lambda *report: reports.append(report))
    generator = seeded(1)
    low, high = by_hand.rbms
    errors = list(train_rbm(low, data, epochs=3, batch=10, generator=generator))
    errors += list(train_rbm(high, low.hidden(data).detach(), epochs=3, batch=10, generator=generator))
    assert reports == [(layer, epoch, errors[3 * layer + epoch]) for layer in (0, 1) for epoch in range(3)]
    assert all(map(torch.equal, dbn.parameters(), by_hand.parameters()))


def test_pretraining_makes_an_autoencoder() -> None:
    generator = seeded()
    dbn = DBN(sizes=(6, 8, 2), code="linear", generator=generator)
    data = PROTOTYPES.repeat(60, 1)

    def error() -> float:
        restored = build_decoder(dbn.rbms)(build_encoder(dbn.rbms)(data))
        return (restored - data).square().mean().item()

    before = error()
    dbn.pretrain(data, epochs=30, batch=10, generator=generator)
    assert error() < before / 3


# --- occlusion


def tiny_robm() -> RoBM:
    robm = RoBM(size=2, hidden=2, mask_hidden=2).double()
    robm.image.load_state_dict(machine(2, 2, visible="gaussian", seed=1).state_dict())
    robm.mask.load_state_dict(machine(2, 2, seed=2).state_dict())
    for name, value in (
        ("mean", [0.4, 0.5]),
        ("scale", [0.3, 0.2]),
        ("occluder_mean", [0.9, 0.7]),
        ("occluder_scale", [0.2, 0.3]),
        ("noise_scale", 0.15),
    ):
        getattr(robm, name).copy_(torch.tensor(value))
    return robm.requires_grad_(False)


def exact_posterior(robm: RoBM, y: Tensor) -> tuple[Tensor, Tensor]:
    """E[x | y] and E[m | y]: the energy of the docstring, summed over h, g and m and, on a grid, over x."""
    axis = torch.linspace(-2, 3, 400, dtype=torch.float64)
    x, m = torch.cartesian_prod(axis, axis), every(2)
    image = -robm.image.free_energy((x - robm.mean) / robm.scale)
    mask = -robm.mask.free_energy(m)
    seen = -((y - x) / robm.noise_scale).square() / 2 - robm.noise_scale.log()
    occluded = -((y - robm.occluder_mean) / robm.occluder_scale).square() / 2 - robm.occluder_scale.log()
    p = torch.softmax((image[:, None] + mask + seen @ (1 - m).T + occluded @ m.T).view(-1), 0).view(len(x), len(m))
    return p.sum(1) @ x, p.sum(0) @ m


SEEN = torch.tensor([[0.4, 0.5], [0.9, 0.7], [0.1, 0.9]], dtype=torch.float64)


@pytest.mark.parametrize("y", SEEN)
def test_gibbs_sampling_finds_the_posterior_mean(y: Tensor) -> None:
    robm = tiny_robm()
    n = 4000
    restored = robm.restore(y.expand(n, 2), sweeps=60, generator=seeded())
    error = restored.std(0) / math.sqrt(n)
    assert ((restored.mean(0) - exact_posterior(robm, y)[0]).abs() < 5 * error).all()


def test_the_occluder_is_measured_where_it_probably_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """μ and ν become the moments of y under the exact posterior of the mask."""
    monkeypatch.setattr("clearsight.boltzmann.robm._LEAST", 0.1)
    robm = tiny_robm()
    chance = torch.stack([exact_posterior(robm, y)[1] for y in SEEN])
    mean = (chance * SEEN).sum(0) / chance.sum(0)
    variance = (chance * (SEEN - mean).square()).sum(0) / chance.sum(0)
    robm.refine_noise(SEEN.repeat(2000, 1), sweeps=60, generator=seeded())
    torch.testing.assert_close(robm.occluder_mean, mean, rtol=0, atol=0.005)
    torch.testing.assert_close(robm.occluder_scale, variance.sqrt(), rtol=0, atol=0.005)


def occluded_prototypes(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stripes of a 6×6 image, three kinds, under a grey 3×3 block at a random place."""
    rows = torch.arange(36) // 6
    stripes = torch.stack([(rows % 2 == 0), (rows % 3 == 0), (torch.arange(36) % 2 == 0)]).float()
    clean = stripes[torch.randint(3, (n,), generator=generator)]
    top, left = torch.randint(4, (2, n, 1), generator=generator)
    down, across = rows - top, torch.arange(36) % 6 - left
    block = (down >= 0) & (down < 3) & (across >= 0) & (across < 3)
    return clean, torch.where(block, 0.5 + 0.05 * torch.randn(clean.shape, generator=generator), clean)


@pytest.fixture(scope="module")
def fitted() -> RoBM:
    generator = seeded()
    robm = RoBM(size=36, hidden=8, mask_hidden=16)
    robm.fit(*occluded_prototypes(1000, generator), epochs=8, batch=20, generator=generator)
    return robm


def test_an_occluder_is_removed(fitted: RoBM) -> None:
    clean, noisy = occluded_prototypes(200, seeded(1))
    restored = fitted.restore(noisy, sweeps=40, generator=seeded(2))
    before, after = ((x - clean).square().mean() for x in (noisy, restored))
    assert after < before / 5
    assert restored.shape == noisy.shape
    assert 0 <= restored.min() < restored.max() <= 1


def test_restoring_repeats_and_survives_its_state(fitted: RoBM) -> None:
    _, noisy = occluded_prototypes(20, seeded(1))
    loaded = RoBM(size=36, hidden=8, mask_hidden=16)
    loaded.load_state_dict(fitted.state_dict())
    restored = fitted.restore(noisy, sweeps=5, generator=seeded(2))
    assert loaded.restore(noisy, sweeps=5, generator=seeded(2)).equal(restored)
    assert not fitted.restore(noisy, sweeps=5, generator=seeded(3)).equal(restored)


def test_the_occluder_is_measured_from_the_masks(fitted: RoBM) -> None:
    """A grey of 0.5; its σ of 0.05 is below the least a pixel has."""
    torch.testing.assert_close(fitted.occluder_mean, torch.full((36,), 0.5), rtol=0, atol=0.03)
    torch.testing.assert_close(fitted.occluder_scale, torch.full((36,), 0.2))
    assert fitted.noise_scale.item() == pytest.approx(0.2)


def test_fitting_reports_both_machines() -> None:
    reports: list[tuple[str, int, float]] = []
    clean, noisy = occluded_prototypes(50, seeded())
    robm = RoBM(size=36, hidden=3, mask_hidden=3)
    robm.fit(clean, noisy, epochs=2, generator=seeded(), report=lambda *report: reports.append(report))
    assert [report[:2] for report in reports] == [("image", 0), ("image", 1), ("mask", 0), ("mask", 1)]
    assert all(error > 0 for _, _, error in reports)


@pytest.mark.parametrize(
    ("clean", "noisy", "says"),
    [
        (torch.zeros(5, 4), torch.ones(5, 4), r"images of shape \(N, 36\), got \(5, 4\)"),
        (torch.zeros(0, 36), torch.zeros(0, 36), r"images of shape \(N, 36\), got \(0, 36\)"),
        (torch.zeros(5, 36), torch.zeros(6, 36), r"clean is of shape \(5, 36\), noisy of \(6, 36\)"),
        (torch.zeros(5, 36), torch.full((5, 36), 0.1), "by more than 0.2: nothing to learn"),
    ],
)
def test_pairs_that_do_not_fit_are_explained(clean: Tensor, noisy: Tensor, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        RoBM(size=36).fit(clean, noisy, generator=seeded())


def test_what_cannot_be_restored_is_explained(fitted: RoBM) -> None:
    with pytest.raises(ModelError, match=r"not been fitted yet: call fit\(clean, noisy\)"):
        RoBM(size=36).restore(torch.zeros(1, 36), generator=seeded())
    with pytest.raises(InvalidArgumentError, match="sweeps must be at least 1, got 0"):
        fitted.restore(torch.zeros(1, 36), sweeps=0, generator=seeded())
    with pytest.raises(InvalidArgumentError, match=r"got \(1, 6, 6\)"):
        fitted.restore(torch.zeros(1, 6, 6), generator=seeded())
