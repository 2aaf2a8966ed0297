"""The loss of a restored image and its label together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.errors import InvalidArgumentError
from clearsight.objectives.labels import check_labels
from clearsight.objectives.recognition import Recognition

__all__ = ["JointLoss"]

PixelLoss = Literal["cross-entropy", "squared", "absolute"]
LabelLoss = Literal["two-sided", "one-sided"]
Weighting = Literal["fixed", "learned"]


def _log(p: Tensor) -> Tensor:
    """The logarithm, no less than −87, and without a gradient where it is that of 0."""
    return p.clamp(min=torch.finfo(p.dtype).tiny).log()


def _cross_entropy(x_hat: Tensor, x: Tensor) -> Tensor:
    return -(x * _log(x_hat) + (1 - x) * _log(1 - x_hat))


def _squared(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat - x).square()


def _absolute(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat - x).abs()


_PIXELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross-entropy": _cross_entropy,
    "squared": _squared,
    "absolute": _absolute,
}


def _log_complement(logits: Tensor) -> Tensor:
    """Of 1 − softmax, ``(B, K)``; of the likeliest class, where 1 − p would cancel, it is summed from the others."""
    likeliest = F.one_hot(logits.argmax(1), logits.shape[1]).bool()
    total = logits.logsumexp(1, keepdim=True)
    others = logits.masked_fill(likeliest, -math.inf).logsumexp(1, keepdim=True) - total
    unlikely = (logits - total).exp().masked_fill(likeliest, 0)
    return torch.where(likeliest, others, torch.log1p(-unlikely))


def _two_sided(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.ndim != 2:
        raise InvalidArgumentError("the two-sided loss is of one class an image: take labels 'one-sided'")
    check_labels(labels, logits.shape[1])
    wrong = 1 - F.one_hot(labels, logits.shape[1])
    unlikely = (wrong * _log_complement(logits)).sum(1)
    return (F.cross_entropy(logits, labels, reduction="none") - unlikely).mean()


_LABELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"two-sided": _two_sided, "one-sided": Recognition()}


class JointLoss(nn.Module):
    """Loss of chen2016: P + λ·Q, the pixels' and the labels' loss, each the mean over the images.

    With y the label as a one-hot vector, ŷ the softmax of the logits and sums over pixels and classes,

    - P = −Σ x log x̂ + (1 − x) log(1 − x̂); ``"squared"`` is Σ (x̂ − x)², ``"absolute"`` Σ |x̂ − x|;
    - Q = −Σ y log ŷ + (1 − y) log(1 − ŷ), the two-sided form; the one-sided is the usual −Σ y log ŷ, or what
      :class:`~clearsight.objectives.Recognition` has in its place for text.

    With learned weights it is e^(−s) P + s + λ·e^(−t) Q + t, with s and t trained along, from zero.

    Args:
        weight: λ.
        pixels: the pixels' loss.
        labels: the labels' loss.
        weighting: whether P and Q count as they are, or with weights that are learned.

    Raises:
        InvalidArgumentError: there is no such loss or weighting.

    Source:
        Chen et al., "Joint Visual Denoising and Classification using Deep Learning", 2016, eq. 1, with the softmax of
        its release; eq. 1 sums over the images. Learned weights: A. Kendall, Y. Gal and R. Cipolla, "Multi-Task
        Learning Using Uncertainty to Weigh Losses", 2018.

    Example:
        >>> x = torch.tensor([[[[0.0, 1.0]]]])
        >>> loss = JointLoss()(torch.full_like(x, 0.5), x, torch.zeros(1, 2), torch.tensor([0]))
        >>> round(loss.item() / math.log(2), 4)  # two pixels and two classes, each a coin's toss
        4.0
    """

    def __init__(
        self,
        *,
        weight: float = 1.0,
        pixels: PixelLoss = "cross-entropy",
        labels: LabelLoss = "two-sided",
        weighting: Weighting = "fixed",
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("pixels", pixels, PixelLoss),
            ("labels", labels, LabelLoss),
            ("weighting", weighting, Weighting),
        ):
            if value not in get_args(known):
                raise InvalidArgumentError(f"{name} is one of {', '.join(get_args(known))}; got {value!r}")
        self.weight = weight
        self._pixels, self._labels = _PIXELS[pixels], _LABELS[labels]
        self.log_scales = nn.Parameter(torch.zeros(2)) if weighting == "learned" else None

    def forward(self, x_hat: Tensor, x: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            x_hat: restored images ``(B, C, H, W)`` in [0, 1].
            x: the clean ones.
            logits: ``(B, K)``, or ``(B, K, T)`` of a reader.
            labels: the classes, ``(B,)``, from 0 to K − 1; of a reader the letters, ``(B, L)``, 0 after the last.

        Returns:
            A scalar, in nats with the default losses.

        Raises:
            InvalidArgumentError: ``x_hat`` and ``x`` differ in shape, or the two-sided loss is asked for of text.
            DataError: a label is out of range.
        """
        pixel_loss, label_loss = self.terms(x_hat, x, logits, labels)
        label_loss = self.weight * label_loss
        if self.log_scales is None:
            return pixel_loss + label_loss
        s, t = self.log_scales.unbind()
        return torch.exp(-s) * pixel_loss + s + torch.exp(-t) * label_loss + t

    def terms(self, x_hat: Tensor, x: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """P and Q, without weights; arguments and errors are those of :meth:`forward`."""
        if x_hat.shape != x.shape:
            raise InvalidArgumentError(f"x_hat is of shape {tuple(x_hat.shape)}, x of {tuple(x.shape)}: expected one")
        return self._pixels(x_hat, x).sum() / len(x), self._labels(logits, labels)
