"""What 8-bit integers gain and cost, and how much of this processor each shipped denoiser uses; one thread.

python benchmarks/int8.py [--preset smoke]

One 512×768 image, in torch as the engine runs it, and in ONNX Runtime: float32, the file of ``export --int8``, and one
with all convolutions but the first and the last in integers, with what that loses, and what it would lose if its
activations had 16 bits. Shares are of the rate at which this processor multiplies 1024×1024 matrices, torch in float32
and ONNX Runtime in integers; beside them the share of the time that is spent in convolutions.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from torch import nn

import clearsight
from clearsight.errors import ModelError
from clearsight.inference import export_int8, export_onnx
from clearsight.inference.device import fused
from clearsight.inference.exporting import quiet
from clearsight.inference.quantizing import CALIBRATED_ON, JUDGED_ON, mean_psnr, patches_of
from clearsight.restorers.padding import restored
from measuring import fastest, is_rehearsal, multiply_adds, save

MODELS = ("denoise-photo", "denoise-color", "denoise-grey")
INSTRUCTIONS = {"avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "avx512_bf16", "amx_bf16"}
SIZE, REPEATS, SIDE = (512, 768), 5, 1024
SMALL, SMALL_REPEATS, SMALL_SIDE = (64, 96), 1, 128
ACTIVATIONS = {8: QuantType.QUInt8, 16: QuantType.QUInt16}


def session(model: Any, *, profile: str = "") -> onnxruntime.InferenceSession:
    """On one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.enable_profiling = 1, bool(profile)
    options.profile_file_prefix = profile
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def integer_product(side: int) -> Callable[[], Any]:
    """A product of 8-bit matrices."""
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    given = [
        helper.make_tensor_value_info(name, kind, (side, side))
        for name, kind in (("a", TensorProto.UINT8), ("b", TensorProto.INT8))
    ]
    result = helper.make_tensor_value_info("c", TensorProto.INT32, (side, side))
    graph = helper.make_graph([node], "product", given, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    opened = session(model.SerializeToString())
    fed = {"a": np.ones((side, side), np.uint8), "b": np.ones((side, side), np.int8)}
    return lambda: opened.run(None, fed)


class Patches(CalibrationDataReader):  # type: ignore[misc]
    """Patches to calibrate on, one after the other."""

    def __init__(self, restorer: nn.Module) -> None:
        self.patches = (fed for fed, _ in patches_of(restorer, CALIBRATED_ON))

    def get_next(self) -> Any:
        """The next one."""
        return next(self.patches, None)


def all_converted(restorer: nn.Module, whole: Path, part: Path, bits: int) -> None:
    """Write the file with all convolutions but the first and the last in integers, activations of so many bits."""
    names = [node.name for node in onnx.load(whole).graph.node if node.op_type == "Conv"]
    with quiet():
        quantize_static(
            whole,
            part,
            Patches(restorer),
            op_types_to_quantize=["Conv"],
            nodes_to_quantize=names[1:-1],
            per_channel=True,
            reduce_range=True,
            activation_type=ACTIVATIONS[bits],
            weight_type=QuantType.QInt8,
        )


def lost(name: str, folder: Path) -> dict[str, Any]:
    """Write the files of a model, and say what each loses."""
    restorer, whole = clearsight.load(name), folder / f"{name}-onnx.onnx"
    export_onnx(restorer, whole)
    judged = list(patches_of(restorer, JUDGED_ON))
    psnr = mean_psnr(whole, judged)
    row: dict[str, Any] = {"decibels": round(psnr, 3)}
    for bits in ACTIVATIONS:
        part = folder / f"{name}-all{bits}.onnx"
        all_converted(restorer, whole, part, bits)
        row[f"all_converted_activations_of_{bits}_bits_lose"] = round(psnr - mean_psnr(part, judged), 4)
    try:
        found = export_int8(restorer, folder / f"{name}-int8.onnx")
    except ModelError as error:
        return row | {"refused": str(error)}
    return row | {
        "int8_loses": round(found.loss, 4),
        "int8_convolutions": len(found.integers),
        "of_convolutions": len(found.alone) + 2,
        "each_alone_loses": {layer: round(loss, 4) for layer, loss in found.alone.items()},
    }


def in_convolutions(path: Path, fed: dict[str, Any]) -> float:
    """The share of the time of ONNX Runtime that is spent in convolutions of any kind."""
    with tempfile.TemporaryDirectory() as folder:
        opened = session(path, profile=f"{folder}/profile")
        opened.run(None, fed)
        events = json.loads(Path(opened.end_profiling()).read_text(encoding="utf-8"))
    times = Counter[str]()
    for event in events:
        if event.get("cat") == "Node":
            times[event["args"].get("op_name", "")] += event["dur"]
    return sum(times[name] for name in times if "Conv" in name) / max(times.total(), 1)


@torch.inference_mode()
def timed(name: str, folder: Path, size: tuple[int, int], repeats: int, rates: dict[str, float]) -> dict[str, Any]:
    """Seconds a megapixel, and shares of the rates of products."""
    restorer, megapixels = clearsight.load(name), size[0] * size[1] / 1e6
    y = torch.rand(1, restorer.traits.channels, *size)
    folded, fed = fused(restorer).to(memory_format=torch.channels_last), {"y": y.numpy()}
    seconds = {"torch": fastest(lambda: restored(folded, y), repeats) / megapixels}
    row: dict[str, Any] = {"multiply_adds_per_pixel": round(work := multiply_adds(restorer))}
    for kind in ("onnx", "int8", "all8"):
        path = folder / f"{name}-{kind}.onnx"
        if path.is_file():
            opened = session(path)
            seconds[kind] = fastest(lambda opened=opened: opened.run(None, fed), repeats) / megapixels
            row[f"{kind}_in_convolutions"] = round(in_convolutions(path, fed), 3)
    row["seconds_per_megapixel"] = {kind: round(found, 3) for kind, found in seconds.items()}
    row["share_of_product_rate"] = {
        kind: round(work * 1e6 / found / rates["int8" if kind == "all8" else "float32"], 3)
        for kind, found in seconds.items()
        if kind != "int8"
    }
    torch_alone = seconds["torch"]
    others = {kind: found for kind, found in seconds.items() if kind != "torch"}
    return row | {f"{kind}_against_torch": round(torch_alone / found, 2) for kind, found in others.items()}


def product_rates(side: int, repeats: int) -> dict[str, float]:
    """Multiply-adds a second of matrix products."""
    a, b = torch.randn(side, side), torch.randn(side, side)
    products: dict[str, Callable[[], Any]] = {"float32": lambda: a @ b, "int8": integer_product(side)}
    return {kind: side**3 / fastest(product, 4 * repeats) for kind, product in products.items()}


def models(sizes: tuple[tuple[int, int], int, int], names: Sequence[str]) -> dict[str, Any]:
    """All of it; what is timed is timed at the end, one after the other."""
    size, repeats, side = sizes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        losses = {model: lost(model, folder) for model in names}
        print("timing", file=sys.stderr)
        rates = product_rates(side, repeats)
        rows = {model: {**losses[model], **timed(model, folder, size, repeats, rates)} for model in names}
    return {
        "product_multiply_adds_per_second": {kind: round(rate) for kind, rate in rates.items()},
        "int8_product_against_float32": round(rates["int8"] / rates["float32"], 2),
        "models": rows,
    }


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    sizes = (SMALL, SMALL_REPEATS, SMALL_SIDE) if rehearsal else (SIZE, REPEATS, SIDE)
    torch.set_num_threads(1)
    result = {
        "image": list(sizes[0]),
        "instructions": sorted(INSTRUCTIONS & set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())),
        **models(sizes, MODELS[2:] if rehearsal else MODELS),
    }
    save("int8", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
