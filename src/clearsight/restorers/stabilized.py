"""Photon noise: found in a picture, and made even before a restorer sees it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.errors import ModelError
from clearsight.registry import RESTORERS

__all__ = ["PhotonNoise", "Stabilized", "find_photon_noise"]

_BINS, _FLAT, _WINDOW = 16, 0.4, 5
_CLIPPED = 0.02
"""Share of the least or the largest number among the pixels of a bin, above which they are taken for clipped."""

_TELLING = 0.4
"""Share of all intensities that those without clipped noise have to span to speak for all."""

_FEWEST = 64
"""Flat pixels in a bin."""

_UNEVEN = 1.25
"""How many times the noise of bright pixels has to be that of dark ones to be worth a transform."""

_UNEVEN_CLIPPED = 2.0
"""The same where nearly all of the noise is clipped, and little is known of it."""

_STRONGEST = 50 / 255
"""σ of the noise that a restorer is shown at most."""

_WEAK = 0.18
"""Deviation of the noise in white, below which the answer to colours as they are has a share in those restored."""

_DARKEST = 2 * math.sqrt(3 / 8)
"""What the transform makes of no light and no noise; its inverse has no meaning below."""


class PhotonNoise(NamedTuple):
    """Noise of counted photons and of what reads them: a variance of gain·v + offset at the intensity v.

    Attributes:
        gain: what one photon adds to the intensity; above 0.
        offset: the variance at v = 0. Where black is below 0, or above what stands for no light, it tells of that, too,
            and may be negative.
    """

    gain: float
    offset: float

    def deviation(self, v: float) -> float:
        """Standard deviation at an intensity, 0 where there is no light to have any."""
        return math.sqrt(max(self.gain * v + self.offset, 0.0))


def find_photon_noise(y: Tensor, x_hat: Tensor, seen: Tensor | None = None) -> PhotonNoise | None:
    """How the noise of an image grows with its light; ``None`` where it does not, or hardly.

    The intensities of the restored image are cut into 16 parts of as many pixels. In each, of the two fifths that are
    flattest, the mean square of what was taken away is the variance of the noise, and a straight line through these
    variances, by least squares of their relative errors, is the answer. Parts in which the noise is clipped say
    nothing; where there are hardly others, they are measured by its other half. Where the noise of the brightest part
    is less than 1.25 times that of the darkest, as white noise of one σ is, there is nothing to make even.

    Source: the model is that of A. Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-
    Image Raw-Data", 2008; taking the residual of a blind network for the noise is our own.

    Args:
        y: the noisy image, ``(1, C, H, W)``; its channels are taken for measured alike.
        x_hat: the same, restored by something that needs not know the noise.
        seen: ``(H, W)``, the pixels that count; all if not given.
    """
    residual = y - x_hat
    mean = F.avg_pool2d(x_hat, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)
    rough = F.avg_pool2d(x_hat.square(), _WINDOW, 1, _WINDOW // 2, count_include_pad=False) - mean.square()
    clipped = (y >= y.max()).to(y) - (y <= y.min()).to(y)
    columns = torch.stack([x_hat, residual, rough, clipped]).flatten(0, 1)
    pixels = columns.flatten(2)[..., slice(None) if seen is None else seen.flatten()].flatten(1)
    each = pixels.shape[1] // _BINS
    if each * _FLAT < _FEWEST:
        return None
    parts = pixels[:, pixels[0].argsort()[: each * _BINS]].view(4, _BINS, each)
    flat = parts.gather(2, parts[2].topk(int(each * _FLAT), largest=False).indices.expand(4, -1, -1))
    light, variances, whole = flat[0].mean(1), _variances(flat[1], flat[3]), flat[3].abs().mean(1) <= _CLIPPED
    ends = float(light[0]), float(light[-1])
    growth = _UNEVEN_CLIPPED
    if int(whole.sum()) > 1 and float(light[whole][-1] - light[whole][0]) > _TELLING * (ends[1] - ends[0]):
        growth, light, variances = _UNEVEN, light[whole], variances[whole]
    noise = _line(light.double(), variances.double())
    low, high = (noise.deviation(end) for end in ends)
    return noise if noise.gain > 0 and high > growth * low else None


def _variances(residual: Tensor, ends: Tensor) -> Tensor:
    """Of each part ``(parts, n)``; where it is clipped at one end of the range, by what lies on the other side."""
    squares = residual.square()
    squares = squares.minimum(25 / 0.455 * squares.median(1, keepdim=True).values)  # 5σ: hot pixels are no noise
    beyond = ends.mean(1, keepdim=True)
    counts = (beyond.abs() <= _CLIPPED) | (residual * beyond < 0)
    return (squares * counts).sum(1) / counts.sum(1).clamp(min=1)


def _line(light: Tensor, variances: Tensor) -> PhotonNoise:
    """The line of least relative errors; the weights come from the line before."""
    design, line = torch.stack([light, torch.ones_like(light)], 1), torch.stack([light.new_zeros(()), variances.mean()])
    least = float(variances.max()) * 1e-3 + 1e-12
    for _ in range(4):
        weights = 1 / (design @ line).clamp(min=least)
        line = torch.linalg.lstsq(design * weights[:, None], (variances * weights)[:, None]).solution[:, 0]
    return PhotonNoise(*line.tolist())


class Stabilized(nn.Module):
    """A restorer that is shown photon noise as noise of one σ: x_hat = w·T⁻¹(f(T(y))) + (1 − w)·f(y).

    T(v) = 2·√(s + 3/8) of s = (gain·v + offset) / gain², the photons and the variance of their reading: after it the
    deviation is near 1 at all intensities. It is then brought to the range that f knows, 0 where v = 0 and 1 where
    v = 1, or less where the noise would be more than 50/255. The mean of T is not T of the mean, so the inverse is the
    one without bias, in closed form. w is 1 for grey; colours are less alike after T, which costs more than uneven
    noise where that is weak: for them w is its deviation in white over 0.18, at most 1, as photographs of bsds432 show.

    Source: M. Mäkitalo and A. Foi, "Optimal Inversion of the Generalized Anscombe Transformation for Poisson-Gaussian
    Noise", 2013, eq. 2 and 10; w is our own.

    Args:
        restorer: image → image of the same size, which is not told σ; it is shared and not copied.
        noise: of the images.

    Raises:
        ModelError: the restorer enlarges images, or has to be told σ.

    Example:
        >>> from clearsight.restorers import Wiener
        >>> y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> Stabilized(Wiener(), PhotonNoise(0.03, 0.001))(y).shape
        torch.Size([1, 3, 16, 16])
    """

    def __init__(self, restorer: nn.Module, noise: PhotonNoise) -> None:
        super().__init__()
        name, traits = RESTORERS.called(restorer), cast(Restorer, restorer).traits
        if traits.scale != 1:
            raise ModelError(f"{name} enlarges images, and cannot be fitted to their noise: leave adapt out")
        if traits.sigma == "required":
            raise ModelError(f"{name} has to be told the noise level: leave adapt out, or take a blind model")
        self.restorer, self.noise = restorer, noise
        self.traits: Traits = replace(traits, sigma="blind", samples=False)
        self.figures = {**getattr(restorer, "figures", {}), "name": f"{name} on stabilized noise"}
        ends = self._transformed(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
        self.low, self.span = ends[0], max(ends[1] - ends[0], 1 / _STRONGEST)
        self.weight = 1.0 if traits.channels == 1 else min(noise.deviation(1.0) / _WEAK, 1.0)

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Restore ``(B, C, H, W)``; σ is not used."""
        even = (self._transformed(y.float()) - self.low) / self.span
        restored: Tensor = self.restorer(even, None, **inputs).float()
        stabilized = self._inverse(restored * self.span + self.low)
        if self.weight == 1:
            return stabilized
        return torch.lerp(self.restorer(y, None, **inputs).float(), stabilized, self.weight)

    def _transformed(self, v: Tensor) -> Tensor:
        s = (self.noise.gain * v + self.noise.offset) / self.noise.gain**2
        return 2 * (s + 3 / 8).clamp(min=0).sqrt()

    def _inverse(self, even: Tensor) -> Tensor:
        d = even.clamp(min=_DARKEST)
        root = math.sqrt(3 / 2)
        s = d.square() / 4 - 1 / 8 + (root / 4 - (11 / 8 - 5 / 8 * root / d) / d) / d
        return self.noise.gain * s - self.noise.offset / self.noise.gain
