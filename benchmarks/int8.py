"""What 8-bit integers gain and cost: every shipped denoiser in torch and ONNX Runtime, float32 and int8, one thread.

python benchmarks/int8.py [--preset smoke]

One 512×768 image. Beside it the rate at which this processor multiplies matrices of either kind, 1024×1024, by
torch in float32 and by ONNX Runtime in integers: what bounds int8 here. Without VNNI three instructions multiply and
add 32 pairs of 8 bits where one of float32 does 8, so that no more than a third is to be won by AVX2.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

import clearsight
from clearsight.errors import ModelError
from clearsight.inference import export_int8, export_onnx
from clearsight.inference.device import fused
from clearsight.restorers.padding import restored
from measuring import fastest, is_rehearsal, save

MODELS = ("denoise-photo", "denoise-color", "denoise-grey")
WANTED = {"avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8"}
SIZE, REPEATS, SIDE = (512, 768), 3, 1024
SMALL, SMALL_REPEATS, SMALL_SIDE = (64, 96), 1, 128


def session(model: Any) -> onnxruntime.InferenceSession:
    """On one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def integer_rate(side: int, repeats: int) -> float:
    """Multiply-adds a second of a product of 8-bit matrices."""
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
    return side**3 / fastest(lambda: opened.run(None, fed), repeats)


@torch.inference_mode()
def measured(name: str, size: tuple[int, int], repeats: int) -> dict[str, Any]:
    """Seconds a megapixel, and what is lost."""
    restorer, megapixels = clearsight.load(name), size[0] * size[1] / 1e6
    y = torch.rand(1, restorer.traits.channels, *size)
    folded = fused(restorer).to(memory_format=torch.channels_last)
    row: dict[str, Any] = {"torch": fastest(lambda: restored(folded, y), repeats) / megapixels}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(restorer, path)
        whole = session(path)
        row["onnx"] = fastest(lambda: whole.run(None, {"y": y.numpy()}), repeats) / megapixels
        try:
            found = export_int8(restorer, path)
        except ModelError as error:
            return row | {"refused": str(error)}
        integers = session(path)
        row["int8"] = fastest(lambda: integers.run(None, {"y": y.numpy()}), repeats) / megapixels
    faster = {f"int8_against_{one}": round(row[one] / row["int8"], 2) for one in ("torch", "onnx")}
    return {**row, **faster, "decibels_lost": round(found.loss, 4), "decibels": round(found.psnr, 3)}


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    size, repeats, side = (SMALL, SMALL_REPEATS, SMALL_SIDE) if rehearsal else (SIZE, REPEATS, SIDE)
    torch.set_num_threads(1)
    a, b = torch.randn(side, side), torch.randn(side, side)
    rates = {"float32": side**3 / fastest(lambda: a @ b, 5), "int8": integer_rate(side, 5)}
    result = {
        "image": list(size),
        "instructions": sorted(
            {"avx_vnni", "avx512_vnni", "amx_int8", "avx512_bf16"} & set(Path("/proc/cpuinfo").read_text().split())
        ),
        "product_multiply_adds_per_second": {kind: round(rate) for kind, rate in rates.items()},
        "int8_product_against_float32": round(rates["int8"] / rates["float32"], 2),
        "seconds_per_megapixel": {name: measured(name, size, repeats) for name in MODELS},
    }
    save("int8", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
