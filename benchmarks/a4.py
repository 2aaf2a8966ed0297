"""An A4 page of 300 dpi: seconds and memory of the command that restores it by restore-text, started once.

python benchmarks/a4.py [--fonts /usr/share/fonts] [--preset smoke]

The page is rendered and degraded by document(severity=3). The command takes as many threads as it finds cores, and is
not timed the first time, which compiles Python's modules.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import torch

from bulk import command
from clearsight.datasets import Pages
from clearsight.degradations import parse
from clearsight.images import Picture, write
from measuring import save, taken

MODEL = "restore-text"
TIMES = 3
"""How often it runs; the middle one counts."""


def main() -> None:
    """Restore one page several times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", default="/usr/share/fonts")
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started = asked.preset == "smoke", time.monotonic()
    page = Pages(part="test", root=asked.fonts, paper="a7" if rehearsal else "a4", dpi=300, count=1)[0].x[None]
    degraded = parse("document(severity=3, dpi=300)")(page, generator=torch.Generator().manual_seed(0))
    os.environ["OMP_NUM_THREADS"] = str(threads := len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "page.png", Path(name) / "out.png"
        write(Picture(pixels=(255 * degraded[0, 0, ..., None]).round().byte().numpy()), source)
        restore = command(source, target, "-m", MODEL, "--overwrite")
        runs = [taken(restore) for _ in range(2 if rehearsal else 1 + TIMES)][1:]
    middle = sorted(runs)[len(runs) // 2]
    result = {
        "pixels": [*page.shape[2:]],
        "threads": threads,
        "exit_status": max(abs(run.exit_status) for run in runs),
        "seconds_of_a_page": middle.seconds,
        "slowest_and_fastest_seconds": [max(runs).seconds, min(runs).seconds],
        "processor_seconds": middle.processor_seconds,
        "peak_resident_gigabytes": middle.peak_resident_gigabytes,
    }
    save("a4", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
