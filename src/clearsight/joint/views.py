"""Either half of a joint model, as what it is then: a restorer or a recognizer."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from clearsight.contracts import Joint, Line, Reader, RecognitionTraits, Traits

__all__ = ["Recognizing", "Restoring"]


class Restoring(nn.Module):
    """A joint model as a restorer: x_hat, and the logits left out.

    Args:
        joint: the joint model, which is shared and not copied.

    Example:
        >>> import torch
        >>> from clearsight.joint import ThreePathwayNet
        >>> Restoring(ThreePathwayNet())(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(self, joint: nn.Module) -> None:
        super().__init__()
        self.joint = joint

    @property
    def traits(self) -> Traits:
        """Of the joint model's restoration."""
        return cast(Joint, self.joint).traits

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, C, H, W)``; σ is not used."""
        x_hat: Tensor = self.joint(y)[0]
        return x_hat


class Recognizing(nn.Module):
    """A joint model as a recognizer: the logits, and x_hat left out.

    Args:
        joint: the joint model, which is shared and not copied.

    Example:
        >>> import torch
        >>> from clearsight.joint import ThreePathwayNet
        >>> Recognizing(ThreePathwayNet())(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self, joint: nn.Module) -> None:
        super().__init__()
        self.joint = joint

    @property
    def traits(self) -> RecognitionTraits:
        """Of the joint model's recognition."""
        return cast(Joint, self.joint).recognition

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to logits ``(B, K)``; ``x`` may be degraded, as the joint model was trained for."""
        logits: Tensor = self.joint(x)[1]
        return logits

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        """The lines in each image of ``(B, C, H, W)``, of a joint model that reads."""
        return cast(Reader, self.joint).read(x)
