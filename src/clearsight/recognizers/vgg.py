"""VGG-16, the classifier whose features tell images apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.classes import imagenet_names
from clearsight.contracts import RecognitionTraits
from clearsight.errors import WeightsError, reason
from clearsight.recognizers.checks import check_input
from clearsight.recognizers.description import file_at
from clearsight.recognizers.zoo import cached, state_in
from clearsight.registry import RECOGNIZERS
from clearsight.vision import torchvision

__all__ = ["DEPTHS", "VGG16", "layer_names", "normalised"]

DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions of each of the five resolutions."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SMALLEST = 32
_POOLED = 7


def layer_names() -> list[str]:
    """The names of Simonyan and Zisserman for the modules of ``features``, in order: conv1_1, relu1_1, …, pool5."""
    blocks = [
        [*chain.from_iterable((f"conv{b}_{i}", f"relu{b}_{i}") for i in range(1, depth + 1)), f"pool{b}"]
        for b, depth in enumerate(DEPTHS, start=1)
    ]
    return [*chain.from_iterable(blocks)]


def normalised(x: Tensor) -> Tensor:
    """(x − mean) / std of each channel, those of ImageNet."""
    return (x - x.new_tensor(_MEAN).view(-1, 1, 1)) / x.new_tensor(_STD).view(-1, 1, 1)


def _started(network: nn.Sequential) -> nn.Sequential:
    """Random weights, as torchvision draws them, and no unit that changes what another module gave."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.ReLU):
            module.inplace = False
    return network


@RECOGNIZERS.register("vgg16", tiny={"widths": [4, 4, 6, 6, 8], "hidden": 8})
class VGG16(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """VGG-16: classifier of colour images, 13 convolutions and 3 fully connected layers.

    The features are torchvision's, so are the names of all weights; images are normalised with the mean and the
    standard deviation of ImageNet. What the features give is averaged to 7×7 as torchvision does, so images of any
    size are taken as they are; those of fewer than 32 rows or columns are enlarged to that, for five poolings would
    leave nothing of them. Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
    recognition", 2015, configuration D.

    The constructor draws random weights; :meth:`pretrained` reads them.

    Args:
        widths: channels of each of the five resolutions.
        hidden: units of the first two fully connected layers.
        classes: names of the classes; the 1,000 of ImageNet if not given.

    Example:
        >>> tiny = VGG16(widths=[4, 4, 6, 6, 8], hidden=8, classes=["cat", "dog"])
        >>> features = []
        >>> hook = tiny.layers["relu3_3"].register_forward_hook(lambda module, x, y: features.append(y))
        >>> tiny(torch.rand(1, 3, 64, 48)).shape, features[0].shape
        (torch.Size([1, 2]), torch.Size([1, 6, 16, 12]))
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        hidden: int = 4096,
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        names = tuple(imagenet_names() if classes is None else classes)
        plan = chain.from_iterable([*[width] * depth, "M"] for width, depth in zip(widths, DEPTHS, strict=True))
        features: nn.Sequential = torchvision("models.vgg").make_layers([*plan])
        classifier = nn.Sequential(
            *(nn.Linear(widths[-1] * _POOLED**2, hidden), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()),
            nn.Linear(hidden, len(names)),
        )
        self.features, self.classifier = _started(features), _started(classifier)
        self._traits = RecognitionTraits(task="classify", classes=names, channels=3)

    @classmethod
    def pretrained(cls, weights: str | Path | None = None, *, classes: Sequence[str] | None = None) -> Self:
        """With weights that are on this machine; nothing is downloaded.

        Args:
            weights: file with a state dict as torchvision names it, of any number of classes; by default torchvision's
                own weights, trained on ImageNet, from torchvision's cache.
            classes: names of the classes; if not given those of ImageNet where there are 1,000, else ``"0"``, ``"1"``.

        Raises:
            WeightsError: the weights are not on this machine, or are not those of this network or of these classes.
        """
        own = torchvision("models").VGG16_Weights.IMAGENET1K_V1
        file = cached("vgg16", own.url) if weights is None else file_at(weights, expected="a state dict")
        state = state_in(file)
        last = state.get("classifier.6.bias", torch.empty(0))
        if classes is None and last.shape not in ((0,), (len(imagenet_names()),)):
            classes = [*map(str, range(len(last)))]
        with torch.random.fork_rng(devices=[]):  # it draws weights that are replaced: nobody's seed shall feel it
            network = cls(classes=classes)
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(f"the weights in {file} are not those of this VGG-16: {reason(error)}") from None
        return network.eval()

    @property
    def traits(self) -> RecognitionTraits:
        """Colour images of any size."""
        return self._traits

    @property
    def layers(self) -> Mapping[str, nn.Module]:
        """The modules by the paper's names, conv1_1, relu1_1, … pool5; what one gives, no later one changes."""
        return dict(zip(layer_names(), self.features, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 3, H, W)`` to logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        size = [max(n, _SMALLEST) for n in x.shape[2:]]
        if size != [*x.shape[2:]]:
            x = F.interpolate(x, size, mode="bilinear")
        pooled = F.adaptive_avg_pool2d(self.features(normalised(x)), _POOLED)
        logits: Tensor = self.classifier(pooled.flatten(1))
        return logits
