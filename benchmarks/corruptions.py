"""What a guarded classifier makes of the fifteen corruptions of ImageNet-C, none of which its restorer was trained on.

python benchmarks/corruptions.py [--images 150] [--preset smoke]     # twenty minutes on one core

CIFAR-10 read by ``cifar-resnet``, alone and behind ``guided-cifar``, which knows Gaussian noise alone: always restored,
the mean of both answers, and restored where a gate says so. The gate is fitted on validation images under the four
corruptions that are kept for choices. Strengths are those of ImageNet-C, which are hard on images of 32 pixels. Test
images are evenly spread, the same under all corruptions and for all rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import Any

import clearsight
from clearsight.datasets import CIFAR10, take
from clearsight.evaluation import evaluate
from clearsight.evaluation.robustness import SETS, evaluate_robustness
from clearsight.evaluation.selection import CLEAN, select
from measuring import save

RESTORER, RECOGNIZER = "guided-cifar", "cifar-resnet"
CHOSEN_ON, REHEARSED_ON = 100, 4
"""Validation images that the gate is fitted on; and images of any part in a rehearsal."""


def main() -> None:
    """Choose on validation images, judge test images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    held_out, tested = (REHEARSED_ON, REHEARSED_ON) if rehearsal else (CHOSEN_ON, asked.images)
    restorer, recognizer = clearsight.load(RESTORER), clearsight.load_recognizer(RECOGNIZER)
    kept = [each for severities in SETS["corruptions-held-out"].values() for each in severities]
    selection = select(restorer, recognizer, take(CIFAR10(part="val"), held_out), kept)
    images, read_by = take(CIFAR10(part="test"), tested), {name: (None, one) for name, one in selection.rules.items()}
    judged = partial(evaluate, images, model=restorer, recognizer=recognizer, read_by=read_by)

    def told(degradation: str) -> Any:
        print(degradation, file=sys.stderr)
        return judged(degradation)

    clean = evaluate_robustness(told, {"none": [CLEAN]}).means()["none"]
    found = evaluate_robustness(told, SETS["corruptions"]).means()
    noises = [row for kind, row in found.items() if kind.endswith("noise")]
    result = {
        "images": tested,
        "selection": selection.as_json(),
        "error": {
            kind: {name: round(value, 3) for name, value in row.items()}
            for kind, row in {"none": clean, **found}.items()
        },
        "error_over_kinds_of_noise": {
            name: round(sum(row[name] for row in noises) / len(noises), 3) for name in noises[0]
        },
    }
    save("corruptions", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
