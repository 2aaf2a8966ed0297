"""Restore, or not: a recognizer that is shown the image as it is and restored, and weighs its two answers."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from clearsight.contracts import Line, Reader, RecognitionTraits, Recognizer
from clearsight.restorers.padding import restored

__all__ = ["Gate", "Mean", "Selective", "Views"]


class Views(NamedTuple):
    """Images as they are and restored, and what a recognizer makes of both.

    Attributes:
        y: as they are, ``(B, C, H, W)``, clipped to [0, 1].
        x_hat: restored, clipped.
        as_is: probabilities for ``y``, ``(B, K)`` or ``(B, K, H, W)``; ``(B, 0)`` where the images are to be read.
        restored: those for ``x_hat``.
    """

    y: Tensor
    x_hat: Tensor
    as_is: Tensor
    restored: Tensor

    def noise(self) -> Tensor:
        """The logarithm of σ̂ of each image, ``(B,)``, σ̂ being the root mean square of what the restorer takes off."""
        sigma = (self.y - self.x_hat).square().mean((1, 2, 3)).sqrt()
        return sigma.clamp(min=1e-4).log()

    def surer(self) -> Tensor:
        """How much surer the recognizer is of the restored image, ``(B,)``: the logarithm of a ratio of probabilities.

        They are those of the class it names; of a segmenter, their means over pixels.
        """
        before, after = (p.amax(1).reshape(p.shape[0], -1).mean(1) for p in (self.as_is, self.restored))
        return after.log() - before.log()


class Mean(nn.Module):
    """Both answers weigh alike.

    Source: the self-ensembling of Gao et al., "Back to the source: diffusion-driven adaptation to test-time
    corruption", CVPR 2023, there of a diffusion model's image.
    """

    def forward(self, views: Views) -> Tensor:
        """The weight of the restored image's answer, ``(B,)``: ½."""
        return torch.full_like(views.noise(), 0.5)


class Gate(nn.Module):
    """One answer or the other: that to the restored image where log σ̂ + slope · log(c(x_hat) / c(y)) > threshold.

    σ̂ is the noise that the restorer takes off, c how sure the recognizer is of its answer.

    Args:
        threshold: log σ̂, on the [0, 1] scale, from which on an image is restored.
        slope: how much it counts that the recognizer is surer of one of them; 0 for nothing, as where it reads.
    """

    def __init__(self, *, threshold: float, slope: float = 0.0) -> None:
        super().__init__()
        self.threshold, self.slope = threshold, slope

    def forward(self, views: Views) -> Tensor:
        """The weight of the restored image's answer, ``(B,)``: 0 or 1."""
        score = views.noise() + self.slope * views.surer() if self.slope else views.noise()
        return (score > self.threshold).to(views.y)


class Selective(nn.Module):
    """A recognizer behind a restorer that need not do any good: p = (1 − w) p(y) + w p(x_hat), w of each image.

    A denoiser costs accuracy where there is no noise. This is a recognizer as any other: it takes degraded images, and
    gives log p. In front of a reader it reads one of the two, whichever weighs more.

    Args:
        restorer: image → image of the same size, not told the noise level.
        recognizer: image → logits; neither is copied.
        rule: of :class:`Views` the weight w of each image, :class:`Mean` or :class:`Gate`.

    Example:
        >>> from clearsight.recognizers import DigitNet
        >>> from clearsight.restorers import DnCNN
        >>> reader = Selective(DnCNN(channels=1, depth=3, width=4), DigitNet(), rule=Mean())
        >>> reader(torch.zeros(2, 1, 20, 16)).shape
        torch.Size([2, 10])
    """

    def __init__(self, restorer: nn.Module, recognizer: nn.Module, *, rule: nn.Module) -> None:
        super().__init__()
        self.restorer, self.recognizer, self.rule = restorer, recognizer, rule

    @property
    def traits(self) -> RecognitionTraits:
        """Of the recognizer."""
        return cast(Recognizer, self.recognizer).traits

    def restore(self, y: Tensor) -> Views:
        """Restore ``(B, C, H, W)``; nothing is recognized yet."""
        nothing = y.flatten(1)[:, :0]  # no len(y): a graph takes any number of images
        return Views(y.clamp(0, 1), restored(self.restorer, y).clamp(0, 1), nothing, nothing)

    def look(self, y: Tensor) -> Views:
        """Restore ``(B, C, H, W)`` and recognize what is in it, before and after."""
        views = self.restore(y)
        as_is, after = (self.recognizer(images).softmax(1) for images in (views.y, views.x_hat))
        return views._replace(as_is=as_is, restored=after)

    @torch.inference_mode()
    def read(self, y: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each image of ``(B, C, H, W)``, of a reader: restored where that weighs more, else as it is."""
        views = self.restore(y)
        better = self.prefers(views).view(-1, 1, 1, 1)
        return cast(Reader, self.recognizer).read(torch.where(better, views.x_hat, views.y))

    def forward(self, y: Tensor) -> Tensor:
        """Logits, log p, of ``(B, C, H, W)``: ``(B, K)`` or ``(B, K, H, W)``."""
        return self.weigh(self.look(y))

    def prefers(self, views: Views) -> Tensor:
        """Whether the restored image weighs more, ``(B,)``."""
        better: Tensor = self.rule(views) > 0.5
        return better

    def weigh(self, views: Views) -> Tensor:
        """Logits, log p, of images that have been looked at."""
        w = self.rule(views).view(-1, *[1] * (views.as_is.ndim - 1))
        p: Tensor = torch.lerp(views.as_is, views.restored, w)
        return p.clamp(min=torch.finfo(p.dtype).tiny).log()
