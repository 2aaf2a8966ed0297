"""PSNR of a residual U-Net with and without additive constants, at trained σ, beyond them, and on dim pictures.

python benchmarks/bias.py [NAME=FOLDER …]

The images are those that trainings hold out of bsds432, 12 squares of 256 pixels; every network sees the same noise, not
clipped. Dim: image and noise divided by 4, 16 and 64, the network told nothing, its answer multiplied again.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

import clearsight
from clearsight.metrics import psnr
from clearsight.seeds import generator_for
from clearsight.training import Patches
from measuring import save

SIGMAS = (15, 25, 50, 75, 100)
DIM = (4, 16, 64)


@torch.inference_mode()
def figures(model: nn.Module, images: list[Tensor]) -> dict[str, float]:
    """Mean PSNR in dB by condition."""
    found: dict[str, list[float]] = {}
    for number, x in enumerate(images):
        for sigma in SIGMAS:
            noise = torch.randn(x.shape, generator=generator_for(0, number, stream=f"bias/{sigma}")) * sigma / 255
            for share in (1, *DIM) if sigma == 25 else (1,):
                x_hat = model((x + noise) / share) * share
                name = f"sigma {sigma}" + (f", 1/{share} of the light" if share > 1 else "")
                found.setdefault(name, []).append(float(psnr(x_hat.clamp(0, 1), x)))
    return {name: round(sum(values) / len(values), 3) for name, values in found.items()}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["denoise-color=denoise-color"])
    started = time.monotonic()
    data = Patches(images="bsds432", channels=3)
    data.setup("fit")
    images = [batch.scaled().x for batch in data.held_out()]
    rows = {}
    for given in parser.parse_args().models:
        name, _, where = given.partition("=")
        model = clearsight.load(where or name)
        rows[name] = {
            "trained": {key: model.figures[key] for key in ("steps", "seconds") if key in model.figures},
            "psnr": figures(model, images),
        }
    save("bias", {"images": len(images), "rows": rows}, time.monotonic() - started)


if __name__ == "__main__":
    main()
