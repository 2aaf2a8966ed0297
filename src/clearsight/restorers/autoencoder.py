"""The denoising autoencoder of chen2016, the fully connected pathways it is made of, and those of a lecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.registry import RESTORERS

__all__ = ["CodeKind", "DeepAutoencoder", "DenoisingAutoencoder", "PointAutoencoder", "pathway", "rows"]

CodeKind = Literal["linear", "logistic"]


def pathway(sizes: Sequence[int], *, last: CodeKind) -> nn.Sequential:
    """Fully connected layers of logistic units: x ← σ(Wx + b) for each.

    Weights start uniform within ±g·√(6 / (n + m)) between layers of n and m units, which keeps the variance of signal
    and gradient from layer to layer; g is 1 for linear units and 4 for logistic ones, whose slope at 0 is ¼. Biases
    start at −½ ΣW, so that units all at ½ leave the next layer at 0; those of the first layer at 0. From torch's own,
    smaller weights such a net does not get beyond the mean image for many epochs. Source of the bounds: X. Glorot
    and Y. Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010, eq. 16.

    Args:
        sizes: units of each layer, the input's first.
        last: whether the units of the last layer are logistic too, or linear.

    Returns:
        ``nn.Linear`` and ``nn.Sigmoid`` in turn: ``(B, sizes[0])`` to ``(B, sizes[-1])``.

    Raises:
        InvalidArgumentError: there is no such kind of unit.
    """
    if last not in get_args(CodeKind):
        raise InvalidArgumentError(f"code units are linear or logistic, got {last!r}")
    linears = [nn.Linear(before, after) for before, after in pairwise(sizes)]
    for linear in linears:
        nn.init.xavier_uniform_(linear.weight, gain=1 if linear is linears[-1] and last == "linear" else 4)
        nn.init.zeros_(linear.bias)
    for linear in linears[1:]:
        linear.bias.data = -linear.weight.data.sum(1) / 2
    layers = [layer for linear in linears for layer in (linear, nn.Sigmoid())]
    return nn.Sequential(*(layers if last == "logistic" else layers[:-1]))


def rows(y: Tensor, size: tuple[int, int]) -> Tensor:
    """Grey images of one size as a fully connected layer takes them: ``(B, 1, H, W)`` to ``(B, H·W)``.

    Raises:
        ModelError: the images are of another shape.
    """
    if y.ndim != 4 or y.shape[1:] != (1, *size):
        height, width = size
        raise ModelError(
            f"the network takes images of shape (B, 1, {height}, {width}), got {tuple(y.shape)}: "
            "convert or resize them first"
        )
    return y.flatten(1)


@RESTORERS.register("denoising-autoencoder", tiny={"size": [8, 6], "encoder": [12, 5]})
class DenoisingAutoencoder(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Deep denoising autoencoder of small grey images, 784-400-200-250-100 and back by default.

    x_hat = g(f(y)), f down to the code and g the mirrored way back, each layer σ(Wx + b), the code linear. Source:
    Vincent et al., "Stacked Denoising Autoencoders", 2010, as the baseline DDAE of Chen et al., "Joint Visual Denoising
    and Classification using Deep Learning", 2016, with the layers of its joint model. There the output is also fed
    back "with loop", an unstated number of times: ``loops``.

    Args:
        size: height and width of the images.
        encoder: units of each layer from the image down to the code.
        code: the code's units.
        loops: passes through the network, each on the output of the one before; 1 is the paper's "without loop".

    Raises:
        InvalidArgumentError: there is no such kind of code, or no pass.

    Example:
        >>> import torch
        >>> DenoisingAutoencoder()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        size: Sequence[int] = (28, 28),
        encoder: Sequence[int] = (400, 200, 250, 100),
        code: CodeKind = "linear",
        loops: int = 1,
    ) -> None:
        super().__init__()
        if loops < 1:
            raise InvalidArgumentError(f"loops counts the passes through the network, at least 1; got {loops}")
        height, width = size
        sizes = [height * width, *encoder]
        self.encoder = pathway(sizes, last=code)
        self.decoder = pathway(sizes[::-1], last="logistic")
        self.loops = loops
        self.size = height, width

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size, each pixel out of all."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)`` to [0, 1]; σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        x_hat = rows(y, self.size)
        for _ in range(self.loops):
            x_hat = self.decoder(self.encoder(x_hat))
        return x_hat.view_as(y)


class PointAutoencoder(nn.Sequential):
    """Denoising autoencoder of points of the plane, 2-100-2 with one ReLU.

    Source: F. Fleuret, "Deep learning", lecture 7.3, "Denoising autoencoders".

    Example:
        >>> import torch
        >>> PointAutoencoder()(torch.zeros(5, 2)).shape
        torch.Size([5, 2])
    """

    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 2))


@RESTORERS.register("deep-autoencoder", tiny={"size": [28, 32], "dim": 8})
class DeepAutoencoder(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Deep convolutional autoencoder of small grey images, trained to denoise.

    Down: 5×5, 5×5, 4×4 with stride 2, 3×3 with stride 2, 32 channels each, then 4×4 to the code; up:
    the same transposed, last first. ReLU between layers, none after the code and the output. Source: F. Fleuret, "Deep
    learning", lectures 7.2 and 7.3.

    Args:
        size: height and width of the images, 28 or a multiple of 4 above it; the lecture's are 28×28.
        dim: channels of the code, which has a pixel for 28×28; the lecture's 7.3 leaves them open.

    Raises:
        InvalidArgumentError: images of that size would come back in another.

    Example:
        >>> import torch
        >>> DeepAutoencoder()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, *, size: Sequence[int] = (28, 28), dim: int = 32) -> None:
        super().__init__()
        height, width = size
        if min(size) < 28 or height % 4 or width % 4:
            raise InvalidArgumentError(f"the sides are 28 pixels or a multiple of 4 above it, got {height}×{width}")
        self.size = height, width
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=5),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=5),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, dim, kernel_size=4),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(dim, 32, kernel_size=4),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 32, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 32, kernel_size=5),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, kernel_size=5),
        )

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size, which is small: each pixel out of most of the others."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)``; σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        x_hat: Tensor = self.decoder(self.encoder(rows(y, self.size).view_as(y)))
        return x_hat
