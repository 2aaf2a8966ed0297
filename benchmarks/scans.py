"""Real scans: what OCR engines read in them as they are, restored by classical chains, and by restore-text.

python benchmarks/scans.py [--preset smoke]

The pieces of old pages in benchmarks/scans, all together with intervals and each by itself; there is no clean twin of
any, so it is reading alone that is judged. Draws some of them at 100 %, for the docs, too. Needs clearsight[ocr]
and Tesseract.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import clearsight
from clearsight.contracts import Dataset
from clearsight.datasets import open_dataset
from clearsight.datasets.subset import Subset
from clearsight.evaluation import evaluate
from clearsight.evaluation.figures import Tile, draw_pixels
from clearsight.inference import Engine
from measuring import RESULTS, is_rehearsal, save
from text import CHAINS, ENGINES, MODEL

SCANS = Path(__file__).parent / "scans"
SHOWN = {"auction-1": (40, 30), "stampede-2": (0, 0), "cavalerie-2": (80, 250), "finn-2": (0, 0)}
"""What is shown, and where the piece that is shown begins: row and column."""
HEIGHT, WIDTH = 150, 380


def judged(scans: Dataset, engine: str, models: Mapping[str, nn.Module]) -> dict[str, Any]:
    """One table."""
    return evaluate(scans, None, model=models, recognizer=clearsight.load_recognizer(engine)).as_json()


def alone(scans: Dataset, engine: str) -> dict[str, dict[str, float]]:
    """Of each scan by its name, the character error rate as it is and restored, in percent."""
    found = {}
    for at in range(len(scans)):
        rows = judged(Subset(scans, [at]), engine, {MODEL: clearsight.load(MODEL)})["rows"]
        found[Path(scans[at].name).stem] = {row["name"]: round(row["cer"]["value"], 2) for row in rows}
    return found


def show(scans: Dataset, path: Path) -> None:
    """Draw pieces of some scans as they are and restored."""
    engine, rows = Engine(clearsight.load(MODEL)), []
    for at in range(len(scans)):
        scan = scans[at]
        if (name := Path(scan.name).stem) in SHOWN:
            states = {"as it is": scan.x, MODEL: engine.restore_batch(scan.x[None])[0].clamp(0, 1)}
            rows.append([Tile(_piece(image, *SHOWN[name]), name) for image in states.values()])
    draw_pixels(["as it is", MODEL], rows, path)


def _piece(image: Tensor, top: int, left: int) -> Tensor:
    return image[:, top : top + HEIGHT, left : left + WIDTH]


def main() -> None:
    """Judge all of them by every engine."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    whole = open_dataset(str(SCANS), part="test")
    scans = Subset(whole, [*range(len(whole))][:2]) if rehearsal else whole
    together, each = {}, {}
    for engine in ENGINES:
        print(engine, file=sys.stderr)
        together[engine] = judged(scans, engine, {**CHAINS, MODEL: clearsight.load(MODEL)})
        each[engine] = alone(scans, engine)
    if not rehearsal:
        show(scans, RESULTS.parent / "docs" / "figures" / "scans.png")
    save("scans", {"engines": together, "each": each}, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
