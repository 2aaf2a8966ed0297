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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import clearsight
from clearsight.contracts import Dataset, Sample
from clearsight.datasets import Pairs, Photographs
from clearsight.degradations import format_number, parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.images import find, read
from clearsight.inference import Engine, Restoration, degrade_picture, plan, process
from clearsight.metrics import psnr
from clearsight.metrics.metric import PSNR
from clearsight.seeds import generator_for
from measuring import save

SETS = ("kodak24", "cbsd68")
IDEAL, FILES = (25, 35, 50), (15, 25, 50)


@dataclass(frozen=True)
class Luma:
    """Colour images of a data set in grey."""

    dataset: Dataset
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        sample = self.dataset[index]
        luma = torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]), sample.x)[None]
        return Sample(name=sample.name, x=luma, label=None)


def ideal(dataset: Dataset, models: Sequence[str], seed: int) -> dict[str, list[float]]:
    """Mean PSNR on unclipped noise, of the noisy images, too; a method that can be told σ is told."""
    methods = {"noisy": method_of([PSNR])}
    methods |= {name: method_of([PSNR], engine=Engine(clearsight.load(name))) for name in models}
    reached: dict[str, list[float]] = {name: [] for name in methods}
    for sigma in IDEAL:
        noise = parse(f"gaussian(sigma={sigma}/255)")
        pairs = Pairs(dataset, noise, seed=seed, epoch=sigma, with_sigma=True)
        for name, row in judge(batches(pairs, range(len(pairs))), methods, seed=seed).items():
            reached[name].append(round(row.figures["psnr"].value, 3))
    return reached


def clean(path: Path) -> Tensor:
    """An image as ``(1, C, H, W)`` in [0, 1]."""
    return torch.from_numpy(read(path).pixels).movedim(-1, 0)[None] / 255


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
        values = [psnr(clean(restored / path.name), clean(path)).item() for path in find([folder])]
    return sum(values) / len(values)


def main() -> None:
    """Measure every set, model and protocol that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    started = time.monotonic()
    home = Path(os.environ["CLEARSIGHT_DATA"])
    rows: dict[str, Any] = {}
    for name in SETS:
        dataset = Photographs(root=home / name)
        rows[name] = {
            "images": len(dataset),
            "sigma": [format_number(sigma / 255) for sigma in IDEAL],
            **ideal(dataset, ("wiener", "wavelet", "denoise-color"), seed),
            "denoise-grey": ideal(Luma(dataset), ("denoise-grey",), seed)["denoise-grey"],
            "files_sigma": [format_number(sigma / 255) for sigma in FILES],
            "files denoise-color": [round(through_files(home / name, s, seed), 3) for s in FILES],
        }
    save("denoising", {"seed": seed, "rows": rows}, time.monotonic() - started)


if __name__ == "__main__":
    main()
