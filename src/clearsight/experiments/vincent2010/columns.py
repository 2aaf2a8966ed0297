"""Every column of the table: trained, chosen on the validation part, and asked about the test part once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann.dbn import DBN
from clearsight.boltzmann.stack import Layer
from clearsight.degradations.masks import Erase
from clearsight.experiments.chen2016.cache import Cache
from clearsight.experiments.experiment import RunConfig
from clearsight.experiments.vincent2010.budgets import Budget
from clearsight.experiments.vincent2010.splits import Part, Split
from clearsight.experiments.vincent2010.svm import choose_machine
from clearsight.inference.device import choose_device
from clearsight.joint.pretraining import start_classifier
from clearsight.recognizers.mlp import MLP
from clearsight.restorers.stacked import StackedAutoencoder
from clearsight.seeds import generator_for
from clearsight.training.fine_tuning import fine_tune

__all__ = ["COLUMNS", "Cell", "Columns"]

COLUMNS = ("SVM", "DBN-1", "SAE-3", "DBN-3", "SDAE-3")

_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Cell:
    """What a method makes of a data set.

    Attributes:
        wrong: which test images it names wrongly, ``(N,)`` bool.
        validation: its error on the validation part in %.
        chosen: what was chosen there.
        seconds: of all trainings that it was chosen from.
    """

    wrong: Tensor
    validation: float
    chosen: dict[str, float]
    seconds: float


class _Start(NamedTuple):
    """A stack that a classifier may start from.

    Attributes:
        name: of the stack.
        chosen: what it was trained with.
        hidden: units of each of its layers.
        layers: trains it, or loads it; on the device.
    """

    name: str
    chosen: dict[str, float]
    hidden: tuple[int, ...]
    layers: Callable[[], Sequence[Layer]]


class _Tried(NamedTuple):
    validation: float
    net: nn.Module
    chosen: dict[str, float]
    seconds: float


class Columns:
    """Trains the columns of one data set and keeps what it has trained.

    Args:
        split: the data set; its test part is looked at once a column.
        budget: what training may cost.
        config: preset, seed, and where to keep and report.
    """

    def __init__(self, split: Split, budget: Budget, config: RunConfig) -> None:
        self._split, self._budget, self._config = split, budget, config
        self._device = choose_device()
        self._train, self._validation = split.train.to(self._device), split.validation.to(self._device)
        self._folder = config.runs / "vincent2010" / f"{config.preset}-{config.seed}" / split.name
        self._cache = Cache(self._folder)

    def cell(self, column: str) -> Cell:
        """Train a column, one of :data:`COLUMNS`."""
        makers: dict[str, Callable[[], Cell]] = {
            "SVM": self._svm,
            "DBN-1": lambda: self._best(self._machines(1)),
            "SAE-3": lambda: self._best(self._autoencoders((0.0,))),
            "DBN-3": lambda: self._best(self._machines(3)),
            "SDAE-3": lambda: self._best(self._autoencoders(self._budget.corruptions)),
        }
        cell = makers[column]()
        error = 100 * float(cell.wrong.float().mean())
        self._config.report(f"{self._split.name}, {column}: error {error:.2f} %, {cell.chosen}")
        return cell

    def _svm(self) -> Cell:
        machine = choose_machine(
            self._split,
            self._budget.penalties,
            self._budget.widths,
            kept=self._folder / "svm.json",
            terms=self._terms(),
        )
        wrong = machine.answers != self._split.test.labels
        return Cell(wrong, machine.validation, machine.chosen, machine.seconds)

    def _machines(self, depth: int) -> Iterator[_Start]:
        """Stacks of Boltzmann machines."""
        stage = self._budget.machines
        for units, rate in product(self._budget.hidden, stage.rates):
            name, hidden = f"dbn-{depth}-{units}-{rate:g}", (units,) * depth
            yield _Start(name, {"units": units, "rate": rate}, hidden, self._machine_layers(name, hidden, rate))

    def _machine_layers(self, name: str, hidden: tuple[int, ...], rate: float) -> Callable[[], Sequence[Layer]]:
        def layers() -> Sequence[Layer]:
            data, stage = self._train.images.flatten(1), self._budget.machines
            dbn = DBN(sizes=(data.shape[1], *hidden), generator=self._generator(f"{name}/start", "cpu"))

            def train() -> None:
                dbn.to(self._device).pretrain(
                    data, epochs=stage.epochs, batch=stage.batch, rate=rate, generator=self._generator(name)
                )

            self._cache.fill(name, dbn, train, terms=self._terms(stage.epochs, stage.batch))
            return dbn.rbms

        return layers

    def _autoencoders(self, corruptions: Sequence[float]) -> Iterator[_Start]:
        """Stacks of three denoising autoencoders; of ordinary ones where nothing is corrupted."""
        stage = self._budget.autoencoders
        for units, share, rate in product(self._budget.hidden, corruptions, stage.rates):
            name, hidden = f"ae-{units}-{share:g}-{rate:g}", (units,) * 3
            chosen = {"units": units, "corruption": share, "rate": rate}
            yield _Start(name, chosen, hidden, self._autoencoder_layers(name, hidden, share, rate))

    def _autoencoder_layers(
        self, name: str, hidden: tuple[int, ...], share: float, rate: float
    ) -> Callable[[], Sequence[Layer]]:
        def layers() -> Sequence[Layer]:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self._config.seed)
                net = StackedAutoencoder(size=self._split.size, hidden=hidden)
            stage, corruption = self._budget.autoencoders, Erase(probability=share) if share else None

            def train() -> None:
                net.to(self._device).pretrain(
                    self._train.images,
                    corruption=corruption,
                    epochs=stage.epochs,
                    batch=stage.batch,
                    rate=rate,
                    momentum=stage.momentum,
                    generator=self._generator(name),
                )

            self._cache.fill(name, net, train, terms=self._terms(stage.epochs, stage.batch))
            return net.layers

        return layers

    def _best(self, starts: Iterator[_Start]) -> Cell:
        """Of all stacks and rates of fine-tuning, the first with the least error on the validation part."""
        tried = [self._tried(start, rate) for start in starts for rate in self._budget.tuning.rates]
        best = min(tried, key=lambda one: one.validation)
        wrong = wrong_of(best.net, self._split.test)
        return Cell(wrong, best.validation, best.chosen, sum(one.seconds for one in tried))

    def _tried(self, start: _Start, rate: float) -> _Tried:
        split = self._split
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._config.seed)
            net = MLP(size=split.size, hidden=start.hidden, classes=split.classes, activation="logistic")

        def train() -> None:
            start_classifier(net, start.layers())
            self._fine_tune(net.to(self._device), f"{start.name}/order", rate)

        name = f"{start.name}-tuned-{rate:g}"
        seconds = self._cache.fill(name, net, train, terms=self._tuned_terms())
        wrong = wrong_of(net.to(self._device), self._validation)
        return _Tried(100 * float(wrong.float().mean()), net.cpu(), {**start.chosen, "tuning_rate": rate}, seconds)

    def _fine_tune(self, net: nn.Module, name: str, rate: float) -> None:
        """The whole net; what is kept is what did best on the validation part after any epoch."""
        (images, labels), stage = self._train, self._budget.tuning
        run = fine_tune(
            net.parameters(),
            lambda rows: F.cross_entropy(net(images[rows]), labels[rows]),
            len(labels),
            epochs=stage.epochs,
            batch=stage.batch,
            optimizer=self._budget.optimizer,
            rate=rate,
            generator=self._generator(name, "cpu"),
        )
        least, best = len(self._validation.labels) + 1, net.state_dict()
        for _ in run:
            wrong = int(wrong_of(net, self._validation).sum())
            if wrong < least:
                least, best = wrong, copy.deepcopy(net.state_dict())
        net.load_state_dict(best)

    def _generator(self, name: str, device: torch.device | str | None = None) -> torch.Generator:
        stream = f"vincent2010/{self._split.name}/{name}"
        return generator_for(self._config.seed, 0, stream=stream, device=device or self._device)

    def _terms(self, *spent: int) -> str:
        """What a training depends on beside its name, the preset and the seed."""
        return ", ".join([f"{len(self._train.labels)} images, {self._split.source}", *map(str, spent)])

    def _tuned_terms(self) -> str:
        stage = self._budget.tuning
        below = (self._budget.autoencoders, self._budget.machines)
        spent = [number for one in (*below, stage) for number in (one.epochs, one.batch)]
        return f"{self._terms(*spent, len(self._validation.labels))}, {self._budget.optimizer}"


@torch.inference_mode()
def wrong_of(net: nn.Module, part: Part) -> Tensor:
    """Which images a classifier names wrongly, ``(N,)`` bool."""
    chunks = zip(torch.split(part.images, _CHUNK), torch.split(part.labels, _CHUNK), strict=True)
    return torch.cat([net(images).argmax(1) != labels for images, labels in chunks])
