"""Half a digit under noise: what the sampler draws, beside the one answer of least squared error."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Sampler
from clearsight.datasets.subset import Subset
from clearsight.evaluation.figures import Tile, draw_tiles
from clearsight.experiments.experiment import Experiment, Preset, Result, RunConfig
from clearsight.experiments.fleuret_dlc.budgets import BUDGETS
from clearsight.experiments.fleuret_dlc.digits import Trainer, batches, test_digits
from clearsight.metrics.pixels import psnr
from clearsight.seeds import generator_for
from clearsight.training import train

__all__ = ["FIGURES"]

_CORRUPTION = "lower-half | salt-and-pepper(amount=0.1)"
_AGREEING = 8
_SHOWN, _DRAWN = 10, 4
_AT_ONCE = 50


class Half(NamedTuple):
    """Degraded digits and what they were.

    Attributes:
        x: ``(N, 1, 28, 28)``.
        y: degraded.
        labels: ``(N,)``.
    """

    x: Tensor
    y: Tensor
    labels: Tensor


def _halves(digits: Subset, config: RunConfig) -> Half:
    found = list(batches(digits, _CORRUPTION, config.seed))
    columns = [torch.cat([cast(Tensor, getattr(batch, name)) for batch in found]) for name in ("x", "y", "labels")]
    return Half(*columns)


def _sampler(config: RunConfig) -> nn.Module:
    """The shipped one; of ``smoke`` and ``paper`` trained anew by its recipe, for a few steps and ten times as long."""
    if config.preset == "cpu":
        return weights.load("sample-digits")
    out = config.runs / "fleuret_dlc" / f"sample-digits-{config.preset}"
    return weights.load(train("sample-digits", _OVERRIDES[config.preset], out=out))


_FEW = (
    '{"class_path": "clearsight.datasets.take", "init_args": {"dataset": {"class_path": "clearsight.datasets.MNIST", \
"init_args": {"part": "val"}}, "n": 64}}'
)
_OVERRIDES = {
    "smoke": [
        *(f"--data.{part}={_FEW}" for part in ("train", "validation")),
        *("--data.batch=32", "--data.epoch=5", "--trainer.max_steps=10"),
    ],
    "paper": ["--trainer.max_steps", "21500"],
}


@torch.inference_mode()
def _drawn(sampler: nn.Module, y: Tensor, n: int, seed: int) -> Tensor:
    """``(N, n, 1, 28, 28)``, clipped."""
    generator = generator_for(seed, 0, stream="fleuret_dlc/samples")
    parts = [cast(Sampler, sampler).sample(part, n=n, generator=generator) for part in torch.split(y, _AT_ONCE)]
    return torch.cat(parts).clamp(0, 1)


@torch.inference_mode()
def _probabilities(recognizer: nn.Module, images: Tensor) -> Tensor:
    """``(…, 1, 28, 28)`` to ``(…, 10)``."""
    parts = torch.split(images.flatten(0, -4), 1000)
    return torch.cat([recognizer(part).softmax(1) for part in parts]).view(*images.shape[:-3], -1)


def _run(config: RunConfig) -> Result:
    budget, digits = BUDGETS[config.preset], test_digits(config)
    sampler, recognizer = _sampler(config), weights.load_recognizer("digits-conv")
    net = Trainer(_CORRUPTION, config).residual(budget.half_epochs).net
    few, many = (_halves(_first(digits, n), config) for n in (budget.drawn, budget.agreeing))
    samples = _drawn(sampler, few.y, budget.samples, config.seed)
    config.report(f"drew {budget.samples} samples of {len(few.y)} digits")
    with torch.inference_mode():
        answers = {"MSE net": net(few.y).clamp(0, 1), "mean in one step": sampler(few.y).clamp(0, 1)}
    answers |= {"mean of samples": samples.mean(1), "one sample": samples[:, 0]}
    rows = [_row(name, x_hat, few, recognizer) for name, x_hat in answers.items()]
    spread = _diversity(samples, answers["MSE net"], few, recognizer)
    agreement = _agreement(_drawn(sampler, many.y, _AGREEING, config.seed), many, recognizer)
    record = {"corruption": _CORRUPTION, "images": len(few.y), "rows": rows, **spread, "agreement": agreement}
    header = ["answer", "PSNR dB", "confidence %", "error %"]
    return Result(
        header,
        [*map(_cells, rows), *_facts(spread, agreement)],
        record,
        _headline(rows, spread, agreement),
        partial(_draw, few, answers["MSE net"], samples, recognizer),
    )


def _first(digits: Subset, n: int) -> Subset:
    return Subset(digits.dataset, list(digits.indices[:n]))


def _row(name: str, x_hat: Tensor, half: Half, recognizer: nn.Module) -> dict[str, Any]:
    confidence, answers = _probabilities(recognizer, x_hat).max(1)
    return {
        "answer": name,
        "psnr": round(float(psnr(x_hat, half.x).mean()), 3),
        "confidence": round(100 * float(confidence.mean()), 3),
        "error": round(100 * float(answers.ne(half.labels).float().mean()), 3),
    }


def _diversity(samples: Tensor, answer: Tensor, half: Half, recognizer: nn.Module) -> dict[str, Any]:
    """Does the recognizer see more classes in the samples of a digit where the MSE net is further off?"""
    seen = F.one_hot(_probabilities(recognizer, samples).argmax(2), 10).float().mean(1)
    entropy = torch.special.entr(seen).sum(1)
    error = (answer - half.x).square().mean((1, 2, 3))
    return {
        "samples": samples.shape[1],
        "entropy_bits": round(float(entropy.mean()) / 0.6931472, 4),
        "rank_correlation": _rank_correlation(entropy, error),
    }


def _rank_correlation(a: Tensor, b: Tensor) -> float | None:
    """Spearman's; of numbers that are all the same there is none."""
    if bool((a == a[0]).all()):
        return None
    return round(float(spearmanr(a.numpy(), b.numpy()).statistic), 4)


