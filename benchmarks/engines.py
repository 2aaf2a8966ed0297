"""Two Ray workers beside one, and one beside the local engine, under a network; one thread a process.

python benchmarks/engines.py [--preset smoke]

Photographs of a megapixel, noisy, restored by ``denoise-photo``. Rates are those at which files are written, from a
tenth of the images to nine tenths, so without the seconds in which processes start. A machine that does other things
besides has fewer than two cores for two workers.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bulk import command, photographs
from measuring import is_rehearsal, save

FULL = {"count": 30, "side": 1000}
SMALL = {"count": 8, "side": 64}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def rate(source: Path, out: Path, *options: str) -> float:
    """Images a second, once it runs: files that are written after the first tenth, up to nine tenths."""
    subprocess.run(command(source, out, *options), env=ENVIRONMENT, check=True)
    times = sorted((out / path.name).stat().st_mtime for path in source.iterdir())
    first, last = len(times) // 10, len(times) - 1 - len(times) // 10
    return (last - first) / max(times[last] - times[first], 1e-9)


def engines(folder: Path, count: int, side: int) -> dict[str, Any]:
    """One process, Ray with one actor, Ray with two."""
    options = ("-m", "denoise-photo")
    source = photographs(folder / "photographs", count, side)
    local = rate(source, folder / "local", *options)
    one, two = (rate(source, folder / f"ray{n}", *options, "--engine", "ray", "--actors", str(n)) for n in (1, 2))
    same = all(filecmp.cmp(folder / "local" / p.name, folder / "ray2" / p.name, False) for p in source.iterdir())
    return {
        "images": count,
        "megapixels_each": round(side**2 / 1e6, 3),
        "local_images_per_second": round(local, 3),
        "ray_1_images_per_second": round(one, 3),
        "ray_2_images_per_second": round(two, 3),
        "ray_1_against_local": round(one / local, 3),
        "ray_2_against_ray_1": round(two / one, 3),
        "same_bytes": same,
    }


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        found = engines(Path(name), **(SMALL if rehearsal else FULL))
    save("engines", found, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
