"""Images a second of ``evaluate``, and the memory it takes for few images and for many.

python benchmarks/evaluation.py [--preset smoke]

MNIST digits under heavy strokes, a restorer of the size of restore-digits and a recognizer, both untrained, which
changes neither figure. Each row is a process of its own; its memory is what was resident at the most, all of Python and
the opened data set included: 60,000 images are the published training set, the others are taken from it.
"""

from __future__ import annotations

import time
from typing import Any

from clearsight.datasets import MNIST, take
from clearsight.evaluation import evaluate
from clearsight.recognizers import DigitNet
from clearsight.restorers import ResidualUNet
from measuring import alone, is_rehearsal, peak_memory, save

DATA, DEGRADATION = "MNIST, train+val", "strokes(kind=heavy)"
COUNTS, SMALL_COUNTS = (1_000, 10_000, 60_000), (10, 20)


def measured(count: int) -> dict[str, Any]:
    """Evaluate so many images."""
    dataset = take(MNIST(part="train+val"), count)
    model = ResidualUNet(channels=1, widths=[32, 96], blocks=[1, 4])
    started = time.perf_counter()
    table = evaluate(dataset, DEGRADATION, model=model, recognizer=DigitNet())
    rate = table.images / (time.perf_counter() - started)
    return {
        "images": table.images,
        "images_per_second": round(rate, 1),
        "peak_resident_megabytes": round(peak_memory(), 1),
    }


def main() -> None:
    """Measure every count."""
    rehearsal = is_rehearsal(__doc__)
    started = time.monotonic()
    rows = [alone(measured, count) for count in (SMALL_COUNTS if rehearsal else COUNTS)]
    result = {"data": DATA, "degradation": DEGRADATION, "rows": rows}
    save("evaluation", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
