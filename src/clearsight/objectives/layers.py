"""What comes out of a layer of a network, by the layer's name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from clearsight.errors import InvalidArgumentError, ModelError, UnknownNameError

__all__ = ["DEFAULT_LAYER", "Layer", "has_default_layer"]

DEFAULT_LAYER = "relu3_3"
"""The layer of VGG-16 whose features liu2020 compares."""

_NEAREST = 3


def _named(network: nn.Module) -> dict[str, nn.Module]:
    """The layers of a network: those it names itself, in a mapping ``layers``, and all its modules."""
    own = getattr(network, "layers", None)
    modules = {name: module for name, module in network.named_modules() if name}
    return {**modules, **(own if isinstance(own, Mapping) else {})}


def has_default_layer(network: nn.Module) -> bool:
    """Whether a network names a layer :data:`DEFAULT_LAYER`."""
    return DEFAULT_LAYER in _named(network)


class Layer:
    """One layer of a network, found by its name.

    Args:
        network: any module; a mapping ``layers`` of it names layers beside its ``named_modules()``.
        name: of the layer; ``relu3_3`` if not given.

    Raises:
        UnknownNameError: there is no such layer; the message has the nearest names.
        InvalidArgumentError: none is named, and there is no ``relu3_3``.
        ModelError: it lies in a TorchScript program.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True))
        >>> with Layer(network, "0").watch() as features:
        ...     _ = network(torch.zeros(1, 1, 5, 5))
        >>> features[-1].shape
        torch.Size([1, 2, 3, 3])
    """

    def __init__(self, network: nn.Module, name: str | None = None) -> None:
        known = _named(network)
        self.name = DEFAULT_LAYER if name is None else name
        if self.name not in known:
            near = difflib.get_close_matches(self.name, known, n=_NEAREST, cutoff=0)
            if name is not None:
                raise UnknownNameError("layer of the network", name, near)
            raise InvalidArgumentError(
                f"the network has no layer {DEFAULT_LAYER}: name the layer whose features are compared, such as "
                f"{', '.join(sorted(near)) or 'none, for it has no layers'}"
            )
        self._module = known[self.name]
        if isinstance(self._module, torch.jit.ScriptModule):
            raise ModelError(
                f"the layer {self.name} lies in a TorchScript program, into which one cannot look: give a network made "
                "of modules, or leave the perceptual part out"
            )

    @contextmanager
    def watch(self) -> Iterator[list[Tensor]]:
        """Collect what comes out of the layer each time it is passed, as it is before anything is done to it in place.

        Raises:
            ModelError: when the block ends, the layer was not passed, or gave no tensor.
        """
        seen: list[Tensor] = []

        def note(module: nn.Module, inputs: object, output: object) -> None:
            if not isinstance(output, Tensor):
                raise ModelError(f"the layer {self.name} gives a {type(output).__name__}: name one that gives a tensor")
            seen.append(output.clone())

        handle = self._module.register_forward_hook(note)
        try:
            yield seen
        finally:
            handle.remove()
        if not seen:
            raise ModelError(f"the layer {self.name} is not passed on the way to the answer: name another one")
