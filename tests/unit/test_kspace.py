"""Few frequencies: what was measured comes back as it was, whoever says which they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import clearsight
from clearsight.degradations import Fourier, ZeroFilled, parse
from clearsight.errors import ModelError
from clearsight.restorers import KSpaceUNet, SelfEnsemble
from clearsight.restorers.kspace import measured
from stand_ins import rand, seeded

SIZES = [(24, 32), (23, 37), (9, 8)]


def restorer() -> KSpaceUNet:
    """One that changes everything it is shown."""
    model = KSpaceUNet(widths=[8, 12], blocks=[1, 1])
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape, generator=seeded())
    return model.eval()


def undersampled(height: int, width: int, n: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Zero-filled images, which frequencies were measured, and these."""
    _, mask, samples = Fourier(keep=0.3).with_samples(rand(n, 1, height, width), generator=seeded(0))
    return torch.fft.ifft2(samples).real, mask, samples


@pytest.mark.parametrize("size", SIZES)
def test_what_was_measured_comes_back_and_nothing_else(size: tuple[int, int]) -> None:
    y, mask, samples = undersampled(*size)
    with torch.inference_mode():
        spectrum = torch.fft.fft2(restorer()(y))
    assert (spectrum - samples)[mask].abs().max() < 1e-4
    assert ((spectrum - samples).abs() > 1e-3)[~mask].double().mean() > 0.9


@pytest.mark.parametrize("size", SIZES)
def test_the_zeros_of_an_image_tell_what_was_measured(size: tuple[int, int]) -> None:
    y, mask, _ = undersampled(*size)
    assert measured(torch.fft.fft2(y)).equal(mask)
    assert not measured(torch.fft.fft2(rand(2, 1, *size))).any(), "of a whole image nothing is told"


def test_numbers_of_a_file_may_be_of_any_unit() -> None:
    """Nothing looks for black and white, which would move the 0 of what was not measured."""
    y, _, _ = undersampled(23, 37, n=1)
    model, scan = restorer(), y[0].movedim(0, -1).numpy() - 0.2
    one, many = (clearsight.restore(scan * unit, model=model, precision="float32") for unit in (1, 1700))
    np.testing.assert_allclose(many / 1700, one, rtol=0, atol=1e-5)
    with torch.inference_mode():
        whole = model(torch.from_numpy(scan).movedim(-1, 0)[None])[0].movedim(0, -1)
    np.testing.assert_allclose(one, whole.clamp(min=0), rtol=0, atol=1e-5)


def test_the_zero_of_signed_integers_is_zero() -> None:
    """As scanners write them; their lowest number is no black."""
    y, mask, _ = undersampled(23, 37, n=1)
    scan, drawn = np.rint(1700 * y[0].movedim(0, -1).numpy()), torch.fft.fftshift(mask, (-2, -1)).float()[0]
    model = restorer()
    restored = [
        clearsight.restore(scan.astype(dtype), model=model, precision="float32", inputs={"mask": drawn})
        for dtype in (np.int16, np.float32)
    ]
    np.testing.assert_allclose(*restored, rtol=0, atol=1)


@pytest.mark.parametrize("size", SIZES)
def test_a_mask_says_the_same_with_its_centre_in_the_middle(size: tuple[int, int]) -> None:
    y, mask, samples = undersampled(*size, n=1)
    rounded = (255 * y).round() / 255
    drawn = torch.fft.fftshift(mask, (-2, -1)).float()
    model = restorer()
    with torch.inference_mode():
        torch.testing.assert_close(model(y, mask=drawn), model(y))
        told = torch.fft.fft2(model(rounded, mask=drawn))
    assert (told - samples)[mask].abs().max() < 0.5, "but for the rounding"


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ModelError, match="one number for each frequency of the image, 24×32, got 32×24"):
        restorer()(torch.zeros(1, 1, 24, 32), mask=torch.ones(1, 1, 32, 24))


def test_black_and_white_of_any_kind_make_no_difference() -> None:
    """The engine stretches numbers to [0, 1]: a line, which moves the mean alone, and that is always measured."""
    y = undersampled(40, 32, n=1)[0][0, 0].numpy()
    counts = (1000 * y + 70).astype(np.float32)
    model = restorer()
    unit = clearsight.restore(y, model=model, range=(0, 1))
    stretched = clearsight.restore(counts, model=model, range=(70, 1070))
    np.testing.assert_allclose((stretched - 70) / 1000, unit, atol=2e-4)


def test_a_mask_does_not_turn_with_the_image() -> None:
    y, mask, samples = undersampled(24, 32)
    model = SelfEnsemble(restorer())
    with torch.inference_mode():
        spectrum = torch.fft.fft2(model(y))
        assert (spectrum - samples)[mask].abs().max() < 1e-4
        with pytest.raises(ModelError, match="kspace-unet takes mask, which cannot be turned with the image"):
            model(y, mask=mask.float())


def test_zero_filled_is_not_scaled() -> None:
    x = rand(2, 1, 16, 12)
    y, (_, mask, samples) = (
        ZeroFilled(keep=0.4)(x, generator=seeded(3)),
        Fourier(keep=0.4).with_samples(x, generator=seeded(3)),
    )
    torch.testing.assert_close(torch.fft.fft2(y), samples, atol=1e-4, rtol=0)
    assert mask.any()
    assert str(parse("zero-filled(keep=0.4)")) == "zero-filled(keep=0.4)"
