"""An ONNX graph as a module, through the optional part ``onnx``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.errors import MissingExtraError, ModelError, WeightsError, reason
from clearsight.recognizers.description import Description

__all__ = ["Graph"]


class Graph(nn.Module):
    """An ONNX graph that ONNX Runtime computes on the CPU; gradients do not flow through it.

    A graph of a fixed batch size gets the images in batches of that size, the last filled up with black ones. Of
    several outputs the first is taken.

    Args:
        path: the ONNX file.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        WeightsError: the file is no ONNX graph.
        ModelError: its only input is not one of float32 images, ``(B, C, H, W)`` with C 1 or 3.
    """

    def __init__(self, *, path: Path) -> None:
        super().__init__()
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is told by an exception, not on stderr as well
        try:
            self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common class
            raise WeightsError(f"{path} is no ONNX graph that can be run: {reason(error)}") from None
        self._input, shape = _only_input(path, self._session.get_inputs())
        self._batch, channels, height, width = shape
        self._found = Description(channels=channels, size=(height, width) if height and width else None)

    @property
    def found(self) -> Description:
        """What the graph says of the images it takes."""
        return self._found

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the graph's first output, on the device of ``x``.

        Raises:
            ModelError: a gradient would have to flow through it.
        """
        if x.requires_grad and torch.is_grad_enabled():
            raise ModelError(
                "no gradient flows through an ONNX graph: export the network as TorchScript to train something in "
                "front of it, or compute under torch.no_grad()"
            )
        parts = [self._run(part) for part in torch.split(x.float().cpu(), self._batch or len(x))]
        return torch.cat(parts)[: len(x)].to(x.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: nothing in it changes, and a session cannot be copied."""
        return self

    def _run(self, x: Tensor) -> Tensor:
        missing = (self._batch or len(x)) - len(x)
        images = F.pad(x, (0, 0, 0, 0, 0, 0, 0, missing)).detach().numpy()
        first = self._session.get_outputs()[0].name
        (output,) = self._session.run([first], {self._input: images})
        return torch.from_numpy(output)


def _only_input(path: Path, inputs: Sequence[Any]) -> tuple[str, list[int | None]]:
    """Name and shape of the input; ``None`` is a size the graph leaves open."""
    shapes = [[n if isinstance(n, int) else None for n in given.shape] for given in inputs]
    kinds = [given.type for given in inputs]
    if kinds == ["tensor(float)"] and len(shapes[0]) == 4 and shapes[0][1] in (None, 1, 3):
        return inputs[0].name, shapes[0]
    came = ", ".join(f"{given.name}: {given.type} {given.shape}" for given in inputs) or "nothing"
    raise ModelError(
        f"{path} must take float32 images of shape (B, C, H, W), C being 1 or 3, and nothing else; it takes {came}"
    )


def _onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("an ONNX recognizer", "onnx") from None
    module: ModuleType = onnxruntime
    return module
