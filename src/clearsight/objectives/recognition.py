"""Whether a recognizer sees in an image what is to be seen in it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import VOID
from clearsight.errors import InvalidArgumentError
from clearsight.objectives.labels import check_labels

__all__ = ["Recognition"]


class Recognition(nn.Module):
    """Recognition loss, with labels or without: the mean over images, pixels or letters, in nats.

    With labels it is the cross-entropy −log p[label], p the softmax of the logits; pixels of the label
    :data:`~clearsight.contracts.VOID` are left out. Of a line of text it is −log of the probability of all ways in
    which frames spell it, over its letters: connectionist temporal classification. Without, the target is what the
    recognizer itself makes of the clean image: Σ t log(t / p), t the softmax of those logits, so that plain images are
    enough. Source: the task loss of Liu et al., "Connecting Image Denoising and High-Level Vision Tasks", 2020, eq. 3;
    of text, Graves et al., 2006; without labels it is ours, after the distillation of Hinton et al., 2015.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> round(Recognition()(logits, torch.tensor([1])).item(), 4)
        0.6931
        >>> Recognition()(logits, logits).item()
        0.0
    """

    def forward(self, logits: Tensor, wanted: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            logits: ``(B, K)`` of a classifier, ``(B, K, H, W)`` of a segmenter, ``(B, K, T)`` of a reader.
            wanted: labels, int64, ``(B,)`` or ``(B, H, W)``, or letters ``(B, L)``, 0 after the last one of each; or
                the logits of the clean images, of the shape of ``logits``.

        Returns:
            A scalar; 0 where all pixels are void. A text that is too long for its frames counts as 0.

        Raises:
            InvalidArgumentError: ``wanted`` has another shape.
            DataError: a label is out of range.
        """
        logits, pixels = logits.to(torch.promote_types(logits.dtype, torch.float32)), logits.shape[2:]
        if wanted.is_floating_point():
            _check_shape(wanted, logits.shape)
            clean, answer = wanted.to(logits).log_softmax(1), logits.log_softmax(1)
            return F.kl_div(answer, clean, reduction="sum", log_target=True) / (len(logits) * max(pixels.numel(), 1))
        if logits.ndim == 3:
            return _transcription(logits, wanted)
        _check_shape(wanted, (len(logits), *pixels))
        counted = wanted != VOID if pixels else torch.ones_like(wanted, dtype=torch.bool)
        if counted.any():
            check_labels(wanted[counted], logits.shape[1])
        lost = F.cross_entropy(logits, wanted.where(counted, 0), reduction="none")
        return (lost * counted).sum() / counted.sum().clamp(min=1)


def _transcription(logits: Tensor, letters: Tensor) -> Tensor:
    _check_shape(letters, (len(logits), *letters.shape[1:2]))
    if letters.numel():
        check_labels(letters, logits.shape[1])
    frames = torch.full((len(logits),), logits.shape[2])
    return F.ctc_loss(logits.log_softmax(1).permute(2, 0, 1), letters, frames, letters.ne(0).sum(1), zero_infinity=True)


def _check_shape(wanted: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(wanted.shape) != tuple(shape):
        raise InvalidArgumentError(
            f"what is to be recognized must have the shape {tuple(shape)}, got {tuple(wanted.shape)}: a classifier "
            "takes one label an image, a segmenter one a pixel, a reader one a letter"
        )
