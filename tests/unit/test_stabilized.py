"""Photon noise: found, made even, and left alone where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.data import camera
from torch import Tensor, nn

import clearsight
from clearsight.contracts import Traits
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.images.picture import Picture
from clearsight.inference.restoring import Restoration
from clearsight.restorers import Bicubic, PhotonNoise, Stabilized, find_photon_noise


def steps(channels: int = 1) -> Tensor:
    """Eight bands from dark to bright, ``(1, C, 128, 128)``."""
    return torch.linspace(0.1, 0.9, 8).repeat_interleave(16).expand(1, channels, 128, 128).contiguous()


def counted(x: Tensor, photons: float, read_noise: float = 0.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = read_noise * torch.randn(x.shape, generator=generator)
    return torch.poisson(x * photons, generator=generator) / photons + noise


class BandMeans(nn.Module):
    """Knows that there are bands, and remembers what it was shown."""

    traits = Traits(channels=1, receptive_radius=None)
    shown = torch.empty(0)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        self.shown = y
        return torch.cat([band.mean().expand_as(band) for band in y.split(16, 3)], 3)


@pytest.mark.parametrize(("photons", "read_noise"), [(30, 0.0), (100, 0.05), (1000, 0.01)])
def test_gain_and_offset_are_found(photons: float, read_noise: float) -> None:
    x = steps(3)
    noise = find_photon_noise(counted(x, photons, read_noise), x)
    assert noise is not None
    assert noise.gain == pytest.approx(1 / photons, rel=0.1)
    assert noise.deviation(0.5) == pytest.approx(math.sqrt(0.5 / photons + read_noise**2), rel=0.05)


def test_even_noise_is_none_of_it() -> None:
    x = steps()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    assert find_photon_noise(x + 0.1 * noise, x) is None
    assert find_photon_noise((x + 0.1 * noise).clamp(0, 1), x) is None
    assert find_photon_noise(x + 0.1 * (1 - x) * noise, x) is None


def test_what_nobody_sees_has_no_say() -> None:
    x, seen = steps(), torch.ones(128, 128, dtype=torch.bool)
    y = counted(x, 50)
    seen[:, 64:] = False
    y[..., 64:] = 9
    noise = find_photon_noise(y, x, seen)
    assert noise is not None
    assert noise.gain == pytest.approx(1 / 50, rel=0.2)


@pytest.mark.parametrize("pedestal", [0.0, 0.3])
def test_the_noise_is_even_after_the_transform_and_the_mean_kept(pedestal: float) -> None:
    x = steps()
    y = (1 - pedestal) * counted(x, 60, 0.02) + pedestal
    gain = (1 - pedestal) / 60
    offset = ((1 - pedestal) * 0.02) ** 2 - gain * pedestal
    means_of = BandMeans()
    x_hat = Stabilized(means_of, PhotonNoise(gain, offset))(y)
    deviations = torch.stack([band.std() for band in means_of.shown.split(16, 3)])
    assert deviations.max() < 1.15 * deviations.min()
    clean = (1 - pedestal) * x + pedestal
    means = torch.stack([(a - b).mean().abs() for a, b in zip(x_hat.split(16, 3), clean.split(16, 3), strict=True)])
    assert means.max() < 0.006


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pictures_with_photon_noise_come_out_better(dtype: type) -> None:
    x = torch.from_numpy(camera()[::2, ::2] / 255).float()
    y = counted(x, 20).numpy()
    stored = (y.clip(0, 1) * 255).round().astype(np.uint8) if dtype is np.uint8 else (y * 20 + 100).astype(dtype)
    unit = (lambda a: a / 255) if dtype is np.uint8 else (lambda a: (a - 100) / 20)
    plain, adapted = (unit(clearsight.restore(stored, adapt=adapt).astype(float)) for adapt in (False, True))
    assert ((adapted - x.numpy()) ** 2).mean() < ((plain - x.numpy()) ** 2).mean()
    assert not np.array_equal(plain, adapted)


def test_even_noise_comes_out_as_without_and_this_is_said() -> None:
    noise = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(1))
    pixels = ((steps() + 0.1 * noise).clamp(0, 1)[0, 0].numpy()[..., None] * 255).round().astype(np.uint8)
    restored = Restoration(adapt=True)(Picture(pixels=pixels))
    assert restored.notes == ("restored as without adapt: the noise does not grow with the light",)
    np.testing.assert_array_equal(restored.pixels, clearsight.restore(pixels))


def test_coloured_noise_comes_out_as_without() -> None:
    noise = torch.randn(1, 1, 130, 130, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1)
    pixels = ((steps() * (1 + 0.5 * smooth)).clamp(0, 1)[0, 0].numpy() * 255).round().astype(np.uint8)
    restored = Restoration(adapt=True)(Picture(pixels=pixels[..., None]))
    assert "not white" in restored.notes[0]
    np.testing.assert_array_equal(restored.pixels[..., 0], clearsight.restore(pixels))


def test_what_cannot_be_fitted_is_refused() -> None:
    pixels = np.zeros((32, 32), np.uint8)
    with pytest.raises(ModelError, match="keeps their size"):
        clearsight.restore(pixels, model=Bicubic(scale=2), adapt=True)
    with pytest.raises(InvalidArgumentError, match="leave sigma out"):
        clearsight.restore(pixels, model="tnrd-25", sigma=0.1, adapt=True)
