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

from clearsight.boltzmann.dbn import DBN
from clearsight.boltzmann.robm import RoBM
from clearsight.degradations.strokes import Strokes
from clearsight.experiments.chen2016.budgets import Budget, Tuning
from clearsight.experiments.chen2016.cache import Cache
from clearsight.experiments.chen2016.triplets import Split
from clearsight.experiments.experiment import RunConfig
from clearsight.inference.device import has_fast_bfloat16
from clearsight.joint.joint_net import JointNet
from clearsight.joint.pretraining import build_autoencoder, pretrain, start_classifier
from clearsight.joint.three_pathway import ThreePathwayNet
from clearsight.metrics.pixels import psnr
from clearsight.objectives.joint import JointLoss
from clearsight.recognizers.mlp import MLP
from clearsight.restorers.autoencoder import DenoisingAutoencoder
from clearsight.restorers.classical import Wiener
from clearsight.seeds import generator_for
from clearsight.training.data import shifted
from clearsight.training.fine_tuning import fine_tune

__all__ = ["Answer", "Method", "Methods", "joint_loss"]

Answer = tuple[Tensor, Tensor | None]
"""x_hat, and the logits of a joint model."""

_SIGMAS = [0.05 * k for k in range(2, 13)]
_LOOPS = range(2, 7)
_CHUNK = 1000
_SHIFT = 14
_WEIGHT = 20.0
"""λ of our own net, chosen from 1 and 20 by the error on the validation part: the pixels' loss is a sum over pixels."""


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


