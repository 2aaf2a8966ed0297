"""A scanner that has no time to measure every frequency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clearsight.degradations.ranges import Range
from clearsight.degradations.step import Step
from clearsight.registry import DEGRADATIONS

__all__ = ["Fourier", "ZeroFilled", "sampling_probabilities"]

_NEWTON_STEPS = 12
_STEEPEST = 1000
_FLATTEST_SLOPE = 1e-12


def sampling_probabilities(keep: Tensor, height: int, width: int) -> Tensor:
    """How likely each frequency is to be measured: p(k) = exp(-λ|k|), with the λ that makes the mean of p ``keep``.

    |k| is in cycles a pixel, so p is 1 at k = 0 and falls off alike in all directions, whatever the image's shape.
    λ is found by Newton's method on log mean p, which is convex in λ: from λ = 0 it rises to the root.

    Args:
        keep: expected share of the frequencies, 0.01 to 1, shape ``(B,)``. No less than k = 0 is ever kept: in an
            image of fewer than 1/keep pixels that is more.
        height: of the image.
        width: of the image.

    Returns:
        ``(B, H, W)``, float64, on the device of ``keep``, laid out as :func:`torch.fft.fft2` has it: k = 0 first.

    Example:
        >>> p = sampling_probabilities(torch.tensor([0.1]), 32, 48)
        >>> p.shape, float(p[0, 0, 0]), round(float(p.mean()), 6)
        (torch.Size([1, 32, 48]), 1.0, 0.1)
    """
    down, across = (torch.fft.fftfreq(n, dtype=torch.float64, device=keep.device) for n in (height, width))
    distance = torch.hypot(down[:, None], across)
    share = keep.double().view(-1, 1, 1)
    decay = torch.zeros_like(share)
    for _ in range(_NEWTON_STEPS):
        p = torch.exp(-decay * distance)
        mean = p.mean((1, 2), keepdim=True)
        slope = (distance * p).mean((1, 2), keepdim=True) / mean
        decay = (decay + torch.log(mean / share) / slope.clamp(min=_FLATTEST_SLOPE)).clamp(0, _STEEPEST)
    return torch.exp(-decay * distance)


def _kept(p: Tensor, generator: torch.Generator) -> Tensor:
    """Frequencies ``(B, H, W)`` chosen with probabilities p; k and -k share one draw."""
    chances = torch.rand(p.shape, generator=generator, device=generator.device, dtype=torch.float64)
    own = torch.arange(p[0].numel(), device=p.device).view(p.shape[1:])
    opposite = own.flip(0, 1).roll((1, 1), (0, 1))
    return chances.flatten(1)[:, torch.minimum(own, opposite)] < p


@DEGRADATIONS.register("fourier", tiny={"keep": "0.1..0.5"})
@dataclass(frozen=True, kw_only=True)
class Fourier(Step):
    """Random frequencies measured, as in fast MRI: y = F⁻¹(m/p · Fx), m ~ Bernoulli(p), not clipped.

    F is the discrete Fourier transform, m a mask an image, shared by its channels, and p falls off from the centre:
    see :func:`sampling_probabilities`. As E[m/p] = 1 and F is linear, E[y] = x.

    The spectrum of a real image is conjugate symmetric: to measure k is to measure -k. So both share one draw, and y
    is real by itself. Each frequency is still kept with its own p, so nothing is biased; only the number kept
    varies more from image to image.

    Args:
        keep: expected share of the frequencies that are kept, 0.01 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``keep`` is out of range.

    Source:
        J. Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML 2018,
        section 3.4 (there keep = 0.1).

    Example:
        >>> str(Fourier(keep=0.2)), str(Fourier())
        ('fourier(keep=0.2)', 'fourier')
    """

    keep: Range | float | str = 0.1

    def __post_init__(self) -> None:
        self._bound("keep", 0.01, 1)

    def with_samples(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Degrade a batch and return it with what was measured, for a restorer that puts it back.

        Args:
            x: ``(B, C, H, W)``, float32 or float64.
            generator: all randomness comes from it.

        Returns:
            y, the mask ``(B, 1, H, W)``, true where a frequency was measured, and the spectrum of x there, complex
            ``(B, C, H, W)``, not scaled by 1/p, 0 elsewhere. Both are laid out as :func:`torch.fft.fft2` has it.

        Example:
            >>> x = torch.rand(1, 1, 8, 8)
            >>> y, mask, samples = Fourier(keep=0.5).with_samples(x, generator=torch.Generator().manual_seed(0))
            >>> x_hat = torch.fft.ifft2(torch.where(mask, samples, torch.fft.fft2(y))).real
            >>> bool((torch.fft.fft2(x_hat) - torch.fft.fft2(x))[mask].abs().max() < 1e-4)
            True
        """
        levels, which = torch.unique(Range.of(self.keep).draw(len(x), generator), return_inverse=True)
        p = sampling_probabilities(levels, *x.shape[-2:])[which]
        kept = _kept(p, generator)
        mask, weights = kept[:, None].to(x.device), (kept / p)[:, None].to(x)
        spectrum = torch.fft.fft2(x)
        return torch.fft.ifft2(weights * spectrum).real, mask, mask * spectrum

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        return self.with_samples(x, generator=generator)[0]


@DEGRADATIONS.register("zero-filled", tiny={"keep": "0.1..0.5"})
@dataclass(frozen=True, kw_only=True)
class ZeroFilled(Fourier):
    """Random frequencies measured, all others 0, as a scanner shows it: y = F⁻¹(m · Fx), not clipped.

    Frequencies are drawn as by :class:`Fourier`; nothing is scaled by 1/p. So E[y] is not x, but x smoothed, and y
    holds just what was measured, which a restorer can put back.

    Args:
        keep: expected share of the frequencies that are kept, 0.01 to 1, or a range each image draws from.

    Raises:
        InvalidArgumentError: ``keep`` is out of range.

    Example:
        >>> x = torch.rand(1, 1, 8, 8)
        >>> y = ZeroFilled(keep=0.5)(x, generator=torch.Generator().manual_seed(0))
        >>> _, mask, samples = Fourier(keep=0.5).with_samples(x, generator=torch.Generator().manual_seed(0))
        >>> torch.allclose(torch.fft.fft2(y), samples, atol=1e-5)
        True
    """

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade ``(B, C, H, W)``."""
        _, _, samples = self.with_samples(x, generator=generator)
        y: Tensor = torch.fft.ifft2(samples).real
        return y
