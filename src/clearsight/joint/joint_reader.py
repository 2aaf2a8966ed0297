"""A joint model of lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Line, RecognitionTraits, Traits
from clearsight.recognizers.checks import check_input
from clearsight.recognizers.crnn import CRNN
from clearsight.recognizers.letters import LETTERS
from clearsight.registry import JOINT
from clearsight.restorers.padding import restored
from clearsight.restorers.residual_unet import ResidualUNet

__all__ = ["JointReader"]


@JOINT.register(
    "joint-reader", tiny={"widths": [4, 8], "blocks": [1, 1], "rows": [4, 4, 4, 4, 8], "hidden": 4, "classes": "-abc"}
)
class JointReader(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Joint model of lines of text: a residual U-Net, and a reader of what it restores.

    x_hat is u clipped to [0, 1], where u is what a :class:`~clearsight.restorers.ResidualUNet` restores, and the logits
    are h(x_hat), h a :class:`~clearsight.recognizers.CRNN`; the gradient of either loss reaches the U-Net. While it
    trains u is given in place of x_hat, so that what is out of range still learns. Our own design, for the comparison
    of joint and separate training of Chen et al., 2016.

    Args:
        widths: channels of each level of the U-Net, from 1/2 resolution down.
        blocks: residual blocks of each level.
        rows: channels of each halving of the height of the reader's lines, as ``widths`` of the reader.
        hidden: units of the reader's LSTM in either direction.
        classes: what a frame can be: no letter, then the letters.

    Raises:
        InvalidArgumentError: ``widths`` and ``blocks`` differ in length.

    Example:
        >>> model = JointReader().eval()
        >>> x_hat, logits = model(torch.zeros(2, 1, 32, 100))
        >>> x_hat.shape, logits.shape
        (torch.Size([2, 1, 32, 100]), torch.Size([2, 96, 50]))
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (24, 48, 96, 96),
        blocks: Sequence[int] = (1, 1, 1, 2),
        rows: Sequence[int] = (24, 32, 64, 96, 160),
        hidden: int = 128,
        classes: Sequence[str] = LETTERS,
    ) -> None:
        super().__init__()
        self.restorer = ResidualUNet(channels=1, widths=widths, blocks=blocks)
        self.recognizer = CRNN(widths=rows, hidden=hidden, classes=classes)
        self._recognition = replace(self.recognizer.traits, channels=1)

    @property
    def traits(self) -> Traits:
        """Those of the U-Net: local, so that a large image can be restored in tiles."""
        return self.restorer.traits

    @property
    def recognition(self) -> RecognitionTraits:
        """Grey images of any size; the height is that which lines are brought to."""
        return self._recognition

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Restore ``(B, 1, H, W)``, a line each, and read it, logits ``(B, K, T)``.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(y, self.recognition)
        u = restored(self.restorer, y)
        x_hat = u.clamp(0, 1)
        return u if self.training else x_hat, self.recognizer(x_hat)

    @torch.inference_mode()
    def read(self, y: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each degraded image of ``(B, 1, H, W)`` in [0, 1], restored first, from top to bottom."""
        return self.recognizer.read(restored(self.restorer, y))
