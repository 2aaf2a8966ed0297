"""Every method of the tables: trained, then a function from noisy images to restored ones and, if joint, to logits."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann import DBN, RoBM
from clearsight.degradations import Strokes
from clearsight.experiments.chen2016.budgets import Budget
from clearsight.experiments.chen2016.triplets import Split
from clearsight.joint import JointNet, ThreePathwayNet, build_autoencoder, pretrain
from clearsight.metrics import psnr
from clearsight.objectives import JointLoss
from clearsight.recognizers import MLP
from clearsight.restorers import DenoisingAutoencoder, Wiener
from clearsight.seeds import generator_for
from clearsight.training.fine_tuning import OptimizerName, fine_tune

__all__ = ["Answer", "Method", "Workshop"]

Answer = tuple[Tensor, Tensor | None]
"""x_hat, and the logits of a joint model."""

_SIGMAS = [0.05 * k for k in range(2, 13)]
_LOOPS = range(2, 7)
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Method:
    """A trained method.

    Attributes:
        name: its row in the table.
        answer: of noisy images, ``(B, 1, H, W)``.
        seconds: that its training took.
        chosen: what was chosen on the validation part, in words; empty if nothing was.
    """

    name: str
    answer: Callable[[Tensor], Answer]
    seconds: float
    chosen: str = ""

    @torch.inference_mode()
    def __call__(self, noisy: Tensor) -> Answer:
        """Answer for all images, a thousand at a time."""
        answers = [self.answer(chunk) for chunk in torch.split(noisy, _CHUNK)]
        logits = [some for _, some in answers if some is not None]
        return torch.cat([x_hat for x_hat, _ in answers]), torch.cat(logits) if logits else None


class Workshop:
    """Trains the methods of one table, all on the same triplets.

    Args:
        split: what to train on and to choose on; the test part is not touched.
        encoder: units of each layer from the image to the code.
        kind: of the strokes, for the nets that are shown fresh ones.
        budget: what training may cost.
        seed: of everything that is drawn.
        report: is told how far it has come.
    """

    def __init__(
        self,
        split: Split,
        *,
        encoder: tuple[int, ...],
        kind: str,
        budget: Budget,
        seed: int,
        report: Callable[[str], None],
    ) -> None:
        self.split, self.encoder, self.kind, self.budget = split, encoder, kind, budget
        self.seed, self._report = seed, report

    def classifier(self) -> nn.Module:
        """The DNN of the paper, 500-500-2000, pretrained by Boltzmann machines, on clean images."""
        clean, labels = self.split.train.clean, self.split.train.labels
        net = MLP(size=self.split.size, hidden=(500, 500, 2000), classes=self.split.classes, activation="logistic")
        dbn = self._dbn("dnn", clean, (500, 500, 2000), "bernoulli")
        for layer, rbm in zip(net.hidden, dbn.rbms, strict=True):
            layer.load_state_dict({"weight": rbm.weight, "bias": rbm.hidden_bias})
        self._fine_tune("dnn", net, lambda rows: F.cross_entropy(net(clean[rows]), labels[rows]))
        return net.eval()

    def wiener(self) -> Method:
        """The filter with the σ that is best on the validation part."""
        started, filter_ = time.monotonic(), Wiener()
        restores = {sigma: lambda y, sigma=sigma: (filter_(y, torch.full((len(y),), sigma)), None) for sigma in _SIGMAS}
        scores = {sigma: self._validated(restore) for sigma, restore in restores.items()}
        best = max(scores, key=scores.__getitem__)
        return Method("wiener", restores[best], time.monotonic() - started, f"sigma = {best:.2f}")

    def robm(self) -> Method:
        """The robust Boltzmann machine."""
        started, generator = time.monotonic(), self._generator("robm")
        machine = RoBM(size=self.split.train.clean[0].numel())
        clean, noisy = self.split.train.clean.flatten(1), self.split.train.noisy.flatten(1)
        machine.fit(clean, noisy, epochs=self.budget.rbm_epochs, generator=generator)
        self._report(f"robm: trained in {time.monotonic() - started:.0f} s")

        def answer(y: Tensor) -> Answer:
            return machine.restore(y.flatten(1), sweeps=self.budget.sweeps, generator=generator).view_as(y), None

        return Method("robm", answer, time.monotonic() - started)

    def autoencoders(self) -> list[Method]:
        """The deep denoising autoencoder: one pass, and fed back to itself as often as is best for validation."""
        started, noisy, clean = time.monotonic(), self.split.train.noisy, self.split.train.clean
        dbn = self._dbn("ddae", noisy, self.encoder, "linear")
        net = build_autoencoder(dbn.rbms, size=self.split.size)
        loss = nn.BCELoss(reduction="sum")
        self._fine_tune("ddae", net, lambda rows: loss(net(noisy[rows]), clean[rows]) / len(rows))
        looped = {loops: _looped(net.eval(), loops) for loops in (1, *_LOOPS)}
        scores = {loops: self._validated(looped[loops]) for loops in _LOOPS}
        best, seconds = max(scores, key=scores.__getitem__), time.monotonic() - started
        return [
            Method("ddae", looped[1], seconds),
            Method("ddae-loop", looped[best], seconds, f"{best} passes"),
        ]

    def joint(self) -> Method:
        """The published joint model: pretrained pathway by pathway, fine-tuned on eq. 1."""
        started, (noisy, clean, labels) = time.monotonic(), self.split.train
        net = ThreePathwayNet(size=self.split.size, encoder=self.encoder, classes=self.split.classes)
        pretrain(net, noisy, clean, labels, epochs=self.budget.rbm_epochs, generator=self._generator("joint"))
        self._report(f"joint: pretrained in {time.monotonic() - started:.0f} s")
        loss = JointLoss()
        self._fine_tune("joint", net, lambda rows: _joint_loss(loss, net(noisy[rows]), clean[rows], labels[rows]))
        return Method("joint", net.eval(), time.monotonic() - started)

    def joint_net(self) -> Method:
        """Our convolutional joint model, shown fresh strokes in every batch."""
        started, (_, clean, labels) = time.monotonic(), self.split.train
        torch.manual_seed(self.seed)
        net, loss, strokes = JointNet(classes=self.split.classes), JointLoss(), Strokes(kind=self.kind)  # type: ignore[arg-type]
        generator = self._generator("strokes")

        def fresh(rows: Tensor) -> Tensor:
            noisy = strokes(clean[rows], generator=generator)
            return _joint_loss(loss, net(noisy), clean[rows], labels[rows])

        self._minimise("joint-net", net, fresh, optimizer="adam", epochs=self.budget.conv_epochs, batch=128)
        return Method("joint-net", net.eval(), time.monotonic() - started)

    def _generator(self, name: str) -> torch.Generator:
        return generator_for(self.seed, 0, stream=f"chen2016/{name}")

    def _dbn(self, name: str, images: Tensor, sizes: tuple[int, ...], code: Literal["bernoulli", "linear"]) -> DBN:
        """A stack of Boltzmann machines trained on images."""
        generator, data = self._generator(f"{name}/rbm"), images.flatten(1)
        dbn = DBN(sizes=(data.shape[1], *sizes), code=code, generator=generator)
        dbn.pretrain(data, epochs=self.budget.rbm_epochs, generator=generator)
        self._report(f"{name}: pretrained")
        return dbn

    def _fine_tune(self, name: str, net: nn.Module, loss: Callable[[Tensor], Tensor]) -> None:
        """Train a published net as its budget says."""
        budget = self.budget
        self._minimise(name, net, loss, optimizer=budget.optimizer, epochs=budget.epochs, batch=budget.batch)

    def _minimise(
        self,
        name: str,
        net: nn.Module,
        loss: Callable[[Tensor], Tensor],
        *,
        optimizer: OptimizerName,
        epochs: int,
        batch: int,
    ) -> None:
        run = fine_tune(
            net.parameters(),
            loss,
            len(self.split.train.labels),
            epochs=epochs,
            batch=batch,
            optimizer=optimizer,
            generator=self._generator(f"{name}/order"),
        )
        for epoch, value in enumerate(run, start=1):
            self._report(f"{name}: epoch {epoch} of {epochs}, loss {value:.3f}")

    def _validated(self, restore: Callable[[Tensor], Answer]) -> float:
        """Mean PSNR on the validation part."""
        x_hat, _ = Method("", restore, 0)(self.split.validation.noisy)
        return float(psnr(x_hat.clamp(0, 1), self.split.validation.clean).mean())


def _joint_loss(loss: JointLoss, answer: tuple[Tensor, Tensor], clean: Tensor, labels: Tensor) -> Tensor:
    x_hat, logits = answer
    value: Tensor = loss(x_hat, clean, logits, labels)
    return value


def _looped(net: DenoisingAutoencoder, loops: int) -> Callable[[Tensor], Answer]:
    """The same weights with so many passes."""
    looped = copy.copy(net)
    looped.loops = loops
    return lambda noisy: (looped(noisy), None)
