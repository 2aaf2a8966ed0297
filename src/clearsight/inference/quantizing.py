"""A restorer as an ONNX file that computes in 8-bit integers where that costs little: calibrated, and judged first."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice
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
from clearsight.inference.exporting import export_onnx, quiet
from clearsight.seeds import generator_for

__all__ = ["CALIBRATED_ON", "INT8_TOLERANCE", "JUDGED_ON", "Int8", "export_int8", "mean_psnr", "patches_of"]

INT8_TOLERANCE = 0.05
"""dB of PSNR that 8-bit integers may cost."""

_SPENT = INT8_TOLERANCE / 2
"""dB that the convolutions may cost one by one, in sum, on photographs that calibrate: others cost more."""

CALIBRATED_ON, JUDGED_ON = ("astronaut", "coffee"), ("chelsea", "rocket")
"""Photographs that come with scikit-image."""

_TRIED = 8
"""Patches that each convolution is tried on alone."""

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
        alone: what each convolution but the first and the last would cost if it were the only one, dB; on patches that
            calibrate.
        integers: which of these compute in integers.
    """

    psnr: float
    int8_psnr: float
    patches: int
    alone: Mapping[str, float]
    integers: Sequence[str]

    @property
    def loss(self) -> float:
        """What is lost, dB."""
        return self.psnr - self.int8_psnr


def export_int8(restorer: nn.Module, path: str | Path) -> Int8:
    """Write a restorer as an ONNX file whose convolutions compute in 8-bit integers, tried before it is there.

    The file takes and gives what that of :func:`export_onnx` does. Weights have a scale for each channel, and 7 bits:
    processors without VNNI add two products in 16. Ranges of activations are measured on patches of photographs,
    degraded as the restorer was validated. On some of them each convolution is tried alone; those that cost least are
    converted. The others, the first, the last and all that is no convolution stay in float32. What comes out is judged
    on other photographs.

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
            alone = _alone(
                whole, Path(folder) / "tried.onnx", list(islice(patches_of(restorer, CALIBRATED_ON), _TRIED))
            )
            integers = _affordable(alone)
            _quantize(whole, part, integers, [fed for fed, _ in patches_of(restorer, CALIBRATED_ON)])
            judged = list(patches_of(restorer, JUDGED_ON))
            found = Int8(mean_psnr(whole, judged), mean_psnr(part, judged), len(judged), alone, integers)
            if not found.loss <= INT8_TOLERANCE:
                raise ModelError(
                    f"8-bit integers lose {found.loss:.2f} dB of {found.psnr:.2f} on {found.patches} patches, over "
                    f"{INT8_TOLERANCE:g}: not written; export it without --int8"
                )
    return found


def _alone(whole: Path, tried: Path, patches: Sequence[tuple[Fed, Tensor]]) -> dict[str, float]:
    """What each convolution costs where it is the only one in integers, dB; those between the first and the last."""
    import onnx

    convolutions = [node.name for node in onnx.load(whole).graph.node if node.op_type == "Conv"]
    if len(convolutions) < 3:
        raise ModelError("8-bit integers are for networks of at least three convolutions: export it without --int8")
    psnr, losses = mean_psnr(whole, patches), {}
    for name in convolutions[1:-1]:
        _quantize(whole, tried, [name], [fed for fed, _ in patches])
        losses[name] = psnr - mean_psnr(tried, patches)
    return losses


def _affordable(alone: Mapping[str, float]) -> list[str]:
    """The convolutions that cost least, as many as cost little together."""
    cheapest = sorted(alone, key=lambda name: alone[name])
    spent = accumulate(max(alone[name], 0) for name in cheapest)
    integers = [name for name, so_far in zip(cheapest, spent, strict=True) if so_far <= _SPENT]
    if not integers:
        raise ModelError(
            f"8-bit integers lose {alone[cheapest[0]]:.2f} dB or more in each convolution: not written; "
            "export it without --int8"
        )
    return integers


def _quantize(whole: Path, part: Path, names: Sequence[str], calibration: Sequence[Fed]) -> None:
    """Write an ONNX file anew with some of its convolutions in 8-bit integers."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Patches(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.patches = iter(calibration)

        def get_next(self) -> Fed | None:
            return next(self.patches, None)

    with quiet():
        quantize_static(
            whole,
            part,
            Patches(),
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=list(names),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def patches_of(restorer: nn.Module, names: Sequence[str]) -> Iterator[tuple[Fed, Tensor]]:
    """What a file is fed, one degraded patch a time, and the clean patch: all patches of photographs.

    Args:
        restorer: whose conditions of validation are those of the patches, in turns.
        names: of the photographs.
    """
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


def mean_psnr(path: Path, judged: Sequence[tuple[Fed, Tensor]]) -> float:
    """PSNR of what ONNX Runtime makes of degraded patches, dB.

    Args:
        path: the ONNX file.
        judged: what it is fed, and the clean patches.
    """
    import onnxruntime

    from clearsight.metrics.pixels import psnr  # takes seconds to import, which who restores need not wait for

    session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    restored = [torch.from_numpy(session.run(None, dict(fed))[0]).clamp(0, 1) for fed, _ in judged]
    return float(torch.cat([psnr(x_hat, x) for x_hat, (_, x) in zip(restored, judged, strict=True)]).mean())
