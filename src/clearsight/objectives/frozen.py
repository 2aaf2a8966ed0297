"""A network that judges and never changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor, nn

__all__ = ["Frozen"]


class Frozen(nn.Module):
    """Somebody else's network, looked through and left as it is: gradients flow to the images, none to its weights.

    It is in evaluation mode and its parameters take no gradient (both are set on the network itself). It is no child
    of this module: whoever holds this one has no parameter, no buffer and no entry in a checkpoint more, and
    ``train()`` does not reach it, so that no optimizer, average or restart can touch it. It moves along to another
    device.

    Args:
        network: the network.

    Example:
        >>> judge = Frozen(nn.Sequential(nn.Linear(2, 2), nn.Dropout()))
        >>> judge.train().network.training, list(judge.parameters()), judge.state_dict()
        (False, [], OrderedDict())
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for parameter in network.parameters():  # TorchScript has no module.requires_grad_
            parameter.requires_grad_(False)
        self._held = (network.eval(),)  # in a tuple, nn.Module does not see it

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self._held[0]

    def forward(self, x: Tensor) -> Any:
        """What the network makes of ``x``."""
        return self.network(x)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the network along; its numbers are not to change, so it is only ever moved."""
        held = next(chain(self.network.parameters(), self.network.buffers()), torch.empty(0))
        self.network.to(fn(torch.empty(0, device=held.device)).device)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self
