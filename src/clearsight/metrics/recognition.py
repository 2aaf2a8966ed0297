"""What can be recognized, as one row of numbers an image, so that sums over a data set say all of it.

Each metric is a *statistic* of single images, ``(B, D)``, and a *value* of its sum over all of them, ``(…, D)`` to
``(…)``: sums need no memory, and those over resampled images give intervals.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.contracts import VOID

__all__ = ["calibration_error", "calibration_statistic", "confusion", "departure", "hit", "mean_iou"]

_BINS = 15


def hit(logits: Tensor, labels: Tensor, k: int = 1) -> Tensor:
    """Whether the right class is among the k with the largest logits.

    Args:
        logits: ``(B, K)``.
        labels: ``(B,)``.
        k: at most K.

    Returns:
        ``(B,)``, 1 or 0.

    Example:
        >>> logits = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        >>> hit(logits, torch.tensor([1, 2])), hit(logits, torch.tensor([1, 1]), k=2)
        (tensor([1., 0.]), tensor([1., 1.]))
    """
    return (logits.topk(k, dim=1).indices == labels[:, None]).any(1).float()


def departure(logits: Tensor, wanted: Tensor) -> Tensor:
    """How much of the answer is not where it is wanted: ½ Σ |p − t| over classes, between 0 and 1.

    p is the softmax of the logits, t that of wanted logits, or 1 for the class of a label: then it is 1 − p[label],
    the error of an answer drawn from p. Of a segmenter, the mean over pixels.

    Args:
        logits: ``(B, K)`` or ``(B, K, H, W)``.
        wanted: labels, ``(B,)`` or ``(B, H, W)``, where :data:`~clearsight.contracts.VOID` pixels count for nothing; or
            logits.

    Returns:
        ``(B,)``.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> departure(logits, torch.tensor([1])), departure(logits, logits)
        (tensor([0.5000]), tensor([0.]))
    """
    p = logits.float().softmax(1)
    if wanted.is_floating_point():
        moved = (p - wanted.float().softmax(1)).abs().sum(1) / 2
        return moved.reshape(len(p), -1).mean(1)
    counted = wanted != VOID if p.ndim > 2 else torch.ones_like(wanted, dtype=torch.bool)
    missed = (1 - p.gather(1, wanted.where(counted, 0)[:, None])[:, 0]) * counted
    return missed.reshape(len(p), -1).sum(1) / counted.reshape(len(p), -1).sum(1).clamp(min=1)


def calibration_statistic(logits: Tensor, labels: Tensor) -> Tensor:
    """How sure the recognizer is of its answer, and whether it is right, sorted into 15 bins of confidence.

    Args:
        logits: ``(B, K)``.
        labels: ``(B,)``.

    Returns:
        ``(B, 45)``: for each bin ((i − 1)/15, i/15] whether the confidence max softmax lies in it, that confidence, and
        1 if the answer is right.
    """
    confidence, answer = logits.float().softmax(1).max(1)
    member = F.one_hot((confidence * _BINS).ceil().long().sub(1).clamp(0, _BINS - 1), _BINS).float()
    right = (answer == labels).float()
    return torch.stack([member, member * confidence[:, None], member * right[:, None]], dim=1).flatten(1)


def calibration_error(sums: Tensor) -> Tensor:
    """Expected calibration error: Σ_bins |Σ confidence − Σ right| / N, between 0 and 1.

    Source: Guo et al., "On calibration of modern neural networks", 2017, equation 3, with 15 bins.

    Args:
        sums: ``(…, 45)``, sums of :func:`calibration_statistic`.
    """
    count, confidence, right = sums.reshape(*sums.shape[:-1], 3, _BINS).unbind(-2)
    return (confidence - right).abs().sum(-1) / count.sum(-1)


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """How many pixels of each class are taken for each other class.

    Args:
        logits: ``(B, K, H, W)``.
        labels: ``(B, H, W)``; :data:`~clearsight.contracts.VOID` pixels count for nothing.

    Returns:
        ``(B, K·K)``: the place a·K + b holds the pixels of class a that were taken for b.
    """
    n, classes = logits.shape[:2]
    pairs = labels * classes + logits.argmax(1)
    counted = [pair[label != VOID].bincount(minlength=classes**2) for pair, label in zip(pairs, labels, strict=True)]
    return torch.stack(counted).reshape(n, -1).float()


def mean_iou(sums: Tensor) -> Tensor:
    """Mean over classes of intersection over union; classes that neither occur nor are answered are left out.

    Args:
        sums: ``(…, K·K)``, sums of :func:`confusion`.

    Example:
        >>> mean_iou(torch.tensor([2.0, 1.0, 0.0, 1.0]))  # 2 of 3 pixels of class 0, 1 of 1 of class 1
        tensor(0.5833)
    """
    classes = round(sums.shape[-1] ** 0.5)
    table = sums.reshape(*sums.shape[:-1], classes, classes)
    both = table.diagonal(dim1=-2, dim2=-1)
    union = table.sum(-1) + table.sum(-2) - both
    seen = union > 0
    return (both / union.clamp(min=1)).mul(seen).sum(-1) / seen.sum(-1)
