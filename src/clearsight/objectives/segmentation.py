"""The loss of a class for each pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import VOID

__all__ = ["SegmentationLoss"]


class SegmentationLoss(nn.Module):
    """Cross-entropy of the pixels + λ·(1 − soft IoU), so that rare classes count as much as common ones.

    With p the softmax and t the one-hot labels of all pixels of a batch, the soft IoU of a class is
    Σ p t / Σ (p + t − p t), and its mean is over the classes that the batch has; this is what the mean IoU becomes
    for answers between 0 and 1. :data:`~clearsight.contracts.VOID` pixels count for nothing. Source: Rahman and Wang,
    "Optimizing intersection-over-union in deep neural networks for image segmentation", 2016.

    Args:
        overlap: λ.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[0, 1], [1, VOID]]])
        >>> sure = 50.0 * F.one_hot(labels % 2, 2).movedim(3, 1)
        >>> float(SegmentationLoss()(sure, labels))
        0.0
    """

    def __init__(self, *, overlap: float = 1.0) -> None:
        super().__init__()
        self.overlap = overlap

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """``(B, K, H, W)`` and ``(B, H, W)`` to a scalar; 0 where every pixel is void."""
        counted = labels != VOID
        if not counted.any():
            return logits.sum() * 0
        named = labels.masked_fill(~counted, 0)
        p = logits.softmax(1) * counted[:, None]
        right = p.gather(1, named[:, None]).flatten()
        both = right.new_zeros(logits.shape[1]).index_add(0, named.flatten(), right)
        size = torch.bincount(labels[counted], minlength=logits.shape[1])
        iou = both / (p.sum((0, 2, 3)) + size - both).clamp(min=1e-6)
        misses = F.cross_entropy(logits, labels, ignore_index=VOID)
        return misses + self.overlap * (1 - iou[size > 0].mean())
