"""How far a text that was read is from what is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from clearsight.errors import MissingExtraError

__all__ = ["edits"]


def edits(read: Sequence[str], texts: Sequence[str], *, unit: Literal["letters", "words"]) -> Tensor:
    """How long each text is, and the least insertions, deletions and changes from what was read to it.

    Line ends and runs of spaces are one space, and compatible characters one (Unicode's NFKC); case counts.

    Args:
        read: by a reader, of each image.
        texts: what is written there.
        unit: what is counted.

    Returns:
        ``(B, 2)``: of sums over images, the second over the first is the character or word error rate.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    try:
        import jiwer
    except ImportError:
        raise MissingExtraError("judging what is read", "ocr") from None
    compared = jiwer.process_characters if unit == "letters" else jiwer.process_words
    rows = []
    for was, should in zip(map(_plain, read), map(_plain, texts), strict=True):
        if not should:  # of which jiwer knows no rate
            rows.append([0, len(was) if unit == "letters" else len(was.split())])
            continue
        found = compared(should, was)
        wrong = found.substitutions + found.deletions
        rows.append([wrong + found.hits, wrong + found.insertions])
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 2)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
