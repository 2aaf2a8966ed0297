"""Restore real photographs that were degraded on purpose, print what was gained, leave a picture.

python examples/demo.py --out demo
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import skimage.data
import torch
from rich.console import Console
from rich.table import Table

import clearsight
from clearsight.images import Picture, read, write
from clearsight.inference.compare import side_by_side
from clearsight.metrics import psnr, ssim

DEGRADATIONS = (
    "gaussian(sigma=15/255)",
    "gaussian(sigma=25/255)",
    "gaussian(sigma=50/255)",
    "poisson(peak=40)",
)
KODAK = ("05.png", "19.png", "23.png")


def photographs() -> dict[str, np.ndarray]:
    """Photographs of the Kodak set where it is there, and always three that scikit-image brings, one of them grey."""
    folder = Path(os.environ.get("CLEARSIGHT_DATA", "")) / "kodak24"
    found = {f"kodak-{p.stem}": read(p).pixels for p in (folder / name for name in KODAK) if p.is_file()}
    grey = skimage.data.camera()[..., None]
    return found | {"astronaut": skimage.data.astronaut(), "cat": skimage.data.chelsea(), "cameraman": grey}


def score(image: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM of two 8-bit images."""
    a, b = (torch.from_numpy(i).movedim(-1, 0)[None] / 255 for i in (image, reference))
    return psnr(a, b).item(), ssim(a, b).item()


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    out = parser.parse_args().out
    table = Table("photograph", "degradation", title="PSNR in dB / SSIM, 8-bit images")
    for column in ("degraded", "restored", "gained"):
        table.add_column(column, justify="right")
    models = {channels: clearsight.load(name) for channels, name in ((1, "denoise-grey"), (3, "denoise-color"))}
    for name, clean in photographs().items():
        for index, degradation in enumerate(DEGRADATIONS):
            degraded = clearsight.degrade(clean, degradation, seed=index)
            restored = clearsight.restore(degraded, model=models[clean.shape[2]])
            before, after = score(degraded, clean), score(restored, clean)
            texts = [f"{p:.2f} / {s:.3f}" for p, s in (before, after)]
            table.add_row(name, degradation, *texts, f"{after[0] - before[0]:+.2f} dB", end_section=index == 3)
            if degradation == "gaussian(sigma=50/255)":
                out.mkdir(parents=True, exist_ok=True)
                row = [Picture(pixels=pixels) for pixels in (degraded, restored, clean)]
                write(side_by_side(row), out / f"{name}.png")
    Console(width=100).print(table)
    print(f"degraded, restored and original side by side, at sigma = 50/255: {out}/*.png")


if __name__ == "__main__":
    main()
