"""A small residual classifier of small colour images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits
from clearsight.errors import InvalidArgumentError
from clearsight.recognizers.checks import check_input
from clearsight.registry import RECOGNIZERS

__all__ = ["ResidualNet"]

_CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _conv(before: int, after: int, *, halve: bool = False) -> nn.Sequential:
    """3×3, the strongest of four neighbours where the resolution is halved, batch normalisation, ReLU."""
    pool = [nn.MaxPool2d(2, ceil_mode=True)] if halve else []
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return nn.Sequential(convolution, *pool, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    """x + f(x), f two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), _conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = x + self.body(x)
        return h


@RECOGNIZERS.register("residual-net", tiny={"widths": [4, 6, 8], "blocks": [0, 1]})
class ResidualNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Small residual classifier of small colour images of any size, such as CIFAR-10.

    3×3 convolutions with batch normalisation: one at full resolution, one for each halving of it, by max pooling, and
    after it as many residual blocks x + f(x) as asked for, f two convolutions; logits are linear in the largest value
    of each channel over what is left of the image. After He et al., "Deep residual learning for image recognition",
    2016; its shape follows the nets of the DAWNBench competition, which are made to learn CIFAR-10 in few steps
    (Coleman et al., 2017).

    Args:
        widths: channels of each resolution, from the full one down.
        blocks: residual blocks of each resolution below the full one.
        classes: names of the classes.

    Raises:
        InvalidArgumentError: ``blocks`` has not one number for each resolution below the full one.

    Example:
        >>> import torch
        >>> ResidualNet()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (32, 64, 160, 256),
        blocks: Sequence[int] = (1, 1, 1),
        classes: Sequence[str] = _CIFAR,
    ) -> None:
        super().__init__()
        if len(blocks) != len(widths) - 1:
            raise InvalidArgumentError(
                f"blocks needs one number a resolution below the full one, {len(widths) - 1}, got {len(blocks)}"
            )
        levels = [
            nn.Sequential(_conv(a, b, halve=True), *(_Residual(b) for _ in range(count)))
            for (a, b), count in zip(pairwise(widths), blocks, strict=True)
        ]
        self.features = nn.Sequential(_conv(3, widths[0]), *levels)
        self.output = nn.Linear(widths[-1], len(classes))
        self._traits = RecognitionTraits(task="classify", classes=tuple(classes), channels=3)

    @property
    def traits(self) -> RecognitionTraits:
        """Colour images of any size."""
        return self._traits

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        logits: Tensor = self.output(self.features(4 * x - 2).amax((2, 3)))
        return logits
