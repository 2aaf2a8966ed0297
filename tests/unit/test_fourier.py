"""Fourier undersampling: unbiased, real, linear, and what it measured can be put back."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from clearsight.degradations import Fourier, parse, sampling_probabilities
from clearsight.errors import ClearsightError, InvalidArgumentError
from stand_ins import seeded

SIZES = [(16, 12), (7, 5), (8, 9), (1, 9), (1, 1)]


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def probabilities(keep: float, height: int, width: int) -> Tensor:
    return sampling_probabilities(torch.tensor([keep], dtype=torch.float64), height, width)[0]


def reversed_frequencies(values: Tensor) -> Tensor:
    return values.flip(-2, -1).roll((1, 1), (-2, -1))


# --- where it samples


@pytest.mark.parametrize("size", [(256, 256), (28, 28), (17, 40), (1, 128)])
@pytest.mark.parametrize("keep", [0.01, 0.1, 0.5, 0.999, 1])
def test_the_mean_probability_is_the_share_kept(keep: float, size: tuple[int, int]) -> None:
    p = probabilities(keep, *size)
    assert p.shape == size
    assert float(p.mean()) == pytest.approx(keep, rel=1e-9)
    assert 0 < p.min() <= p.max() == p[0, 0] == 1


def test_probabilities_fall_off_exponentially_in_all_directions() -> None:
    p = probabilities(0.1, 64, 32)
    assert float(p[2, 0]) == pytest.approx(float(p[0, 1]))
    assert float(p[6, 4]) == pytest.approx(float(p[10, 0]))
    assert torch.allclose(p[1:32, 0].log() / torch.arange(1, 32), p[1, 0].log())
    assert torch.equal(p, reversed_frequencies(p))


def test_every_image_has_its_own_share() -> None:
    keeps = torch.tensor([0.05, 0.3, 1])
    assert torch.allclose(sampling_probabilities(keeps, 32, 32).mean((1, 2)).float(), keeps)


@pytest.mark.parametrize(("keep", "size"), [(0.01, (7, 5)), (0.1, (1, 1)), (0.1, (1, 9))])
def test_the_mean_of_the_image_is_always_kept(keep: float, size: tuple[int, int]) -> None:
    p = probabilities(keep, *size)
    assert p[0, 0] == 1
    assert float(p.sum()) == pytest.approx(1)
    x = noise(3, 1, *size)
    y = Fourier(keep=keep)(x, generator=seeded(0))
    assert torch.allclose(y, x.mean((2, 3), keepdim=True).expand_as(x))


def test_frequencies_are_kept_as_often_as_they_should() -> None:
    n, keep = 4000, 0.3
    x = torch.zeros(n, 1, 16, 12)
    _, mask, _ = Fourier(keep=keep).with_samples(x, generator=seeded(0))
    p = probabilities(keep, 16, 12)
    often = mask.double().mean((0, 1))
    assert ((often - p).abs() <= 5 * (p * (1 - p) / n).sqrt()).all()
    pairs_deviate = math.sqrt(2 * float((p * (1 - p)).mean()) / (n * p.numel()))
    assert abs(float(often.mean()) - keep) < 5 * pairs_deviate


def test_the_centre_is_denser() -> None:
    _, mask, _ = Fourier(keep=0.1).with_samples(torch.zeros(50, 1, 64, 64), generator=seeded(0))
    centred = torch.fft.fftshift(mask, dim=(2, 3)).double()
    inner, outer = centred[..., 24:40, 24:40].mean(), centred[..., :8, :].mean()
    assert inner > 0.3 > 0.05 > outer > 0


@pytest.mark.parametrize("size", SIZES)
def test_opposite_frequencies_are_measured_together_in_all_channels(size: tuple[int, int]) -> None:
    _, mask, _ = Fourier(keep=0.5).with_samples(torch.rand(20, 3, *size), generator=seeded(0))
    assert mask.shape == (20, 1, *size)
    assert torch.equal(mask, reversed_frequencies(mask))


def test_every_image_draws_its_own_mask() -> None:
    _, mask, _ = Fourier(keep=0.5).with_samples(torch.zeros(16, 1, 8, 8), generator=seeded(0))
    assert len({tuple(image.flatten().tolist()) for image in mask}) == 16


# --- what comes out


@pytest.mark.parametrize("size", SIZES)
def test_the_mean_of_many_draws_is_the_image(size: tuple[int, int]) -> None:
    """Var y is the mean over k of |X(k)|²·(1 - p)/p, times 1 + 1 for the pairs at most, over H·W."""
    n, keep = 8000, 0.5
    x = noise(1, 1, *size)
    y = Fourier(keep=keep)(x.expand(n, -1, -1, -1), generator=seeded(0))
    p = probabilities(keep, *size)
    energy = torch.fft.fft2(x[0, 0], norm="ortho").abs().square()
    deviation = (2 * (energy * (1 - p) / p).mean() / n).sqrt()
    assert y.dtype == x.dtype
    assert ((y.mean(0) - x[0]).abs() <= 5 * deviation + 1e-12).all()


def test_samples_are_weighted_by_their_probability_and_y_is_not_clipped() -> None:
    x = noise(2, 3, 16, 12)
    y, mask, samples = Fourier(keep=0.2).with_samples(x, generator=seeded(0))
    assert torch.allclose(torch.fft.fft2(y), samples / probabilities(0.2, 16, 12), atol=1e-5)
    assert torch.allclose(samples, torch.fft.fft2(x) * mask)
    flat = Fourier()(torch.rand(4, 1, 32, 32, generator=seeded(1)), generator=seeded(0))
    assert flat.min() < 0
    assert flat.max() > 1


@pytest.mark.parametrize("size", [(64, 48), *SIZES])
def test_all_frequencies_are_the_image(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    y, mask, _ = Fourier(keep=1).with_samples(x, generator=seeded(0))
    assert mask.all()
    assert torch.allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_linear_and_its_own_adjoint(size: tuple[int, int]) -> None:
    x, v = noise(2, 3, *size), noise(2, 3, *size, seed=2)
    y, w, both = (Fourier(keep=0.3)(z, generator=seeded(5)) for z in (x, v, 2 * x - 3 * v))
    assert torch.allclose(both, 2 * y - 3 * w, atol=1e-10)
    assert torch.allclose((y * v).sum(), (x * w).sum(), rtol=1e-10)


def test_the_gradient_is_the_adjoint() -> None:
    x, v = noise(2, 3, 7, 5).requires_grad_(), noise(2, 3, 7, 5, seed=2)
    Fourier(keep=0.3)(x, generator=seeded(5)).backward(v)
    assert x.grad is not None
    assert torch.allclose(x.grad, Fourier(keep=0.3)(v, generator=seeded(5)), atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_measured_can_be_put_back(size: tuple[int, int]) -> None:
    x, x_hat = noise(2, 3, *size), noise(2, 3, *size, seed=2)
    _, mask, samples = Fourier(keep=0.4).with_samples(x, generator=seeded(0))
    consistent = torch.fft.ifft2(torch.where(mask, samples, torch.fft.fft2(x_hat)))
    assert consistent.imag.abs().max() < 1e-12
    assert (consistent.real - x).square().sum() <= (x_hat - x).square().sum()
    spectrum = torch.fft.fft2(consistent.real)
    assert torch.allclose(spectrum * mask, samples)
    assert torch.allclose(spectrum * ~mask, torch.fft.fft2(x_hat) * ~mask)


def test_a_range_is_drawn_anew_for_each_image() -> None:
    _, mask, _ = Fourier(keep="0.05..0.9").with_samples(torch.zeros(8, 1, 32, 32), generator=seeded(0))
    assert mask.double().mean((1, 2, 3)).std() > 0.1


def test_the_samples_come_with_the_image_that_the_call_gives() -> None:
    x, step = noise(4, 1, 9, 8), Fourier(keep="0.1..0.5")
    y, _, _ = step.with_samples(x, generator=seeded(3))
    assert torch.equal(y, step(x, generator=seeded(3)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fourier(keep=0)", "^keep must be between 0.01 and 1, got 0$"),
        ("fourier(keep=0.1..2)", "^keep must be between 0.01 and 1, got 0.1..2$"),
        ("fourier(keep=some)", "^expected a number such as 0.1 or 25/255, got 'some'$"),
    ],
)
def test_mistakes_are_explained_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        parse(text)
    assert isinstance(caught.value, ClearsightError)


def test_a_tenth_is_kept_unless_told() -> None:
    assert parse("fourier") == parse("fourier(keep=0.1)")
    assert str(parse("fourier(keep=0.25)")) == "fourier(keep=0.25)"
