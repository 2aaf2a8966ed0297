"""What strength does to white noise and to a camera's, which is correlated; what self-ensemble is worth.

python benchmarks/strength.py                          # three minutes on one core
python benchmarks/strength.py denoise-color mine=FOLDER

Strength: four of the squares of 256 pixels that trainings hold out of bsds432, clipped and in 8 bits, all models on the
same noise. Correlated noise: correlation 0.7, 0.4 and 0.2 at a distance of 1, 2 and 3 pixels, 0.5 between channels.
Self-ensemble: the central squares of 256 pixels of every third image of Kodak24, unclipped noise.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

import clearsight
from clearsight.datasets import Photographs
from clearsight.datasets.subset import Centres, Subset
from clearsight.degradations import parse
from clearsight.inference import Engine
from clearsight.metrics import psnr
from clearsight.restorers import adjusted
from clearsight.seeds import generator_for
from clearsight.training import Patches
from measuring import save

STRENGTHS = (0, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4)
WHITE, CORRELATED = (15, 25, 50), (4, 8)
NARROW, WIDE = 0.6**0.5, 0.4**0.5
"""Shares of the standard deviation; together they correlate as they should."""


def degradations() -> dict[str, str]:
    """What is done to the images, by the name of the condition."""
    found = {f"white, σ = {sigma}/255": f"gaussian(sigma={sigma}/255)" for sigma in WHITE}
    for sigma in CORRELATED:
        parts = ((NARROW, 0.7), (WIDE, 1.8))
        steps = (f"correlated(sigma={s * sigma / 255:.6f}, radius={radius}, colour=0.5)" for s, radius in parts)
        found[f"correlated, sd {sigma}/255"] = " | ".join(steps)
    return {name: f"{text} | quantize" for name, text in found.items()}


def luma(x: Tensor) -> Tensor:
    """``(B, 3, H, W)`` in grey."""
    return torch.einsum("c,bchw->bhw", torch.tensor([0.299, 0.587, 0.114]), x)[:, None]


def noisy(x: Tensor, degradation: str) -> Tensor:
    """Degraded images, each by its number."""
    step = parse(degradation)
    each = (step(one[None], generator=generator_for(0, i, stream=f"strength/{degradation}")) for i, one in enumerate(x))
    return torch.cat(list(each))


def restored(model: nn.Module, y: Tensor, *, strength: float = 1.0, self_ensemble: bool = False) -> Tensor:
    """By the engine, in float32."""
    wanted = adjusted(model, strength=strength, self_ensemble=self_ensemble)
    return Engine(wanted, device="cpu", precision="float32").restore_batch(y)


def mean_psnr(x_hat: Tensor, x: Tensor) -> float:
    """In dB, over images, clipped."""
    return round(sum(float(psnr(a.clamp(0, 1), b)) for a, b in zip(x_hat, x, strict=True)) / len(x), 3)


def strengths(model: nn.Module, x: Tensor) -> dict[str, dict[str, list[float]]]:
    """By condition: PSNR, and the root mean square of what is taken away, of 255, at each strength."""
    found = {}
    for name, degradation in degradations().items():
        y = noisy(x, degradation)
        answers = [restored(model, y, strength=strength) for strength in STRENGTHS]
        taken = [round(255 * float((y - x_hat).square().mean().sqrt()), 3) for x_hat in answers]
        found[name] = {"psnr": [mean_psnr(x_hat, x) for x_hat in answers], "taken": taken}
    return found


def self_ensemble(model: nn.Module, x: Tensor) -> dict[str, float]:
    """PSNR without and with it at σ = 25/255."""
    y = noisy(x, "gaussian(sigma=25/255)")
    return {
        "psnr": mean_psnr(restored(model, y), x),
        "psnr_self_ensemble": mean_psnr(restored(model, y, self_ensemble=True), x),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["denoise-color", "denoise-grey"])
    given = parser.parse_args().models
    started = time.monotonic()
    data = Patches(images="bsds432", channels=3)
    data.setup("fit")
    squares = torch.cat([batch.scaled().x for batch in data.held_out()])[:4]
    kodak = Centres(Photographs(root="kodak24"), 256)
    crops = torch.stack([sample.x for sample in Subset(kodak, range(0, 24, 3))])
    rows = {}
    for name, _, where in (one.partition("=") for one in given):
        model = clearsight.load(where or name)
        views = (luma(squares), luma(crops)) if model.traits.channels == 1 else (squares, crops)
        rows[name] = {"strength": strengths(model, views[0]), "self_ensemble": self_ensemble(model, views[1])}
    counts = {"images": len(squares), "self_ensemble_images": len(crops), "strengths": STRENGTHS}
    save("strength", {**counts, "rows": rows}, time.monotonic() - started)


if __name__ == "__main__":
    main()
