"""The robust Boltzmann machine: an image, and something in front of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann.divergence import train_rbm
from clearsight.boltzmann.rbm import RBM, draw
from clearsight.errors import InvalidArgumentError, ModelError

__all__ = ["RoBM"]

_LEAST = 0.2
"""Least standard deviation of a pixel, on the [0, 1] scale: a density of pixels that take a few values only, such as
black and white, would otherwise grow without bound."""


class _Sweep(NamedTuple):
    """One sample of the Gibbs chain and the conditional means it was drawn from, all ``(N, V)``."""

    x: Tensor
    m: Tensor
    mean_x: Tensor
    mean_m: Tensor


def _log_density(y: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Of N(mean, scale²), up to a constant."""
    return -((y - mean) / scale).square() / 2 - scale.log()


class RoBM(nn.Module):
    """Robust Boltzmann machine: p(x, h, m, g, y) ∝ exp(−E), x the clean image, y the one that is seen.

    E(x, h, m, g, y) = ½‖z‖² − aᵀz − cᵀh − hᵀWz                                  (Gaussian machine of the image)
                       − dᵀm − eᵀg − gᵀUm                                        (binary machine of the occluder)
                       + Σ_i (1 − m_i)·[(y_i − x_i)² / 2τ² + log τ]              (pixels that are seen)
                       + Σ_i m_i·[(y_i − μ_i)² / 2ν_i² + log ν_i]                (pixels that are occluded)

    where z = (x − mean) / scale pixel by pixel and m_i = 1 gates pixel i out of the image. Given y, two blocks are
    sampled in turn:

    - (h, g) given (x, m), each machine's own conditional;
    - (m, x) given (h, g). With p_i = mean_i + scale_i·(a + Wᵀh)_i, m_i is on with the log-odds
      (d + Uᵀg)_i + log N(y_i; μ_i, ν_i²) − log N(y_i; p_i, scale_i² + τ²), x_i being integrated out; then x_i is normal
      around p_i where m_i = 1, and around p_i + w_i·(y_i − p_i), w_i = scale_i² / (scale_i² + τ²), where it is 0.

    We deviate from the source in this. Its s is our 1 − m. Its noise term (y_i − μ_i)² / 2ν_i² is there whether the
    pixel is occluded or not; here it is gated and normalised, so that p(y | x, m) is a density, the two machines
    are the priors of image and mask, and may be trained apart from one another. The source goes on to train the
    assembled machine on noisy images; here the two learn from clean images and from masks by CD-1, and only μ and ν can
    be fitted again to noisy images. Pixels have a least standard deviation of 0.2, chosen on training images of digits.

    Args:
        size: V, pixels of an image.
        hidden: units h of the image's machine.
        mask_hidden: units g of the mask's machine.

    Source:
        Y. Tang, R. Salakhutdinov and G. Hinton, "Robust Boltzmann Machines for Recognition and Denoising", CVPR 2012.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> clean = torch.ones(100, 6)
        >>> noisy = clean * torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 1.0])
        >>> robm = RoBM(size=6, hidden=2, mask_hidden=2)
        >>> robm.fit(clean, noisy, epochs=20, generator=generator)
        >>> robm.restore(noisy[:1], generator=generator).round()
        tensor([[1., 1., 1., 1., 1., 1.]])
    """

    mean: Tensor
    scale: Tensor
    occluder_mean: Tensor
    occluder_scale: Tensor
    noise_scale: Tensor

    def __init__(self, *, size: int, hidden: int = 400, mask_hidden: int = 400) -> None:
        super().__init__()
        self.image = RBM(n_visible=size, n_hidden=hidden, visible="gaussian")
        self.mask = RBM(n_visible=size, n_hidden=mask_hidden)
        for name in ("mean", "scale", "occluder_mean", "occluder_scale"):
            self.register_buffer(name, torch.zeros(size))
        self.register_buffer("noise_scale", torch.zeros(()))

    @torch.no_grad()
    def fit(
        self,
        clean: Tensor,
        noisy: Tensor,
        *,
        epochs: int = 50,
        batch: int = 100,
        threshold: float = 0.2,
        generator: torch.Generator,
        report: Callable[[str, int, float], object] = lambda part, epoch, error: None,
    ) -> None:
        """Train the image's machine on clean images, the mask's on where noisy ones differ; measure the noise.

        Args:
            clean: ``(N, V)`` in [0, 1], on this module's device.
            noisy: the same images occluded.
            epochs: passes over the data for each machine.
            batch: rows a step.
            threshold: a pixel is occluded where ``noisy`` differs from ``clean`` by more than this.
            generator: of all random numbers.
            report: called after each epoch with ``"image"`` or ``"mask"``, the epoch, counted from 0, and the
                reconstruction error.

        Raises:
            InvalidArgumentError: the shapes do not fit, or no pixel is occluded.
        """
        self._check(clean)
        if noisy.shape != clean.shape:
            raise InvalidArgumentError(f"clean is of shape {tuple(clean.shape)}, noisy of {tuple(noisy.shape)}")
        masks = ((noisy - clean).abs() > threshold).to(clean)
        if not masks.any():
            raise InvalidArgumentError(
                f"no pixel of noisy differs from clean by more than {threshold}: nothing to learn"
            )
        self.mean.copy_(clean.mean(0))
        self.scale.copy_(clean.std(0, correction=0).clamp(min=_LEAST))
        for part, rbm, data in (("image", self.image, (clean - self.mean) / self.scale), ("mask", self.mask, masks)):
            rbm.reset(generator)
            for epoch, error in enumerate(train_rbm(rbm, data, epochs=epochs, batch=batch, generator=generator)):
                report(part, epoch, error)
        seen = 1 - masks
        residual = (seen * (noisy - clean).square()).sum() / seen.sum().clamp(min=1)
        self.noise_scale.copy_(residual.sqrt().clamp(min=_LEAST))
        self._measure_occluder(noisy, masks)

    @torch.no_grad()
    def refine_noise(self, noisy: Tensor, *, sweeps: int = 50, generator: torch.Generator) -> None:
        """One step of expectation maximisation for μ and ν on noisy images whose clean versions are not known.

        Gibbs sampling gives each pixel's probability to be occluded, which weights it in the new moments.

        Args:
            noisy: ``(N, V)`` in [0, 1].
            sweeps: of Gibbs sampling; probabilities are averaged over the last half.
            generator: of all random numbers.

        Raises:
            InvalidArgumentError: the shape does not fit.
            ModelError: nothing has been fitted yet.
        """
        self._measure_occluder(noisy, self._infer(noisy, sweeps, generator)[1])

    @torch.no_grad()
    def restore(self, noisy: Tensor, *, sweeps: int = 100, generator: torch.Generator) -> Tensor:
        """The posterior mean of the clean image, averaged over the last half of the sweeps.

        What is averaged is E[x | h, g, y], which has the mean of the samples and less variance.

        Args:
            noisy: ``(N, V)`` in [0, 1], on this module's device.
            sweeps: of Gibbs sampling, at least 1.
            generator: of all random numbers.

        Returns:
            ``(N, V)``, clipped to [0, 1].

        Raises:
            InvalidArgumentError: the shape does not fit, or there is no sweep.
            ModelError: nothing has been fitted yet.
        """
        return self._infer(noisy, sweeps, generator)[0].clamp(0, 1)

    def _infer(self, y: Tensor, sweeps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """E[x | y] and E[m | y] by Gibbs sampling that starts at x = y with nothing occluded."""
        self._check(y)
        if not self.scale.all():
            raise ModelError("this RoBM has not been fitted yet: call fit(clean, noisy) or load its weights first")
        if sweeps < 1:
            raise InvalidArgumentError(f"sweeps must be at least 1, got {sweeps}")
        kept = range(sweeps // 2, sweeps)
        x, m = y, torch.zeros_like(y)
        mean_x, mean_m = torch.zeros_like(y), torch.zeros_like(y)
        for sweep in range(sweeps):
            x, m, expected_x, expected_m = self._sweep(y, x, m, generator)
            if sweep in kept:
                mean_x += expected_x / len(kept)
                mean_m += expected_m / len(kept)
        return mean_x, mean_m

    def _sweep(self, y: Tensor, x: Tensor, m: Tensor, generator: torch.Generator) -> _Sweep:
        h = self.image.sample_hidden((x - self.mean) / self.scale, generator)
        g = self.mask.sample_hidden(m, generator)
        behind = self.mean + self.scale * self.image.visible(h)
        chance = self._occlusion(y, behind, g)
        gain = self.scale.square() / (self.scale.square() + self.noise_scale.square())
        seen = behind + gain * (y - behind)
        m = draw(chance, "bernoulli", generator)
        noise = draw(torch.zeros_like(y), "gaussian", generator) * self.scale
        x = torch.where(m > 0, behind + noise, seen + (1 - gain).sqrt() * noise)
        return _Sweep(x, m, seen.lerp(behind, chance), chance)

    def _occlusion(self, y: Tensor, behind: Tensor, g: Tensor) -> Tensor:
        """P(m = 1 | h, g, y), the pixels of the image integrated out."""
        spread = (self.scale.square() + self.noise_scale.square()).sqrt()
        evidence = _log_density(y, self.occluder_mean, self.occluder_scale) - _log_density(y, behind, spread)
        return torch.sigmoid(F.linear(g, self.mask.weight.T, self.mask.visible_bias) + evidence)

    def _measure_occluder(self, y: Tensor, weights: Tensor) -> None:
        """μ and ν of each pixel, ``y`` weighted by how occluded it is; all pixels together count as one more image."""
        total = weights.sum()
        overall = (weights * y).sum() / total
        spread = (weights * (y - overall).square()).sum() / total
        mean = ((weights * y).sum(0) + overall) / (weights.sum(0) + 1)
        variance = ((weights * (y - mean).square()).sum(0) + spread) / (weights.sum(0) + 1)
        self.occluder_mean.copy_(mean)
        self.occluder_scale.copy_(variance.sqrt().clamp(min=_LEAST))

    def _check(self, images: Tensor) -> None:
        if images.ndim != 2 or images.shape[1] != len(self.mean) or not len(images):
            raise InvalidArgumentError(f"expected images of shape (N, {len(self.mean)}), got {tuple(images.shape)}")
