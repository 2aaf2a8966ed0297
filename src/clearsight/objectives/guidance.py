"""The loss of a restorer that a frozen recognizer guides."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from clearsight.errors import DataError, InvalidArgumentError
from clearsight.objectives.frozen import Frozen
from clearsight.objectives.perceptual import Perceptual
from clearsight.objectives.recognition import Recognition

__all__ = ["Guidance", "Weighting"]

Weighting = Literal["balanced", "fixed"]


class _Seen(NamedTuple):
    """What the networks make of images: logits, and features; ``None`` where nobody asks for them."""

    logits: Tensor | None
    features: Tensor | None


class Guidance(nn.Module):
    """Loss of liu2020: D + λ_P·P + λ_H·H, of the pixels, of the features, of what is recognized.

    D compares x_hat with x; P is :class:`~clearsight.objectives.Perceptual`, H
    :class:`~clearsight.objectives.Recognition`. The networks are frozen, and see x_hat clipped to [0, 1], as a file
    holds it and as it is judged. liu2018 is λ_P = 0; a part of weight 0 is not computed.

    The three have different units: D depends on how pixels are scaled, P on the network, H is in nats. Hence the
    weighting ``"balanced"``: the gradients of P and H with respect to x_hat, a batch's, are first brought to the norm
    of that of D, so that λ = 0.25 is a quarter of its pull, whatever the units. ``"fixed"`` is eq. 3 as it stands.

    Args:
        recognizer: image → logits.
        pixels: D, of x_hat and x; the mean absolute difference on the [0, 1] scale if not given.
        perceptual: λ_P.
        recognition: λ_H.
        layer: whose features P compares; ``relu3_3`` if not given.
        features: the network whose layer it is; the recognizer if not given.
        labelled: H is of the labels, not of what is recognized in the clean images.
        weighting: ``"balanced"`` or ``"fixed"``.

    Raises:
        InvalidArgumentError: a weight is negative, there is no such weighting, or no layer is named and there is no
            ``relu3_3``.
        UnknownNameError: there is no such layer.

    Source:
        Liu et al., "Connecting Image Denoising and High-Level Vision Tasks", 2020, eq. 3, with λ_P = 0.5 and
        λ_H = 0.25 to classify, 0.5 to segment. Deviation: there D is the squared error, pixels are on a scale of 255,
        and the weights are fixed, so they are not comparable with ours. Balancing gradients is ours, a plain form of
        Chen et al., "GradNorm", 2018.
    """

    def __init__(
        self,
        *,
        recognizer: nn.Module,
        pixels: nn.Module | None = None,
        perceptual: float = 0.5,
        recognition: float = 0.25,
        layer: str | None = None,
        features: nn.Module | None = None,
        labelled: bool = True,
        weighting: Weighting = "balanced",
    ) -> None:
        super().__init__()
        self.weights = {"pixels": 1.0, "perceptual": perceptual, "recognition": recognition}
        _check(self.weights, weighting)
        self.labelled, self.weighting = labelled, weighting
        self.recognizer = recognizer if isinstance(recognizer, Frozen) else Frozen(recognizer)
        self.pixels = nn.L1Loss() if pixels is None else pixels
        network = self.recognizer if features is None else features
        self.perceptual = Perceptual(network=network, layer=layer) if perceptual else None
        self.recognition = Recognition() if recognition else None

    def forward(self, x_hat: Tensor, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The loss of a batch.

        Args:
            x_hat: restored images ``(B, C, H, W)``.
            x: the clean ones.
            labels: ``(B,)`` or ``(B, H, W)``, or letters ``(B, L)``, where the loss is labelled.

        Returns:
            A scalar; its gradient is the sum of the parts', each with its weight.

        Raises:
            DataError: there are no labels, or one is out of range.
            InvalidArgumentError: the labels have another shape than the recognizer's answer.
            ModelError: a network cannot take the images.
        """
        parts = self.parts(x_hat, x, labels)
        if self.weighting == "balanced" and len(parts) > 1:
            return self._balanced(x_hat, parts)
        return torch.stack([self.weights[name] * part for name, part in parts.items()]).sum()

    def parts(self, x_hat: Tensor, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """``pixels``, ``perceptual`` and ``recognition``, those of weight 0 left out; each a scalar, without weight.

        Arguments and errors are those of :meth:`forward`.
        """
        found = {"pixels": self.pixels(x_hat, x)}
        if self.recognition is not None and self.labelled and labels is None:
            raise DataError("the images have no labels to be guided by: label them, or set labelled to false")
        if self.perceptual is None and self.recognition is None:
            return found
        with torch.no_grad():  # channels last, as what is restored comes: half the time
            clean = self._look(x.contiguous(memory_format=torch.channels_last), recognize=not self.labelled)
        seen = self._look(x_hat.float().clamp(0, 1), recognize=True)
        if self.perceptual is not None and seen.features is not None and clean.features is not None:
            found["perceptual"] = self.perceptual.distance(seen.features, clean.features)
        wanted = labels if self.labelled else clean.logits
        if self.recognition is not None and seen.logits is not None and wanted is not None:
            found["recognition"] = self.recognition(seen.logits, wanted)
        return found

    def _look(self, x: Tensor, *, recognize: bool) -> _Seen:
        """One pass through each network that is asked, one for both where they are the same."""
        wanted = recognize and self.recognition is not None
        if self.perceptual is None:
            return _Seen(self.recognizer(x) if wanted else None, None)
        output, features = self.perceptual.look(x)
        if self.perceptual.network is self.recognizer:
            return _Seen(output, features)
        return _Seen(self.recognizer(x) if wanted else None, features)

    def _balanced(self, x_hat: Tensor, parts: dict[str, Tensor]) -> Tensor:
        """Each part once more its weight, and the ratio of the gradients' norms, which is a number and no function.

        The parts' gradients are at hand then, so their sum goes on to the restorer by way of x_hat·gradient: the
        networks are not gone through again.
        """
        slopes = {name: torch.autograd.grad(part, x_hat, retain_graph=True)[0] for name, part in parts.items()}
        norms = {name: slope.float().norm() for name, slope in slopes.items()}
        factors = {
            name: self.weights[name] * norms["pixels"] / norm.clamp(min=torch.finfo(norm.dtype).tiny)
            for name, norm in norms.items()
        }
        value = torch.stack([factors[name] * part.detach() for name, part in parts.items()]).sum()
        slope = torch.stack([factors[name] * s.float() for name, s in slopes.items()]).sum(0)
        carrier = (x_hat.float() * slope).sum()
        return value + (carrier - carrier.detach())


def _check(weights: dict[str, float], weighting: str) -> None:
    for name, weight in weights.items():
        if weight < 0:
            raise InvalidArgumentError(f"the weight of the {name} part is 0 or more, got {weight:g}")
    if weighting not in get_args(Weighting):
        raise InvalidArgumentError(f"weighting is one of {', '.join(get_args(Weighting))}; got {weighting!r}")
