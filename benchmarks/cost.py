"""What a billion images of a megapixel cost, on paper, from what other benchmarks measured; nothing is run.

python benchmarks/cost.py

Needs ``results/int8.json`` and ``bulk.json``; takes ``speed-cuda.json`` where there is one. Hours are
those of one core that does nothing else. Ray scales until its driver has no time for more rows, or no memory: it knows
all rows of a run, so a longer list is cut into several. The rate of rows is that of a driver that shares two cores with
those who read and write, so one alone has more.
"""

from __future__ import annotations

import json
import time
from typing import Any

from measuring import RESULTS, is_rehearsal, save

IMAGES, MODEL, DRIVER_GIGABYTES = 1e9, "denoise-photo", 32


def result(name: str) -> dict[str, Any] | None:
    """What a benchmark has written; nothing where it was not run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def hours(seconds_per_megapixel: float) -> int:
    """Of one machine for all images."""
    return round(IMAGES * seconds_per_megapixel / 3600)


def on_gpu(speed: dict[str, Any] | None) -> dict[str, Any]:
    """Hours of a GPU, where one was measured; of the network of the same shape."""
    if speed is None:
        return {"gpu": "not measured: run python benchmarks/speed.py --device cuda"}
    rates = {name: row["seconds_per_megapixel"] for name, row in speed["rows"].items() if "denoise-color" in name}
    return {"gpu": speed["machine"]["gpu"], "gpu_hours": hours(min(rates.values()))}


def main() -> None:
    """Multiply."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    int8, bulk = map(result, ("int8", "bulk"))
    if int8 is None or bulk is None:
        raise SystemExit("results are missing: run int8.py and bulk.py in benchmarks/")
    seconds, rows = int8["models"][MODEL]["seconds_per_megapixel"], bulk["rows"]["ray_rows_per_second"]
    (few, less), (many, more) = ((int(name.split("_")[2]), megabytes) for name, megabytes in bulk["memory"].items())
    bytes_a_row = max(more - less, 0) * 1e6 / (many - few)
    save(
        "cost",
        {
            "images": int(IMAGES),
            "model": MODEL,
            "core_hours_torch": hours(seconds["torch"]),
            "core_hours_int8": hours(seconds["int8"]) if "int8" in seconds else None,
            **on_gpu(result("speed-cuda")),
            "store_requests": {"read": int(IMAGES), "write": int(IMAGES), "list": int(2 * IMAGES / 1000)},
            "rows_per_second_of_a_driver": rows,
            "days_of_a_driver": round(IMAGES / rows / 86400, 1),
            "cores_that_keep_a_driver_busy": round(rows * seconds["torch"]),
            "driver_bytes_a_row": round(bytes_a_row),
            "rows_that_fit_a_driver": round(DRIVER_GIGABYTES * 1e9 / bytes_a_row) if bytes_a_row else None,
            "driver_gigabytes": DRIVER_GIGABYTES,
        },
        time.monotonic() - started,
        rehearsal=rehearsal,
    )


if __name__ == "__main__":
    main()
