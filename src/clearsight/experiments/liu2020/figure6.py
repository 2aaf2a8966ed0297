"""Figure 6: street scenes, noisy and restored, and what the segmenter reads in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import torch
from matplotlib import colormaps
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import VOID, Sample
from clearsight.datasets.opening import open_dataset
from clearsight.datasets.subset import take
from clearsight.degradations.language import parse
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.liu2020.trained import Trained
from clearsight.inference.engine import Engine
from clearsight.metrics.pixels import psnr
from clearsight.metrics.recognition import confusion, mean_iou
from clearsight.seeds import generator_for

__all__ = ["FIGURES"]

_DEGRADATION = "gaussian(sigma=60/255)"
_IMAGES: dict[Preset, int] = {"smoke": 1, "cpu": 3, "paper": 3}
_COST: dict[Preset, str] = {"smoke": "a minute", "cpu": "seconds after table5", "paper": "seconds after table5"}


class Read(NamedTuple):
    """An image in one state, and what the segmenter reads in it.

    Attributes:
        image: ``(3, H, W)``, in [0, 1].
        classes: of each pixel, ``(H, W)``.
        psnr: in dB; infinite of the clean one.
        miou: in percent.
    """

    image: Tensor
    classes: Tensor
    psnr: float
    miou: float


@torch.inference_mode()
def _read(sample: Sample, engines: Mapping[str, Engine], segmenter: nn.Module, seed: int) -> dict[str, Read]:
    x, label = sample.x[None], cast(Tensor, sample.label)[None]
    y = parse(_DEGRADATION)(x, generator=generator_for(seed, 0, stream=sample.name))
    restored = {name: engine.restore_batch(y) for name, engine in engines.items()}
    found = {}
    for name, state in {"noisy": y, **restored, "clean": x}.items():
        image = state.clamp(0, 1)
        logits = segmenter(image)
        miou = 100 * float(mean_iou(confusion(logits, label).sum(0)))
        found[name] = Read(image[0], logits.argmax(1)[0], float(psnr(image, x)), miou)
    return found


def _run(config: RunConfig) -> Result:
    """Some test images, evenly spread, restored by the twins of table 5."""
    made = Trained(config)
    segmenter = weights.load_recognizer(made.recognizer("camvid-segmenter")).eval()
    twins = {name: Engine(weights.load(made.restorer(f"{name}-camvid"))) for name in ("separate", "guided")}
    images = take(open_dataset("camvid", part="test"), _IMAGES[config.preset])
    samples = [images[number] for number in range(len(images))]
    found = [_read(sample, twins, segmenter, config.seed) for sample in samples]
    figures = {
        sample.name: {name: {"psnr": round(one.psnr, 3), "miou": round(one.miou, 3)} for name, one in states.items()}
        for sample, states in zip(samples, found, strict=True)
    }
    rows = [[name, *(f"{of[name]['miou']:.1f}" for of in figures.values())] for name in found[0]]
    record = {"degradation": _DEGRADATION, "data": "camvid", "recognizer": "camvid-segmenter", "images": figures}
    means = {name: sum(states[name].miou for states in found) / len(found) for name in found[0]}
    headline = "mean of the images' mIoU: " + ", ".join(f"{name} {value:.1f} %" for name, value in means.items())
    return Result(["mIoU %", *figures], rows, record, headline, partial(_draw, samples, found))


def _draw(samples: Sequence[Sample], found: Sequence[Mapping[str, Read]], path: Path) -> None:
    """Each image in its states, and below them the classes; at the end the right ones, void in black."""
    tiles = []
    for sample, states in zip(samples, found, strict=True):
        blank = torch.ones_like(sample.x)
        images = [Tile(one.image, f"{one.psnr:.1f} dB" if one.psnr < 100 else "") for one in states.values()]
        maps = [Tile(_coloured(one.classes), f"mIoU {one.miou:.1f} %") for one in states.values()]
        tiles += [[*images, Tile(blank)], [*maps, Tile(_coloured(cast(Tensor, sample.label)))]]
    draw_tiles([*found[0], "labels"], tiles, path)


def _coloured(classes: Tensor) -> Tensor:
    """Each class in a colour of its own."""
    colours = torch.tensor(colormaps["tab20"](range(20)), dtype=torch.float32)[:, :3]
    known = classes != VOID
    painted: Tensor = (colours[classes.where(known, 0)] * known[..., None]).movedim(-1, 0)
    return painted


FIGURES = [Experiment("liu2020/figure6", "Street scenes restored, and what is read in them, σ = 60", _COST, _run)]
