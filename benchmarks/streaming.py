"""Training on a folder larger than memory, and by two processes: memory, waiting, and the loss beside one process.

python benchmarks/streaming.py [--preset smoke]

The folder has the size of 20 GB and takes the place of one file of it: photographs of 12 megapixels, not compressed,
hard links of one. Memory is that of all processes of the training together, what they share counted in parts
(proportional set sizes), at its most; Linux. Beside it the seconds of as many steps on images that are held. Two
processes, on gloo, see in a step what one sees that accumulates two batches; what another seed makes of the same says
how much of a difference is none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from clearsight.images import Picture, write
from kills import descendants
from measuring import is_rehearsal, noisy, save

FULL = {"gigabytes": 20.0, "side": 3500, "steps": 64, "small_steps": 500}
SMALL = {"gigabytes": 0.01, "side": 300, "steps": 4, "small_steps": 4}
HELD, SMALL_SIDE = 12, 64


def recipe(folder: Path, images: Path, steps: int, data: dict[str, Any], widths: list[int]) -> Path:
    """A recipe of a small network."""
    task = {
        "restorer": {
            "class_path": "clearsight.restorers.ResidualUNet",
            "init_args": {"widths": widths, "blocks": [1] * len(widths)},
        },
        "degradation": "gaussian(sigma=5/255..50/255)",
        "validation": ["gaussian(sigma=25/255)"],
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3}},
        "schedule": {"class_path": "clearsight.training.Plateau", "init_args": {"warmup": 10, "decay": steps // 2}},
    }
    kind = data.pop("class_path", "clearsight.training.StreamedPatches")
    content = {
        "summary": "A small network",
        "model": {"class_path": "clearsight.training.RestorationTask", "init_args": task},
        "data": {"class_path": kind, "init_args": {"images": str(images), "hold_out": 2, **data}},
        "trainer": {"max_steps": steps, "accelerator": "cpu"},
    }
    (path := folder.with_suffix(".yaml")).write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def trained(folder: Path, path: Path, *options: str) -> tuple[dict[str, Any], float]:
    """Train in processes of their own: the figures of the weights, and megabytes at their most."""
    program = "import sys; from clearsight.training import train; train(sys.argv[1], sys.argv[3:], out=sys.argv[2])"
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(folder), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            most[0] = max(most[0], sum(map(resident, [run.pid, *descendants(run.pid)])))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = run.wait()
    ended.set()
    watcher.join()
    if status:
        raise SystemExit(f"the training in {folder} ended with {status}")
    figures: dict[str, Any] = json.loads((folder / "weights/figures.json").read_text(encoding="utf-8"))
    return figures, most[0]


def resident(number: int) -> float:
    """Megabytes of a process, those it shares in parts; none where it has ended."""
    try:
        text = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return sum(map(int, re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE))) * 1024 / 1e6


def large(folder: Path, sizes: dict[str, Any]) -> dict[str, Any]:
    """A folder that is larger than memory, and one that is held."""
    (images := folder / "large").mkdir()
    (held := folder / "held").mkdir()
    first, side = images / "0.bmp", sizes["side"]
    write(Picture(pixels=noisy(side, side)), first)
    count = int(sizes["gigabytes"] * 1e9 / first.stat().st_size) + 1
    for number in range(1, count):
        os.link(first, images / f"{number}.bmp")
    for number in range(HELD):
        os.link(first, held / f"{number}.bmp")
    options = {"size": 64, "batch": 8, "epoch": sizes["steps"]}
    streamed, memory = trained(
        folder / "streamed", recipe(folder / "streamed", images, sizes["steps"], {**options, "cuts": 8}, [16, 24])
    )
    patches = {**options, "class_path": "clearsight.training.Patches"}
    in_memory, _ = trained(folder / "kept", recipe(folder / "kept", held, sizes["steps"], patches, [16, 24]))
    return {
        "images": count,
        "megapixels_each": round(side**2 / 1e6, 2),
        "gigabytes": round(count * first.stat().st_size / 1e9, 2),
        "gigabytes_resident_at_most": round(memory / 1e3, 3),
        "steps": sizes["steps"],
        "seconds": streamed["seconds"],
        "seconds_with_images_in_memory": in_memory["seconds"],
    }


def together(folder: Path, sizes: dict[str, Any]) -> dict[str, Any]:
    """One process, two, one with another seed: PSNR at the end and on the way."""
    (images := folder / "small").mkdir()
    whole, steps = noisy(SMALL_SIDE * 4, SMALL_SIDE * 4), sizes["small_steps"]
    for number in range(16):
        top, left = (SMALL_SIDE * one for one in divmod(number, 4))
        write(Picture(pixels=whole[top : top + SMALL_SIDE, left : left + SMALL_SIDE]), images / f"{number}.png")
    options = {"size": 32, "batch": 4, "epoch": steps // 4}
    accumulated = ("--trainer.accumulate_grad_batches", "2", "--data.epoch", str(steps // 2))
    kinds = {
        "one": accumulated,
        "two": ("--trainer.devices", "2", "--trainer.strategy", "ddp_fork"),
        "another_seed": (*accumulated, "--data.seed", "1"),
    }
    found: dict[str, Any] = {"steps": steps}
    for kind, more in kinds.items():
        path = recipe(folder / kind, images, steps, {**options, "cuts": 4, "workers": 0}, [16, 24])
        figures, _ = trained(folder / kind, path, *more)
        found[f"{kind}_psnr"] = figures["validation"]["psnr"]
        found[f"{kind}_on_the_way"] = {step: psnr for step, _, _, psnr in figures["record"]}
    return found


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    sizes = SMALL if rehearsal else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {"two_processes": together(folder, sizes), "larger_than_memory": large(folder, sizes)}
    save("streaming", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
