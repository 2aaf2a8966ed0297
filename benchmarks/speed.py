"""Seconds a megapixel of every denoising network, in one process on one image, against DnCNN-color in plain float32.

python benchmarks/speed.py [--repeats 3] [--device cuda]

Plain is what most toolkits do: an unfolded network in float32 and the default memory layout. The others run as the
engine runs them: folded, channels last. The share is of the rate that one large matrix product of the same precision
reaches here. bfloat16 is measured only where the processor has instructions for it. On a GPU the same is measured and
written to ``results/speed-cuda.json``, image and network lying there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch

import clearsight
from clearsight.inference.device import choose_device, fused, has_fast_bfloat16
from clearsight.restorers import DnCNN, FFDNet, MultiscaleDenoiser
from measuring import fastest, multiply_adds, save

HEIGHT, WIDTH = 512, 768


def product_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Multiply-adds a second of a matrix product, 2048×2048 or, on a GPU, 8192×8192."""
    side = 2048 if device.type == "cpu" else 8192
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return side**3 / fastest(awaited(lambda: a @ b, device), 5)


def awaited(work: Callable[[], object], device: torch.device) -> Callable[[], None]:
    """The work and its end, which a GPU does not wait for."""

    def done() -> None:
        work()
        if device.type != "cpu":
            torch.accelerator.synchronize()

    return done


@torch.inference_mode()
def main() -> None:
    """Time every network, one after the other, in each round anew, so that a slow spell hits all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    repeats, device, started = options.repeats, choose_device(options.device), time.monotonic()
    y, sigma = torch.rand(1, 3, HEIGHT, WIDTH, device=device), torch.tensor([25 / 255], device=device)
    plain = DnCNN(channels=3).eval().to(device)
    networks = {
        "denoise-color": clearsight.load("denoise-color"),
        "dncnn": plain,
        "ffdnet": FFDNet(),
        "multiscale": MultiscaleDenoiser(),
    }
    megapixels = HEIGHT * WIDTH / 1e6
    rates = {"float32": product_rate(torch.float32, device)}
    if has_fast_bfloat16(device):
        rates["bfloat16"] = product_rate(torch.bfloat16, device)
    reference = fastest(awaited(lambda: plain(y), device), repeats) / megapixels
    rows = {}
    for name, network in networks.items():
        work = multiply_adds(network.cpu().eval())
        model = fused(network).to(device, memory_format=torch.channels_last)
        folded = y.contiguous(memory_format=torch.channels_last)
        for precision, rate in rates.items():
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                run = awaited(partial(model, folded, sigma), device)
                seconds = fastest(run, repeats) / megapixels
            rows[f"{name} {precision}"] = {
                "seconds_per_megapixel": round(seconds, 3 if device.type == "cpu" else 6),
                "times_faster_than_plain_dncnn": round(reference / seconds, 2),
                "multiply_adds_per_pixel": round(work),
                "share_of_matrix_product_rate": round(work * 1e6 / seconds / rate, 3),
            }
    save(
        "speed" if device.type == "cpu" else f"speed-{device.type}",
        {
            "image": [HEIGHT, WIDTH],
            "plain_dncnn_float32_seconds_per_megapixel": round(reference, 3 if device.type == "cpu" else 6),
            "matrix_product_multiply_adds_per_second": {k: round(v) for k, v in rates.items()},
            "rows": rows,
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
