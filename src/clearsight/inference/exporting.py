"""A restorer, or a recognizer behind one, as an ONNX file, for programs without torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.errors import MissingExtraError, ModelError, reason
from clearsight.images.files import atomically
from clearsight.inference.device import fused
from clearsight.joint.selective import Selective
from clearsight.restorers.padding import reflected_symbolic

__all__ = ["ONNX_TOLERANCE", "check_deployable", "deploy_onnx", "export_onnx", "quiet"]

ONNX_TOLERANCE = 1e-4
"""By how much ONNX Runtime may differ from torch, on images in [0, 1]."""

_TRIED = ((1, 24, 40), (2, 37, 21), (1, 5, 3))
"""Images, height and width a file is tried on before it is written."""

_TRIED_READING = ((1, 64, 96), (3, 75, 61))
"""The same of a recognizer: many take no smaller ones."""


class _AnySize(nn.Module):
    """A restorer with its padding, by reflection, and its cropping inside, without a branch on the size.

    Of :func:`clearsight.restorers.restored` it is the form that can be exported: the size stays a symbol.
    """

    def __init__(self, restorer: nn.Module) -> None:
        super().__init__()
        self.restorer = restorer

    @property
    def traits(self) -> Traits:
        return replace(cast(Restorer, self.restorer).traits, multiple=1)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        traits = cast(Restorer, self.restorer).traits
        height, width = y.shape[2:]
        if traits.size is None and traits.multiple > 1:
            y = reflected_symbolic(y, traits.multiple)
        x_hat: Tensor = self.restorer(y, sigma)
        return x_hat[..., : height * traits.scale, : width * traits.scale]


def export_onnx(restorer: nn.Module, path: str | Path) -> float:
    """Write a restorer as an ONNX file, tried before it is there.

    The file takes ``y``, float32 ``(batch, C, height, width)`` of any batch and size (or of the one size that the
    restorer takes), pads and crops by itself, and gives ``x_hat``, not clipped. A restorer that has to be told the
    noise level gets it as ``sigma``, ``(batch,)``, on the [0, 1] scale. Batch normalisation is folded.

    Args:
        restorer: with weights, of torch alone; classical methods compute outside of it.
        path: the file; one that is there is replaced.

    Returns:
        The largest difference between ONNX Runtime and torch on images of three sizes.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ModelError: it cannot be exported, or ONNX Runtime differs by more than 1e-4; nothing is written then.
    """
    _check_installed()
    if not any(True for _ in restorer.parameters()):
        raise ModelError(f"{type(restorer).__name__} has no weights: expected a restorer that is a network")
    traits = cast(Restorer, restorer).traits
    given = partial(_images, traits)
    return _written(
        _AnySize(fused(restorer).cpu().float()), Path(path), given, "x_hat", _TRIED, fixed=bool(traits.size)
    )


class _Answering(nn.Module):
    """A recognizer that gives probabilities."""

    def __init__(self, reader: nn.Module) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, y: Tensor) -> Tensor:
        logits: Tensor = self.reader(y)
        return logits.softmax(1)


def check_deployable(recognizer: nn.Module) -> None:
    """Say why a recognizer cannot become a part of an ONNX graph, before anything is trained.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ModelError: it is a program of TorchScript, or an ONNX file itself.
    """
    _check_installed()
    if any(isinstance(module, torch.jit.ScriptModule) for module in recognizer.modules()):
        raise ModelError(
            "a TorchScript program cannot become a part of an ONNX graph: give the recognizer as a folder of weights, "
            "by its name, as torchvision:NAME or, from Python, as a network made of modules"
        )


def deploy_onnx(reader: Selective, path: str | Path) -> float:
    """Write a restorer, the rule by which images are restored, and the recognizer as one ONNX graph, tried before.

    The file takes ``y``, float32 ``(batch, C, height, width)`` in [0, 1], and gives ``probabilities``,
    ``(batch, K)`` or ``(batch, K, height, width)``. ``clearsight recognize --recognizer FILE`` reads images with it.

    Args:
        reader: all three.
        path: the file; one that is there is replaced.

    Returns:
        The largest difference of a probability between ONNX Runtime and torch on images of two sizes.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ModelError: it cannot be exported, or ONNX Runtime differs by more than 1e-4; nothing is written then.
    """
    check_deployable(reader)
    whole = Selective(_AnySize(fused(reader.restorer)), fused(reader.recognizer), rule=reader.rule).cpu().float()
    restoring, reading = cast(Restorer, reader.restorer).traits, reader.traits
    size, channels = restoring.size or reading.size, restoring.channels or reading.channels
    given = partial(_images, replace(restoring, size=size, channels=channels, sigma="blind"))
    return _written(_Answering(whole), Path(path), given, "probabilities", _TRIED_READING, fixed=bool(size))


def _check_installed() -> None:
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise MissingExtraError("the export to ONNX", "onnx")


def _written(
    model: nn.Module, path: Path, given: _Given, output: str, tried: Sequence[tuple[int, int, int]], *, fixed: bool
) -> float:
    """Write a model of any size of images, or of a fixed one; the largest difference on what it is tried on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as part:
        _exported(model.eval(), given(2, *tried[0][1:]), output, fixed=fixed).save(part)
        difference = _difference(model, part, [given(*size) for size in tried])
        if not difference <= ONNX_TOLERANCE:
            raise ModelError(
                f"ONNX Runtime differs from torch by {difference:.1g}, more than {ONNX_TOLERANCE:g}: not written"
            )
    return difference


_Given = Callable[[int, int, int], tuple[Tensor, ...]]
"""Of the number of images, their height and their width, what a model is given."""


def _images(traits: Traits, batch: int, height: int, width: int) -> tuple[Tensor, ...]:
    """What the file is given, made from a seed; σ where it is asked for."""
    generator = torch.Generator().manual_seed(batch * height * width)
    height, width = traits.size or (height, width)
    y = torch.rand(batch, traits.channels or 3, height, width, generator=generator)
    return (y, torch.linspace(0.05, 0.2, batch)) if traits.sigma == "required" else (y,)


def _exported(model: nn.Module, inputs: tuple[Tensor, ...], output: str, *, fixed: bool) -> Any:
    Dim = torch.export.Dim  # noqa: N806
    batch, sides = Dim("batch"), {} if fixed else {2: Dim("height"), 3: Dim("width")}
    shapes: tuple[dict[int, Any], ...] = ({0: batch, **sides}, {0: batch})
    try:
        with warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                model,
                inputs,
                dynamo=True,
                input_names=["y", "sigma"][: len(inputs)],
                output_names=[output],
                dynamic_shapes=shapes[: len(inputs)],
                verbose=False,
            )
    except Exception as error:  # the exporter's exceptions have no common class
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise ModelError(f"the network cannot be exported to ONNX: {reason(cause)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """The log of exporters, which is for their authors, is off for a while."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@torch.inference_mode()
def _difference(model: nn.Module, path: Path, tried: Sequence[tuple[Tensor, ...]]) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for given in tried:
        names = [one.name for one in session.get_inputs()]
        (found,) = session.run(None, {name: one.numpy() for name, one in zip(names, given, strict=True)})
        largest = max(largest, float((torch.from_numpy(found) - model(*given)).abs().max()))
    return largest
