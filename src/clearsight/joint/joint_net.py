"""A convolutional joint model of our own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits, Traits
from clearsight.errors import ModelError
from clearsight.registry import JOINT
from clearsight.restorers.padding import reflected
from clearsight.restorers.residual_unet import ResidualBlock, ResidualUNet

__all__ = ["JointNet"]

_SLOPE = 8
"""Of the logistic output: ink of 0 or 1 that the U-Net passes on as it is starts as 0.02 or 0.98."""


@JOINT.register("joint-net", tiny={"widths": [8, 12], "blocks": [1, 1], "head": 1})
class JointNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Convolutional joint model: a residual U-Net, and a classifier on the code at its lowest level.

    x_hat = σ(8·(u − ½)), where u = y + f(y) is what a :class:`~clearsight.restorers.ResidualUNet` restores: it starts
    near the identity, stays in (0, 1) and has a gradient everywhere, as the cross-entropy of pixels asks for. The code
    also goes, normalised over the whole image, through residual blocks, a rectifier, the mean over the image and a
    linear layer to the logits. Our own design, after the one way in and two ways out of Chen et al., 2016.

    Args:
        channels: 1 for grey, 3 for RGB.
        widths: channels of each level of the U-Net, from 1/2 resolution down.
        blocks: residual blocks of each level.
        head: residual blocks of the classifier.
        classes: names of the classes.

    Raises:
        InvalidArgumentError: ``widths`` and ``blocks`` differ in length.

    Example:
        >>> model = JointNet()
        >>> sum(p.numel() for p in model.parameters())
        918318
        >>> x_hat, logits = model(torch.zeros(2, 1, 28, 28))
        >>> x_hat.shape, logits.shape
        (torch.Size([2, 1, 28, 28]), torch.Size([2, 10]))
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        widths: Sequence[int] = (32, 64, 96),
        blocks: Sequence[int] = (1, 1, 2),
        head: int = 2,
        classes: Sequence[str] = tuple("0123456789"),
    ) -> None:
        super().__init__()
        self.unet = ResidualUNet(channels=channels, widths=widths, blocks=blocks)
        residual = [ResidualBlock(width=widths[-1]) for _ in range(head)]
        self.head = nn.Sequential(nn.GroupNorm(1, widths[-1]), *residual, nn.ReLU())
        self.output = nn.Linear(widths[-1], len(classes))
        self._recognition = RecognitionTraits(task="classify", classes=tuple(classes), channels=channels)

    @property
    def traits(self) -> Traits:
        """Those of the U-Net: local, so that a large image can be restored in tiles."""
        return self.unet.traits

    @property
    def recognition(self) -> RecognitionTraits:
        """Images of any size."""
        return self._recognition

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Restore ``(B, channels, H, W)`` of any size to (0, 1) and classify it, logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        self._check(y)
        height, width = y.shape[2:]
        y = reflected(y, self.traits.multiple)
        code, skips = self.unet.encode(y)
        u = self.unet.decode(y, code, skips)[..., :height, :width]
        return torch.sigmoid(_SLOPE * (u - 0.5)), self.output(self.head(code).mean((2, 3)))

    def _check(self, y: Tensor) -> None:
        channels = self.traits.channels
        if y.ndim != 4 or y.shape[1] != channels or not y.numel():
            raise ModelError(
                f"the network takes images of shape (B, {channels}, H, W), got {tuple(y.shape)}: convert them first"
            )
