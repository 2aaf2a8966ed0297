"""PSNR of denoisers on photographs, ours beside classical and published ones on the same noise.

python benchmarks/denoising.py                                       # all but BM3D: 35 minutes on one core
python benchmarks/denoising.py --methods denoise-color denoise-grey  # only these, 12 minutes; other rows are kept
python benchmarks/denoising.py --methods bm3d                        # hours
python benchmarks/denoising.py --data my/photos                      # another set: printed, not kept

Two protocols, mean over images: *ideal*, unclipped float noise, the result clipped; and *files*, clipped 8-bit noisy
PNG files restored by the command's own machinery into 8-bit PNG files. Kodak24 whole, as liu2020 has it, and its
500×500 centres, as the papers after FFDNet; grey: luma (ITU-R 601) of the same images. McMaster, Set12 and BSD68 where
``$CLEARSIGHT_DATA`` holds them, and the networks of others where ``$CLEARSIGHT_DATA/peers`` holds their files. Methods
that can be told σ are told.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import clearsight
from clearsight.contracts import Batch, Dataset, Sample
from clearsight.datasets import Pairs, Photographs
from clearsight.datasets.subset import Centres
from clearsight.degradations import format_number, parse
from clearsight.evaluation.loop import batches, judge
from clearsight.evaluation.protocol import method_of
from clearsight.images import find, read
from clearsight.inference import Engine, Restoration, degrade_picture, plan, process
from clearsight.metrics import psnr
from clearsight.metrics.metric import PSNR, Outcome
from clearsight.provenance import provenance
from clearsight.seeds import generator_for
from measuring import RESULTS, save

COLOUR = ("noisy", "wiener", "wavelet", "bm3d", "CDnCNN", "FFDNet_color", "denoise-color")
GREY = ("noisy", "wiener", "wavelet", "bm3d", "FFDNet_gray", "denoise-grey")
SLOW = {"bm3d"}

Values = dict[str, dict[str, float]]
"""PSNR by method and image."""


@dataclass(frozen=True)
class Luma:
    """Colour images of a data set in grey."""

    dataset: Dataset
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        sample = self.dataset[index]
        luma = torch.einsum("c,chw->hw", torch.tensor([0.299, 0.587, 0.114]), sample.x)[None]
        return Sample(name=sample.name, x=luma, label=None)


@dataclass(frozen=True, kw_only=True)
class Test:
    """Images and what is done to them.

    Attributes:
        folder: where they lie, below ``$CLEARSIGHT_DATA`` if need be.
        sigmas: of 255.
        methods: what is judged.
        view: what is taken of the images.
        files: whether they go through files.
        singly: whether figures of single images are kept.
    """

    folder: str | Path
    sigmas: Sequence[int] = (15, 25, 50)
    methods: Sequence[str] = COLOUR
    view: Callable[[Dataset], Dataset] = field(default=lambda dataset: dataset)
    files: bool = False
    singly: bool = False


BLIND_OR_TOLD = tuple(name for name in COLOUR if name != "CDnCNN")
TESTS = {
    "kodak24": Test(folder="kodak24", sigmas=(25, 35, 50), singly=True),
    "kodak24 centres": Test(folder="kodak24", methods=BLIND_OR_TOLD, view=lambda dataset: Centres(dataset, 500)),
    "kodak24 files": Test(folder="kodak24", methods=BLIND_OR_TOLD, files=True),
    "cbsd68": Test(folder="cbsd68", sigmas=(25, 35, 50), methods=BLIND_OR_TOLD),
    "kodak24 luma": Test(folder="kodak24", sigmas=(25, 50), methods=GREY, view=Luma),
    "mcmaster": Test(folder="mcmaster", methods=BLIND_OR_TOLD),
    "set12": Test(folder="set12", methods=GREY),
    "bsd68": Test(folder="bsd68", methods=GREY),
}


def home() -> Path:
    """Where data sets and the networks of others lie."""
    return Path(os.environ.get("CLEARSIGHT_DATA", "."))


def place(folder: str | Path) -> Path | None:
    """Where it is, in whatever letters its name is written."""
    inside = home().iterdir() if home().is_dir() else ()
    return next((path for path in inside if path.name.lower() == str(folder).lower()), None)


def model_of(name: str, sigma: int) -> torch.nn.Module | None:
    """The restorer of a row; of others' networks there may be one a σ, or none."""
    if name in ("CDnCNN", "FFDNet_color", "FFDNet_gray"):
        files = [home() / "peers" / file for file in (f"{name}.mat", f"{name}_{sigma}.mat")]
        return next((clearsight.load(path) for path in files if path.is_file()), None)
    return clearsight.load(name)


def models(test: Test, names: Sequence[str], sigma: int) -> Iterator[tuple[str, torch.nn.Module]]:
    """The restorers that are judged at that σ."""
    for name in test.methods:
        model = model_of(name, sigma) if name in names and name != "noisy" else None
        if model is not None:
            yield name, model


