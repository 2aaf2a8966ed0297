"""Texts as numbers of letters, and what a network says frame by frame as text."""

from __future__ import annotations

import string
from collections.abc import Sequence

import torch
from torch import Tensor

from clearsight.contracts import Batch, RecognitionTraits
from clearsight.errors import DataError

__all__ = ["LETTERS", "spelled", "transcribed", "wanted"]

LETTERS: tuple[str, ...] = ("", " ", *string.ascii_letters, *string.digits, *string.punctuation)
"""None, the space, and all else that ASCII prints."""


def spelled(texts: Sequence[str], letters: Sequence[str]) -> Tensor:
    """The number of each letter, ``(B, L)``, int64; 0, that of none, after the end of a text.

    Letters that are not listed are left out: who does not know them cannot learn them. Ends of lines are spaces.

    Example:
        >>> spelled(["ab", "b"], ["", "a", "b"])
        tensor([[1, 2],
                [2, 0]])
    """
    numbers = {letter: number for number, letter in enumerate(letters) if letter}
    rows = [[numbers[letter] for letter in " ".join(text.split()) if letter in numbers] for text in texts]
    longest = max(map(len, rows), default=0)
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.long).reshape(len(rows), -1)


def transcribed(logits: Tensor, letters: Sequence[str]) -> list[tuple[str, float]]:
    """The text of each image and how sure it is: the best letter of every frame, repetitions and none left out.

    Args:
        logits: ``(B, K, T)``; of two same letters beside one another one is left, unless there is none between them.
        letters: K names, the first that of none.

    Returns:
        Of each image the text without spaces around it, and the mean probability of its letters, 0 where there are
        none.

    Source: best path decoding of Graves et al., "Connectionist temporal classification", 2006.

    Example:
        >>> frames = torch.eye(3)[[1, 1, 0, 1, 2]].T[None]
        >>> transcribed(100 * frames, ["", "a", "b"])
        [('aab', 1.0)]
    """
    probabilities, numbers = logits.detach().float().softmax(1).max(1)
    before = torch.cat([torch.zeros_like(numbers[:, :1]), numbers[:, :-1]], 1)
    kept = (numbers != 0) & (numbers != before)
    found = []
    for row, sure, mask in zip(numbers.cpu(), probabilities.cpu(), kept.cpu(), strict=True):
        text = "".join(letters[number] for number in row[mask].tolist())
        found.append((text.strip(), float(sure[mask].mean()) if mask.any() else 0.0))
    return found


def wanted(batch: Batch, traits: RecognitionTraits) -> Tensor | None:
    """What a recognizer is to see in a batch: its labels or, of a reader, its texts, spelled; ``None`` without labels.

    Raises:
        DataError: it reads, and what is written there is not known.
    """
    if traits.task != "read":
        return batch.labels
    if not batch.texts:
        raise DataError("the images have no texts to be read: take lines whose text is known")
    return spelled(batch.texts, traits.classes).to(batch.x.device)
