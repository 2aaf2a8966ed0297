"""What a guided restorer must not do: worsen the image by more than is allowed, or paint patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Pattern", "blend", "largest_share", "pattern_of"]

_SHARES = tuple(tenth / 10 for tenth in range(10, -1, -1))
_NEIGHBOURS = 9
"""Side of the square of frequencies whose median a peak is compared with."""


@torch.no_grad()
def blend(guided: nn.Module, twin: nn.Module, share: float) -> None:
    """Make the weights of ``guided`` a mean: ``share`` of its own, the rest of those of ``twin``, in place.

    Two networks that were trained from one start on the same batches lie in one valley of the loss, and so does the
    line between them: what is between them in weights is between them in what they do.

    Source:
        M. Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    theirs = twin.state_dict()
    for name, own in guided.state_dict().items():
        if own.is_floating_point():
            own.lerp_(theirs[name].to(own), 1 - share)


def largest_share(judged: Callable[[float], Mapping[str, float]], allowed: float) -> float:
    """The largest share of guidance, in tenths, that costs no more than is allowed under any condition.

    Args:
        judged: PSNR in dB by condition, at a share; at 0 that of the twin.
        allowed: dB that may be lost.

    Returns:
        From 1, all of it, to 0, the twin itself, which loses nothing.

    Example:
        >>> largest_share(lambda share: {"noise": 30 - 4 * share}, allowed=1.0)
        0.2
    """
    floor = {condition: value - allowed for condition, value in judged(0).items()}
    for share in _SHARES[:-1]:
        if all(value >= floor[condition] for condition, value in judged(share).items()):
            return share
    return 0.0


class Pattern(NamedTuple):
    """The strongest periodic part of what a restorer leaves.

    Attributes:
        strength: of its power over the median of the frequencies around it; noise and texture have below 3.
        rows: its period from row to row, in pixels; infinite where rows are alike.
        columns: from column to column.
    """

    strength: float
    rows: float
    columns: float


def pattern_of(residuals: Iterable[Tensor]) -> Pattern:
    """Look for what repeats in x_hat − x: a grid, a chessboard, stripes.

    The power spectra of all images and channels are added up; what repeats at the same places in all of them stands
    out as a line, which neither noise nor texture does.

    Args:
        residuals: batches ``(B, C, H, W)``; of several sizes what all of them have is looked at.
    """
    parts = [part.float().cpu() for part in residuals]
    height, width = (min(sides) for sides in zip(*(part.shape[2:] for part in parts), strict=True))
    parts = [part[..., :height, :width] for part in parts]
    power = torch.stack([torch.fft.rfft2(part, norm="ortho").abs().square().sum((0, 1)) for part in parts]).sum(0)
    height, width = power.shape
    reach = _NEIGHBOURS // 2
    around = torch.cat([power[-reach:], power, power[:reach]])  # rows of frequencies go round, columns are mirrored
    around = torch.cat([around[:, 1 : reach + 1].flip(1), around, around[:, -1 - reach : -1].flip(1)], 1)
    medians = around.unfold(0, _NEIGHBOURS, 1).unfold(1, _NEIGHBOURS, 1).flatten(2).median(2).values
    ratio = power / medians.clamp(min=1e-12 * float(power.max()) + 1e-30)
    ratio[:2, :2] = ratio[-1:, :2] = 0  # the mean, and slopes over the whole image
    row, column = divmod(int(ratio.argmax()), width)
    row, across = min(row, height - row), parts[0].shape[-1]
    return Pattern(
        float(ratio.max()), height / row if row else float("inf"), across / column if column else float("inf")
    )
