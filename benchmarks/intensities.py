"""What restoring does to pictures whose numbers are not 8-bit sRGB: the table of docs/journeys/restore.md.

python benchmarks/intensities.py

Made-up cells on a pedestal in 16 bits, with noise a tenth of the signal, as they are and stretched to [0, 1] by hand; a
flat field; a float photograph in 0..255 and in [0, 1]; a small light in an HDR field; a sky with stars.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from skimage import data

import clearsight
from measuring import save

Array = NDArray[np.float64]
SIGNALS = (60, 250, 1000, 4000)


def cells(side: int = 256) -> Array:
    """Discs with soft edges, in [0, 1]."""
    rng, x = np.random.default_rng(1), np.zeros((side, side))
    rows, columns = np.mgrid[:side, :side]
    for _ in range(20):
        (row, column), radius, height = rng.uniform(0, side, 2), rng.uniform(8, 24), rng.uniform(0.3, 1)
        x = np.maximum(x, height / (1 + np.exp((np.hypot(rows - row, columns - column) - radius) / 2)))
    scaled: Array = x / x.max()
    return scaled


def stars(side: int = 256) -> Array:
    """A background of 0.002 and 40 stars of 0.01 to 1."""
    rng, x = np.random.default_rng(3), np.full((side, side), 0.002)
    rows, columns = np.mgrid[:side, :side]
    for _ in range(40):
        (row, column), peak = rng.integers(8, side - 8, 2), 10 ** rng.uniform(-2, 0)
        x += peak * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 1.2**2))
    return x


def psnr(x_hat: Array, x: Array, peak: float) -> float:
    """In dB over ``peak``, two decimals."""
    return round(float(10 * np.log10(peak**2 / np.mean((x_hat - x) ** 2))), 2)


def pedestal(signal: int, rng: np.random.Generator) -> dict[str, float]:
    """16 bits: 100 counts and a signal, noise a tenth of it."""
    x = 100 + signal * cells()
    y = np.clip(np.rint(x + rng.normal(0, signal / 10, x.shape)), 0, 65535).astype(np.uint16)
    by_hand = clearsight.restore(((y - 100.0) / signal).astype(np.float32), range="full").astype(float) * signal + 100
    restored = clearsight.restore(y).astype(float)
    return {
        "in": psnr(y, x, signal),
        "out": psnr(restored, x, signal),
        "by_hand": psnr(by_hand, x, signal),
        "mean_moved_percent": round(100 * float(restored.mean() - y.mean()) / signal, 3),
    }


def main() -> None:
    """Measure."""
    started, rng = time.monotonic(), np.random.default_rng(0)
    counts = {str(signal): pedestal(signal, rng) for signal in SIGNALS}
    flat = np.rint(rng.normal(100, 6, (128, 128))).astype(np.uint16)
    level = clearsight.restore(flat).astype(float)
    photo = data.astronaut()[:256, :256].astype(np.float32)
    noisy = photo + rng.normal(0, 25, photo.shape).astype(np.float32)
    light = np.full((128, 128, 3), 0.2, np.float32)
    light[60:68, 60:68] = 100
    beside = np.ones((128, 128), bool)
    beside[60:68, 60:68] = False
    lit = (light + rng.normal(0, 0.05, light.shape)).astype(np.float32)
    shone = clearsight.restore(lit)
    sky = stars()
    night = (sky + rng.normal(0, 0.0005, sky.shape)).astype(np.float32)
    darker = clearsight.restore(night)
    save(
        "intensities",
        {
            "counts": counts,
            "flat": {"mean_in": float(flat.mean()), "mean": float(level.mean()), "sd": float(level.std())},
            "floats": {
                "in": psnr(noisy, photo, 255),
                "in 0..255": psnr(clearsight.restore(noisy), photo, 255),
                "in [0, 1]": psnr(clearsight.restore(noisy / 255) * 255.0, photo, 255),
            },
            "light": {
                "largest_error_beside_in": float(np.abs(lit - light)[beside].max()),
                "largest_error_beside": float(np.abs(shone - light)[beside].max()),
                "least_in": float(lit.min()),
                "least": float(shone.min()),
                "peak_error_percent": float(np.abs(shone - light)[~beside].max()),
            },
            "stars": {
                "rmse_in": float(np.sqrt(np.mean((night - sky) ** 2))),
                "rmse": float(np.sqrt(np.mean((darker - sky) ** 2))),
                "peak_error_percent": float(100 * np.abs(darker / sky - 1)[sky > 0.1].max()),
            },
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
