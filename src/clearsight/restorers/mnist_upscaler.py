"""The super-resolver of digits of a lecture."""

from __future__ import annotations

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.autoencoder import rows

__all__ = ["MNISTUpscaler"]

_SIZE = (14, 14)


@RESTORERS.register("mnist-upscaler", tiny={"width": 8})
class MNISTUpscaler(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Convolutional autoencoder that makes digits of 28×28 pixels of digits of 14×14.

    Down, convolutions of 32 channels, 5×5, 5×5, 4×4 and 3×3, to one pixel; up, transposed ones, 4×4, 3×3 and 4×4 with
    stride 2 each, 5×5, 5×5. ReLU between layers, none after the code and the output. Source: F. Fleuret, "Deep
    learning", lecture 7.3, "Denoising autoencoders"; its loss is the sum of squares over the number of images.

    Args:
        width: channels of all layers but the last; the lecture's 32.

    Example:
        >>> import torch
        >>> MNISTUpscaler()(torch.zeros(2, 1, 14, 14)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, kernel_size=5),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=5),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=4),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel_size=3),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(width, width, kernel_size=4),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, kernel_size=5),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, kernel_size=5),
        )

    @property
    def traits(self) -> Traits:
        """Blind; grey images of 14×14 pixels, each pixel out of all."""
        return Traits(channels=1, scale=2, receptive_radius=None, size=_SIZE)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Enlarge ``(B, 1, 14, 14)`` to ``(B, 1, 28, 28)``; σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        x_hat: Tensor = self.decoder(self.encoder(rows(y, _SIZE).view_as(y)))
        return x_hat
