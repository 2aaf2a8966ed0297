"""How much a restorer does: its own judgement, less of it, or more."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.registry import RESTORERS
from clearsight.restorers.self_ensemble import SelfEnsemble

__all__ = ["Strength", "adjusted", "check_strength"]

_MOST = 4.0
"""The largest strength; so many times fainter a picture stands beside its noise where more is asked for."""

_REACH = 4
"""Rows and columns around the middle of a window."""


class Strength(nn.Module):
    """A restorer that does more, or less, than by its own judgement; one pass up to strength 1, two beyond.

    Let r = y − f(y, σ) be what it takes away. Up to s = 1 that much of it goes: x_hat = y − s·r. Beyond,
    x_hat = y − r − (s − 1)·q, where q leads, at s = 4, to what it makes of the picture four times fainter beside its
    noise: y − r − 3q = 4·f(z/4, σ). A restorer that is told σ is shown z = y; another z = y + 3r, with what it took for
    noise four times as strong.

    Of that it may take away less, as it did for texture. So r is added to q, window by window of 9×9 pixels, until
    ⟨r, q⟩ ≥ 0 over the image: ‖y − x_hat‖² = ‖r‖² + 2(s − 1)⟨r, q⟩ + (s − 1)²‖q‖² then rises with s, whatever the
    restorer. Our own design.

    Args:
        restorer: image → image of the same size; it is shared and not copied.
        strength: s, 0 (the picture as it is) to 4; at 1 the restorer's answer, bit for bit.

    Raises:
        InvalidArgumentError: the strength is out of range.
        ModelError: the restorer enlarges images.

    Example:
        >>> from clearsight.restorers import Wiener
        >>> y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> [round(float((y - Strength(Wiener(), s)(y)).square().sum()), 1) for s in (0, 0.5, 1, 2)]
        [0.0, 15.1, 60.4, 64.6]
    """

    def __init__(self, restorer: nn.Module, strength: float) -> None:
        super().__init__()
        check_strength(strength)
        name, traits = RESTORERS.called(restorer), cast(Restorer, restorer).traits
        if traits.scale != 1:
            raise ModelError(f"{name} enlarges images, which is not done by halves: leave strength out")
        radius = traits.receptive_radius
        if radius is not None and strength > 1:
            radius = 2 * radius + 2 * _REACH
        self.restorer, self.strength = restorer, float(strength)
        self.traits: Traits = replace(traits, receptive_radius=radius, samples=False)
        self.figures = {**getattr(restorer, "figures", {}), "name": f"{name} at strength {strength:g}"}

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Restore ``(B, C, H, W)``; σ and inputs as the restorer takes them."""
        x_hat: Tensor = self.restorer(y, sigma, **inputs).to(y)
        if self.strength <= 1:
            return torch.lerp(y, x_hat, self.strength)
        removed = y - x_hat
        faint = x_hat / _MOST + removed if sigma is None else y / _MOST
        far = _MOST * self.restorer(faint, sigma, **inputs).to(y)
        return x_hat - (self.strength - 1) * _outward(removed, (x_hat - far) / (_MOST - 1))


def _outward(r: Tensor, q: Tensor) -> Tensor:
    """``(B, C, H, W)``: q, and of r as much as makes ⟨r, q⟩ ≥ 0 over each image; shares by window, averaged."""
    lacking = _windows(-(r * q).sum(1, keepdim=True)).clamp(min=0)
    share = lacking / _windows(r.square().sum(1, keepdim=True)).clamp(min=1e-12)
    return q + F.avg_pool2d(share, 2 * _REACH + 1, 1) * r


def _windows(values: Tensor) -> Tensor:
    """Means over all windows that touch the image, 0 around it: each pixel is in as many."""
    return F.avg_pool2d(F.pad(values, [2 * _REACH] * 4), 2 * _REACH + 1, 1)


def check_strength(strength: float) -> None:
    """Refuse a strength out of range.

    Raises:
        InvalidArgumentError: it is not between 0 and 4.
    """
    if not 0 <= strength <= _MOST:
        raise InvalidArgumentError(
            f"strength is from 0, the picture as it is, to {_MOST:g}; 1 is the model's own judgement; got {strength:g}"
        )


def adjusted(restorer: nn.Module, *, strength: float = 1.0, self_ensemble: bool = False) -> nn.Module:
    """A restorer that does more or less, is asked in eight orientations, or both; itself where neither is wanted.

    Args:
        restorer: image → image.
        strength: as :class:`Strength` takes it.
        self_ensemble: whether its answer is that of a :class:`SelfEnsemble`.

    Raises:
        InvalidArgumentError: the strength is out of range.
        ModelError: the restorer enlarges images, or takes an input that cannot be turned.
    """
    if self_ensemble:
        restorer = SelfEnsemble(restorer)
    return restorer if strength == 1 else Strength(restorer, strength)
