"""MCWNNM: groups of similar colour patches, made low-rank, each channel trusted as its noise allows."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.noise_level import haar_sigma

__all__ = ["MCWNNM", "low_rank"]

_FEEDBACK = 0.1
"""The share of what a pass has taken away that the next one gets back."""

_REMAINING = 0.6
"""What is left of the noise that a pass is thought to leave."""

_STRENGTH = 10.0
"""Of the shrinkage; C of the paper over √(number of patches)."""

_TURNS = 10
_PENALTY, _GROWTH = 2.0, 1.5
"""Of the alternating directions: how often, ρ at first, and how it grows."""

_AT_ONCE = 2**23
"""Numbers that one array of the computation may hold: 32 MB."""


def _shrunk(matrices: Tensor, tau: Tensor) -> Tensor:
    """argmin_Z ½‖Y − Z‖² + Σ_i τ/s_i(Z)·s_i(Z): singular values s become (s + √(s² − 4τ)) / 2, or 0 where 4τ > s².

    By the eigenvectors of Y·Yᵀ, which is small; ``(G, rows, columns)``, τ of shape ``(G,)``. Where all of Y has less
    than one singular value must have, nothing is left, and 0 is decomposed in place of what may be too flat for it.
    """
    products = matrices @ matrices.mT
    some_left = products.diagonal(dim1=1, dim2=2).sum(1) > 4 * tau
    squares, vectors = torch.linalg.eigh(torch.where(some_left[:, None, None], products, 0))
    rest = (squares - 4 * tau[:, None]).clamp(min=0)
    s = squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()
    kept = torch.where(rest > 0, 0.5 + 0.5 * rest.sqrt() / s, 0)
    shrunk: Tensor = (vectors * kept[:, None]) @ (vectors.mT @ matrices)
    return shrunk


def low_rank(groups: Tensor, noise: Tensor) -> Tensor:
    """argmin_X ‖W(Y − X)‖² + Σ_i w_i·s_i(X), W = 1/σ of each channel, w_i = C / s_i(X), C ∝ √patches.

    Where all channels have one σ it is solved at once; else by alternating directions: X for the first term,
    Z for the second, A for their difference, ρ growing (the paper's algorithm 1, its w_i at their fixed point).

    Args:
        groups: ``(G, patches, columns)``, each row a patch, channel after channel, their mean taken away.
        noise: σ of each group, ``(G, 1)``, or of its channels, ``(G, C)``; above 0.

    Example:
        >>> y = torch.randn(1, 20, 12, generator=torch.Generator().manual_seed(0)) / 10
        >>> float(low_rank(y, torch.tensor([[0.1]])).abs().max())
        0.0
    """
    mean = noise.square().mean(1)
    c = _STRENGTH * groups.shape[1] ** 0.5 * mean
    if noise.shape[1] == 1:
        return _shrunk(groups, c / 2)
    trust = (mean[:, None] / noise.square()).repeat_interleave(groups.shape[2] // noise.shape[1], 1)[:, None]
    z, a, rho = groups, torch.zeros_like(groups), _PENALTY
    for _ in range(_TURNS):
        x = (trust * groups + (rho * z - a) / 2) / (trust + rho / 2)
        z = _shrunk(x + a / rho, c / rho)
        a, rho = a + rho * (x - z), rho * _GROWTH
    return z


@RESTORERS.register("mcwnnm", tiny={"patch": 4, "search_radius": 5, "similar": 24, "stride": 2, "passes": 2})
class MCWNNM(nn.Module):
    """MCWNNM: weighted nuclear norm minimization of groups of similar patches, all channels together.

    Around every few pixels the patches that look most alike are stacked to a matrix Y, which becomes X = argmin
    ‖W(Y − X)‖² + Σ w_i·s_i(X) (:func:`low_rank`); overlapping patches are averaged; all of it is repeated on the result
    with some of what was taken away. Told one σ, it is that of all channels; not told, it estimates one for each, and W
    weighs them. Source: Xu et al., "Multi-channel Weighted Nuclear Norm Minimization for Real Color Image Denoising",
    2017: patches of 6, 70 of them, 8 passes. Deviations, for speed: a search radius of 15, where the source has 20;
    one noise level a group where all channels have the same, which has a solution in closed form; ρ grows by a
    half, not by a thousandth; strength chosen by PSNR on crops of BSDS training images. No gradient passes the
    choice of the patches, and memory grows with the image, some 2 kB a pixel.

    Args:
        patch: height and width of the patches.
        search_radius: how far away similar ones are looked for, in rows and columns.
        similar: patches in a group.
        stride: pixels from one group's place to the next.
        passes: over the image.
    """

    def __init__(
        self, *, patch: int = 6, search_radius: int = 15, similar: int = 70, stride: int = 4, passes: int = 8
    ) -> None:
        super().__init__()
        self.patch, self.search_radius, self.similar = patch, search_radius, similar
        self.stride, self.passes = stride, passes
        self.traits = Traits(channels=None, receptive_radius=None, sigma="optional")

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``."""
        levels = haar_sigma(y.flatten(0, 1)[:, None]).view(y.shape[:2]) if sigma is None else sigma[:, None]
        return torch.stack([self._restored(one, level.to(y)) for one, level in zip(y, levels, strict=True)])

    @torch.no_grad()
    def _restored(self, image: Tensor, sigma: Tensor) -> Tensor:
        """One image, ``(C, H, W)``, and σ of all its channels or of each."""
        if not sigma.any():
            return image
        height, width = image.shape[1:]
        y = F.pad(image[None], (0, self._missing(width), 0, self._missing(height)), mode="replicate")[0]
        x = y
        for number in range(self.passes):
            x = x + _FEEDBACK * (y - x)
            if number % 2 == 0:
                groups = self._groups(x)
            x = self._averaged(x, groups, self._noise(x - y, sigma))
        return x[:, :height, :width]

    def _missing(self, length: int) -> int:
        """Pixels until patches at every stride fill it."""
        return max(self.patch - length, 0) or (self.patch - length) % self.stride

    def _noise(self, removed: Tensor, sigma: Tensor) -> Tensor:
        """The noise that is left in each patch, ``(patches, 1)`` or of each channel, from what has been taken away."""
        squares = removed.square() if len(sigma) > 1 else removed.square().mean(0, keepdim=True)
        gone = F.avg_pool2d(squares, self.patch, stride=1).flatten(1).T
        left = (sigma**2 - gone).clamp(min=1e-4 * sigma.square().max()).sqrt()
        return left if not removed.any() else _REMAINING * left

    def _groups(self, x: Tensor) -> Tensor:
        """Which patches look most like the one at each place: numbers in reading order, ``(places, similar)``."""
        reach, wide = self.search_radius, x.shape[2] - self.patch + 1
        rows, columns = (range(0, n - self.patch + 1, self.stride) for n in x.shape[1:])
        similar = min(self.similar, math.prod(min(reach + 1, n - self.patch + 1) for n in x.shape[1:]))
        band = max(_AT_ONCE // ((2 * reach + 1) ** 2 * len(columns)), 1)
        found = []
        for first in range(0, len(rows), band):
            some = rows[first : first + band]
            distances = self._distances(x, some)
            distances[len(distances) // 2] = -1  # of each patch to itself: it is in its group, whatever else is alike
            nearest = distances.topk(similar, dim=0, largest=False, sorted=False).indices
            down, right = nearest // (2 * reach + 1) - reach, nearest % (2 * reach + 1) - reach
            places = torch.tensor(some)[:, None] * wide + torch.tensor(columns)
            found.append((places.to(x.device) + down * wide + right).flatten(1).T)
        return torch.cat(found)

    def _distances(self, x: Tensor, rows: range) -> Tensor:
        """Of the patches in these rows to those around them, ``(offsets, rows, columns)``; infinite where none is."""
        reach, height = self.search_radius, rows[-1] - rows[0] + self.patch
        around = F.pad(x, [reach] * 4, value=torch.inf)[:, rows[0] : rows[0] + height + 2 * reach]
        here = x[:, rows[0] : rows[0] + height]
        steps = range(2 * reach + 1)
        return torch.stack(
            [
                F.avg_pool2d(
                    (around[:, down : down + height, right : right + x.shape[2]] - here).square().sum(0, keepdim=True),
                    self.patch,
                    stride=self.stride,
                )[0]
                for down in steps
                for right in steps
            ]
        )

    def _averaged(self, x: Tensor, groups: Tensor, noise: Tensor) -> Tensor:
        """The image made of the patches of all groups, each group made low-rank."""
        patches = F.unfold(x[None], self.patch)[0].T.contiguous()
        total, times = torch.zeros_like(patches), torch.zeros_like(patches[:, :1])
        for some in torch.split(groups, max(_AT_ONCE // (groups.shape[1] * patches.shape[1]), 1)):
            members = patches[some]
            mean = members.mean(1, keepdim=True)
            better = mean + low_rank(members - mean, noise[some].square().mean(1).sqrt())
            total.index_add_(0, some.flatten(), better.flatten(0, 1))
            times.index_add_(0, some.flatten(), times.new_ones(some.numel(), 1))
        shape = (x.shape[1:], self.patch)
        sums = F.fold(total.T[None], *shape)[0], F.fold(times.expand_as(total).T[None], *shape)[0]
        return sums[0] / sums[1]
