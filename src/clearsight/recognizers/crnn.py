"""A small reader of lines of text, and of pages line by line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import Line, RecognitionTraits
from clearsight.recognizers.checks import check_input
from clearsight.recognizers.letters import LETTERS, transcribed
from clearsight.recognizers.rows import at_height, rows_of, strips
from clearsight.registry import RECOGNIZERS

__all__ = ["CRNN"]


def _conv(before: int, after: int, *, stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """x + f(x), f one convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = x + self.body(x)
        return h


@RECOGNIZERS.register("crnn", tiny={"widths": [4, 6, 8], "hidden": 5})
class CRNN(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Small reader of lines of printed text, dark on light; of a page it reads line by line.

    Images are brought to the height of its lines. Strided 3×3 convolutions halve that once for each width, the first
    one the columns, too, so that a frame is two columns; one of two rows leaves none. Two LSTM layers, one from
    either side, see the whole line, and each frame is one of the letters or none: connectionist temporal
    classification. Batch normalisation and ReLU follow every convolution, and a residual one every second.

    A page is cut where rows of pixels have no ink, so its lines must be level and in one column.

    Args:
        widths: channels of each halving of the height, and of the last rows; the height is 2 to the power of their
            number.
        hidden: units of the LSTM in either direction.
        classes: what a frame can be: no letter, then the letters.

    Source: after Shi et al., "An end-to-end trainable neural network for image-based sequence recognition", 2017.
        Deviation: strides in place of pooling, smaller, and twice as many frames, for narrow letters.

    Example:
        >>> import torch
        >>> reader = CRNN()
        >>> reader(torch.zeros(2, 1, 32, 100)).shape
        torch.Size([2, 96, 50])
        >>> reader.traits.height
        32
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (24, 32, 64, 96, 160),
        hidden: int = 128,
        classes: Sequence[str] = LETTERS,
    ) -> None:
        super().__init__()
        halvings: list[nn.Module] = [_conv(1, widths[0], stride=(2, 2))]
        for before, after in pairwise(widths[:-1]):
            halvings += [_conv(before, after, stride=(2, 1)), _Residual(after)]
        self.features = nn.Sequential(*halvings, nn.Conv2d(widths[-2], widths[-1], (2, 3), padding=(0, 1)), nn.ReLU())
        self.context = nn.LSTM(widths[-1], hidden, bidirectional=True, batch_first=True)
        self.output = nn.Linear(2 * hidden, len(classes))
        self._traits = RecognitionTraits(task="read", classes=tuple(classes), channels=None, height=2 ** len(widths))

    @property
    def traits(self) -> RecognitionTraits:
        """Grey or colour, any size; the height is that which it brings lines to."""
        return self._traits

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(B, C, H, W)`` of one line each to logits ``(B, K, T)``, T half their width at its height.

        Raises:
            ModelError: the images are of another shape.
        """
        check_input(x, self.traits)
        ink = 1 - at_height(x.mean(1, keepdim=True), self._lines)  # what is added around an image is paper then
        with torch.backends.cudnn.flags(enabled=self.training):  # it goes back through an LSTM in training alone
            frames, _ = self.context(self.features(ink)[:, :, 0].mT)
        logits: Tensor = self.output(frames).mT
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    @torch.inference_mode()
    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each image of ``(B, C, H, W)`` in [0, 1], from top to bottom."""
        return [self._page(image.mean(0)) for image in x.float().clamp(0, 1)]

    def _page(self, page: Tensor) -> tuple[Line, ...]:
        """The lines of ``(H, W)`` that say something."""
        boxes = rows_of(page)
        if not boxes:
            return ()
        answers = transcribed(self(strips(page, boxes, height=self._lines)), self.traits.classes)
        return tuple(Line(text, sure, box.corners) for (text, sure), box in zip(answers, boxes, strict=True) if text)

    @property
    def _lines(self) -> int:
        assert self.traits.height is not None
        return self.traits.height
