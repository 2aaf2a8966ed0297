"""What the parts of clearsight promise one another.

Tensors are ``(B, C, H, W)``, RGB or grey, float32, nominally in [0, 1]. ``x`` is clean, ``y`` degraded, ``x_hat``
restored. σ is a standard deviation on that [0, 1] scale. Nothing here imports torch at run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = [
    "VOID",
    "Batch",
    "Dataset",
    "Degradation",
    "Input",
    "Joint",
    "Line",
    "NoiseDegradation",
    "Prediction",
    "Reader",
    "RecognitionTraits",
    "Recognizer",
    "Restorer",
    "Sample",
    "Sampler",
    "Traits",
]

VOID = 255
"""The label of pixels that belong to no class: segmentation neither learns nor judges them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """What a restorer takes beside the image and σ.

    Attributes:
        name: a keyword of its call.
        kind: ``"map"``, ``(B, channels, H, W)`` as the image, padded and cut into tiles with it: a mask, a renderer's
            normals; ``"value"``, ``(B,)``; ``"whole"``, passed as it is, first axis B: samples of k-space.
        channels: of a map.
        required: whether it has to be there.
    """

    name: str
    kind: Literal["map", "value", "whole"] = "map"
    channels: int = 1
    required: bool = True

    def example(self, height: int, width: int) -> tuple[int, ...]:
        """The shape of one for a single image of that size."""
        return (1, self.channels, height, width) if self.kind != "value" else (1,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What a restorer declares of itself; the engine reads this and never a model's name.

    Attributes:
        channels: channels it takes and gives; ``None`` where any number will do.
        scale: output height and width over input height and width.
        multiple: input height and width must be divisible by this; the engine pads.
        receptive_radius: an output pixel depends on no input pixel further away than this many rows or columns
            (for ``scale`` > 1, measured in input pixels); ``None`` where it depends on the whole image, which
            then cannot be tiled.
        sigma: ``"blind"`` takes no noise level, ``"optional"`` estimates it where it is not told,
            ``"required"`` has to be told.
        size: input height and width where it takes one size only; ``None`` where any will do.
        inputs: what it takes besides; σ is none of them, it is the one that can be estimated.
        samples: whether it is a :class:`Sampler`.
        linear: whether it takes linear light in place of [0, 1], as renderers write it, from 0 without an upper end.
    """

    channels: int | None
    scale: int = 1
    multiple: int = 1
    receptive_radius: int | None
    sigma: Literal["blind", "optional", "required"] = "blind"
    size: tuple[int, int] | None = None
    inputs: tuple[Input, ...] = ()
    samples: bool = False
    linear: bool = False


@runtime_checkable
class Degradation(Protocol):
    """What goes wrong with an image. ``str(degradation)`` is the string that makes it again."""

    @property
    def scale(self) -> int:
        """Input height and width over output height and width (1 unless it down-samples)."""

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Degrade a batch; each image draws its own parameters, all randomness comes from ``generator``."""


@runtime_checkable
class NoiseDegradation(Degradation, Protocol):
    """A degradation with a noise level that a σ-aware restorer can be told."""

    def with_sigma(self, x: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Degrade a batch and return it with the σ of each image, shape ``(B,)``."""


@runtime_checkable
class Restorer(Protocol):
    """Image → image. A ``torch.nn.Module`` in practice, whether it has weights or not."""

    @property
    def traits(self) -> Traits:
        """What the engine has to know to feed it."""

    def __call__(self, y: Tensor, sigma: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Restore ``(B, C, H, W)`` to ``(B, C, scale·H, scale·W)``; σ has shape ``(B,)``; inputs as it declares."""


@runtime_checkable
class Sampler(Restorer, Protocol):
    """A restorer that can draw several answers to one input; called, it gives one, such as their mean."""

    def sample(
        self, y: Tensor, sigma: Tensor | None = None, *, n: int, generator: torch.Generator, **inputs: Tensor
    ) -> Tensor:
        """Draw ``n`` restorations of each image, ``(B, n, C, scale·H, scale·W)``, by the generator alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecognitionTraits:
    """What a recognizer declares of itself.

    Attributes:
        task: ``"classify"``, one class an image, ``"segment"``, one class a pixel, or ``"read"``, text: a
            :class:`Reader`.
        classes: names of the classes, in the order of the logits; of a reader that gives logits what each frame can be,
            first no letter, the empty string, then its letters; empty of one that gives text alone.
        channels: channels it takes; ``None`` where any number will do.
        size: height and width it takes; ``None`` where any will do.
        height: in pixels, that a reader brings lines to; ``None`` where that is its own business.
    """

    task: Literal["classify", "segment", "read"]
    classes: tuple[str, ...]
    channels: int | None
    size: tuple[int, int] | None = None
    height: int | None = None


@runtime_checkable
class Recognizer(Protocol):
    """Image → logits. A ``torch.nn.Module`` in practice; resizing and normalising are its own business."""

    @property
    def traits(self) -> RecognitionTraits:
        """What one has to know to feed it and to read its logits."""

    def __call__(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [0, 1] to logits.

        ``(B, K)`` of a classifier, ``(B, K, H, W)`` of a segmenter, ``(B, K, T)`` of a reader of lines, T frames from
        left to right.
        """


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in an image.

    Attributes:
        text: what it says.
        confidence: of the reader, 0 to 1.
        box: its corners, column and row in pixels from the upper left of the image, clockwise from the beginning of the
            text.
    """

    text: str
    confidence: float
    box: tuple[tuple[float, float], ...]


@runtime_checkable
class Reader(Protocol):
    """Image → text. A ``torch.nn.Module`` in practice; what it does to find lines is its own business."""

    @property
    def traits(self) -> RecognitionTraits:
        """What one has to know to feed it."""

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each image of ``(B, C, H, W)`` in [0, 1], in the order in which people read them."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a recognizer sees in an image.

    Attributes:
        label: the class with the largest probability; of a reader the text, line by line.
        confidence: that probability, 0 to 1; of a reader the mean over letters, 0 where there are none.
        probabilities: of every class, in the order of the recognizer's classes; of a segmenter, their means over
            pixels, the share that each class has of the image; of a reader, none.
        classes: of a segmenter, the number of each pixel's class, ``(H, W)``, in 8 bits or, of more
            than 256 classes, in 16.
        lines: of a reader; ``None`` of what tells classes.
    """

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    classes: NDArray[np.uint8 | np.uint16] | None = field(default=None, compare=False, repr=False)
    lines: tuple[Line, ...] | None = None

    @classmethod
    def of(cls, lines: tuple[Line, ...]) -> Prediction:
        """What a reader says of an image."""
        letters = sum(len(line.text) for line in lines)
        sure = sum(len(line.text) * line.confidence for line in lines)
        return cls("\n".join(line.text for line in lines), sure / letters if letters else 0.0, {}, lines=lines)


@runtime_checkable
class Joint(Protocol):
    """One network, two answers: the restored image and what is in it. A ``torch.nn.Module`` in practice."""

    @property
    def traits(self) -> Traits:
        """Of its restoration."""

    @property
    def recognition(self) -> RecognitionTraits:
        """Of its recognition, from the degraded image."""

    def __call__(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, H, W)`` to x_hat, of the same shape, and logits ``(B, K)``, or ``(B, K, T)`` of one that reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One clean image of a data set and what is to be recognized in it.

    Attributes:
        name: of the image within its set, such as a relative path; unique.
        x: ``(C, H, W)``, float32 in [0, 1].
        label: the class of the image, or ``(H, W)`` int64 with the class of each pixel (:data:`VOID` where there is
            none); ``None`` where nothing is labelled.
        target: what is to come out where that is not ``x``: a second exposure, an average of many; ``(C, H, W)``.
        inputs: what a restorer takes besides, by name: a map ``(channels, H, W)``, a value ``()``, or a tensor.
        text: what is to be read in it, line by line; ``None`` where that is not known.
    """

    name: str
    x: Tensor
    label: int | Tensor | None
    target: Tensor | None = None
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    text: str | None = None


class Batch(NamedTuple):
    """Images of one size, what became of them, and what is to come out.

    Attributes:
        x: clean images, ``(B, C, H, W)``; in [0, 1], or as 8 bits where they are held in memory.
        labels: what is to be recognized, ``(B,)`` classes or ``(B, H, W)`` maps; ``None`` where nothing is labelled.
        y: the degraded images, not clipped; ``None`` before they are degraded.
        sigma: the noise level of each, ``(B,)``, where it is known.
        target: what is to come out where that is not ``x``, ``(B, C, H, W)``.
        names: of the images, where they have any.
        inputs: what a restorer takes besides, by name.
        texts: what is to be read in each; empty where that is not known.
    """

    x: Tensor
    labels: Tensor | None = None
    y: Tensor | None = None
    sigma: Tensor | None = None
    target: Tensor | None = None
    names: tuple[str, ...] = ()
    inputs: Mapping[str, Tensor] = {}
    texts: tuple[str, ...] = ()

    @property
    def reference(self) -> Tensor:
        """What restored images are compared with: the target, or else the clean images."""
        return self.x if self.target is None else self.target

    def scaled(self) -> Batch:
        """What is held as 8 bits on the [0, 1] scale, all else as it is; labels as int64."""
        return self._replace(
            x=_unit(self.x),
            labels=None if self.labels is None else self.labels.long(),
            target=None if self.target is None else _unit(self.target),
            inputs={name: _unit(value) for name, value in self.inputs.items()},
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""

        def moved(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.to(device)

        return self._replace(
            x=self.x.to(device),
            labels=moved(self.labels),
            y=moved(self.y),
            sigma=moved(self.sigma),
            target=moved(self.target),
            inputs={name: value.to(device) for name, value in self.inputs.items()},
        )


def _unit(values: Tensor) -> Tensor:
    return values / 255 if str(values.dtype) == "torch.uint8" else values


@runtime_checkable
class Dataset(Protocol):
    """Clean images, read one at a time: holding a data set costs no more than the list of its files."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names its labels stand for; empty where nothing is labelled."""

    def __len__(self) -> int:
        """How many images there are."""

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
