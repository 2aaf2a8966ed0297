"""DnCNN: a plain stack of convolutions that predicts the noise."""

from __future__ import annotations

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS

__all__ = ["DnCNN"]


@RESTORERS.register("dncnn", tiny={"channels": 1, "depth": 4, "width": 8})
class DnCNN(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """DnCNN: 3×3 convolutions with batch normalisation at full resolution; predicts the noise.

    x_hat = y − f(y). Source: Zhang et al., "Beyond a Gaussian Denoiser", 2017: depth 17 for a known σ, 20 for the
    blind nets (CDnCNN-B), 64 channels.

    Args:
        channels: 1 for grey, 3 for RGB.
        depth: convolutions in all.
        width: channels of the inner layers.
        batch_norm: ``False`` where it has been merged into the convolutions, as in the authors' published weights.

    Example:
        >>> DnCNN(channels=3).traits.receptive_radius
        20
    """

    def __init__(self, *, channels: int = 3, depth: int = 20, width: int = 64, batch_norm: bool = True) -> None:
        super().__init__()
        inner: list[nn.Module] = []
        for _ in range(depth - 2):
            inner.append(nn.Conv2d(width, width, 3, padding=1, bias=not batch_norm))
            inner += [nn.BatchNorm2d(width)] if batch_norm else []
            inner.append(nn.ReLU(inplace=True))
        self.noise = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(inplace=True),
            *inner,
            nn.Conv2d(width, channels, 3, padding=1),
        )
        self._traits = Traits(channels=channels, receptive_radius=depth)

    @property
    def traits(self) -> Traits:
        """Blind; one row of context for each layer."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, channels, H, W)``; σ is not used."""
        noise: Tensor = self.noise(y)
        return y - noise
