"""A small segmenter of colour images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.classes import CAMVID
from clearsight.contracts import RecognitionTraits
from clearsight.errors import InvalidArgumentError
from clearsight.recognizers.checks import check_input
from clearsight.registry import RECOGNIZERS

__all__ = ["SegmentationNet"]


def _conv(before: int, after: int, *, stride: int = 1, dilation: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, dilation * (size // 2), dilation, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """x + f(x), f two convolutions."""

    def __init__(self, width: int, *, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), _conv(width, width, dilation=dilation))

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = x + self.body(x)
        return h


class _Context(nn.Module):
    """x + the mean over the image, weighted: what scene this is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = x + self.body(x.mean((2, 3)))[..., None, None]
        return h


class _Merge(nn.Module):
    """The finer features, and the coarser ones enlarged to their size, after one convolution of both."""

    def __init__(self, fine: int, coarse: int, width: int) -> None:
        super().__init__()
        self.fine, self.coarse = _conv(fine, width, size=1), _conv(coarse, width, size=1)
        self.both = _conv(width, width)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        above = F.interpolate(self.coarse(coarse), fine.shape[2:], mode="bilinear")
        x: Tensor = self.both(self.fine(fine) + above)
        return x


@RECOGNIZERS.register("segmentation-net", tiny={"widths": [4, 6, 8], "blocks": [0, 1, 1], "head": 5})
class SegmentationNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Small segmenter of colour images of any size, such as street scenes.

    Strided 3×3 convolutions halve the resolution four times, with residual blocks where a convolution is cheap; in the
    coarsest, dilations 1, 2, 4, … and the mean over the image gather context. The finer features are added back
    on the way up, to 1/4 of the resolution, where pixels are classified; the logits are enlarged to the image,
    bilinearly. Batch normalisation and ReLU follow every convolution. Our own design, after U-Net (Ronneberger et
    al., 2015), with the context of ParseNet (Liu et al., 2015).

    Args:
        widths: channels at 1/2, 1/4, 1/8, … of the resolution.
        blocks: residual blocks of each.
        head: channels on the way up.
        classes: names of the classes.

    Raises:
        InvalidArgumentError: not as many ``blocks`` as ``widths``, or less than two.

    Example:
        >>> import torch
        >>> SegmentationNet()(torch.zeros(2, 3, 45, 60)).shape
        torch.Size([2, 11, 45, 60])
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (32, 64, 96, 128),
        blocks: Sequence[int] = (0, 1, 1, 3),
        head: int = 64,
        classes: Sequence[str] = CAMVID,
    ) -> None:
        super().__init__()
        if len(blocks) != len(widths) or len(widths) < 2:
            raise InvalidArgumentError(
                f"blocks and widths need one number a resolution, two or more, got {len(blocks)} and {len(widths)}"
            )
        self.down = nn.ModuleList(
            nn.Sequential(_conv(a, b, stride=2), *(_Residual(b, dilation=1) for _ in range(count)))
            for (a, b), count in zip(pairwise([3, *widths[:-1]]), blocks[:-1], strict=True)
        )
        context = [_Residual(widths[-1], dilation=2**k) for k in range(blocks[-1])]
        self.down.append(nn.Sequential(_conv(*widths[-2:], stride=2), *context, _Context(widths[-1])))
        below = [*[head] * (len(widths) - 3), widths[-1]] if len(widths) > 2 else []
        self.up = nn.ModuleList(_Merge(fine, coarse, head) for fine, coarse in zip(widths[1:-1], below, strict=True))
        self.output = nn.Conv2d(head if below else widths[-1], len(classes), 1)
        self._traits = RecognitionTraits(task="segment", classes=tuple(classes), channels=3)

    @property
    def traits(self) -> RecognitionTraits:
        """Colour images of any size."""
        return self._traits

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to logits ``(B, K, H, W)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        features, h = [], 4 * x - 2
        for level in self.down:
            h = level(h)
            features.append(h)
        for merge, fine in zip(reversed(self.up), reversed(features[1:-1]), strict=True):
            h = merge(fine, h)
        logits: Tensor = F.interpolate(self.output(h).float(), x.shape[2:], mode="bilinear")
        return logits
