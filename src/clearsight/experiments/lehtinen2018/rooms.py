"""Rendered rooms to train on and to judge by, what is spent on them, and how restored renders are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from clearsight.contracts import Batch, Dataset
from clearsight.datasets.renders import Renders
from clearsight.evaluation.loop import Method, judge
from clearsight.experiments.experiment import Preset, RunConfig
from clearsight.experiments.lehtinen2018.judging import Judged
from clearsight.experiments.lehtinen2018.trained import Trained, kept
from clearsight.metrics.metric import PSNR, Metric, Outcome
from clearsight.metrics.pixels import psnr
from clearsight.objectives.noisy import HDRLoss
from clearsight.rendering import Plan, render
from clearsight.restorers.padding import restored
from clearsight.restorers.render import RenderUNet, tone_mapped
from clearsight.training.crops import RandomCrops
from clearsight.training.muon import Muon
from clearsight.training.rendering import RenderTask
from clearsight.training.schedules import Cosine

__all__ = ["BRIGHTNESS", "BUDGETS", "OIDN", "Budget", "Rooms", "Show", "Way", "judged_renders", "shown_by"]

_RATE, _DECAY = 0.02, 0.01
_SEEDS = {"train": 0, "test": 1, "val": 2}
OIDN = "Open Image Denoise"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What rendering and training may cost.

    Attributes:
        rooms: to train on, to judge by and to follow a training by.
        size: height and width of renders.
        samples: a pixel, of inputs and of noisy targets.
        clean: the same of targets that count as clean.
        more: the same of further inputs that are judged.
        reference: the same of what is judged by.
        width: of the U-Net.
        steps: of each training.
        epoch: steps between two validations, after which an interrupted training goes on.
        batch: renders a step.
    """

    rooms: tuple[int, int, int]
    size: int
    samples: int
    clean: int
    more: int
    reference: int
    width: int
    steps: int
    epoch: int
    batch: int = 4

    def shots(self, part: str) -> list[int]:
        """Samples a pixel of each render of a room of that part."""
        if part == "test":
            return [self.samples, self.more, self.reference]
        return [self.samples, self.samples, self.clean]


BUDGETS: Mapping[Preset, Budget] = {
    "smoke": Budget(
        rooms=(2, 2, 1), size=32, samples=2, clean=8, more=4, reference=16, width=6, steps=2, epoch=2, batch=2
    ),
    "cpu": Budget(
        rooms=(24, 8, 2), size=96, samples=8, clean=128, more=64, reference=256, width=24, steps=400, epoch=100
    ),
    "paper": Budget(
        rooms=(860, 34, 8),
        size=512,
        samples=64,
        clean=131_072,
        more=8,
        reference=131_072,
        width=48,
        steps=430_000,
        epoch=5_000,
    ),
}
"""``paper`` has the paper's numbers of images and samples, its network, about its 2,000 epochs; the rooms are ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to train a denoiser of renders.

    Attributes:
        name: what it is called, x the input, y the target, T the tone curve.
        tone_mapped_input: whether the network is shown T(x).
        loss: of what the network gives and linear targets.
        tone_mapped_output: whether what the network gives is T of the radiance.
        clean: whether the targets are the clean ones.
    """

    name: str
    tone_mapped_input: bool = True
    loss: Callable[[], nn.Module] = HDRLoss
    tone_mapped_output: bool = False
    clean: bool = False


