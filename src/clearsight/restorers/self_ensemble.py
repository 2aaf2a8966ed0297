"""A restorer asked eight times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import reduce
from itertools import product
from typing import cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.errors import ModelError
from clearsight.registry import RESTORERS

__all__ = ["SelfEnsemble"]


class SelfEnsemble(nn.Module):
    """The mean of a restorer's answers to an image in eight orientations, each turned back.

    x_hat = ⅛ Σ_g g⁻¹(f(g(y), σ)), g the four quarter turns of the image and of its mirror image. Maps among the
    further inputs are turned with it. A restorer of one size whose sides differ is asked in the four orientations that
    keep it. Source: Timofte et al., "Seven Ways to Improve Example-Based Single Image Super Resolution", 2016.

    Args:
        restorer: image → image; it is shared and not copied.

    Raises:
        ModelError: it needs an input that cannot be turned, or is given one.

    Example:
        >>> from clearsight.restorers import Wiener
        >>> y = torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(0))
        >>> torch.allclose(SelfEnsemble(Wiener())(y), Wiener()(y))
        True
    """

    def __init__(self, restorer: nn.Module) -> None:
        super().__init__()
        name, traits = RESTORERS.called(restorer), cast(Restorer, restorer).traits
        self._name = name
        self._refuse({one.name for one in traits.inputs if one.kind == "whole" and one.required})
        self.restorer = restorer
        self.traits: Traits = replace(traits, samples=False)
        self.figures = {**getattr(restorer, "figures", {}), "name": f"{name} in eight orientations"}
        self._turns = (0, 1, 2, 3) if traits.size is None or traits.size[0] == traits.size[1] else (0, 2)

    def forward(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Restore ``(B, C, H, W)``; σ and inputs as the restorer takes them."""
        self._refuse({one.name for one in self.traits.inputs if one.kind == "whole"} & inputs.keys())
        orientations = list(product((False, True), self._turns))
        answers = (self._answer(y, sigma, inputs, *one) for one in orientations)
        return reduce(torch.add, answers) / len(orientations)

    def _refuse(self, whole: Collection[str]) -> None:
        """Inputs that lie otherwise on a turned image than on this one."""
        if whole:
            raise ModelError(
                f"{self._name} takes {min(whole)}, which cannot be turned with the image: leave self-ensemble out"
            )

    def _answer(
        self, y: Tensor, sigma: Tensor | None, inputs: Mapping[str, Tensor], mirrored: bool, turns: int
    ) -> Tensor:
        maps = {one.name for one in self.traits.inputs if one.kind == "map"}
        given = {name: _turned(one, mirrored, turns) if name in maps else one for name, one in inputs.items()}
        x_hat: Tensor = self.restorer(_turned(y, mirrored, turns), sigma, **given).to(y)
        x_hat = x_hat.rot90(-turns, (-2, -1))
        return x_hat.flip(-1) if mirrored else x_hat


def _turned(x: Tensor, mirrored: bool, turns: int) -> Tensor:
    x = x.flip(-1) if mirrored else x
    return x.rot90(turns, (-2, -1)).contiguous(memory_format=torch.channels_last)
