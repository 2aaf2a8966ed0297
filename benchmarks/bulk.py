"""Many images: Ray beside one process, memory beside their number, an S3 server that fails, runs that are killed.

python benchmarks/bulk.py [--preset smoke]

Photographs are noisy ones of a megapixel, restored by ``denoise-photo``, one thread a process. Rates are those of the
outcomes: from the first image that is done to the last, so without the seconds in which processes start. The driver's
memory is that of a process that plans and restores small images by the Wiener filter. The S3 server is moto's, on this
machine; one request of a hundred is answered by 503. Killed runs: ``kill -9`` at a random moment, then the same command
again; what is computed twice is what both runs have outcomes of.
"""

from __future__ import annotations

import filecmp
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clearsight.images import Picture, write
from clearsight.inference import Outcomes, plan, process
from clearsight.restorers import Wiener
from measuring import alone, is_rehearsal, noisy, peak_memory, save

FULL = {"photographs": 200, "side": 1000, "few": 1_000, "many": 20_000, "objects": 1_000, "kills": 20, "killed": 48}
SMALL = {"photographs": 4, "side": 64, "few": 20, "many": 60, "objects": 10, "kills": 1, "killed": 24}
FAILING = 0.01
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


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


def rate(source: Path, out: Path, *options: str) -> float:
    """Images a second, once it runs."""
    subprocess.run(command(source, out, "-m", "denoise-photo", *options), env=ENVIRONMENT, check=True)
    (run,) = outcomes(out)
    times = [line["after"] for line in run if line.get("state") == "done"]
    return (len(times) - 1) / max(max(times) - min(times), 1e-9)


def engines(folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    """One process, Ray with one actor, Ray with two."""
    source = photographs(folder / "photographs", sizes["photographs"], sizes["side"])
    local = rate(source, folder / "local")
    one, two = (rate(source, folder / f"ray{n}", "--engine", "ray", "--actors", str(n)) for n in (1, 2))
    same = all(filecmp.cmp(folder / "local" / p.name, folder / "ray2" / p.name, False) for p in source.iterdir())
    return {
        "images": sizes["photographs"],
        "megapixels_each": round(sizes["side"] ** 2 / 1e6, 3),
        "local_images_per_second": round(local, 3),
        "ray_1_images_per_second": round(one, 3),
        "ray_2_images_per_second": round(two, 3),
        "ray_1_against_local": round(one / local, 3),
        "ray_2_against_ray_1": round(two / one, 3),
        "same_bytes": same,
    }


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


@contextmanager
def failing_server(share: float) -> Iterator[list[int]]:
    """An S3 server, a share of whose answers is 503; counts its requests and these."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    answer, counts, chance = DomainDispatcherApplication(create_backend_app), [0, 0], random.Random(0)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        counts[0] += 1
        if chance.random() < share:
            counts[1] += 1
            start("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        return answer(environ, start)  # type: ignore[no-any-return]

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
    )
    try:
        yield counts
    finally:
        server.shutdown()


def stores(folder: Path, sizes: dict[str, int]) -> dict[str, Any]:
    """To a store that fails, and back."""
    import s3fs

    source = photographs(folder / "objects", sizes["objects"], 32, ".png")

    def keep(job: object, picture: Picture) -> Picture:
        return picture

    with failing_server(FAILING) as counts:
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
        "requests": counts[0],
        "answered_by_503": counts[1],
    }


def killed(folder: Path, sizes: dict[str, int], *options: str) -> dict[str, Any]:
    """Runs that are killed at a random moment and started again, against one that is not."""
    kind = "-".join(option.strip("-") for option in options) or "local"
    source = photographs(folder / f"killed-{kind}", sizes["killed"], 200, ".png")
    model, chance = ("-m", "non-local-means", "--sigma", "25/255"), random.Random(0)
    started = time.monotonic()
    subprocess.run(command(source, whole := folder / f"{kind}-whole", *model, *options), env=ENVIRONMENT, check=True)
    seconds, twice, different, moments = time.monotonic() - started, 0, 0, []
    for number in range(sizes["kills"]):
        out = folder / f"{kind}-{number}"
        run = subprocess.Popen(command(source, out, *model, *options), env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 1) * seconds)
        run.kill()
        run.wait()
        moments.append(len(list(out.glob("*.png"))) if out.is_dir() else 0)
        subprocess.run(command(source, out, *model, *options), env=ENVIRONMENT, check=True)
        done = [{line["image"] for line in one if line.get("state") == "done"} for one in outcomes(out)]
        twice += len(set.intersection(*done)) if len(done) > 1 else 0
        different += sum(not filecmp.cmp(whole / path.name, out / path.name, False) for path in source.iterdir())
    return {"images": sizes["killed"], "there_when_killed": moments, "computed_twice": twice, "different": different}


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    sizes = SMALL if rehearsal else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {
            "memory": memory(folder, sizes),
            "s3": stores(folder, sizes),
            "killed": killed(folder, sizes),
            "killed_ray_driver": killed(folder, sizes, "--engine", "ray", "--actors", "2"),
            "engines": engines(folder, sizes),
        }
    save("bulk", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
