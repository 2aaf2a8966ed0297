"""Why guidance gains nothing on street scenes: what could be gained, and who could gain it.

python benchmarks/streets.py [--preset smoke]         # a quarter of an hour on one core

Images of CamVid, of the part the denoisers were trained on and of that nothing was trained on, and what
``camvid-segmenter`` reads in them: as they are; restored by ``separate-camvid`` and by its guided twin; and in what
``separate-camvid`` restored, moved by steps of one length against the gradient of each loss, as in ``carrying.py``.
Differences are of the same images with the same noise; margins are 1.96 standard errors, of mIoU by resampling images.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

import clearsight
from carrying import Images, Loss, direction, features, paired, pixels, recognition, restored, rounded
from clearsight.datasets import CamVid, take
from clearsight.metrics import confusion, departure, mean_iou, psnr
from measuring import is_rehearsal, save

SEGMENTER, TWINS = "camvid-segmenter", ("separate-camvid", "guided-camvid")
SIGMAS, STEPPED, COUNT, DRAWS = (15, 30, 45, 60), 60, 24, 500
PARTS = {"trained on": "train", "held out": "val"}
LENGTHS = (0.1, 0.5)
"""Of steps, where the image is one of 32×32: as long for each pixel as those of ``carrying.py``, and a fifth of it."""

Scores = dict[str, Tensor]


@torch.no_grad()
def read(network: nn.Module, x_hat: Tensor, x: Tensor, labels: Tensor) -> Scores:
    """Of each image: its confusions, the probability of what its pixels are, and its PSNR."""
    logits = network(x_hat)
    p = 100 * (1 - departure(logits, labels))
    return {"confusions": confusion(logits, labels), "p %": p, "psnr dB": psnr(x_hat, x)}


def gathered(scores: list[Scores]) -> Scores:
    """Those of all batches."""
    return {name: torch.cat([part[name] for part in scores]) for name in scores[0]}


def gains(before: Scores, after: Scores) -> dict[str, dict[str, float]]:
    """By figure: before, and by how much it is more after, with half the width of the interval."""
    weights = torch.poisson(torch.ones(DRAWS, len(before["p %"])), generator=torch.Generator().manual_seed(0))
    old, new = (100 * mean_iou(weights @ scores["confusions"]) for scores in (before, after))
    whole = [100 * float(mean_iou(scores["confusions"].sum(0))) for scores in (before, after)]
    found = {"mIoU %": {"before": whole[0], "gain": whole[1] - whole[0], "margin": 1.96 * float((new - old).std())}}
    for name in ("p %", "psnr dB"):
        if after[name].isfinite().all():  # not that of the clean image
            found[name] = paired(before[name], after[name])
    return rounded(found)


def steps(network: nn.Module, batches: list[Images], x_hats: list[Tensor], before: Scores) -> dict[str, Any]:
    """What a step against each gradient brings."""
    losses: dict[str, Loss] = {
        "pixels": pixels,
        "labels": recognition(network),
        **{f"down.{level}": features(network, f"down.{level}") for level in (0, 1, 2)},
    }
    found: dict[str, Any] = {name: {} for name in losses}
    for name, loss in losses.items():
        ways = [
            direction(loss, network, x_hat, x, labels) for x_hat, (_, x, labels) in zip(x_hats, batches, strict=True)
        ]
        for length in LENGTHS:
            after = []
            for x_hat, way, (_, x, labels) in zip(x_hats, ways, batches, strict=True):
                step = length * (x_hat[0, 0].numel() / 32**2) ** 0.5 * way
                after.append(read(network, (x_hat - step).clamp(0, 1), x, labels))
            found[name][f"{length:g}"] = gains(before, gathered(after))
    return found


def part(network: nn.Module, name: str, count: int, sigmas: tuple[int, ...]) -> dict[str, Any]:
    """What can be read in the images of one part."""
    batches: list[Images] = []
    for sample in take(CamVid(part=name), count):
        assert isinstance(sample.label, Tensor)
        batches.append(([sample.name], sample.x[None], sample.label[None]))
    clean = gathered([read(network, x, x, labels) for _, x, labels in batches])
    twins = [clearsight.load(twin).eval() for twin in TWINS]
    found: dict[str, Any] = {"clean mIoU %": round(100 * float(mean_iou(clean["confusions"].sum(0))), 3)}
    for sigma in sigmas:
        x_hats = [[restored(twin, names, x, sigma) for names, x, _ in batches] for twin in twins]
        separate, guided = (
            gathered([read(network, x_hat, x, labels) for x_hat, (_, x, labels) in zip(of, batches, strict=True)])
            for of in x_hats
        )
        found[f"{sigma}/255"] = {
            "clean - separate": gains(separate, clean),
            "guided - separate": gains(separate, guided),
        }
        if sigma == STEPPED:
            found["steps"] = steps(network, batches, x_hats[0], separate)
        print(name, sigma, found[f"{sigma}/255"], flush=True)
    return found


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    count, sigmas = (2, SIGMAS[-1:]) if rehearsal else (COUNT, SIGMAS)
    torch.set_num_threads(1)
    network = clearsight.load_recognizer(SEGMENTER).eval()
    found = {where: part(network, name, count, sigmas) for where, name in PARTS.items()}
    result = {"images_of_each_part": count, "sigma_of_steps": f"{STEPPED}/255", "parts": found}
    save("streets", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
