"""A restorer as an ONNX file, for programs without torch."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Restorer, Traits
from clearsight.errors import MissingExtraError, ModelError, reason
from clearsight.images.files import atomically
from clearsight.inference.device import fused
from clearsight.restorers.padding import reflected_symbolic

__all__ = ["ONNX_TOLERANCE", "export_onnx"]

ONNX_TOLERANCE = 1e-4
"""By how much ONNX Runtime may differ from torch, on images in [0, 1]."""

_TRIED = ((1, 24, 40), (2, 37, 21), (1, 5, 3))
"""Images, height and width a file is tried on before it is written."""


class _AnySize(nn.Module):
    """A restorer with its padding, by reflection, and its cropping inside, without a branch on the size.

    Of :func:`clearsight.restorers.restored` it is the form that can be exported: the size stays a symbol.
    """

    def __init__(self, restorer: nn.Module) -> None:
        super().__init__()
        self.restorer = restorer

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
    if not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise MissingExtraError("the export to ONNX", "onnx")
    if not any(True for _ in restorer.parameters()):
        raise ModelError(f"{type(restorer).__name__} has no weights: expected a restorer that is a network")
    traits = cast(Restorer, restorer).traits
    model = _AnySize(fused(restorer).cpu().float())
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as part:
        _exported(model, traits).save(part)
        difference = _difference(model, part, traits)
        if not difference <= ONNX_TOLERANCE:
            raise ModelError(
                f"ONNX Runtime differs from torch by {difference:.1g}, more than {ONNX_TOLERANCE:g}: not written"
            )
    return difference


def _images(traits: Traits, batch: int, height: int, width: int) -> tuple[Tensor, ...]:
    """What the file is given, made from a seed; σ where it is asked for."""
    generator = torch.Generator().manual_seed(batch * height * width)
    height, width = traits.size or (height, width)
    y = torch.rand(batch, traits.channels or 3, height, width, generator=generator)
    return (y, torch.linspace(0.05, 0.2, batch)) if traits.sigma == "required" else (y,)


def _exported(model: nn.Module, traits: Traits) -> Any:
    Dim = torch.export.Dim  # noqa: N806
    batch, sides = Dim("batch"), {} if traits.size else {2: Dim("height"), 3: Dim("width")}
    shapes: tuple[dict[int, Any], ...] = ({0: batch, **sides}, {0: batch})
    inputs = _images(traits, 2, 24, 40)
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                model,
                inputs,
                dynamo=True,
                input_names=["y", "sigma"][: len(inputs)],
                output_names=["x_hat"],
                dynamic_shapes=shapes[: len(inputs)],
                verbose=False,
            )
    except Exception as error:  # the exporter's exceptions have no common class
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise ModelError(f"the restorer cannot be exported to ONNX: {reason(cause)}") from error


class _quiet:  # noqa: N801
    """The exporter's log, which is for its authors, is off for a while."""

    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *raised: object) -> None:
        logging.disable(logging.NOTSET)


@torch.inference_mode()
def _difference(model: nn.Module, path: Path, traits: Traits) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for size in _TRIED:
        given = _images(traits, *size)
        names = [one.name for one in session.get_inputs()]
        (x_hat,) = session.run(None, {name: one.numpy() for name, one in zip(names, given, strict=True)})
        largest = max(largest, float((torch.from_numpy(x_hat) - model(*given)).abs().max()))
    return largest
