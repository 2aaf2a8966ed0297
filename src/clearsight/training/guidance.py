"""Train a restorer for a recognizer that one already has, and that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Batch, RecognitionTraits
from clearsight.errors import DataError, ModelError
from clearsight.joint.cascade import Cascade
from clearsight.metrics.pixels import psnr
from clearsight.metrics.recognition import confusion, departure, hit, mean_iou
from clearsight.objectives.guidance import Guidance, Weighting
from clearsight.recognizers.checks import check_gives_logits, check_task
from clearsight.recognizers.letters import transcribed, wanted
from clearsight.training.data import Data
from clearsight.training.recognition import error_rate, letters_wrong
from clearsight.training.restoration import RestorationTask
from clearsight.training.schedules import Schedule
from clearsight.training.task import Scores

__all__ = ["GuidedTask"]


class GuidedTask(RestorationTask):
    """Regress the clean image, guided by a frozen recognizer: eq. 3 of liu2020.

    What is trained is a :class:`~clearsight.joint.Cascade`, by :class:`~clearsight.objectives.Guidance`; what is
    exported is its restorer. With both weights 0 it trains step for step what a
    :class:`~clearsight.training.restoration.RestorationTask` with the same arguments does: the same images, the same
    noise, the same gradients.

    The best checkpoint is the one with the least departure of the recognizer's answer from the right one, ½ Σ |p − t|
    in percent. Unlike the error it moves with every answer, not only where one tips over, so a few held-out images are
    enough to tell two checkpoints apart; and PSNR is what guidance trades for it. Of a reader, whose lines have letters
    enough, it is the one with the fewest misread.

    Args:
        restorer: the network.
        start: a trained restorer to go on from, as for :class:`~clearsight.training.restoration.RestorationTask`.
        recognizer: what guides it: a module, or what ``clearsight.load_recognizer`` takes. It is not changed.
        degradation: how clean images are degraded, as a string: ``gaussian(sigma=15/255..60/255)``.
        validation: degradations to validate on, each with the same noise every time.
        loss: the pixels' part, of the restored and the clean batch; L1 if not given.
        perceptual: λ_P.
        recognition: λ_H.
        layer: whose features are compared; ``relu3_3`` if not given.
        features: another network whose layer that is, as ``recognizer`` is given.
        labelled: the data's labels are to be recognized; if not, what the recognizer sees in the clean images.
        weighting: ``"balanced"``, each part's gradient brought to the norm of the pixels' before it is weighted, or
            ``"fixed"``.
        optimizer: made of the parameters to train.
        schedule: of the learning rate, over ``trainer.max_steps``.
        seed: of the degradations.

    Raises:
        RecipeError: as :class:`~clearsight.training.restoration.RestorationTask`.
        ModelError: the restorer and the recognizer take different images, or the recognizer cannot be loaded or gives
            no logits.
        InvalidArgumentError: a weight cannot be used, or features are to be compared and no layer is named.
        UnknownNameError: there is no such layer.
    """

    network: Cascade
    units, mode = {"departure": "%", "misread": "%", "psnr": "dB"}, "min"

    def __init__(
        self,
        *,
        restorer: nn.Module | None = None,
        start: str | None = None,
        recognizer: str | nn.Module,
        degradation: str,
        validation: Sequence[str],
        loss: nn.Module | None = None,
        perceptual: float = 0.5,
        recognition: float = 0.25,
        layer: str | None = None,
        features: str | nn.Module | None = None,
        labelled: bool = True,
        weighting: Weighting = "balanced",
        optimizer: OptimizerCallable = torch.optim.AdamW,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            restorer=restorer,
            start=start,
            degradation=degradation,
            validation=validation,
            loss=loss,
            optimizer=optimizer,
            schedule=schedule,
            seed=seed,
        )
        self.network = Cascade(self.network, _loaded(recognizer))
        self.labelled, self._reads = labelled, self.network.recognition.task == "read"
        if self._reads:
            self.units = {"misread": "%", "psnr": "dB"}
        self.guidance = Guidance(
            recognizer=self.network.frozen,
            pixels=self.loss,
            perceptual=perceptual,
            recognition=recognition,
            layer=layer,
            features=None if features is None else _loaded(features),
            labelled=labelled,
            weighting=weighting,
        )

    @property
    def exported(self) -> nn.Module:
        """The restorer; the recognizer is nobody's part."""
        return self.network.restorer

    @property
    def recognition(self) -> RecognitionTraits | None:
        """Of the recognizer, where labels are asked for."""
        return self.network.recognition if self.labelled else None

    def check(self, data: Data) -> None:
        """Say why the cascade cannot be trained on such images or judged with them.

        Raises:
            ModelError: it takes other images, or no gradient flows through the recognizer.
            DataError: there are no labels or texts, or they are one an image for a segmenter, or one a pixel for a
                classifier.
        """
        for batch in (data.draw(0), data.held_out()[0]):
            labels = None if batch.labels is None else batch.labels[:1]
            self._check_batch(Batch(batch.x[:1], labels, texts=batch.texts[:1]).scaled())

    def _check_batch(self, batch: Batch) -> None:
        channels, height, width = batch.x.shape[1:]
        self.network.check_images(channels, height, width)
        if self.labelled and not self._reads:
            _check_labels(self.network.recognition, batch.labels)
        x_hat = batch.x.clone().requires_grad_()
        parts = self.guidance.parts(x_hat, batch.x, self._wanted(batch))
        if not all(part.requires_grad for part in parts.values()):
            raise ModelError(
                "no gradient flows through the recognizer: give a network, or a TorchScript program, that does not "
                "detach what it computes"
            )

    def objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch degraded, restored and recognized."""
        x_hat = self.restore(batch, self.degradation, generator)
        loss: Tensor = self.guidance(x_hat, batch.reference, self._wanted(batch))
        return loss

    def scores(self, batch: Batch, index: int) -> Scores:
        """What the recognizer makes of each restored image, and how the image looks.

        ``departure`` is ½ Σ |p − t| in percent, ``misread`` 100 for each image that is named wrongly, or its
        confusions, or how many letters it has and how many are misread; ``psnr`` in dB. Right is what the labels or
        texts say or, without them, what the recognizer sees in the clean image. The recognizer computes in float32.
        """
        clean = None if self.labelled else self._logits(batch.x)
        found: Scores = {metric: {} for metric in self.units}
        for way in self.validation:
            x_hat = self.validated(batch, way, index)
            judged = self._judged(self._logits(x_hat), batch, clean)
            for metric, values in {**judged, "psnr": psnr(x_hat, batch.reference)}.items():
                found[metric][str(way)] = values
        return found

    def figure(self, metric: str, values: Tensor) -> Tensor:
        """What is misread of all letters or, of a segmenter, 100 − the mean IoU, in percent; all else is a mean."""
        if values.ndim == 1:
            return values.mean()
        return error_rate(values) if self._reads else 100 * (1 - mean_iou(values.sum(0)))

    def _judged(self, logits: Tensor, batch: Batch, clean: Tensor | None) -> dict[str, Tensor]:
        """What the recognizer makes of images, beside what is right, or what it makes of the clean ones."""
        classes = self.network.recognition.classes
        if self._reads:
            texts = batch.texts if clean is None else [text for text, _ in transcribed(clean, classes)]
            return {"misread": letters_wrong(logits, texts, classes)}
        right = cast(Tensor, batch.labels) if clean is None else clean
        misread = _misread(logits, right.argmax(1) if clean is not None else right)
        return {"departure": 100 * departure(logits, right), "misread": misread}

    def _wanted(self, batch: Batch) -> Tensor | None:
        return wanted(batch, self.network.recognition) if self.labelled else None

    def _logits(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.network.recognize(x).float()


def _loaded(network: str | nn.Module) -> nn.Module:
    recognizer = weights.load_recognizer(network) if isinstance(network, str) else network
    check_gives_logits(recognizer)
    return recognizer


def _check_labels(traits: RecognitionTraits, labels: Tensor | None) -> None:
    if labels is None:
        raise DataError("the images have no labels to be guided by: label them, or set labelled to false")
    check_task(traits, maps=labels.ndim > 1)


def _misread(logits: Tensor, labels: Tensor) -> Tensor:
    return 100 * (1 - hit(logits, labels)) if logits.ndim == 2 else confusion(logits, labels)
