"""The joint model of chen2016."""

from __future__ import annotations

from collections.abc import Sequence

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits, Traits
from clearsight.errors import InvalidArgumentError
from clearsight.registry import JOINT
from clearsight.restorers.autoencoder import CodeKind, pathway, rows

__all__ = ["ThreePathwayNet"]


@JOINT.register(
    "three-pathway",
    tiny={"size": [8, 6], "encoder": [12, 10, 5], "restoration": [5, 9], "classification": [5, 7, 6]},
)
class ThreePathwayNet(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """The joint model of chen2016: one pathway into a shared code, two out of it; fully connected.

    h = f(y), x_hat = g(h), logits = φ(h), each layer σ(Wx + b); the code and the logits are linear. Both losses
    reach the encoder through the code, where their gradients add up. Source: Chen et al., "Joint Visual Denoising and
    Classification using Deep Learning", 2016, eqs. 2 to 4. Like the authors' release, and unlike the text, the code is
    linear and the logits are a softmax's. Weights are random (:func:`~clearsight.restorers.autoencoder.pathway`); the
    paper starts at Boltzmann machines (:func:`~clearsight.joint.pretrain`).

    Args:
        size: height and width of the images.
        encoder: units of each layer from the image to the code.
        restoration: units of each layer from the code, included, to the image; by default the encoder mirrored.
        classification: the same from the code to the classes.
        code: the code's units.
        classes: names of the classes.

    Raises:
        InvalidArgumentError: a pathway does not start at the code, or there is no such kind of code.

    Example:
        >>> import torch
        >>> x_hat, logits = ThreePathwayNet()(torch.zeros(2, 1, 28, 28))
        >>> x_hat.shape, logits.shape
        (torch.Size([2, 1, 28, 28]), torch.Size([2, 10]))
        >>> alphadigits = ThreePathwayNet(size=(20, 16), encoder=(100, 64))
    """

    def __init__(
        self,
        *,
        size: Sequence[int] = (28, 28),
        encoder: Sequence[int] = (400, 200, 250, 100),
        restoration: Sequence[int] | None = None,
        classification: Sequence[int] | None = None,
        code: CodeKind = "linear",
        classes: Sequence[str] = tuple("0123456789"),
    ) -> None:
        super().__init__()
        height, width = size
        self.code = code
        self.encoder = pathway([height * width, *encoder], last=code)
        self.restoration = pathway([*_outward("restoration", restoration, encoder), height * width], last="logistic")
        self.classification = pathway(
            [*_outward("classification", classification, encoder), len(classes)], last="linear"
        )
        self.size, self._classes = (height, width), tuple(classes)

    @property
    def traits(self) -> Traits:
        """Grey images of one size, each pixel out of all."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    @property
    def recognition(self) -> RecognitionTraits:
        """Grey images of one size."""
        return RecognitionTraits(task="classify", classes=self._classes, channels=1, size=self.size)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Restore ``(B, 1, H, W)`` to [0, 1] and classify it, logits ``(B, K)``.

        Raises:
            ModelError: the images are of another shape.
        """
        return self.decode(self.encode(y))

    def encode(self, y: Tensor) -> Tensor:
        """The code ``(B, encoder[-1])`` of ``(B, 1, H, W)``.

        Raises:
            ModelError: the images are of another shape.
        """
        code: Tensor = self.encoder(rows(y, self.size))
        return code

    def decode(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """x_hat and logits from the code."""
        x_hat: Tensor = self.restoration(code)
        return x_hat.view(-1, 1, *self.size), self.classification(code)


def _outward(name: str, units: Sequence[int] | None, encoder: Sequence[int]) -> list[int]:
    """Units of a pathway from the code outward."""
    outward = list(encoder[::-1] if units is None else units)
    if outward[:1] != list(encoder[-1:]):
        raise InvalidArgumentError(
            f"{name} starts at the code, so its first layer has the encoder's last {encoder[-1]} units; got {outward}"
        )
    return outward
