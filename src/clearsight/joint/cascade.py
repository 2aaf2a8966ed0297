"""A restorer in front of a recognizer that stays as it is."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits, Recognizer, Restorer, Traits
from clearsight.errors import ModelError
from clearsight.objectives.frozen import Frozen
from clearsight.restorers.padding import restored

__all__ = ["Cascade"]


class Cascade(nn.Module):
    """The cascade of liu2020: noisy image → restorer → frozen recognizer; only the restorer is trained.

    x_hat = g(y), logits = h(x_hat clipped to [0, 1]), as a file holds it. Gradients flow through h to g. The
    recognizer is :class:`~clearsight.objectives.Frozen`: in evaluation mode whatever ``train()`` says, its parameters
    without gradient, and none of ``parameters()``, ``buffers()`` and ``state_dict()``, which are the restorer's.
    Source: Liu et al., "When Image Denoising Meets High-Level Vision Tasks", 2018, Fig. 1.

    Args:
        restorer: image → image; images of any size are padded to its multiple and cropped.
        recognizer: image → logits.

    Raises:
        ModelError: the two take images of different channels or sizes.

    Example:
        >>> import torch
        >>> from clearsight.recognizers import DigitNet
        >>> from clearsight.restorers import DnCNN
        >>> cascade = Cascade(DnCNN(channels=1, depth=3, width=4), DigitNet())
        >>> x_hat, logits = cascade.train()(torch.zeros(2, 1, 20, 16))
        >>> x_hat.shape, logits.shape, cascade.recognizer.training
        (torch.Size([2, 1, 20, 16]), torch.Size([2, 10]), False)
    """

    def __init__(self, restorer: nn.Module, recognizer: nn.Module) -> None:
        super().__init__()
        self.restorer = restorer
        self.frozen = recognizer if isinstance(recognizer, Frozen) else Frozen(recognizer)
        self._check()

    def _check(self) -> None:
        """Say what does not fit together before any image is read."""
        mine, theirs = self.traits, self.recognition
        if None not in (mine.channels, theirs.channels) and mine.channels != theirs.channels:
            raise ModelError(
                f"the restorer gives images of {mine.channels} channels, the recognizer takes {theirs.channels}: "
                "give a restorer of the images that the recognizer takes"
            )
        if mine.size and theirs.size and tuple(mine.scale * n for n in mine.size) != tuple(theirs.size):
            raise ModelError(
                f"the restorer gives images of {_by(mine.size, mine.scale)} pixels, the recognizer takes "
                f"{_by(theirs.size)}: give two that go together"
            )

    @property
    def recognizer(self) -> nn.Module:
        """The recognizer itself."""
        return self.frozen.network

    @property
    def traits(self) -> Traits:
        """Of the restorer."""
        return cast(Restorer, self.restorer).traits

    @property
    def recognition(self) -> RecognitionTraits:
        """Of the recognizer."""
        return cast(Recognizer, self.recognizer).traits

    def check_images(self, channels: int, height: int, width: int) -> None:
        """Check that the cascade takes clean images of this shape, before any work is done.

        Raises:
            ModelError: it does not; the message says which half.
        """
        mine, theirs = self.traits, self.recognition
        size = None if mine.size is None else (mine.scale * mine.size[0], mine.scale * mine.size[1])
        for name, wanted, sides in (("restorer", mine.channels, size), ("recognizer", theirs.channels, theirs.size)):
            if wanted not in (None, channels):
                raise ModelError(
                    f"the {name} takes images of {wanted} channels, got {channels}: convert them, or give one that "
                    "takes them"
                )
            if sides is not None and tuple(sides) != (height, width):
                raise ModelError(
                    f"the {name} takes images of {_by(sides)} pixels, got {height}×{width}: crop or resize them"
                )

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Restore ``(B, C, H, W)`` and recognize what is in it.

        Args:
            y: degraded images.
            sigma: the noise level of each, ``(B,)``, for a restorer that takes it.

        Returns:
            x_hat, ``(B, C, scale·H, scale·W)``, not clipped; logits, ``(B, K)`` or ``(B, K, scale·H, scale·W)``.

        Raises:
            ModelError: either half takes other images.
        """
        channels, height, width = y.shape[1:]
        self.check_images(channels, self.traits.scale * height, self.traits.scale * width)
        x_hat = restored(self.restorer, y, sigma)
        return x_hat, self.recognize(x_hat)

    def recognize(self, x_hat: Tensor) -> Tensor:
        """Logits of restored images, clipped first; in float32 where autocast does not say otherwise."""
        logits: Tensor = self.frozen(x_hat.float().clamp(0, 1))
        return logits


def _by(size: tuple[int, int], scale: int = 1) -> str:
    return f"{scale * size[0]}×{scale * size[1]}"
