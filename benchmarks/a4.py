"""An A4 page of 300 dpi: seconds and memory of the command that restores it by restore-text, started once.

python benchmarks/a4.py [--fonts /usr/share/fonts] [--preset smoke]

The page is rendered and degraded by document(severity=3). The command takes as many threads as it finds cores, and is
not timed the first time, which compiles Python's modules.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from clearsight.datasets import Pages
from clearsight.degradations import parse
from clearsight.images import Picture, write
from measuring import save

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
        command = [sys.executable, "-m", "clearsight", "restore", source, "-o", target, "-m", MODEL, "--overwrite"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken = sorted(timed(command) for _ in range(1 if rehearsal else TIMES))
    seconds, processors, peak = taken[len(taken) // 2]
    result = {
        "pixels": [*page.shape[2:]],
        "threads": threads,
        "seconds_of_a_page": round(seconds, 1),
        "slowest_and_fastest_seconds": [round(taken[-1][0], 1), round(taken[0][0], 1)],
        "processor_seconds": round(processors, 1),
        "peak_resident_gigabytes": round(peak, 3),
    }
    save("a4", result, time.monotonic() - started, rehearsal=rehearsal)


def timed(command: list[str | Path]) -> tuple[float, float, float]:
    """Seconds, seconds of processors and peak gigabytes of a command."""
    started = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed: {status}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
