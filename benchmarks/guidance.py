"""Text under what goes wrong with pages: restored by guided-text and by its twin, read by engines that guided neither.

python benchmarks/guidance.py [--pages 200] [--lines 1000] [--fonts FOLDER] [--models GUIDED TWIN] [--preset smoke]

Rendered pages and lines of the part test, whose fonts and sentences nothing was trained on, under
document(severity=3..5). What guidance gains is the difference of the two error rates on the same images, with an
interval over images. Pages are read by RapidOCR and Tesseract, lines by Tesseract and by ocr-lines, which did guide.
Needs clearsight[ocr] and Tesseract. The models are those that the recipes guided-text and separate-text leave in runs/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from torch import nn

import clearsight
from clearsight.contracts import Dataset
from clearsight.datasets import Lines, Pages
from clearsight.evaluation.protocol import method_of
from clearsight.inference import Predictor
from clearsight.inference.engine import Engine
from clearsight.metrics.metric import recognition_metrics, restoration_metrics
from gaining import compared
from measuring import save

SEVERITIES = (3, 4, 5)
GUIDED, TWIN, START = "guided-text", "separate-text", "restore-text"
ENGINES = {"pages": ("ocr", "tesseract"), "lines": ("tesseract", "ocr-lines")}


def judged(images: Dataset, severity: int, models: Mapping[str, nn.Module], engine: str, seed: int) -> dict[str, Any]:
    """One table, and how many points of the error rate guidance takes off."""
    reader = Predictor(engine)
    height, width = images[0].x.shape[1:]
    metrics = [*restoration_metrics(height, width), *recognition_metrics(reader.traits)]
    engines = {name: Engine(model) for name, model in models.items()}
    methods = {"degraded": method_of(metrics, reader=reader)}
    methods |= {name: method_of(metrics, engine=one, reader=reader) for name, one in engines.items()}
    return compared(images, f"document(severity={severity})", methods, before=TWIN, after=GUIDED, seed=seed)


def main() -> None:
    """Judge pages and lines at every severity by every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--models", nargs=2, default=[f"runs/{GUIDED}/weights", f"runs/{TWIN}/weights"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    sources = [START, START] if rehearsal else asked.models
    models = {GUIDED: clearsight.load(sources[0]), TWIN: clearsight.load(sources[1]), START: clearsight.load(START)}
    counts = {"pages": 1, "lines": 2} if rehearsal else {"pages": asked.pages, "lines": asked.lines}
    sets: dict[str, Dataset] = {
        "pages": Pages(part="test", root=asked.fonts, paper="a7", count=counts["pages"]),
        "lines": Lines(part="test", root=asked.fonts, count=counts["lines"]),
    }
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, images in sets.items():
        found[name] = {}
        for engine in ENGINES[name]:
            found[name][engine] = {}
            for severity in SEVERITIES:
                print(f"{name}, {engine}: severity {severity}", file=sys.stderr)
                found[name][engine][str(severity)] = judged(images, severity, models, engine, asked.seed)
    trained = {name: models[name].figures["steps"] for name in (GUIDED, TWIN)}
    result = {"seed": asked.seed, "counts": counts, "paper": "a7", "steps": trained, "engines": found}
    save("guidance", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