def ideal(test: Test, dataset: Dataset, names: Sequence[str], sigma: int, seed: int) -> Values:
    """Restored from unclipped noise."""
    methods = {"noisy": method_of([PSNR])} if "noisy" in names else {}
    methods |= {name: method_of([PSNR], engine=Engine(model)) for name, model in models(test, names, sigma)}
    found: Values = {name: {} for name in methods}

    def keep(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        for name, outcome in outcomes.items():
            values = psnr(outcome.x_hat, outcome.x).tolist()
            found[name] |= dict(zip(batch.names, values, strict=True))

    pairs = Pairs(dataset, parse(f"gaussian(sigma={sigma}/255)"), seed=seed, epoch=sigma, with_sigma=True)
    judge(batches(pairs, range(len(pairs))), methods, seed=seed, each=keep)
    return found


def clean(path: Path) -> Tensor:
    """An image as ``(1, C, H, W)`` in [0, 1]."""
    return torch.from_numpy(read(path).pixels).movedim(-1, 0)[None] / 255


def through_files(test: Test, folder: Path, names: Sequence[str], sigma: int, seed: int) -> Values:
    """Of 8-bit files that were degraded, restored and read again."""
    noise, found = parse(f"gaussian(sigma={sigma}/255)"), Values()
    with tempfile.TemporaryDirectory() as scratch:

        def written(source: Path, name: str, transform: Callable[..., Any]) -> dict[str, float]:
            reports = list(process(plan([source], Path(scratch) / name, suffix=".png"), transform))
            assert all(report.error is None for report in reports)
            paths = find([folder])
            return {p.name: psnr(clean(Path(scratch) / name / p.name), clean(p)).item() for p in paths}

        found["noisy"] = written(
            folder, "noisy", lambda job, p: degrade_picture(p, noise, generator_for(seed, sigma, stream=job.key))
        )
        for name, model in models(test, names, sigma):
            told = None if model.traits.sigma == "blind" else sigma / 255
            restoration = Restoration(model, sigma=told)
            found[name] = written(Path(scratch) / "noisy", name, lambda job, p, restore=restoration: restore(p))
    return {name: values for name, values in found.items() if name in names}


def measured(test: Test, folder: Path, names: Sequence[str], seed: int) -> dict[str, Any]:
    """The row of a test: PSNR by method and σ, ``None`` where there is no network for a σ."""
    dataset = test.view(Photographs(root=folder))
    by_sigma = [
        through_files(test, folder, names, sigma, seed) if test.files else ideal(test, dataset, names, sigma, seed)
        for sigma in test.sigmas
    ]
    found = [name for name in test.methods if any(name in values for values in by_sigma)]
    means = {name: [mean(values.get(name)) for values in by_sigma] for name in found}
    row = {"images": len(dataset), "sigma": [format_number(sigma / 255) for sigma in test.sigmas], "psnr": means}
    if test.singly:
        row["singly"] = {name: [rounded(values.get(name)) for values in by_sigma] for name in found}
    return row


def mean(values: Mapping[str, float] | None) -> float | None:
    return round(sum(values.values()) / len(values), 3) if values else None


def rounded(values: Mapping[str, float] | None) -> dict[str, float] | None:
    return {name: round(value, 3) for name, value in values.items()} if values else None


def merged(test: Test, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what was measured anew in it, in the order of the methods."""
    row = dict(new)
    for key in ("psnr", "singly", "run") if test.singly else ("psnr", "run"):
        both = {**old.get(key, {}), **new[key]}
        row[key] = {name: both[name] for name in test.methods if name in both}
    return row


def kept(seed: int) -> dict[str, Any]:
    """What runs before this one measured, by the same seed."""
    path = RESULTS / "denoising.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return before if before.get("seed") == seed and "runs" in before else {"rows": {}, "runs": {}}


def main() -> None:
    """Measure every test and method that is there."""
    usual = [name for name in dict.fromkeys((*COLOUR, *GREY)) if name not in SLOW]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=[*usual, *SLOW], default=usual, metavar="NAME")
    parser.add_argument("--data", type=Path, help="a folder of images, instead of the sets that are known")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    started, run = time.monotonic(), {"command": " ".join(["python", *sys.argv]), **provenance()}
    if asked.data is not None:
        grey = len(Photographs(root=asked.data)[0].x) == 1
        row = measured(Test(folder=asked.data, methods=GREY if grey else COLOUR), asked.data, asked.methods, asked.seed)
        save(
            "denoising",
            {"seed": asked.seed, "rows": {asked.data.name: row}},
            time.monotonic() - started,
            rehearsal=True,
        )
        return
    before, this = kept(asked.seed), f"{run['date']} {run['revision']}: {run['command']}"
    rows, runs = before["rows"], before["runs"] | {this: run}
    for name, test in TESTS.items():
        folder = place(test.folder)
        if folder is None or not {*asked.methods} & {*test.methods}:
            continue
        row = measured(test, folder, asked.methods, asked.seed)
        rows[name] = merged(test, rows.get(name, {}), {**row, "run": dict.fromkeys(row["psnr"], this)})
        used = {one for row in rows.values() for one in row["run"].values()}
        result = {"seed": asked.seed, "rows": rows, "runs": {one: runs[one] for one in runs if one in used}}
        save("denoising", result, time.monotonic() - started)  # after each: they take long


if __name__ == "__main__":
    main()