class Rooms:
    """Renders what the preset asks for, once, below the folder of runs, and trains networks on it.

    Args:
        config: preset, seed, folder of runs, whom to tell.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config, self.budget = config, BUDGETS[config.preset]

    def trained(self, way: Way) -> Trained:
        """The network by one way: the same weights to start from, the same rooms and crops, as many steps."""
        config, budget = self.config, self.budget
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = RenderUNet(width=budget.width, tone_mapped_input=way.tone_mapped_input)
        task = RenderTask(
            restorer=network,
            loss=way.loss(),
            stops=0.0,
            blind=0.0,
            optimizer=partial(Muon, lr=_RATE, weight_decay=_DECAY),
            schedule=Cosine(warmup=min(20, budget.steps // 2)),
            seed=config.seed,
        )
        data = RandomCrops(
            train=self.pairs("train", budget.samples, budget.clean if way.clean else budget.samples),
            validation=self.pairs("val", budget.samples, budget.clean),
            size=budget.size,
            batch=budget.batch,
            epoch=budget.epoch,
            seed=config.seed,
        )
        name = f"render, {way.name}"
        recipe = f"{name}, {budget.width} channels, {budget.steps} steps of {budget.batch} × {budget.size}²"
        return kept(config, name, f"{recipe}, {budget.rooms[0]} rooms", task, data, budget.steps)

    def pairs(self, part: str, samples: int, target: int) -> Renders:
        """Pairs of renders of a part, which is rendered first where it is not there."""
        budget, folder = self.budget, self.config.runs / "renders" / self.config.preset / part
        count = dict(zip(("train", "test", "val"), budget.rooms, strict=True))[part]
        plan = Plan(scenes=count, shots=budget.shots(part), size=budget.size, seed=_SEEDS[part])
        if not folder.is_dir() or len([*folder.iterdir()]) < count:
            self.config.report(f"rendering {count} rooms to {'train on' if part == 'train' else 'judge by'}")
        for _ in render(plan, folder):
            pass
        return Renders(root=folder, samples=samples, target=target)


def _light(outcome: Outcome) -> Tensor:
    return torch.stack([outcome.x_hat.mean((1, 2, 3)), outcome.x.mean((1, 2, 3))], 1)


BRIGHTNESS = Metric(
    "brightness",
    "brightness",
    "tone-mapped, the mean of all restored pixels over that of all reference pixels; below 1 is too dark",
    3,
    False,
    _light,
    lambda sums: sums[..., 0] / sums[..., 1],
)

Show = Callable[[Batch], Tensor]
"""Of a batch of renders, what is made of it, tone-mapped."""


def shown_by(network: nn.Module, *, tone_mapped_output: bool = False) -> Show:
    """What a network makes of renders, tone-mapped, as :func:`judged_renders` takes it."""

    def show(batch: Batch) -> Tensor:
        assert batch.y is not None
        with torch.inference_mode():
            x_hat = restored(network, batch.y, inputs=batch.inputs)
        return x_hat if tone_mapped_output else tone_mapped(x_hat)

    return show


def judged_renders(dataset: Dataset, shows: Mapping[str, Show], *, seed: int) -> Judged:
    """Renders as they are and by every method, against their targets, all tone-mapped.

    Intel's Open Image Denoise is one more method where pyoidn is installed.
    """
    metrics, each = [PSNR, BRIGHTNESS], dict[str, list[float]]()
    every: dict[str, Show] = {"degraded": _input, **shows}
    if find_spec("pyoidn") is not None:
        every[OIDN] = _oidn
    methods = {name: Method(run=partial(_run, show), metrics=metrics) for name, show in every.items()}

    def keep(batch: Batch, outcomes: Mapping[str, Outcome]) -> None:
        for name, outcome in outcomes.items():
            each.setdefault(name, []).extend(psnr(outcome.x_hat, outcome.x).tolist())

    return Judged(judge(_batches(dataset), methods, seed=seed, each=keep), each)


def _batches(dataset: Dataset) -> Iterator[Batch]:
    for number in range(len(dataset)):
        sample = dataset[number]
        assert sample.target is not None
        inputs = {name: value[None] for name, value in sample.inputs.items()}
        yield Batch(tone_mapped(sample.target[None]), y=sample.x[None], names=(sample.name,), inputs=inputs)


def _run(show: Show, batch: Batch) -> tuple[Tensor, None]:
    return show(batch), None


def _input(batch: Batch) -> Tensor:
    assert batch.y is not None
    return tone_mapped(batch.y)


def _oidn(batch: Batch) -> Tensor:
    """Of a batch of one, which is what the library takes."""
    import pyoidn

    assert batch.y is not None
    colour, albedo, normal = (
        values[0].permute(1, 2, 0).contiguous().numpy()
        for values in (batch.y, batch.inputs["albedo"].clamp(0, 1), batch.inputs["normal"])
    )
    x_hat = torch.from_numpy(pyoidn.denoise(colour, albedo, normal, hdr=True))
    return tone_mapped(x_hat.permute(2, 0, 1)[None])
