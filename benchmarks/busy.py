"""What two runs at once cost each other: seconds of ``clearsight restore`` on small files, alone and beside another.

python benchmarks/busy.py [--preset smoke]

Each run is a process of its own, from its start to its end. For comparison the same with threads that spin where they
wait, as OpenMP's do if nobody tells them otherwise.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.images import Picture, write
from measuring import is_rehearsal, noisy, save

FILES, SIDE, REPEATS = 100, 32, 5
SPINNING = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""What libgomp and Intel's OpenMP do unless they are told."""
TOLD = {"OMP_WAIT_POLICY", "OMP_NUM_THREADS", *SPINNING}


def seconds(folder: Path, at_once: int, told: Mapping[str, str]) -> float:
    """How long so many runs at once take, all of them."""
    environment = {name: value for name, value in os.environ.items() if name not in TOLD} | dict(told)
    started = time.perf_counter()
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "clearsight", "restore", folder / "in", "-o", folder / f"out{i}", "--overwrite"],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        for i in range(at_once)
    ]
    statuses = [run.wait() for run in runs]
    if any(statuses):
        raise SystemExit("a run failed")
    return time.perf_counter() - started


def measured(folder: Path, repeats: int, told: Mapping[str, str]) -> dict[str, Any]:
    """Medians, and their ratio."""
    alone, both = zip(*[(seconds(folder, 1, told), seconds(folder, 2, told)) for _ in range(repeats)], strict=True)
    return {
        "seconds_alone": round(statistics.median(alone), 2),
        "seconds_each_of_two": round(statistics.median(both), 2),
        "ratio": round(statistics.median(two / one for one, two in zip(alone, both, strict=True)), 2),
        "runs": repeats,
    }


def main() -> None:
    """Measure."""
    rehearsal = is_rehearsal(__doc__)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for i in range(3 if rehearsal else FILES):
            write(Picture(pixels=noisy(SIDE, SIDE)), folder / f"in/{i}.png")
        seconds(folder, 1, {})
        rows = {
            "as it is": measured(folder, 1 if rehearsal else REPEATS, {}),
            "spinning": measured(folder, 1, SPINNING),
        }
    save("busy", {"files": FILES, "side": SIDE, "rows": rows}, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
