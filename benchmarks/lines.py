"""Lines of text: what our reader makes of them, in fonts that it was not trained on.

python benchmarks/lines.py [--lines 1000] [--pages 20] [--fonts /usr/share/fonts] [--preset smoke]

Rendered lines of the part test, whose fonts and sentences nothing was trained on, as a file holds them and under
document(severity=1..5); and clean pages, which it cuts into lines. Needs jiwer, of clearsight[ocr].
"""

from __future__ import annotations

import argparse
import time

from clearsight.contracts import Dataset
from clearsight.datasets import Lines, Pages, Pairs
from clearsight.degradations import parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.inference import Predictor
from clearsight.metrics.metric import recognition_metrics
from measuring import save

READER = "ocr-lines"
CONDITIONS = {"clean": "quantize", **{f"severity {k}": f"document(severity={k})" for k in (1, 2, 3, 4, 5)}}


def rate(images: Dataset, degradation: str, seed: int) -> dict[str, float]:
    """The character error rate in percent, with its interval."""
    reader, pairs = Predictor(READER), Pairs(images, parse(degradation), seed=seed)
    method = method_of(recognition_metrics(reader.traits), reader=reader)
    row = judge(batches(pairs, range(len(pairs))), {READER: method}, seed=seed)[READER].as_json()
    found: dict[str, float] = row["cer"]
    return found


def main() -> None:
    """Read lines under each condition, and clean pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    lines = Lines(part="test", root=asked.fonts, count=3 if rehearsal else asked.lines)
    pages = Pages(part="test", root=asked.fonts, paper="a7", count=1 if rehearsal else asked.pages)
    rates = {name: rate(lines, one, asked.seed) for name, one in CONDITIONS.items()}
    rates["clean pages"] = rate(pages, "quantize", asked.seed)
    counts = {"lines": len(lines), "pages": len(pages)}
    result = {"seed": asked.seed, **counts, "fonts": sorted(path.stem for path in lines.fonts), "cer": rates}
    save("lines", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
