"""What a restorer's training starts from: nothing, a trained restorer, or one with the function of a narrower one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Traits
from clearsight.errors import RecipeError
from clearsight.registry import RESTORERS
from clearsight.training.recipes import check_trained

__all__ = ["started", "take_over"]

_RGB = 3


def started(restorer: nn.Module | None, start: str | None) -> nn.Module:
    """The network that is given, the trained restorer ``start``, or the first wherein the second lives on.

    Raises:
        RecipeError: neither is given, or ``start`` is a run of a shipped recipe that is still to be done, has no
            weights of its own, or is no narrower ``restorer``.
        ModelError: it cannot be loaded.
    """
    if start is None:
        if restorer is None:
            raise RecipeError("a training starts from restorer, a new network, or from start, a trained one; got none")
        return restorer
    check_trained(start)
    trained = weights.load(start)
    known = any(entry.cls is type(trained) for entry in RESTORERS.values())
    if not known or not any(True for _ in trained.parameters()):
        raise RecipeError(
            f"{start} cannot be trained on: expected a restorer with weights of its own, got {type(trained).__name__}"
        )
    if restorer is None:
        return trained.train()
    take_over(restorer, trained)
    return restorer


@torch.no_grad()
def take_over(wide: nn.Module, narrow: nn.Module) -> None:
    """Give ``wide`` the weights of ``narrow``, of the same layers with fewer channels, and so its function.

    The channels of ``narrow`` become the first ones of each layer of ``wide`` and hear nothing of the others; those
    keep the weights they have and hear everything. Training joins the two. Where ``wide`` has no biases those of
    ``narrow`` are left out: another function then, which training soon brings back. Where ``wide`` is for grey
    pictures and ``narrow`` for colour, it starts out as the mean of the channels that makes of a grey picture.

    Args:
        wide: of convolutions, ``(outputs, inputs, height, width)``, or transposed ``(inputs, outputs, height, width)``,
            whose results are added: where they are concatenated, channels change places. Changed in place.
        narrow: whose layers have the same names and kernels, and the biases of ``wide`` if it has any.

    Raises:
        RecipeError: the layers differ in more than in channels, or ``wide`` has fewer; it is left as it was.

    Source: the aim is that of Net2Net (Chen et al., 2016), which copies channels where this one adds silent ones.

    Example:
        >>> wide, narrow = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 4, 3)
        >>> take_over(wide, narrow)
        >>> wide.weight[:4].equal(narrow.weight)
        True
    """
    theirs, owners = _state(narrow, wide), _owners(wide)
    reason = _misfit(wide, theirs)
    if reason is not None:
        raise RecipeError(
            f"{type(wide).__name__} cannot take over {type(narrow).__name__}, {reason}: "
            "expected a restorer of the same layers with at least as many channels, or start alone"
        )
    for key, kept in wide.state_dict().items():
        transposed = kept.ndim > 1 and isinstance(owners[key], nn.ConvTranspose2d)
        _fill(*((t.transpose(0, 1) if transposed else t) for t in (kept, theirs[key])))


def _state(narrow: nn.Module, wide: nn.Module) -> dict[str, Tensor]:
    """The tensors of ``narrow``; a colour network's as a grey one, where ``wide`` is grey.

    Red, green and blue come first among what its first layer hears and its last layer says, whatever is folded into
    channels behind them: the one sums over them, the other takes their mean.
    """
    theirs = narrow.state_dict()
    if (_channels(wide), _channels(narrow)) == (1, _RGB):
        first, *_, last = [key for key, value in theirs.items() if value.ndim > 1]
        bias = f"{last.rpartition('.')[0]}.bias"
        theirs[first] = theirs[first].unflatten(1, (_RGB, -1)).sum(1)
        theirs |= {key: theirs[key].unflatten(0, (_RGB, -1)).mean(0) for key in (last, bias) if key in theirs}
    return theirs


def _channels(network: nn.Module) -> int | None:
    traits = getattr(network, "traits", None)
    return traits.channels if isinstance(traits, Traits) else None


def _misfit(wide: nn.Module, theirs: Mapping[str, Tensor]) -> str | None:
    """What of them has no place in ``wide``."""
    ours, owners = wide.state_dict(), _owners(wide)
    constants = {key for key in theirs.keys() - ours.keys() if key.endswith(".bias")}
    if ours.keys() != theirs.keys() - constants:
        return "their layers are not the same"
    for key, kept in ours.items():
        value = theirs[key]
        fits = kept.ndim == value.ndim and kept.shape[2:] == value.shape[2:]
        if not fits or any(a < b for a, b in zip(kept.shape, value.shape, strict=True)):
            return f"{key} is {_size(value)} there and {_size(kept)} here"
        if kept.shape != value.shape and not isinstance(owners[key], nn.Conv2d | nn.ConvTranspose2d):
            return f"{key} is of no convolution"
    return None


def _owners(network: nn.Module) -> dict[str, nn.Module]:
    """The module of each tensor, by the tensor's key."""
    modules = dict(network.named_modules())
    return {key: modules[key.rpartition(".")[0]] for key in network.state_dict()}


def _fill(kept: Tensor, value: Tensor) -> None:
    """Of tensors alike, ``(outputs, inputs, …)`` or ``(outputs,)``: old outputs hear old inputs alone."""
    if kept.shape == value.shape:
        kept.copy_(value)
    elif kept.ndim == 1:
        kept[: len(value)] = value
    else:
        kept[: len(value)] = 0
        kept[: len(value), : value.shape[1]] = value


def _size(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))