def _agreement(samples: Tensor, half: Half, recognizer: nn.Module) -> list[dict[str, Any]]:
    """By how many of eight samples are of the class that most are of: digits, and how often that class is right."""
    seen = F.one_hot(_probabilities(recognizer, samples).argmax(2), 10).sum(1)
    votes, answers = seen.max(1)
    right = answers.eq(half.labels)
    found = []
    for least in range(_AGREEING, 0, -1):
        chosen = votes >= least
        share = 100 * float(right[chosen].float().mean()) if chosen.any() else None
        found.append({"at_least": least, "digits": int(chosen.sum()), "right": share and round(share, 3)})
    return found


def _cells(row: dict[str, Any]) -> list[str]:
    return [row["answer"], *(f"{row[key]:.2f}" for key in ("psnr", "confidence", "error"))]


def _facts(spread: dict[str, Any], agreement: list[dict[str, Any]]) -> list[list[str]]:
    lines = [
        [f"at least {one['at_least']} of 8 samples agree: {one['digits']} digits", "", "", f"{100 - one['right']:.2f}"]
        for one in agreement[:4]
        if one["right"] is not None
    ]
    rank = spread["rank_correlation"]
    text = "–" if rank is None else f"{rank:.2f}"
    return [*lines, [f"entropy of the classes against the MSE net's error: rank correlation {text}", "", "", ""]]


def _headline(rows: list[dict[str, Any]], spread: dict[str, Any], agreement: list[dict[str, Any]]) -> str:
    by_name = {row["answer"]: row for row in rows}
    mean, net, one = (by_name[name] for name in ("mean of samples", "MSE net", "one sample"))
    right = agreement[1]["right"]
    return (
        f"mean of {spread['samples']} samples {mean['psnr'] - net['psnr']:+.2f} dB of the MSE net; "
        f"confidence {net['confidence']:.0f} → {one['confidence']:.0f} %; "
        f"right where 7 of 8 agree: {'–' if right is None else f'{right:.1f} %'}"
    )


def _draw(half: Half, answer: Tensor, samples: Tensor, recognizer: nn.Module, path: Path) -> None:
    """Half digits, the MSE net's answer, four samples, their mean and spread, the original; what is seen in each."""
    titles = ["half, noisy", "MSE net", *["sample"] * _DRAWN, "mean", "spread ×2", "original"]
    states = [half.y.clamp(0, 1), answer, *samples[:, :_DRAWN].unbind(1), samples.mean(1), 2 * samples.std(1), half.x]
    seen = [_probabilities(recognizer, state).argmax(1).tolist() for state in states]
    rows = [
        [
            Tile(state[at].clamp(0, 1), "" if title.startswith("spread") else str(answers[at]))
            for title, state, answers in zip(titles, states, seen, strict=True)
        ]
        for at in range(min(_SHOWN, len(half.x)))
    ]
    draw_tiles(titles, rows, path)


_COST: dict[Preset, str] = {
    "smoke": "half a minute",
    "cpu": "half an hour on two cores",
    "paper": "an hour on a GPU",
}
FIGURES = [
    Experiment(
        "fleuret_dlc/samples", "Half digits: plausible wholes, their mean, how far they can be trusted", _COST, _run
    )
]
