"""Name what is in an image."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Prediction, Reader, Recognizer
from clearsight.errors import InvalidArgumentError
from clearsight.images.intensities import as_unit
from clearsight.images.picture import Picture
from clearsight.inference.arrays import ImageLike, pictures_of
from clearsight.inference.device import choose_device, placed

__all__ = ["Predictor", "image_for", "recognize"]


class Predictor:
    """A recognizer on its device, in evaluation mode, in float32; one that is elsewhere stays there and is copied.

    Args:
        recognizer: the recognizer, or what ``clearsight.load_recognizer`` takes.
        device: ``auto``, ``cpu``, ``cuda``, …

    Raises:
        ModelError: it cannot be loaded.
        InvalidArgumentError: the device cannot be used.
    """

    def __init__(self, recognizer: nn.Module | str, *, device: str = "auto") -> None:
        module = weights.load_recognizer(recognizer) if isinstance(recognizer, str) else recognizer
        self.device = choose_device(device)
        self.traits = cast(Recognizer, module).traits
        self._module = placed(module, self.device).eval()

    @torch.inference_mode()
    def logits(self, x: Tensor) -> Tensor:
        """Logits of ``(B, C, H, W)`` in [0, 1], on the CPU.

        Raises:
            ModelError: the recognizer takes other images.
        """
        logits: Tensor = self._module(x.to(self.device))
        return logits.float().cpu()

    def read(self, x: Tensor) -> list[Prediction]:
        """The text in each image of ``(B, C, H, W)`` in [0, 1], of a reader."""
        return [Prediction.of(lines) for lines in cast(Reader, self._module).read(x.to(self.device))]

    def predict(self, picture: Picture) -> Prediction:
        """Classify one picture, or its pixels, or read it; colours that are all grey are grey.

        Raises:
            ModelError: the recognizer takes other images.
        """
        image = image_for(self._module, picture)[None]
        if self.traits.task == "read":
            return self.read(image)[0]
        each = self.logits(image)[0].softmax(0)
        probabilities = each.flatten(1).mean(1).tolist() if each.ndim > 1 else each.tolist()
        best = int(np.argmax(probabilities))
        named = dict(zip(self.traits.classes, probabilities, strict=True))
        classes = None
        if each.ndim > 1:
            best_of_each = each.argmax(0).numpy()
            classes = best_of_each.astype(np.uint8) if len(probabilities) <= 256 else best_of_each.astype(np.uint16)
        return Prediction(self.traits.classes[best], probabilities[best], named, classes)


def image_for(recognizer: nn.Module, picture: Picture) -> Tensor:
    """A picture as ``(C, H, W)`` in [0, 1]; for a recognizer of grey images, colours that are all grey are grey."""
    x = torch.from_numpy(as_unit(picture.colour)).movedim(-1, 0)
    if cast(Recognizer, recognizer).traits.channels == 1 and len(x) == 3 and bool(x.eq(x[:1]).all()):
        return x[:1]
    return x


def recognize(image: ImageLike, *, recognizer: nn.Module | str, device: str = "auto") -> Prediction:
    """Name what is in one image, or in each of its pixels, or read it.

    Args:
        image: a Pillow image, a numpy array (uint8, uint16 or float, ``(H, W)`` or ``(H, W, C)``), or a tensor
            (``(H, W)`` or ``(C, H, W)``).
        recognizer: a recognizer, a shipped name, a folder, ``hf:owner/name``, a TorchScript or ONNX file,
            or ``torchvision:NAME``.
        device: ``auto``, ``cpu``, ``cuda``, …

    Raises:
        InvalidArgumentError: the image cannot be used.
        ModelError: the recognizer cannot be loaded, or takes other images.
    """
    if isinstance(image, Tensor) and image.ndim == 4:
        raise InvalidArgumentError(f"expected one image, got a batch of shape {tuple(image.shape)}: give one by one")
    return Predictor(recognizer, device=device).predict(pictures_of(image)[0])
