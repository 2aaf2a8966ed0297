"""Lines of text crossed out by a pen: read by a joint model, and by a pipeline of a restorer and a reader.

python benchmarks/crossed.py [--lines 500] [--fonts FOLDER] [--models JOINT SEPARATE] [--preset smoke]

Rendered lines of the part test, whose fonts and sentences nothing was trained on, under six and under twelve strokes of
a pen; what chen2016 compares for single letters. The reader of every row but the joint model's is ocr-lines as it is.
What joint training gains is the difference of the two error rates on the same lines, with an interval over lines. The
models are those that the recipes joint-lines and separate-lines leave in runs/.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

from torch import nn

import clearsight
from clearsight.datasets import Lines
from clearsight.evaluation.protocol import method_of
from clearsight.inference import Predictor
from clearsight.inference.engine import Engine
from clearsight.metrics.metric import recognition_metrics, restoration_metrics
from gaining import compared
from measuring import save

JOINT, SEPARATE, START, READER = "joint-lines", "separate-lines", "restore-text", "ocr-lines"
STROKES = (6, 12)


def judged(lines: Lines, strokes: int, restorers: Mapping[str, nn.Module], own: nn.Module, seed: int) -> dict[str, Any]:
    """One table, and how many points of the error rate joint training takes off."""
    reader = Predictor(READER)
    height, width = lines[0].x.shape[1:]
    metrics = [*restoration_metrics(height, width), *recognition_metrics(reader.traits)]
    methods = {"degraded": method_of(metrics, reader=reader)}
    for name, model in restorers.items():
        methods[name] = method_of(metrics, engine=Engine(model), reader=reader)
    methods[f"{JOINT}, its own reader"] = method_of(recognition_metrics(reader.traits), reader=Predictor(own))
    crossing = f"pen-strokes(ink=0.6..1, count={strokes}, width=1..3)"
    return compared(lines, crossing, methods, before=SEPARATE, after=f"{JOINT}, its own reader", seed=seed)


def main() -> None:
    """Judge both under few strokes and under many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--models", nargs=2, default=[f"runs/{name}/weights" for name in (JOINT, SEPARATE)])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    restorers = {name: clearsight.load(model) for name, model in zip((JOINT, SEPARATE), asked.models, strict=True)}
    restorers[START], own = clearsight.load(START), clearsight.load_recognizer(asked.models[0])
    lines = Lines(part="test", root=asked.fonts, count=2 if rehearsal else asked.lines)
    found = {str(strokes): judged(lines, strokes, restorers, own, asked.seed) for strokes in STROKES}
    trained = {name: restorers[name].figures["steps"] for name in (JOINT, SEPARATE)}
    result = {"seed": asked.seed, "lines": len(lines), "steps": trained, "strokes": found}
    save("crossed", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
