"""The two networks of islam2018: a convolutional encoder before an LSTM decoder, and before deconvolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.autoencoder import rows
from clearsight.restorers.recurrence import LOGIT_OF_INK, RowDecoder

__all__ = ["CNNLSTM", "ConvAutoencoder"]

_WIDTHS = (32, 64)
"""Channels of the two convolutions, table 1."""


def _encoder() -> nn.Sequential:
    """Conv 1 to MaxPool 2 of table 1; what is odd in height or width is pooled with what there is."""
    first, second = _WIDTHS
    return nn.Sequential(
        _lively(nn.Conv2d(1, first, 5, padding=2)),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, ceil_mode=True),
        _lively(nn.Conv2d(first, second, 5, padding=2)),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, ceil_mode=True),
    )


def _lively(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """With He's starting weights, which keep the variance through rectifiers: with torch's own, codes hardly differ."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _encoded(size: Sequence[int]) -> tuple[int, int, int]:
    """Channels, height and width of what the encoder gives."""
    height, width = (-(-side // 4) for side in size)
    return _WIDTHS[-1], height, width


@RESTORERS.register("cnn-lstm", tiny={"size": [7, 6], "code": 4, "hidden": 5, "layers": 2})
class CNNLSTM(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """CNN-LSTM of islam2018: convolutions make a thought vector, LSTM layers write the image, reading it row by row.

    v = tanh(W z + b), z what two convolutions 5×5 with max-pooling make of y, eq. 5–7 and table 1; then five LSTM
    layers for as many steps as there are rows. That the bottom layer sees row x_t of y itself at step t, beside v and
    the row written before, is the paper's direct attention, eq. 8–14; :class:`~clearsight.restorers.RowDecoder` has the
    equations, and the output gate that eq. 13 misprints. A step sees no row of y below its own but through v.

    Source: islam2018, "Image Denoising and Restoration with CNN-LSTM Encoder Decoder with Direct Attention". Not stated
    there: the units of an LSTM layer, 128 here, and where the dropout is: on v.

    Args:
        size: height and width of the images.
        code: units of the thought vector.
        hidden: units of each LSTM layer.
        layers: LSTM layers.
        dropout: share of the thought vector's units that are left out in training.

    Example:
        >>> model = CNNLSTM()
        >>> sum(p.numel() for p in model.parameters())
        1041664
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        size: Sequence[int] = (28, 28),
        code: int = 100,
        hidden: int = 128,
        layers: int = 5,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        height, width = size
        channels, inner_height, inner_width = _encoded(size)
        self.encoder = _encoder()
        self.thought = _lively(nn.Linear(channels * inner_height * inner_width, code))
        self.dropout = nn.Dropout(dropout)
        self.decoder = RowDecoder(width=width, code=code, hidden=hidden, layers=layers)
        self.size = height, width

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size, each pixel out of all."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None, *, previous: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)`` to (0, 1); σ is not used.

        Args:
            y: degraded images.
            sigma: not used.
            previous: teacher forcing: clean images, whose rows the decoder is fed in place of those it wrote.

        Raises:
            ModelError: the images are of another shape.
        """
        shown = rows(y, self.size).view(-1, *self.size)
        code = self.dropout(torch.tanh(self.thought(self.encoder(y).flatten(1))))
        written: Tensor = self.decoder(shown, code, None if previous is None else previous[:, 0])
        return written[:, None].to(y.dtype)


@RESTORERS.register("cnn-cnn", tiny={"size": [7, 6], "code": 4})
class ConvAutoencoder(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """CNN-CNN of islam2018: the encoder of CNN-LSTM and, mirrored, transposed convolutions back to the image.

    x_hat = σ(deconv(relu(deconv(z)))), 5×5 with stride 2, which undoes a pooling: 64 to 32 to 1 channels. As published
    that is all, and an output pixel sees no further than 15 rows. With a code all of z goes through tanh(W z + b),
    as the thought vector does, and back: as many parameters as those of a CNN-LSTM make a fair comparison.

    Source: islam2018, as for :class:`CNNLSTM`. Not stated there: the strides, and where the dropout is: on what the
    encoder gives, or on the code.

    Args:
        size: height and width of the images.
        code: units that all of the image goes through; ``None`` for convolutions alone.
        dropout: share of what the encoder gives, or of the code, that is left out in training.

    Example:
        >>> [sum(p.numel() for p in ConvAutoencoder(code=code).parameters()) for code in (None, 150)]
        [104129, 1048215]
        >>> ConvAutoencoder()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, *, size: Sequence[int] = (28, 28), code: int | None = None, dropout: float = 0.25) -> None:
        super().__init__()
        height, width = size
        self.encoder = _encoder()
        self.code = nn.Dropout(dropout) if code is None else _through(code, _encoded(size), dropout)
        first, second = _WIDTHS
        last = nn.ConvTranspose2d(first, 1, 5, stride=2, padding=2, output_padding=1)
        nn.init.constant_(last.bias, LOGIT_OF_INK)  # type: ignore[arg-type]
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(second, first, 5, stride=2, padding=2, output_padding=1), nn.ReLU(inplace=True), last
        )
        self.size = height, width

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)`` to (0, 1); σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        height, width = self.size
        shown = rows(y, self.size).view_as(y)
        written: Tensor = self.decoder(self.code(self.encoder(shown)))
        return torch.sigmoid(written[..., :height, :width])


def _through(code: int, encoded: tuple[int, int, int], dropout: float) -> nn.Sequential:
    """All that the encoder gives, by way of a code."""
    channels, height, width = encoded
    units = channels * height * width
    return nn.Sequential(
        nn.Flatten(),
        _lively(nn.Linear(units, code)),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.Linear(code, units),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, encoded),
    )
