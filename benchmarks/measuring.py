"""What the benchmarks share: where results go, and what each of them says of itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearsight.provenance import provenance

RESULTS = Path(__file__).parent.parent / "results"


def save(name: str, result: dict[str, Any], seconds: float) -> None:
    """Write ``results/NAME.json`` with the command and the provenance, and print it."""
    RESULTS.mkdir(exist_ok=True)
    command = " ".join(["python", *sys.argv])
    record = {"command": command, **result, "seconds": round(seconds, 1), **provenance()}
    text = json.dumps(record, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of ``repeats`` runs, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
