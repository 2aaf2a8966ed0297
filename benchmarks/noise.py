"""Kinds of noise, and pictures that have none: the models that pictures are restored with by default.

python benchmarks/noise.py [NAME=FOLDER …] [--limit N]

*Kinds*: PSNR on Kodak24, whole images; what is drawn for an image is the same for all models. *Clean*: by how much of
255 the models change pictures that need nothing, on average and at most: Kodak24 as it is, and text, fine lines and
windows drawn here.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
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


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["denoise-color=denoise-color", "denoise-photo=denoise-photo"])
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
            "kinds": kinds(methods, dataset),
        },
        time.monotonic() - started,
    )


if __name__ == "__main__":
    main()
