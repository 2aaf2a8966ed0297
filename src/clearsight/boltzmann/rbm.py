"""The restricted Boltzmann machine: its energy, its conditionals and its free energy."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.errors import InvalidArgumentError

__all__ = ["RBM", "HiddenKind", "VisibleKind", "draw"]

VisibleKind = Literal["bernoulli", "gaussian"]
HiddenKind = Literal["bernoulli", "linear"]


def draw(mean: Tensor, kind: VisibleKind | HiddenKind, generator: torch.Generator) -> Tensor:
    """States of units with these means: 0 or 1 with that probability, or the mean plus unit Gaussian noise."""
    source = torch.rand if kind == "bernoulli" else torch.randn
    noise = source(mean.shape, generator=generator, device=generator.device, dtype=mean.dtype).to(mean.device)
    return (noise < mean).to(mean) if kind == "bernoulli" else mean + noise


def _mean(total: Tensor, kind: VisibleKind | HiddenKind) -> Tensor:
    return torch.sigmoid(total) if kind == "bernoulli" else total


class RBM(nn.Module):
    """Restricted Boltzmann machine: p(v, h) ∝ exp(−E(v, h)).

    E(v, h) = A(v) + C(h) − hᵀWv, where

    - A(v) = −aᵀv for Bernoulli visible units, v ∈ {0, 1};
    - A(v) = ½‖v‖² − aᵀv for Gaussian ones, v ∈ ℝ;
    - C(h) = −cᵀh for Bernoulli hidden units, h ∈ {0, 1};
    - C(h) = ½‖h‖² − cᵀh for linear ones, h ∈ ℝ.

    Both conditionals factorise: Bernoulli units are on with probability σ(c + Wv) and σ(a + Wᵀh), Gaussian and linear
    ones are normal around c + Wv and a + Wᵀh with variance 1. Gaussian data are therefore to be standardised. With
    Gaussian *and* linear units the density is proper only while the largest singular value of W is below 1.

    Attributes:
        weight: W, ``(H, V)``.
        visible_bias: a, ``(V,)``.
        hidden_bias: c, ``(H,)``.

    Args:
        n_visible: V.
        n_hidden: H.
        visible: ``"bernoulli"`` or ``"gaussian"``.
        hidden: ``"bernoulli"`` or ``"linear"``, which is Gaussian with variance 1.
        generator: draws the weights, as :meth:`reset` does; without one they are zero, to be loaded or reset.

    Raises:
        InvalidArgumentError: there is no such kind of unit, or a layer has no unit.

    Source:
        G. E. Hinton and R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 2006,
        for the kinds of units and how the weights start.

    Example:
        >>> rbm = RBM(n_visible=6, n_hidden=3, generator=torch.Generator().manual_seed(0))
        >>> rbm.hidden(torch.zeros(2, 6))
        tensor([[0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000]], grad_fn=<SigmoidBackward0>)
    """

    def __init__(
        self,
        *,
        n_visible: int,
        n_hidden: int,
        visible: VisibleKind = "bernoulli",
        hidden: HiddenKind = "bernoulli",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        _check("visible", visible, get_args(VisibleKind), n_visible)
        _check("hidden", hidden, get_args(HiddenKind), n_hidden)
        self.visible_kind, self.hidden_kind = visible, hidden
        self.weight = nn.Parameter(torch.zeros(n_hidden, n_visible))
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))
        self.hidden_bias = nn.Parameter(torch.zeros(n_hidden))
        if generator is not None:
            self.reset(generator)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Start anew: weights 0.1·N(0, 1), biases zero."""
        weight = torch.randn(self.weight.shape, generator=generator, device=generator.device)
        self.weight.copy_(0.1 * weight)
        self.visible_bias.zero_()
        self.hidden_bias.zero_()

    @property
    def downward(self) -> Tensor:
        """The weights of the way down, Wᵀ, ``(V, H)``."""
        return self.weight.T

    def hidden(self, v: Tensor) -> Tensor:
        """E[h | v]: ``(B, V)`` to ``(B, H)``, probabilities or means."""
        return _mean(F.linear(v, self.weight, self.hidden_bias), self.hidden_kind)

    def visible(self, h: Tensor) -> Tensor:
        """E[v | h]: ``(B, H)`` to ``(B, V)``, probabilities or means."""
        return _mean(F.linear(h, self.downward, self.visible_bias), self.visible_kind)

    def sample_hidden(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from p(h | v): ``(B, V)`` to ``(B, H)``."""
        return draw(self.hidden(v), self.hidden_kind, generator)

    def sample_visible(self, h: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from p(v | h): ``(B, H)`` to ``(B, V)``."""
        return draw(self.visible(h), self.visible_kind, generator)

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = −log Σ_h exp(−E(v, h)), so that p(v) ∝ exp(−F(v)); an integral where hidden units are linear.

        With t = c + Wv: F(v) = A(v) − Σ_j log(1 + exp t_j) for Bernoulli hidden units and
        F(v) = A(v) − ½‖t‖² − ½H·log 2π for linear ones.

        Args:
            v: ``(B, V)``.

        Returns:
            ``(B,)``, in nats.
        """
        total = F.linear(v, self.weight, self.hidden_bias)
        unit = F.softplus(total) if self.hidden_kind == "bernoulli" else total.square() / 2 + math.log(math.tau) / 2
        containment = v.square().sum(1) / 2 if self.visible_kind == "gaussian" else 0
        return containment - v @ self.visible_bias - unit.sum(1)


def _check(layer: str, kind: str, kinds: tuple[str, ...], count: int) -> None:
    if kind not in kinds:
        raise InvalidArgumentError(f"{layer} units are one of {', '.join(kinds)}; got {kind!r}")
    if count < 1:
        raise InvalidArgumentError(f"a machine needs at least one {layer} unit, got {count}")
