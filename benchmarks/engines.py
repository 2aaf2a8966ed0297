"""Two Ray workers beside one, and one beside the local engine, under a network; one thread a process.

python benchmarks/engines.py [--preset smoke]

Photographs of a megapixel, noisy, restored by ``denoise-photo``. Rates as in ``bulk.py``, which compares the engines
under a model that takes a tenth of the time. A machine that does other things besides has fewer than two cores for two
workers.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bulk import engines
from measuring import is_rehearsal, save

FULL = {"count": 30, "side": 1000}
SMALL = {"count": 8, "side": 64}


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        found = engines(Path(name), **(SMALL if rehearsal else FULL), model="denoise-photo")
    save("engines", found, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
