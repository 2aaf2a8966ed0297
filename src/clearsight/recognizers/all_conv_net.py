"""A small classifier of small colour images that is nothing but convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.classes import CIFAR
from clearsight.contracts import RecognitionTraits
from clearsight.recognizers.checks import check_input
from clearsight.registry import RECOGNIZERS

__all__ = ["AllConvNet"]


def _conv(before: int, after: int, *, stride: int = 1) -> nn.Sequential:
    """3×3, batch normalisation, ReLU."""
    convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


@RECOGNIZERS.register("all-conv-net", tiny={"widths": [4, 6]})
class AllConvNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """All convolutional net: small classifier of small colour images of any size, such as CIFAR-10.

    Two 3×3 convolutions for each halving of the resolution, the first of them with stride 2 in the place of a pooling;
    each convolution has batch normalisation and ReLU. Logits are the mean of a 1×1 convolution over what is left of the
    image. It shares nothing with :class:`~clearsight.recognizers.ResidualNet` but the images, so that each can judge
    what the other has guided. Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.
    Deviations: batch normalisation, no dropout, the resolution is halved from the first layer on.

    Args:
        widths: channels of each resolution, from half of the full one down.
        classes: names of the classes.

    Example:
        >>> import torch
        >>> AllConvNet()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, widths: Sequence[int] = (48, 96, 192), classes: Sequence[str] = CIFAR) -> None:
        super().__init__()
        levels = [nn.Sequential(_conv(a, b, stride=2), _conv(b, b)) for a, b in pairwise((3, *widths))]
        self.features = nn.Sequential(*levels)
        self.output = nn.Conv2d(widths[-1], len(classes), 1)
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
        logits: Tensor = self.output(self.features(4 * x - 2)).mean((2, 3))
        return logits
