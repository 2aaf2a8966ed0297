"""DeepLab-LargeFOV, the segmenter that liu2020 guides by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.classes import VOC
from clearsight.contracts import RecognitionTraits
from clearsight.errors import WeightsError
from clearsight.recognizers.checks import check_input
from clearsight.recognizers.description import file_at
from clearsight.recognizers.vgg import DEPTHS, layer_names, normalised
from clearsight.recognizers.zoo import state_in
from clearsight.registry import RECOGNIZERS

__all__ = ["DeepLabLargeFOV"]

_STRIDES, _DILATIONS = (2, 2, 2, 1, 1), (1, 1, 1, 1, 2)
_FC6_DILATION = 12


def _features(widths: Sequence[int]) -> Iterator[nn.Module]:
    before = 3
    for width, depth, stride, dilation in zip(widths, DEPTHS, _STRIDES, _DILATIONS, strict=True):
        for _ in range(depth):
            yield nn.Conv2d(before, width, 3, padding=dilation, dilation=dilation)
            yield nn.ReLU()
            before = width
        yield nn.MaxPool2d(3, stride, padding=1)


@RECOGNIZERS.register("deeplab-largefov", tiny={"widths": [4, 4, 6, 6, 8], "hidden": 8})
class DeepLabLargeFOV(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """DeepLab-LargeFOV: segmenter of colour images, VGG-16 with holes in its filters.

    The convolutions of VGG-16; its last two poolings keep the resolution, 1/8, and its last three convolutions are
    dilated by 2 instead. fc6 is a 3×3 convolution with dilation 12, so that a pixel's class is told from 224×224 and
    more around it; fc7 and the logits are 1×1; the logits are enlarged to the image, bilinearly. Images are
    normalised as for :class:`~clearsight.recognizers.VGG16`. Source: Chen et al., "Semantic image segmentation with
    deep convolutional nets and fully connected CRFs", 2015, section 3 and Table 1b. Deviations: poolings are
    3×3, padded, so that any size works; the labels are not shrunk to 1/8 for training, the logits are
    enlarged; there is no conditional random field, as in liu2020.

    Args:
        widths: channels of each of the five resolutions of VGG-16.
        hidden: channels of fc6 and fc7.
        classes: names of the classes; by default those of VOC 2012.

    Example:
        >>> import torch
        >>> tiny = DeepLabLargeFOV(widths=[4, 4, 6, 6, 8], hidden=8, classes=["cat", "dog"])
        >>> tiny(torch.rand(1, 3, 45, 60)).shape
        torch.Size([1, 2, 45, 60])
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        hidden: int = 1024,
        classes: Sequence[str] = VOC,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features(widths))
        self.fc6 = nn.Conv2d(widths[-1], hidden, 3, padding=_FC6_DILATION, dilation=_FC6_DILATION)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.output = nn.Conv2d(hidden, len(classes), 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.output.weight, 0, 0.01)
        self._traits = RecognitionTraits(task="segment", classes=tuple(classes), channels=3)

    @classmethod
    def from_vgg16(cls, weights: str | Path, *, classes: Sequence[str] = VOC) -> Self:
        """Ready to be trained: the weights of a VGG-16, and random ones of the logits.

        fc6 and fc7 are decimated: every fourth unit, and of the 7×7 places of fc6 every third row and column.

        Args:
            weights: file with the state dict of a VGG-16, as torchvision names it.
            classes: names of the classes.

        Raises:
            WeightsError: there is no such file, or it holds the weights of another network.
        """
        file = file_at(weights, expected="the state dict of a VGG-16")
        network = cls(classes=classes)
        try:
            network._start(state_in(file))
        except (KeyError, RuntimeError):
            raise WeightsError(f"{file} does not hold the weights of a VGG-16 as torchvision names them") from None
        return network

    def _start(self, state: Mapping[str, Tensor]) -> None:
        features = {key.removeprefix("features."): t for key, t in state.items() if key.startswith("features.")}
        self.features.load_state_dict(features)
        hidden, width = self.fc6.weight.shape[:2]
        fc6, fc7 = state["classifier.0.weight"].view(-1, width, 7, 7), state["classifier.3.weight"]
        every = len(fc7) // hidden
        own = {
            "fc6.weight": fc6[::every, :, ::3, ::3],
            "fc6.bias": state["classifier.0.bias"][::every],
            "fc7.weight": fc7[::every, ::every, None, None],
            "fc7.bias": state["classifier.3.bias"][::every],
        }
        self.load_state_dict(own, strict=False)

    @property
    def traits(self) -> RecognitionTraits:
        """Colour images of any size."""
        return self._traits

    @property
    def layers(self) -> Mapping[str, nn.Module]:
        """The modules by the paper's names, conv1_1, relu1_1, … pool5; what one gives, no later one changes."""
        return dict(zip(layer_names(), self.features, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to logits ``(B, K, H, W)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        h = self.features(normalised(x))
        for layer in (self.fc6, self.fc7):
            h = F.dropout(layer(h).relu(), training=self.training)
        logits: Tensor = F.interpolate(self.output(h).float(), x.shape[2:], mode="bilinear")
        return logits
