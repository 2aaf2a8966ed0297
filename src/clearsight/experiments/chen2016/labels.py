"""Do images without labels help? The joint model fine-tuned on few labels, from two starts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from clearsight.evaluation.figures import write_figure
from clearsight.experiments.chen2016.budgets import BUDGETS, ENCODER, Budget
from clearsight.experiments.chen2016.judging import judge
from clearsight.experiments.chen2016.methods import Method, joint_loss
from clearsight.experiments.chen2016.triplets import Split, Triplets, mnist
from clearsight.experiments.experiment import Experiment, Result, RunConfig
from clearsight.joint.pretraining import pretrain
from clearsight.joint.three_pathway import ThreePathwayNet
from clearsight.objectives.joint import JointLoss
from clearsight.seeds import generator_for
from clearsight.training.fine_tuning import fine_tune

__all__ = ["LABELS"]

Row = dict[str, Any]

_COUNTS = (100, 1_000, 10_000)
_STARTS = {"random": "random weights", "pretrained": "pretrained on all images, no labels"}


def _run(config: RunConfig) -> Result:
    budget = BUDGETS[config.preset]
    split = mnist("light", limit=budget.limit, seed=config.seed)
    starts = {"random": _random(config.seed), "pretrained": _pretrained(split, budget, config)}
    rows = [
        _row(start, starts[start], split, count, budget, config)
        for count in _COUNTS
        if count <= len(split.train.labels)
        for start in _STARTS
    ]
    header = ["labels", "start", "PSNR dB", "error %"]
    cells = [[f"{row['labels']:,}", _STARTS[row["start"]], f"{row['psnr']:.2f}", f"{row['error']:.2f}"] for row in rows]
    few = {row["start"]: row["error"] for row in rows[:2]}
    headline = (
        f"{_COUNTS[0]} labels: error {few['random']:.2f} % from random weights, {few['pretrained']:.2f} % pretrained"
    )
    return Result(header, cells, {"rows": rows}, headline, partial(_draw, rows))


def _random(seed: int) -> ThreePathwayNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ThreePathwayNet(encoder=ENCODER)


def _pretrained(split: Split, budget: Budget, config: RunConfig) -> ThreePathwayNet:
    net, generator = _random(config.seed), generator_for(config.seed, 0, stream="chen2016/labels")
    pretrain(net, split.train.noisy, split.train.clean, epochs=budget.rbm_epochs, generator=generator)
    config.report("pretrained")
    return net


def _row(start: str, net: ThreePathwayNet, split: Split, count: int, budget: Budget, config: RunConfig) -> Row:
    tuned = _random(config.seed)
    tuned.load_state_dict(net.state_dict())
    _tune(tuned, split.train.at(torch.arange(count)), budget, config.seed)
    row = judge([Method("joint", tuned.eval(), 0)], split.test, tuned)["joint"].row
    config.report(f"{start}, {count} labels: error {row['error']:.2f} %")
    return {"labels": count, "start": start, "psnr": row["psnr"], "error": row["error"]}


def _tune(net: ThreePathwayNet, labelled: Triplets, budget: Budget, seed: int) -> None:
    """As many steps whatever the number of labels."""
    loss, (noisy, clean, labels) = JointLoss(), labelled
    batch = min(budget.published.batch, len(labels))
    run = fine_tune(
        net.parameters(),
        lambda rows: joint_loss(loss, net(noisy[rows]), clean[rows], labels[rows]),
        len(labels),
        epochs=-(-budget.label_steps * batch // len(labels)),
        batch=batch,
        optimizer=budget.published.optimizer,
        generator=generator_for(seed, 0, stream="chen2016/labels/order"),
    )
    for _ in run:
        pass


def _draw(rows: list[Row], path: Path) -> None:
    """Error against the number of labels."""
    figure = Figure(figsize=(4.5, 3.2), dpi=150)
    axes = figure.subplots()
    for start, title in _STARTS.items():
        points = [(row["labels"], row["error"]) for row in rows if row["start"] == start]
        axes.plot(*zip(*points, strict=True), marker="o", label=title)
    axes.set_xscale("log")
    axes.set_xlabel("labelled images")
    axes.set_ylabel("error on stroked test digits, %")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    write_figure(figure, path)


LABELS = Experiment(
    "chen2016/labels",
    "Do images without labels help? Error against the number of labels, light strokes on MNIST",
    {"smoke": "a minute", "cpu": "a quarter of an hour on two cores", "paper": "minutes on a GPU"},
    _run,
)
