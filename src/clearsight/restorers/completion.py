"""What is missing of an image, guessed from what is there: a small network that sees all of it at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Traits
from clearsight.registry import RESTORERS
from clearsight.restorers.autoencoder import rows
from clearsight.restorers.padding import reflected
from clearsight.restorers.residual_unet import ResidualBlock

__all__ = ["CompletionNet"]

_FOLDED = 4
"""Height and width of the image over those of the lower level."""

_SLOPE = 8
"""Of the logistic output, as in :class:`~clearsight.joint.JointNet`: ink that is passed on starts near 0 or 1."""


@RESTORERS.register("completion-net", tiny={"size": [9, 6], "widths": [4, 6], "code": 5})
class CompletionNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Completes small grey images, such as digits of which half is missing.

    x_hat = σ(8·(u − ½)), u = y + f(y), y clipped to [0, 1] as a file holds it. f is a U-Net of two levels, at 1/2 and
    at 1/4 of the resolution, residual blocks without normalisation; between the blocks of the lower level two fully
    connected layers lead from all of it through a code and back, which are added: what is drawn at one place follows
    from everything that is seen at any other. f starts at zero. Our own design.

    Args:
        size: height and width of the images.
        widths: channels at 1/2 and at 1/4 of the resolution.
        blocks: residual blocks of the lower level, before the code and again after it.
        code: units of the code.

    Example:
        >>> model = CompletionNet()
        >>> sum(p.numel() for p in model.parameters())
        1120228
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self, *, size: Sequence[int] = (28, 28), widths: Sequence[int] = (16, 64), blocks: int = 2, code: int = 128
    ) -> None:
        super().__init__()
        height, width = size
        upper, lower = widths
        units = lower * -(-height // _FOLDED) * -(-width // _FOLDED)
        self.head = nn.Conv2d(4, upper, 3, padding=1)
        self.first = ResidualBlock(width=upper)
        self.down = nn.Conv2d(upper, lower, 2, stride=2)
        self.before = nn.Sequential(*(ResidualBlock(width=lower) for _ in range(blocks)))
        self.gather = nn.Linear(units, code)
        self.spread = nn.Linear(code, units)
        self.after = nn.Sequential(*(ResidualBlock(width=lower) for _ in range(blocks)))
        self.up = nn.ConvTranspose2d(lower, upper, 2, stride=2)
        self.last = ResidualBlock(width=upper)
        self.tail = nn.Conv2d(upper, 4, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)
        self.size = height, width

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size, each pixel out of all."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)`` to (0, 1); σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        height, width = self.size
        shown = rows(y, self.size).view_as(y).clamp(0, 1)
        padded = reflected(shown, _FOLDED)
        upper = self.first(self.head(F.pixel_unshuffle(padded, 2)))
        lower = self.after(self._with_code(self.before(self.down(upper))))
        residual = F.pixel_shuffle(self.tail(self.last(self.up(lower) + upper)), 2)
        return torch.sigmoid(_SLOPE * ((padded + residual)[..., :height, :width] - 0.5))

    def _with_code(self, x: Tensor) -> Tensor:
        """What all of the lower level says to each place of it, added."""
        said: Tensor = self.spread(F.relu(self.gather(x.flatten(1))))
        return x + said.view_as(x)
