"""Kinds of noise, pictures that have none, and micrographs: the models that pictures are restored with by default.

python benchmarks/noise.py [NAME=FOLDER …] [--limit N]

*Kinds*: PSNR on Kodak24, whole images; what is drawn for an image is the same for all models. *Clean*: by how much of
255 the models change pictures that need nothing, on average and at most: Kodak24 as it is, and text, fine lines and
windows drawn here. *Micrographs*: smooth cells of known brightness, 16 bits, photons counted and read; restored as
files are, and by BM3D behind the generalized Anscombe transform (Mäkitalo and Foi, 2013), told all of the noise.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import clearsight
from clearsight.contracts import Sample
from clearsight.datasets import Pairs, Photographs
from clearsight.datasets.subset import Subset
from clearsight.degradations import parse
from clearsight.evaluation.loop import Method, batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.inference import Engine
from clearsight.metrics.metric import PSNR
from clearsight.seeds import generator_for
from measuring import save

KINDS = (
    "gaussian(sigma=15/255) | quantize",
    "gaussian(sigma=25/255)",
    "gaussian(sigma=50/255)",
    "camera(iso=800, full_well=50000) | jpeg(quality=92)",
    "camera(iso=3200, full_well=50000) | jpeg(quality=92)",
    "camera(iso=12800, full_well=50000) | jpeg(quality=92)",
    "camera(iso=800, full_well=8000) | jpeg(quality=85, offset=4)",
    "correlated(sigma=5/255, radius=0.84, colour=0.5) | quantize",
    "grain(sigma=10/255) | quantize",
    "jpeg(quality=10)",
    "jpeg(quality=20)",
    "jpeg(quality=40)",
)
GAINS = (1, 4, 20)
PHOTONS, OFFSET, READ = 60, 100, 1.6
"""Of the brightest cell; counts without light; electrons."""


def kinds(methods: Mapping[str, Method], dataset: Photographs | Subset) -> dict[str, Any]:
    """PSNR by kind and model, with intervals."""
    found = {}
    for kind in KINDS:
        rows = judge(batches(Pairs(dataset, parse(kind), seed=0), range(len(dataset))), methods, seed=0)
        found[kind] = {
            name: {end: round(getattr(row.figures["psnr"], end), 3) for end in ("value", "low", "high")}
            for name, row in rows.items()
        }
        print(kind, {name: figure["value"] for name, figure in found[kind].items()}, flush=True)
    return found


def drawn(kind: str) -> NDArray[np.uint8]:
    """A page of text, fine lines, or windows, 512×512, RGB."""
    image = Image.new("RGB", (512, 512), (252, 250, 246) if kind == "text" else (236, 238, 240))
    pen = ImageDraw.Draw(image)
    if kind == "text":
        words = Path(__file__).read_text(encoding="utf-8").split()
        for row in range(26):
            size = 9 + row % 4 * 3
            line = " ".join(words[row * 9 : row * 9 + 9])
            pen.text((16, 10 + row * 19), line, fill=(30, 28, 34), font=ImageFont.load_default(size))
    elif kind == "lines":
        for step in range(60):
            pen.line((8 + step * 8, 8, 500 - step * 4, 504), fill=(20, 20, 20), width=1)
            pen.arc((step * 4, step * 4, 511 - step * 4, 511 - step * 4), 0, 300, fill=(180, 30, 30))
    else:
        for step in range(12):
            left, top = 20 + step * 31, 16 + step * 29
            pen.rectangle((left, top, left + 150, top + 110), fill=(255, 255, 255), outline=(90, 90, 90))
            pen.rectangle((left, top, left + 150, top + 14), fill=(40 + step * 15, 90, 200 - step * 10))
            pen.text((left + 4, top + 20), f"File {step}  Edit  View", fill=(0, 0, 0), font=ImageFont.load_default(11))
    return np.asarray(image)


def changes(model: str, dataset: Photographs | Subset) -> dict[str, dict[str, float]]:
    """By how much clean pictures are changed, in 255ths: the mean, and the mean over pictures of the most."""
    pictures = {"kodak24": [np.uint8(sample.x.movedim(0, -1).numpy() * 255 + 0.5) for sample in samples(dataset)]}
    pictures |= {kind: [drawn(kind)] for kind in ("text", "lines", "windows")}
    found = {}
    for name, clean in pictures.items():
        moved = [np.abs(np.int16(clearsight.restore(x, model=model)) - x) for x in clean]
        found[name] = {
            "mean": round(float(np.mean([each.mean() for each in moved])), 3),
            "most": round(float(np.mean([each.max() for each in moved])), 1),
        }
    return found


def samples(dataset: Photographs | Subset) -> list[Sample]:
    """All of them."""
    return [dataset[number] for number in range(len(dataset))]


def cells(generator: torch.Generator) -> NDArray[np.float64]:
    """Brightness of smooth cells from 0 to 1 on a dim ground, ``(256, 256)``."""
    rows, columns = np.mgrid[:256, :256]
    picture = np.full((256, 256), 0.03)
    for x, y, radius, tall, light in torch.rand(24, 5, generator=generator).tolist():
        size = 8 + 20 * radius
        distance = np.hypot((rows - 256 * x) / (0.6 + 0.8 * tall), columns - 256 * y) / size
        body = 1 / (1 + np.exp(12 * (distance - 1)))
        texture = 0.75 + 0.25 * np.sin(rows / (3 + 4 * tall)) * np.cos(columns / (3 + 4 * light))
        picture = np.maximum(picture, (0.1 + 0.9 * light) * body * texture)
    return picture


def variance_stabilized(counts: NDArray[np.uint16], gain: float) -> NDArray[np.float64]:
    """Photons found by BM3D between the generalized Anscombe transform and its inverse without bias, in closed form."""
    from bm3d import bm3d

    signal, read = counts.astype(float) - OFFSET, READ * gain
    inside = gain * signal + 0.375 * gain**2 + read**2
    stable = 2 / gain * np.sqrt(np.maximum(inside, 0))
    low, high = stable.min(), stable.max()
    d = np.maximum(bm3d((stable - low) / (high - low), 1 / (high - low)) * (high - low) + low, 0.5)
    photons = d**2 / 4 + np.sqrt(1.5) / 4 / d - 11 / 8 / d**2 + 5 / 8 * np.sqrt(1.5) / d**3 - 1 / 8 - READ**2
    return np.maximum(photons, 0)


def micrographs(model: str, count: int) -> dict[str, dict[str, float]]:
    """PSNR of the light, its brightest as the peak: noisy, restored, and of the peer where it is installed."""
    found = {}
    for gain in GAINS:
        tallies: dict[str, list[float]] = {}
        for number in range(count):
            generator = generator_for(0, number, stream=f"micrographs/{gain}")
            photons = PHOTONS * cells(generator)
            electrons = torch.poisson(torch.from_numpy(photons), generator=generator)
            electrons += READ * torch.randn(electrons.shape, generator=generator, dtype=torch.float64)
            counts = np.clip(np.rint(OFFSET + gain * electrons.numpy()), 0, 65535).astype(np.uint16)
            answers = {"noisy": counts, model: clearsight.restore(counts, model=model)}
            answers[f"{model}, adapted"] = clearsight.restore(counts, model=model, adapt=True)
            light = {name: (answer.astype(float) - OFFSET) / gain for name, answer in answers.items()}
            with contextlib.suppress(ImportError):
                light["BM3D, stabilized, told the noise"] = variance_stabilized(counts, gain)
            for name, answer in light.items():
                error = np.mean((answer - photons) ** 2)
                tallies.setdefault(name, []).append(float(10 * np.log10(PHOTONS**2 / error)))
        found[f"{gain} counts a photon"] = {name: round(float(np.mean(each)), 3) for name, each in tallies.items()}
        print(gain, found[f"{gain} counts a photon"], flush=True)
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["denoise-color=denoise-color", "denoise-photo=denoise-photo"])
    parser.add_argument("--grey", default="denoise-grey")
    parser.add_argument("--limit", type=int, default=24)
    given = parser.parse_args()
    started = time.monotonic()
    dataset = Subset(Photographs(root=Path(os.environ["CLEARSIGHT_DATA"]) / "kodak24"), range(given.limit))
    models = {name: where or name for name, _, where in (each.partition("=") for each in given.models)}
    methods = {"noisy": method_of([PSNR])}
    methods |= {name: method_of([PSNR], engine=Engine(clearsight.load(where))) for name, where in models.items()}
    save(
        "noise",
        {
            "images": len(dataset),
            "clean": {name: changes(where, dataset) for name, where in models.items()},
            "micrographs": {"pictures": given.limit, "psnr": micrographs(given.grey, given.limit)},
            "kinds": kinds(methods, dataset),
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
