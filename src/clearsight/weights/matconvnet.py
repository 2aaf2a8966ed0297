"""Denoisers that MatConvNet saved, DnCNN and FFDNet, as their authors publish them in ``.mat`` files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clearsight.errors import WeightsError
from clearsight.restorers import DnCNN, FFDNet
from clearsight.weights import matlab

__all__ = ["load"]

_TRANSPOSED = (0, 2, 1, 3)
"""MATLAB counts the pixels of a 2×2 cell down its columns, torch along its rows."""


def load(path: Path) -> nn.Module:
    """Load a network of MatConvNet's SimpleNN, in evaluation mode, as the restorer that computes the same.

    Between ``SubP`` layers, with a ``concat`` after the first, it is an :class:`~clearsight.restorers.FFDNet`, told σ
    on the [0, 1] scale in the last of its input channels; else a :class:`~clearsight.restorers.DnCNN`: what it
    computes is taken for the noise. The file does not say so, but such networks do. Batch normalisation is merged into
    the convolutions. Colours are RGB in both.

    Args:
        path: of MATLAB's versions 5 to 7, or of 7.3, which takes h5py.

    Raises:
        WeightsError: the file is not there, no MATLAB file, or no such network.
        MissingExtraError: it is of version 7.3, and h5py is not installed.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}: expected a network that MatConvNet saved as .mat")
    net = matlab.read(path, "net")
    try:
        model = _built(net["layers"])
    except WeightsError as error:
        raise _refusal(path, str(error)) from None
    except Exception:  # a struct may hold anything in any place
        raise _refusal(path, "its layers are not those of MatConvNet's SimpleNN") from None
    model.figures = {"name": path.stem}  # type: ignore[assignment]
    return model.eval()


def _refusal(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path} is no denoiser that can be read: {why}; expected DnCNN or FFDNet as MatConvNet saves them"
    )


@dataclass(frozen=True)
class _Convolution:
    """Filters ``(out, in, 3, 3)`` and biases ``(out,)``."""

    weight: Tensor
    bias: Tensor

    def scaled(self, factors: Tensor, offsets: Tensor) -> _Convolution:
        """With what it gives multiplied and moved, channel by channel."""
        return _Convolution(self.weight * factors[:, None, None, None], self.bias * factors + offsets)


def _built(layers: Sequence[Mapping[str, Any]]) -> nn.Module:
    kinds = [layer["type"] for layer in layers]
    if kinds[:2] == ["SubP", "concat"] and kinds[-1] == "SubP":
        _require(layers[0], scale=0.5)
        _require(layers[-1], scale=2)
        return _ffdnet(_convolutions(layers[2:-1]))
    return _dncnn(_convolutions(layers))


def _dncnn(convolutions: list[_Convolution]) -> nn.Module:
    channels, width = _sizes(convolutions)
    if channels not in (1, 3) or len(convolutions[-1].bias) != channels:
        raise WeightsError(f"it takes {channels} channels and gives {len(convolutions[-1].bias)}, not 1 or 3 of both")
    return _filled(DnCNN(channels=channels, depth=len(convolutions), width=width, batch_norm=False), convolutions)


def _ffdnet(convolutions: list[_Convolution]) -> nn.Module:
    inputs, width = _sizes(convolutions)
    first, *inner, last = convolutions
    channels = len(last.bias) // 4
    if channels not in (1, 3) or (inputs, len(last.bias)) != (4 * channels + 1, 4 * channels):
        raise WeightsError(
            f"it takes {inputs} channels at half the size and gives {len(last.bias)}, not 5, 4 or 13, 12"
        )
    order = [4 * channel + pixel for channel in range(channels) for pixel in _TRANSPOSED]
    first = replace(first, weight=first.weight[:, [*order, 4 * channels]])
    last = _Convolution(last.weight[order], last.bias[order])
    return _filled(FFDNet(channels=channels, depth=len(convolutions), width=width), [first, *inner, last])


def _sizes(convolutions: list[_Convolution]) -> tuple[int, int]:
    """How many channels go in, and how many lie between any two convolutions."""
    widths = {len(one.bias) for one in convolutions[:-1]} | {one.weight.shape[1] for one in convolutions[1:]}
    if len(widths) != 1:
        raise WeightsError("its inner layers are not of one width")
    return convolutions[0].weight.shape[1], widths.pop()


def _filled(model: nn.Module, convolutions: list[_Convolution]) -> nn.Module:
    own = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    for module, one in zip(own, convolutions, strict=True):
        module.load_state_dict({"weight": one.weight, "bias": one.bias})
    return model


def _convolutions(layers: Sequence[Mapping[str, Any]]) -> list[_Convolution]:
    """Convolutions with ReLU between them; the normalisation of their results is taken into them."""
    found: list[_Convolution] = []
    for before, layer in pairwise([{"type": "relu"}, *layers]):
        follows = {"conv": ("relu",), "bnorm": ("conv",), "relu": ("conv", "bnorm")}
        if before["type"] not in follows.get(layer["type"], ()):
            raise WeightsError(f"it has a layer {layer['type']!r} after a layer {before['type']!r}")
        if layer["type"] == "conv":
            found.append(_convolution(layer))
        elif layer["type"] == "bnorm":
            found[-1] = found[-1].scaled(*_normalization(layer))
        else:
            _require(layer, leak=0)
    if len(found) < 2 or layers[-1]["type"] != "conv":
        raise WeightsError("it does not end in a second convolution or a later one")
    return found


def _convolution(layer: Mapping[str, Any]) -> _Convolution:
    """MATLAB's filters are ``(3, 3, in, out)``, without the last axes where they are of length 1."""
    _require(layer, pad=1, stride=1, dilate=1)
    filters, *biases = layer["weights"]
    if filters.shape[:2] != (3, 3):
        raise WeightsError("it has filters that are not 3×3")
    weight = _tensor(filters.reshape(*filters.shape, *[1] * (4 - filters.ndim)).transpose(3, 2, 0, 1))
    bias = _tensor(biases[0].ravel()) if biases and biases[0].size else torch.zeros(len(weight))
    return _Convolution(weight, bias)


def _normalization(layer: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """The factors and offsets of ``γ (x − μ) / s + β``; MatConvNet keeps μ and s, its root, in two columns."""
    gamma, beta, moments = (_tensor(one) for one in layer["weights"])
    mean, deviation = moments.unbind(1)
    factors = gamma.flatten() / deviation
    return factors, beta.flatten() - mean * factors


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def _require(layer: Mapping[str, Any], **values: float) -> None:
    for name, value in values.items():
        if name in layer and not np.all(np.asarray(layer[name]) == value):
            raise WeightsError(f"it has a layer {layer['type']!r} with another {name} than {value:g}")
