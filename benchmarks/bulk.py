"""Many images: memory beside their number, a model that does nothing, an S3 server that fails.

python benchmarks/bulk.py [--preset smoke]

The driver's memory is that of a process that plans and restores small images by the Wiener filter. Rows are small
images that nothing is done to. The S3 server is moto's, on this machine; of a hundred requests one is refused, dropped,
lost, cut or late.
"""

from __future__ import annotations

import filecmp
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from clearsight.images import Picture, write
from clearsight.inference import Outcomes, distributed, plan, process
from clearsight.restorers import Wiener
from faulty import faulty_server
from measuring import alone, is_rehearsal, noisy, peak_memory, save

FULL = {"few": 1_000, "many": 20_000, "objects": 1_000, "rows": 2_000}
SMALL = {"few": 20, "many": 60, "objects": 10, "rows": 20}
FAILING = 0.01


def photographs(folder: Path, count: int, side: int, suffix: str = ".jpg") -> Path:
    """A folder of so many noisy squares."""
    folder.mkdir()
    picture = Picture(pixels=noisy(side, side))
    write(picture, folder / f"0{suffix}")
    content = (folder / f"0{suffix}").read_bytes()
    for number in range(1, count):
        (folder / f"{number}{suffix}").write_bytes(content)
    return folder


def command(source: object, out: object, *options: str) -> list[str]:
    """``clearsight restore``."""
    return [sys.executable, "-m", "clearsight", "restore", str(source), "-o", str(out), *options]


def outcomes(out: Path) -> list[list[dict[str, Any]]]:
    """The lines of each run into a folder."""
    runs = sorted((out / ".outcomes").iterdir())
    return [[json.loads(line) for line in run.read_text().splitlines() if line.endswith("}")] for run in runs]


def driver(source: Path, out: Path) -> float:
    """Megabytes at their most of a process that restores a folder."""
    jobs, restore = plan([source], out), Wiener()
    import torch

    def transform(job: object, picture: Picture) -> Picture:
        y = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None] / 255
        return Picture(pixels=(255 * restore(y)[0].permute(1, 2, 0).clamp(0, 1)).byte().numpy())

    with Outcomes(out, len(jobs)) as written:
        for report in process(jobs, transform):
            written.add(report)
    return peak_memory()


def memory(folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    """The driver's memory beside the number of images."""
    found = {}
    for name in ("few", "many"):
        source = photographs(folder / name, sizes[name], 16, ".png")
        found[f"megabytes_of_{sizes[name]}_images"] = round(alone(driver, source, folder / f"{name}-out"), 1)
    return found


def keep(job: object, picture: Picture) -> Picture:
    """Nothing."""
    return picture


def rows(folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    """Images a second to which nothing is done, by one process and by Ray."""
    jobs_to = partial(plan, [photographs(folder / "rows", sizes["rows"], 16, ".png")])
    found = {}
    for name, run in (("local", process), ("ray", partial(distributed.process, actors=2))):
        times = [time.monotonic() for _ in run(jobs_to(folder / f"{name}-rows"), keep)]
        first, last = len(times) // 10, len(times) - 1 - len(times) // 10
        found[f"{name}_rows_per_second"] = round((last - first) / max(times[last] - times[first], 1e-9), 1)
    return {"rows": sizes["rows"], **found}


def stores(folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    """To a store that fails, and back."""
    import s3fs

    source = photographs(folder / "objects", sizes["objects"], 32, ".png")

    with faulty_server(FAILING) as server:
        s3fs.S3FileSystem().mkdir("bench")
        there = [
            *process(plan([source], "s3://bench/in"), keep),
            *process(plan(["s3://bench/in"], "s3://bench/out"), keep),
        ]
        back = [*process(plan(["s3://bench/out"], folder / "back"), keep)]
        same = sum(filecmp.cmp(path, folder / "back" / path.name, False) for path in source.iterdir())
    return {
        "images": sizes["objects"],
        "failed": sum(report.error is not None for report in [*there, *back]),
        "come_back_the_same": same,
        "requests": server.requests,
        "requests_an_image": round(server.requests / sizes["objects"], 3),
        "faults": dict(server.faults),
    }


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    sizes = SMALL if rehearsal else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {
            "memory": memory(folder, sizes),
            "rows": rows(folder, sizes),
            "s3": stores(folder, sizes),
        }
    save("bulk", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
