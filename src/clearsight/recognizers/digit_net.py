"""A small convolutional classifier of grey images, such as digits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits
from clearsight.recognizers.checks import check_input
from clearsight.registry import RECOGNIZERS

__all__ = ["DigitNet"]


def _conv(before: int, after: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


@RECOGNIZERS.register("digit-net", tiny={"widths": [4, 6, 8]})
class DigitNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Small convolutional classifier of grey images of any size, such as digits.

    3×3 convolutions with batch normalisation; one at full resolution, then two for each halving of it, and the mean
    over what is left of the image. The first, at full resolution, is the narrowest, for that is where a
    convolution costs the most. Our own design, after the plain networks of Simonyan and Zisserman, 2015.

    Args:
        widths: channels of each resolution, from the full one down.
        classes: names of the classes.

    Example:
        >>> import torch
        >>> model = DigitNet()
        >>> sum(p.numel() for p in model.parameters())
        292666
        >>> model(torch.zeros(2, 1, 20, 16)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self, *, widths: Sequence[int] = (16, 32, 64, 128), classes: Sequence[str] = tuple("0123456789")
    ) -> None:
        super().__init__()
        halvings = [nn.Sequential(_conv(a, b, stride=2), _conv(b, b)) for a, b in pairwise(widths)]
        self.features = nn.Sequential(_conv(1, widths[0]), *halvings)
        self.output = nn.Linear(widths[-1], len(classes))
        self._traits = RecognitionTraits(task="classify", classes=tuple(classes), channels=1)

    @property
    def traits(self) -> RecognitionTraits:
        """Grey images of any size."""
        return self._traits

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 1, H, W)`` to logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        logits: Tensor = self.output(self.features(x).mean((2, 3)))
        return logits
