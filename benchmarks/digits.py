"""Digits under strokes: how they look restored, and what can be read in them.

python benchmarks/digits.py [--seed 0] [--limit 50]

The 10,000 test digits of MNIST under light and under heavy strokes, restored by the shipped restore-digits and by
baselines, read by two recognizers that were trained on clean digits. BM3D, 0.6 seconds a digit, is left out. The
calibration says whether the strokes are those of chen2016: mean PSNR of degraded against clean images, over those that
changed. With a limit it is a rehearsal on so many images, and nothing is kept.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

import clearsight
from clearsight.contracts import Dataset
from clearsight.datasets import MNIST, Alphadigits, Pairs, take
from clearsight.degradations import parse
from clearsight.evaluation import Shown, evaluate
from clearsight.evaluation.figures import draw
from clearsight.metrics import psnr
from measuring import save

KINDS = ("light", "heavy")
RECOGNIZERS = ("digits-mlp", "digits-conv")
BASELINES = ("wiener", "non-local-means", "total-variation", "wavelet")
FIGURES = Path(__file__).parent.parent / "docs" / "figures"
SHOWN = 6


def calibration(dataset: Dataset, kind: str, seed: int) -> dict[str, Any]:
    """Mean PSNR of degraded against clean, over the images that changed."""
    pairs = Pairs(dataset, parse(f"strokes(kind={kind})"), seed=seed)
    each = (pairs[number] for number in range(len(pairs)))
    values = torch.stack([psnr(pair.y[None], pair.sample.x[None])[0] for pair in each])
    changed = values.isfinite()
    return {"images": len(pairs), "unchanged": int((~changed).sum()), "psnr": round(float(values[changed].mean()), 3)}


def judged(dataset: Dataset, kind: str, recognizer: str, seed: int) -> tuple[dict[str, Any], list[Shown]]:
    """One table, and some images in all states; baselines with the better recognizer alone."""
    shown: list[Shown] = []
    table = evaluate(
        dataset,
        f"strokes(kind={kind})",
        model=clearsight.load("restore-digits"),
        recognizer=clearsight.load_recognizer(recognizer),
        with_baselines=BASELINES if recognizer == RECOGNIZERS[-1] else False,
        seed=seed,
        show=shown.append,
        showing=SHOWN,
    )
    return table.as_json(), shown


def main() -> None:
    """Judge every kind of strokes by every recognizer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    seed, limit = arguments.seed, arguments.limit
    started = time.monotonic()
    digits: Dataset = MNIST(part="test")
    letters: Dataset = Alphadigits(part="all")
    if limit is not None:
        digits, letters = take(digits, limit), take(letters, limit)
    strokes: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        tables = {name: judged(digits, kind, name, seed) for name in RECOGNIZERS}
        strokes[kind] = {name: table for name, (table, _) in tables.items()}
        if limit is None:
            draw(tables[RECOGNIZERS[-1]][1], FIGURES / f"digits-{kind}.png")
    calibrations = {kind: calibration(digits, kind, seed) for kind in KINDS}
    calibrations["alphadigits"] = calibration(letters, "heavy", seed)
    result = {"seed": seed, "strokes": strokes, "calibration": calibrations}
    save("digits", result, time.monotonic() - started, rehearsal=limit is not None)


if __name__ == "__main__":
    main()