class Methods:
    """Trains methods, all on the same triplets, and keeps what it has trained.

    Args:
        split: what to train on and to choose on; the test part is not touched.
        encoder: units of each layer from the image to the code.
        budget: what training may cost.
        config: preset, seed, and where to keep and report.
    """

    def __init__(self, split: Split, *, encoder: tuple[int, ...], budget: Budget, config: RunConfig) -> None:
        self.split, self.encoder, self.budget = split, encoder, budget
        self.seed, self._report = config.seed, config.report
        clean = config.runs / "chen2016" / f"{split.source}-{config.preset}-{config.seed}"
        self._clean_cache, self._cache = Cache(clean), Cache(clean / split.kind)

    def makers(self) -> dict[str, Callable[[], Method]]:
        """How to make each row of the tables, by name, in their order."""
        return {
            "noisy": self.noisy,
            "wiener": self.wiener,
            "robm": self.robm,
            "ddae": self.ddae,
            "ddae-loop": self.ddae_loop,
            "joint": self.joint,
            "joint-net": self.joint_net,
        }

    def classifier(self) -> nn.Module:
        """The DNN of the paper, 500-500-2000, pretrained by Boltzmann machines, on clean images.

        Deviation: in fine-tuning images are moved by up to a fourteenth of their shorter side.
        """
        clean, labels = self.split.train.clean, self.split.train.labels
        net = MLP(size=self.split.size, hidden=(500, 500, 2000), classes=self.split.classes, activation="logistic")
        most, generator = min(self.split.size) // _SHIFT, self._generator("dnn/shifts")

        def loss(rows: Tensor) -> Tensor:
            return F.cross_entropy(net(shifted(clean[rows], most, generator)), labels[rows])

        def train() -> None:
            dbn = self._dbn("dnn", clean, (500, 500, 2000), "bernoulli")
            start_classifier(net, dbn.rbms)
            self._minimise("dnn", net, loss, self.budget.classifier)

        self._clean_cache.fill("dnn", net, train, terms=self._terms(self.budget.rbm_epochs, self.budget.classifier))
        return net

    def noisy(self) -> Method:
        """Images as they come."""
        return Method("noisy", lambda noisy: (noisy, None), 0.0)

    def wiener(self) -> Method:
        """The filter with the σ that is best on the validation part."""
        started, filter_ = time.monotonic(), Wiener()
        restores = {sigma: lambda y, sigma=sigma: (filter_(y, torch.full((len(y),), sigma)), None) for sigma in _SIGMAS}
        scores = {sigma: self._validated(restore) for sigma, restore in restores.items()}
        best = max(scores, key=scores.__getitem__)
        return Method("wiener", restores[best], time.monotonic() - started, f"sigma = {best:.2f}")

    def robm(self) -> Method:
        """The robust Boltzmann machine."""
        clean, noisy = self.split.train.clean.flatten(1), self.split.train.noisy.flatten(1)
        machine = RoBM(size=clean.shape[1])

        def train() -> None:
            machine.fit(clean, noisy, epochs=self.budget.rbm_epochs, generator=self._generator("robm"))
            self._report("robm: trained")

        seconds = self._cache.fill("robm", machine, train, terms=self._terms(self.budget.rbm_epochs))
        generator = self._generator("robm/sweeps")

        def answer(y: Tensor) -> Answer:
            return machine.restore(y.flatten(1), sweeps=self.budget.sweeps, generator=generator).view_as(y), None

        return Method("robm", answer, seconds)

    def ddae(self) -> Method:
        """The deep denoising autoencoder, one pass."""
        net, seconds = self._autoencoder()
        return Method("ddae", _looped(net, 1), seconds)

    def ddae_loop(self) -> Method:
        """The same fed back to itself, as often as is best on the validation part."""
        net, seconds = self._autoencoder()
        scores = {loops: self._validated(_looped(net, loops)) for loops in _LOOPS}
        best = max(scores, key=scores.__getitem__)
        return Method("ddae-loop", _looped(net, best), seconds, f"{best} passes")

    def joint(self) -> Method:
        """The published joint model: pretrained pathway by pathway, fine-tuned on eq. 1."""
        noisy, clean, labels = self.split.train
        net, loss = ThreePathwayNet(size=self.split.size, encoder=self.encoder, classes=self.split.classes), JointLoss()

        def train() -> None:
            pretrain(net, noisy, clean, epochs=self.budget.rbm_epochs, generator=self._generator("joint"))
            self._report("joint: pretrained")
            self._minimise(
                "joint",
                net,
                lambda rows: joint_loss(loss, net(noisy[rows]), clean[rows], labels[rows]),
                self.budget.published,
            )

        return Method("joint", net, self._cache.fill("joint", net, train, terms=self._terms_published()))

    def joint_net(self) -> Method:
        """Our convolutional joint model, shown fresh strokes in every batch."""
        _, clean, labels = self.split.train
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = JointNet(classes=self.split.classes)
        loss, strokes, generator = JointLoss(weight=_WEIGHT), Strokes(kind=self.split.kind), self._generator("strokes")
        fast = has_fast_bfloat16(torch.device("cpu"))

        def fresh(rows: Tensor) -> Tensor:
            noisy = strokes(clean[rows], generator=generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                x_hat, logits = net(noisy.contiguous(memory_format=torch.channels_last))
            return joint_loss(loss, (x_hat.float(), logits.float()), clean[rows], labels[rows])

        def train() -> None:
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._minimise("joint-net", net, fresh, self.budget.own)

        return Method("joint-net", net, self._cache.fill("joint-net", net, train, terms=self._terms(self.budget.own)))

    def _autoencoder(self) -> tuple[DenoisingAutoencoder, float]:
        noisy, clean, _ = self.split.train
        net, loss = DenoisingAutoencoder(size=self.split.size, encoder=self.encoder), nn.BCELoss(reduction="sum")

        def train() -> None:
            dbn = self._dbn("ddae", noisy, self.encoder, "linear")
            net.load_state_dict(build_autoencoder(dbn.rbms, size=self.split.size).state_dict())
            self._minimise(
                "ddae", net, lambda rows: loss(net(noisy[rows]), clean[rows]) / len(rows), self.budget.published
            )

        return net, self._cache.fill("ddae", net, train, terms=self._terms_published())

    def _generator(self, name: str) -> torch.Generator:
        return generator_for(self.seed, 0, stream=f"chen2016/{name}")

    def _dbn(self, name: str, images: Tensor, sizes: tuple[int, ...], code: Literal["bernoulli", "linear"]) -> DBN:
        """A stack of Boltzmann machines trained on images."""
        generator, data = self._generator(f"{name}/rbm"), images.flatten(1)
        dbn = DBN(sizes=(data.shape[1], *sizes), code=code, generator=generator)
        dbn.pretrain(data, epochs=self.budget.rbm_epochs, generator=generator)
        self._report(f"{name}: pretrained")
        return dbn

    def _minimise(self, name: str, net: nn.Module, loss: Callable[[Tensor], Tensor], tuning: Tuning) -> None:
        run = fine_tune(
            net.parameters(),
            loss,
            len(self.split.train.labels),
            epochs=tuning.epochs,
            batch=tuning.batch,
            optimizer=tuning.optimizer,
            generator=self._generator(f"{name}/order"),
        )
        for epoch, value in enumerate(run, start=1):
            self._report(f"{name}: epoch {epoch} of {tuning.epochs}, loss {value:.3f}")

    def _terms(self, *spent: int | Tuning) -> str:
        """What a training depends on beside the data's source, the preset and the seed."""
        return f"{len(self.split.train.labels)} images, {', '.join(map(str, spent))}"

    def _terms_published(self) -> str:
        return self._terms(self.budget.rbm_epochs, self.budget.published)

    def _validated(self, restore: Callable[[Tensor], Answer]) -> float:
        """Mean PSNR on the validation part."""
        x_hat, _ = Method("", restore, 0)(self.split.validation.noisy)
        return float(psnr(x_hat.clamp(0, 1), self.split.validation.clean).mean())


def joint_loss(loss: JointLoss, answer: tuple[Tensor, Tensor], clean: Tensor, labels: Tensor) -> Tensor:
    """Of both answers of a joint model."""
    x_hat, logits = answer
    value: Tensor = loss(x_hat, clean, logits, labels)
    return value


def _looped(net: DenoisingAutoencoder, loops: int) -> Callable[[Tensor], Answer]:
    """The same weights with so many passes."""
    looped = copy.copy(net)
    looped.loops = loops
    return lambda noisy: (looped(noisy), None)
