"""Somebody else's network as a recognizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits
from clearsight.errors import ClearsightError, ModelError, reason
from clearsight.recognizers.checks import check_input
from clearsight.recognizers.description import Description

__all__ = ["Wrapped"]

_PROBE = (128, 128)
"""Height and width of the image a network is tried on where it does not say what it takes."""

_TRIALS = 3
"""Images of noise that a network is tried on where it seems to end in a softmax."""

_ROUNDING = 1e-3
"""How far probabilities in half precision may be from 1 in sum."""


class Wrapped(nn.Module):
    """Somebody else's classifier or segmenter as a recognizer that never changes.

    logits = f((resize(x) − mean) / std). The network may give its logits as a tensor, in a dict under ``"out"``, or as
    the first of a tuple: ``(B, K)`` classifies, ``(B, K, H', W')`` segments and is resized to the images. Resizing is
    bilinear, of images with antialiasing; what has the right size already is left alone, so that the logits are
    bit for bit those of the network. It stays in evaluation mode and its parameters take no gradient (both are
    set on the network itself), yet gradients flow through it to the images.

    It is tried on a black image first, 128×128 unless ``size`` is given: what is no recognizer is refused then. Where
    what it gives for that and a few images of noise is nowhere negative and sums to 1, it ends in a softmax: its logits
    are then the logarithms of what it gives.

    Args:
        module: the network.
        task: ``"classify"`` or ``"segment"``, where its logits have to be of one of them.
        classes: names of the classes, in the order of the logits; by default ``"0"``, ``"1"``, ….
        channels: channels of the images it takes, 1 for grey, 3 for RGB.
        size: height and width images are resized to; by default they come as they are.
        mean: subtracted from each channel, on the [0, 1] scale; by default 0.
        std: what each channel is divided by then, on the same scale; by default 1.
        output: ``"logits"`` or ``"probabilities"``, where it is not to be found out.

    Raises:
        InvalidArgumentError: an argument cannot be used.
        ModelError: the network does not take such images, or gives no logits of the declared shape, or no
            probabilities where it is said to.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> Wrapped(network, classes=["cat", "dog"]).traits.task
        'classify'
        >>> Wrapped(network, classes=["cat", "dog", "cow"])
        Traceback (most recent call last):
        ...
        clearsight.errors.ModelError: the network gives logits of 2 classes, but 3 are named
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        module: nn.Module,
        *,
        task: Literal["classify", "segment"] | None = None,
        classes: Sequence[str] | None = None,
        channels: int = 3,
        size: Sequence[int] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        output: Literal["logits", "probabilities"] | None = None,
    ) -> None:
        super().__init__()
        said = Description(task=task, classes=classes, channels=channels, size=size, mean=mean, std=std, output=output)
        self.module = _without_gradients(module)
        self.eval()
        self.size = None if size is None else tuple(size)
        device = next(chain(module.parameters(), module.buffers()), torch.empty(0)).device
        for name, numbers in (("mean", mean or [0] * channels), ("std", std or [1] * channels)):
            column = torch.tensor(numbers, dtype=torch.float32, device=device).view(-1, 1, 1)
            self.register_buffer(name, column, persistent=False)
        self._takes_log = False
        self._try(said)

    @property
    def traits(self) -> RecognitionTraits:
        """Images of any size; the task follows from the logits."""
        return self._traits

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the mode of what it is a part of."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to logits, ``(B, K)`` or ``(B, K, H, W)``.

        Raises:
            ModelError: the images have other channels, or the network does not take their size.
        """
        check_input(x, self.traits)
        logits = self._logits(x)
        if logits.ndim == 2 or logits.shape[2:] == x.shape[2:]:
            return logits
        return F.interpolate(logits, x.shape[2:], mode="bilinear")

    def _logits(self, x: Tensor) -> Tensor:
        """The network's own, ``(B, K)`` or ``(B, K, H', W')``."""
        if self.size not in (None, x.shape[2:]):
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        try:
            output = self.module((x - self.mean) / self.std)
        except (ClearsightError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # it is not our code: it may raise anything
            raise ModelError(
                f"the network does not take images of shape {tuple(x.shape)}, give the channels and the size that it "
                f"takes: {reason(error)}"
            ) from error
        given = _read(output, x.shape[0])  # len(x) is a number even where an export has a symbol
        return _logarithm(given) if self._takes_log else given

    @torch.no_grad()
    def _try(self, said: Description) -> None:
        """Find out what it is from what it gives for a black image, and for noise if that may be a softmax's.

        Raises:
            ModelError: it is no recognizer, or not what is said.
        """
        shape, generator = (1, len(self.mean), *(self.size or _PROBE)), torch.Generator().manual_seed(0)
        black = self._logits(self.mean.new_zeros(shape))
        self._traits = _judged(black, said)
        noise = (torch.rand(shape, generator=generator).to(self.mean) for _ in range(_TRIALS))
        ends_in_softmax = all(map(_are_probabilities, chain([black], map(self._logits, noise))))
        if said.output == "probabilities" and not ends_in_softmax:
            raise ModelError(
                "the network is said to give probabilities, but they are negative or do not sum to 1: say that its "
                "output is logits"
            )
        self._takes_log = ends_in_softmax and said.output != "logits"


def _without_gradients(module: nn.Module) -> nn.Module:
    """The module itself, its parameters taking no gradient."""
    if not isinstance(module, nn.Module):
        raise ModelError(f"a recognizer is made of a torch.nn.Module, got {type(module).__name__}")
    for parameter in module.parameters():  # TorchScript has no module.requires_grad_
        parameter.requires_grad_(False)
    return module


def _read(output: object, count: int) -> Tensor:
    """The logits of ``count`` images in what a network gave."""
    logits = output
    if isinstance(output, Mapping):
        logits = output.get("out")
    elif isinstance(output, Sequence) and output:
        logits = output[0]
    if isinstance(logits, Tensor) and logits.is_floating_point() and logits.ndim in (2, 4) and logits.shape[0] == count:
        return logits
    raise ModelError(
        f"the network must give floating-point logits of shape ({count}, classes) or ({count}, classes, H, W), as a "
        f"tensor, in a dict under 'out', or as the first of a tuple; it gives {_described(output)}"
    )


def _are_probabilities(given: Tensor) -> bool:
    """Whether these are nowhere negative and sum to 1 over the classes."""
    sums = given.float().sum(1)
    return bool((given >= 0).all() and (sums - 1).abs().max() < _ROUNDING)


def _logarithm(probabilities: Tensor) -> Tensor:
    """Logits whose softmax they are; finite where they are 0, in float32 at least."""
    p = probabilities.to(torch.promote_types(probabilities.dtype, torch.float32))
    return p.clamp(min=torch.finfo(p.dtype).tiny).log()


def _described(output: object) -> str:
    if isinstance(output, Tensor):
        return f"{str(output.dtype).removeprefix('torch.')} of shape {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return f"a dict of {', '.join(f'{name!r}: {_described(value)}' for name, value in output.items())}"
    if isinstance(output, Sequence) and output:
        return f"a {type(output).__name__} that starts with {_described(output[0])}"
    return f"a {type(output).__name__}"


def _judged(logits: Tensor, said: Description) -> RecognitionTraits:
    """The traits of the recognizer that gave these logits of one image, or why it is none."""
    task: Literal["classify", "segment"] = "classify" if logits.ndim == 2 else "segment"
    count, came = logits.shape[1], f"the network gives logits of shape {tuple(logits.shape)}"
    if said.task not in (None, task):
        raise ModelError(f"{came}, those of the task {task!r}, but the task is said to be {said.task!r}")
    if task == "segment" and logits.shape[2:].numel() == 1:
        raise ModelError(f"{came}, one pixel for a whole image: flatten them to classify")
    if count < 2:
        raise ModelError(f"{came}, but a recognizer has one logit for each of two classes or more")
    if said.classes is None and task == "segment" and count == said.channels:
        raise ModelError(f"{came}, as many as the image has channels: if it is no image, name the classes")
    if said.classes is not None and len(said.classes) != count:
        raise ModelError(f"the network gives logits of {count} classes, but {len(said.classes)} are named")
    classes = tuple(said.classes or map(str, range(count)))
    return RecognitionTraits(task=task, classes=classes, channels=said.channels)
