"""Networks of torchvision by name, with weights that are on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clearsight.errors import UnknownNameError, WeightsError, reason
from clearsight.recognizers.description import Description, file_at
from clearsight.vision import torchvision

__all__ = ["cached", "from_torchvision", "state_in"]

_UNRECORDED = {"googlenet", "inception_v3", "vit_h_14"}
"""Networks whose weights need constructor arguments that no state dict records."""


def from_torchvision(name: str, *, weights: str | Path | None) -> tuple[nn.Module, Description]:
    """A classifier or segmenter of torchvision, and how torchvision feeds it.

    Args:
        name: as ``torchvision.models.get_model`` takes it, such as ``"resnet18"``.
        weights: file with its state dict, of any number of classes; by default torchvision's own weights, from
            torchvision's cache. Nothing is downloaded.

    Returns:
        The network, and what is known of it: normalisation, size of a classifier, names of torchvision's own classes.

    Raises:
        UnknownNameError: torchvision has no such classifier or segmenter.
        WeightsError: the weights are not on this machine, or are not those of this network.
    """
    models = torchvision("models")
    segmenters = set(models.list_models(module=torchvision("models.segmentation")))
    known = set(models.list_models(module=models)) - _UNRECORDED | segmenters
    if name not in known:
        raise UnknownNameError("torchvision model", name, known)
    own = models.get_model_weights(name).DEFAULT
    file = cached(name, own.url) if weights is None else file_at(weights, expected="a state dict")
    options = {"weights": None} | ({"weights_backbone": None} if name in segmenters else {})
    network = _filled(name, options, state_in(file), file)
    classes = own.meta["categories"] if weights is None else None
    preset = own.transforms()
    size = None if name in segmenters else preset.crop_size * 2
    return network, Description(classes=classes, size=size, channels=3, mean=preset.mean, std=preset.std)


def cached(name: str, url: str) -> Path:
    """Where torchvision keeps the weights of a network that it has downloaded.

    Raises:
        WeightsError: they are not on this machine.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    if not path.is_file():
        raise WeightsError(
            f"torchvision's weights of {name} are not on this machine: put them at {path}, or give a file of weights"
        )
    return path


def state_in(file: Path) -> Mapping[str, Tensor]:
    """The tensors in a file by name; nothing but tensors is ever unpickled.

    Raises:
        WeightsError: it holds anything else.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # damaged pickles raise anything
        state = None
    if isinstance(state, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        return state
    raise WeightsError(f"{file} holds no state dict: expected what torch.save(network.state_dict(), FILE) writes")


def _filled(name: str, options: dict[str, Any], state: Mapping[str, Tensor], file: Path) -> nn.Module:
    """The network of that name with these weights, which tell its number of classes and whether it has a side head."""
    get_model = torchvision("models").get_model
    if any(key.startswith("aux_classifier.") for key in state):
        options = options | {"aux_loss": True}
    try:
        with torch.random.fork_rng(devices=[]):  # it draws weights that are replaced: nobody's seed shall feel it
            network: nn.Module = get_model(name, **options)
            last, head = list(network.state_dict().items())[-1]
            if last in state and len(state[last]) != len(head):
                network = get_model(name, num_classes=len(state[last]), **options)
        network.load_state_dict(state)
    except Exception as error:  # weights of another network can fail anywhere in it
        raise WeightsError(f"the weights in {file} are not those of torchvision's {name}: {reason(error)}") from None
    return network
