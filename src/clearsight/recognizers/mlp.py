"""The fully connected classifier of chen2016."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits
from clearsight.errors import InvalidArgumentError
from clearsight.recognizers.checks import check_input
from clearsight.registry import RECOGNIZERS

__all__ = ["MLP"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "logistic": torch.sigmoid}


@RECOGNIZERS.register("mlp", tiny={"size": [8, 6], "hidden": [12, 10]})
class MLP(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Fully connected classifier of small grey images, 784-500-500-2000-10 by default.

    h₀ is the image, row by row; hₗ = s(Wₗ hₗ₋₁ + bₗ); logits = W h + b. Source: Chen et al., "Joint Image Denoising and
    Classification", 2016: the classifier behind every restorer of its tables. Deviation: the paper's units are
    logistic and pretrained as restricted Boltzmann machines; rectified ones are the default because they train
    from random weights.

    Args:
        size: height and width of the images.
        hidden: units of each hidden layer.
        classes: names of the classes.
        activation: s, ``"relu"`` or the paper's ``"logistic"``.
        dropout: probability that a hidden unit is left out of a training step; 0 leaves none out.

    Raises:
        InvalidArgumentError: there is no such activation.

    Example:
        >>> MLP()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        *,
        size: Sequence[int] = (28, 28),
        hidden: Sequence[int] = (500, 500, 2000),
        classes: Sequence[str] = tuple("0123456789"),
        activation: Literal["relu", "logistic"] = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise InvalidArgumentError(f"activation is relu or logistic, got {activation!r}")
        height, width = size
        sizes = [height * width, *hidden]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.output = nn.Linear(sizes[-1], len(classes))
        self._activate = _ACTIVATIONS[activation]
        self.dropout = dropout
        self._traits = RecognitionTraits(task="classify", classes=tuple(classes), channels=1, size=(height, width))

    @property
    def traits(self) -> RecognitionTraits:
        """Grey images of one size."""
        return self._traits

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 1, H, W)`` to logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        h = x.flatten(1)
        for layer in self.hidden:
            h = F.dropout(self._activate(layer(h)), self.dropout, self.training)
        logits: Tensor = self.output(h)
        return logits
