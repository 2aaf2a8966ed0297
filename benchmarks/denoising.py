"""PSNR of the shipped denoisers on Kodak24 and CBSD68.

python benchmarks/denoising.py [--seed 0]

Two protocols, mean over whole images: *ideal*, unclipped float noise, the result clipped; and *files*, clipped 8-bit
noisy PNG files restored by the command's own machinery into 8-bit PNG files. The grey model: luma (ITU-R 601) of the
same images.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import clearsight
from clearsight.degradations import format_number, parse
from clearsight.images import find, read
from clearsight.inference import Engine, Restoration, degrade_picture, plan, process
from clearsight.metrics import psnr
from clearsight.seeds import generator_for
from measuring import save

SETS = ("kodak24", "cbsd68")
IDEAL, FILES = (25, 35, 50), (15, 25, 50)


def clean(path: Path, channels: int) -> Tensor:
    """An image as ``(1, channels, H, W)`` in [0, 1]."""
    x = torch.from_numpy(read(path).pixels).movedim(-1, 0)[None] / 255
    return x if channels == 3 else torch.einsum("c,bchw->bhw", torch.tensor([0.299, 0.587, 0.114]), x)[:, None]


def ideal(paths: list[Path], engine: Engine | None, channels: int, sigma: int, seed: int) -> float:
    """Mean PSNR on unclipped noise; without an engine, of the noisy images; a method that can be told σ is told."""
    noise = parse(f"gaussian(sigma={sigma}/255)")
    total = 0.0
    for path in paths:
        x = clean(path, channels)
        y = noise(x, generator=generator_for(seed, sigma, stream=path.name))
        if engine is not None:
            told = None if engine.traits.sigma == "blind" else sigma / 255
            pixels = engine.restore_pixels(y[0].movedim(0, -1).numpy(), told)
            y = torch.from_numpy(pixels).movedim(-1, 0)[None]
        total += psnr(y.clamp(0, 1), x).item()
    return total / len(paths)


def through_files(folder: Path, sigma: int, seed: int) -> float:
    """Mean PSNR of 8-bit files that were degraded, restored and read again."""
    noise, restoration = parse(f"gaussian(sigma={sigma}/255)"), Restoration()
    with tempfile.TemporaryDirectory() as scratch:
        noisy, restored = Path(scratch) / "noisy", Path(scratch) / "restored"
        steps = (
            (folder, noisy, lambda job, p: degrade_picture(p, noise, generator_for(seed, sigma, stream=job.key))),
            (noisy, restored, lambda job, p: restoration(p)),
        )
        for source, target, transform in steps:
            reports = list(process(plan([source], target, suffix=".png"), transform))
            assert all(report.error is None for report in reports)
        values = [psnr(clean(restored / path.name, 3), clean(path, 3)).item() for path in find([folder])]
    return sum(values) / len(values)


def main() -> None:
    """Measure every set, model and protocol that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    started = time.monotonic()
    home = Path(os.environ["CLEARSIGHT_DATA"])
    methods: dict[str, tuple[Engine | None, int]] = {"noisy": (None, 3)}
    methods |= {m: (Engine(clearsight.load(m)), 3) for m in ("wiener", "wavelet", "denoise-color")}
    methods |= {"denoise-grey": (Engine(clearsight.load("denoise-grey")), 1)}
    rows: dict[str, Any] = {}
    for name in SETS:
        paths = find([home / name])
        rows[name] = {
            "images": len(paths),
            "sigma": [format_number(sigma / 255) for sigma in IDEAL],
            **{m: [round(ideal(paths, e, c, s, seed), 3) for s in IDEAL] for m, (e, c) in methods.items()},
            "files_sigma": [format_number(sigma / 255) for sigma in FILES],
            "files denoise-color": [round(through_files(home / name, s, seed), 3) for s in FILES],
        }
    save("denoising", {"seed": seed, "rows": rows}, time.monotonic() - started)


if __name__ == "__main__":
    main()
