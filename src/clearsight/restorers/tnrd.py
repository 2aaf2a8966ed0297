"""TNRD: a few steps of a diffusion whose filters and influence functions are trained."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS

__all__ = ["TNRD", "Diffusion", "RadialMixture"]

_WHITE = 255.0
_REACH = 310.0
"""The outermost centres of the mixtures, in grey levels."""

_MARGIN = 4
"""How far the tables reach beyond them, in distances between two centres."""

_KNOTS = 8
"""Entries of a table for each distance between two centres."""


class _Interpolated(torch.autograd.Function):
    """Look up piecewise linear functions, one a channel; gradients go to the places and to the table."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, places: Tensor) -> Tensor:
        channels, knots = table.shape
        inside = places.clamp(0, knots - 1)
        left = inside.floor().clamp(max=knots - 2)
        at = left.long() + torch.arange(channels, device=table.device).view(-1, 1, 1) * knots
        share, flat = inside - left, table.flatten()
        low = flat[at]
        slope = flat[at + 1] - low
        ctx.save_for_backward(at, share, slope, inside == places)
        ctx.shape = table.shape
        return torch.addcmul(low, share, slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        at, share, slope, inside = ctx.saved_tensors
        flat, right = at.flatten(), gradient * share
        table = gradient.new_zeros(math.prod(ctx.shape))
        table.index_add_(0, flat, (gradient - right).flatten()).index_add_(0, flat + 1, right.flatten())
        return table.view(ctx.shape), gradient * slope * inside


class RadialMixture(nn.Module):
    """Influence functions, one a channel: φ(z) = γ · Σ_j w_j · exp(−(z − μ_j)² / 2γ²), in grey levels.

    The centres μ_j are evenly spread over [−310, 310], γ is their distance. φ is tabulated at every γ/8 and linear in
    between, to within 0.2 % of a weight, so that it costs the same whatever the number of centres; beyond the table,
    which ends 4γ outside the centres, it is constant. It starts as φ(z) = slope · z / (1 + (z/40)²), which
    takes small responses for noise and large ones for edges.

    Args:
        channels: functions.
        centres: of each.
        slope: at 0, of what it starts as.

    Example:
        >>> phi = RadialMixture(channels=1, centres=63, slope=1)
        >>> weights = phi.weight.data.zero_()
        >>> weights[0, 31] = 1  # of the centre at 0
        >>> [round(v, 2) for v in phi(torch.tensor([0.0, 10.0, 12.5]).view(1, 1, 1, 3)).flatten().tolist()]
        [10.0, 6.07, 4.58]
    """

    basis: Tensor

    def __init__(self, *, channels: int, centres: int, slope: float) -> None:
        super().__init__()
        gamma = 2 * _REACH / (centres - 1)
        self._low, self._step = -_REACH - _MARGIN * gamma, gamma / _KNOTS
        knots = self._low + self._step * torch.arange(_KNOTS * (centres - 1 + 2 * _MARGIN) + 1)
        mu = torch.linspace(-_REACH, _REACH, centres)
        basis = gamma * torch.exp(-((mu[:, None] - knots) ** 2) / (2 * gamma**2))
        self.register_buffer("basis", basis, persistent=False)
        at_centres, wanted = basis[:, _MARGIN * _KNOTS :: _KNOTS][:, :centres], slope * mu / (1 + (mu / 40) ** 2)
        self.weight = nn.Parameter(torch.linalg.solve(at_centres.T, wanted).repeat(channels, 1))

    def forward(self, z: Tensor) -> Tensor:
        """``(B, channels, H, W)`` to the same; computed in the precision of the weights."""
        places = (z.to(self.weight.dtype) - self._low) / self._step
        phi: Tensor = _Interpolated.apply(self.weight @ self.basis, places)  # type: ignore[no-untyped-call]
        return phi


class Diffusion(nn.Module):
    """The force of one step: (1/size²) Σ_i k̄_i ∗ φ_i(k_i ∗ u), k̄ being k turned by 180°.

    So divided it is the mean over all windows that a pixel lies in. Each k_i is a combination of the cosine basis
    without its constant, scaled to norm 1: it sees no brightness. Pixels beyond the border repeat those at it.

    Args:
        size: height and width of the filters, of which there are size² − 1.
        centres: of the influence functions.
    """

    basis: Tensor

    def __init__(self, *, size: int, centres: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("basis", _cosines(size), persistent=False)
        self.combination = nn.Parameter(torch.eye(size**2 - 1))
        self.influence = RadialMixture(channels=size**2 - 1, centres=centres, slope=0.3)

    def forward(self, u: Tensor) -> Tensor:
        """``(B, 1, H, W)`` in grey levels to the same."""
        kernels = F.normalize(self.combination @ self.basis, dim=1).view(-1, 1, self.size, self.size)
        responses = F.conv2d(F.pad(u, [self.size - 1] * 4, mode="replicate"), kernels)
        return F.conv2d(self.influence(responses), kernels.flip(2, 3).movedim(0, 1) / self.size**2)


def _cosines(size: int) -> Tensor:
    """The two-dimensional cosine basis without its constant, orthonormal: ``(size² − 1, size²)``."""
    n = torch.arange(size)
    waves = F.normalize(torch.cos(math.pi / size * n[:, None] * (n + 0.5)), dim=1)
    return torch.einsum("ar,bc->abrc", waves, waves).reshape(size**2, size**2)[1:]


@RESTORERS.register("tnrd", tiny={"stages": 2, "size": 3, "centres": 3})
class TNRD(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """TNRD: a few steps of a nonlinear diffusion, trained end to end; grey, one net a noise level.

    u_t = u_{t−1} − (Σ_i k̄_i^t ∗ φ_i^t(k_i^t ∗ u_{t−1}) + λ^t·(u_{t−1} − y)), u_0 = y, x_hat = u_T, in grey levels
    0–255; λ^1 stands before zero and is left out. Source: Chen and Pock, "Trainable Nonlinear Reaction Diffusion",
    2017: 5 stages of 48 filters 7×7 (the default) or 24 filters 5×5, 63 Gaussians a function. Deviations: each sum over
    filters is divided by size², which its weights would take up; the border is repeated, where the authors mirror
    it; all stages are trained at once by a gradient method, where they train one after the other and then all
    together by L-BFGS.

    Args:
        stages: steps.
        size: height and width of the filters, of which there are size² − 1.
        centres: Gaussians of each influence function.

    Example:
        >>> sum(p.numel() for p in TNRD().parameters())
        26644
    """

    def __init__(self, *, stages: int = 5, size: int = 7, centres: int = 63) -> None:
        super().__init__()
        self.stages = nn.ModuleList(Diffusion(size=size, centres=centres) for _ in range(stages))
        self.fidelity = nn.Parameter(torch.full((stages - 1,), 0.1))
        self._traits = Traits(channels=1, receptive_radius=stages * (size - 1))

    @property
    def traits(self) -> Traits:
        """Grey, blind: a net knows the σ it was trained for; two filters of context for each stage."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)``; σ is not used."""
        grey = u = y * _WHITE
        for stage, fidelity in zip(self.stages, F.pad(self.fidelity, (1, 0)), strict=True):
            u = u - (stage(u) + fidelity * (u - grey))
        return u / _WHITE
