"""FFDNet: half-resolution convolutions, told the noise level."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.errors import ModelError
from clearsight.registry import RESTORERS

__all__ = ["FFDNet"]


@RESTORERS.register("ffdnet", tiny={"channels": 1, "depth": 4, "width": 8})
class FFDNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """FFDNet: convolutions on four half-resolution sub-images and a map of σ; has to be told σ.

    x_hat = shuffle(f(unshuffle(y), σ)). Source: Zhang et al., "FFDNet", 2018: grey depth 15, width 64; colour depth 12,
    width 96 (the default). Deviation: no batch normalisation, which the authors fold away after training.

    Args:
        channels: 1 for grey, 3 for RGB.
        depth: convolutions in all.
        width: channels of the inner layers.

    Example:
        >>> FFDNet(channels=3)(torch.zeros(1, 3, 8, 8), torch.tensor([25 / 255])).shape
        torch.Size([1, 3, 8, 8])
    """

    def __init__(self, *, channels: int = 3, depth: int = 12, width: int = 96) -> None:
        super().__init__()
        sizes = [4 * channels + 1, *[width] * (depth - 1)]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, 4 * channels, 3, padding=1))
        self._traits = Traits(channels=channels, multiple=2, receptive_radius=2 * depth + 1, sigma="required")

    @property
    def traits(self) -> Traits:
        """σ is required; two rows of context for each layer, and one for the 2×2 cell."""
        return self._traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, channels, H, W)``, H and W even, told σ of shape ``(B,)``.

        Raises:
            ModelError: σ is missing.
        """
        if sigma is None:
            raise ModelError("FFDNet has to be told the noise level: give sigma, such as 25/255")
        folded = F.pixel_unshuffle(y, 2)
        level = sigma.to(y).view(-1, 1, 1, 1).expand(-1, 1, *folded.shape[-2:])
        return F.pixel_shuffle(self.body(torch.cat([folded, level], dim=1)), 2)
