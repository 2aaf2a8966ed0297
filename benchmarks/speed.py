"""Seconds a megapixel of every denoising network, in one process on one image, against DnCNN-color in plain float32.

python benchmarks/speed.py [--repeats 3]

Plain is what most toolkits do: an unfolded network in float32 and the default memory layout. The others run as the
engine runs them: folded, channels last. The share is of the rate that one large matrix product of the same precision
reaches here. bfloat16 is measured only where the processor has instructions for it.
"""

from __future__ import annotations

import argparse
import time

import torch

import clearsight
from clearsight.inference.device import fused, has_fast_bfloat16
from clearsight.restorers import DnCNN, FFDNet, MultiscaleDenoiser
from measuring import fastest, multiply_adds, save

HEIGHT, WIDTH = 512, 768


def product_rate(dtype: torch.dtype) -> float:
    """Multiply-adds a second of a 2048×2048 matrix product."""
    a, b = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    return 2048**3 / fastest(lambda: a @ b, 5)


@torch.inference_mode()
def main() -> None:
    """Time every network, one after the other, in each round anew, so that a slow spell hits all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    started = time.monotonic()
    y, sigma = torch.rand(1, 3, HEIGHT, WIDTH), torch.tensor([25 / 255])
    plain = DnCNN(channels=3).eval()
    networks = {
        "denoise-color": clearsight.load("denoise-color"),
        "dncnn": plain,
        "ffdnet": FFDNet(),
        "multiscale": MultiscaleDenoiser(),
    }
    megapixels = HEIGHT * WIDTH / 1e6
    rates = {"float32": product_rate(torch.float32)}
    if has_fast_bfloat16(torch.device("cpu")):
        rates["bfloat16"] = product_rate(torch.bfloat16)
    reference = fastest(lambda: plain(y), repeats) / megapixels
    rows = {}
    for name, network in networks.items():
        model = fused(network).to(memory_format=torch.channels_last)
        folded, work = y.contiguous(memory_format=torch.channels_last), multiply_adds(network.eval())
        for precision, rate in rates.items():
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                seconds = fastest(lambda model=model, folded=folded: model(folded, sigma), repeats) / megapixels
            rows[f"{name} {precision}"] = {
                "seconds_per_megapixel": round(seconds, 3),
                "times_faster_than_plain_dncnn": round(reference / seconds, 2),
                "multiply_adds_per_pixel": round(work),
                "share_of_matrix_product_rate": round(work * 1e6 / seconds / rate, 3),
            }
    save(
        "speed",
        {
            "image": [HEIGHT, WIDTH],
            "plain_dncnn_float32_seconds_per_megapixel": round(reference, 3),
            "matrix_product_multiply_adds_per_second": {k: round(v) for k, v in rates.items()},
            "rows": rows,
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
