"""A restorer as an ONNX file that computes in 8-bit integers: calibrated, and judged before it is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clearsight.contracts import Restorer
from clearsight.degradations.language import parse
from clearsight.errors import ModelError
from clearsight.images.files import atomically
from clearsight.inference.exporting import export_onnx
from clearsight.seeds import generator_for

__all__ = ["INT8_TOLERANCE", "Int8", "export_int8"]

INT8_TOLERANCE = 0.05
"""dB of PSNR that 8-bit integers may cost."""

_CALIBRATED_ON, _JUDGED_ON = ("astronaut", "coffee"), ("chelsea", "rocket")
"""Photographs that come with scikit-image."""

_SIDE = 96
"""Of the patches, in pixels."""

_WHITE_NOISE = ("gaussian(sigma=10/255)", "gaussian(sigma=25/255)", "gaussian(sigma=50/255)")
"""What a restorer is judged on that does not say what it was validated on."""

Fed = Mapping[str, NDArray[np.float32]]


class Int8(NamedTuple):
    """What 8-bit integers cost.

    Attributes:
        psnr: of the file in float32, on validation patches, dB.
        int8_psnr: of the file in 8-bit integers.
        patches: how many these are.
    """

    psnr: float
    int8_psnr: float
    patches: int

    @property
    def loss(self) -> float:
        """What is lost, dB."""
        return self.psnr - self.int8_psnr


def export_int8(restorer: nn.Module, path: str | Path) -> Int8:
    """Write a restorer as an ONNX file whose convolutions compute in 8-bit integers, tried before it is there.

    The file takes and gives what that of :func:`export_onnx` does. Weights have a scale for each channel, and 7 bits:
    processors without VNNI add two products in 16. The first and the last convolution stay in float32, and so does all
    that is no convolution. Ranges of activations are measured on patches of photographs, degraded as the restorer was
    validated; on those of other photographs it is judged.

    Args:
        restorer: with weights, of torch alone.
        path: the file; one that is there is replaced.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ModelError: it cannot be exported, takes one size only, has fewer than three convolutions, or loses more than
            0.05 dB; nothing is written then.
    """
    if cast(Restorer, restorer).traits.size is not None:
        raise ModelError("8-bit integers are for restorers that take images of any size: export it without --int8")
    path = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "float32.onnx"
        export_onnx(restorer, whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomically(path) as part:
            _quantize(whole, part, [fed for fed, _ in _patches(restorer, _CALIBRATED_ON)])
            judged = list(_patches(restorer, _JUDGED_ON))
            found = Int8(_psnr(whole, judged), _psnr(part, judged), len(judged))
            if not found.loss <= INT8_TOLERANCE:
                raise ModelError(
                    f"8-bit integers lose {found.loss:.2f} dB of {found.psnr:.2f} on {found.patches} patches, over "
                    f"{INT8_TOLERANCE:g}: not written; export it without --int8"
                )
    return found


def _quantize(whole: Path, part: Path, calibration: Sequence[Fed]) -> None:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Patches(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.patches = iter(calibration)

        def get_next(self) -> Fed | None:
            return next(self.patches, None)

    convolutions = [node.name for node in onnx.load(whole).graph.node if node.op_type == "Conv"]
    if len(convolutions) < 3:
        raise ModelError("8-bit integers are for networks of at least three convolutions: export it without --int8")
    quantize_static(
        whole,
        part,
        Patches(),
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=[convolutions[0], convolutions[-1]],
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _patches(restorer: nn.Module, names: Sequence[str]) -> Iterator[tuple[Fed, Tensor]]:
    """What the file is fed, one degraded patch a time, and the clean patch: all patches of photographs."""
    traits = cast(Restorer, restorer).traits
    degradations = [parse(text) for text in _conditions(restorer)]
    for number, x in enumerate(x for name in names for x in _squares(name, traits.channels or 3)):
        degradation, generator = degradations[number % len(degradations)], generator_for(0, number, stream="int8")
        if traits.sigma == "required":
            y, sigma = degradation.with_sigma(x, generator=generator)
            yield {"y": y.numpy(), "sigma": sigma.numpy()}, x
        else:
            yield {"y": degradation(x, generator=generator).numpy()}, x


def _conditions(restorer: nn.Module) -> Sequence[str]:
    """What the restorer was validated on."""
    scale = cast(Restorer, restorer).traits.scale
    validated = getattr(restorer, "figures", {}).get("validation", {}).get("psnr", {})
    return [*validated] or (_WHITE_NOISE if scale == 1 else [f"bicubic(scale={scale}) | quantize"])


def _squares(name: str, channels: int) -> Iterator[Tensor]:
    import skimage.data

    x = torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)[None].float() / 255
    x = x if channels == 3 else x.mean(1, keepdim=True)
    for rows in torch.split(x, _SIDE, 2):
        yield from (square for square in torch.split(rows, _SIDE, 3) if square.shape[2:] == (_SIDE, _SIDE))


def _psnr(path: Path, judged: Sequence[tuple[Fed, Tensor]]) -> float:
    import onnxruntime

    from clearsight.metrics.pixels import psnr  # takes seconds to import, which who restores need not wait for

    session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    restored = [torch.from_numpy(session.run(None, dict(fed))[0]).clamp(0, 1) for fed, _ in judged]
    return float(torch.cat([psnr(x_hat, x) for x_hat, (_, x) in zip(restored, judged, strict=True)]).mean())
