"""Two Ray workers beside one, and one beside the local engine, under a network; one thread a process.

python benchmarks/engines.py [--preset smoke]

Photographs of a megapixel, noisy, restored by ``denoise-photo``. Rates as in ``bulk.py``, which compares
the engines under a model that takes a tenth of the time. Rounds of all three take turns, and the median of each counts:
a machine that does other things besides has fewer than two cores for two workers.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bulk import engines
from measuring import is_rehearsal, save

FULL = {"count": 24, "side": 1000, "rounds": 1}
SMALL = {"count": 8, "side": 64, "rounds": 1}


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    sizes, rounds = SMALL if rehearsal else FULL, list[dict[str, Any]]()
    for _ in range(sizes["rounds"]):
        with tempfile.TemporaryDirectory() as name:
            rounds.append(engines(Path(name), sizes["count"], sizes["side"], "-m", "denoise-photo"))
    middle = {
        key: round(median(one[key] for one in rounds), 3) for key in ("ray_1_against_local", "ray_2_against_ray_1")
    }
    save("engines", {**middle, "rounds": rounds}, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
