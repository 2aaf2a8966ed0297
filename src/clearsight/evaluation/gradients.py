"""Which way each part of a guided loss pulls at the noisy image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.contracts import RecognitionTraits, Recognizer, Restorer
from clearsight.degradations.step import Pipeline
from clearsight.errors import InvalidArgumentError, ModelError
from clearsight.joint.cascade import Cascade
from clearsight.objectives.guidance import Guidance
from clearsight.objectives.layers import has_default_layer
from clearsight.restorers.padding import restored

__all__ = ["Explanation", "Pull", "explain"]

MOST_PIXELS = 2**22
"""Gradients are of the whole image at once, and so are the activations they are computed from."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One part of the loss.

    Attributes:
        value: of the part, without weight.
        gradient: with respect to the noisy image, ``(C, H, W)``.
    """

    value: float
    gradient: Tensor

    @property
    def norm(self) -> float:
        """The gradient's Euclidean norm."""
        return float(self.gradient.norm())

    def cosine(self, other: Pull) -> float:
        """Of the angle to another gradient: 1 where both pull the same way; 0 where one is zero."""
        return float(F.cosine_similarity(self.gradient.flatten(), other.gradient.flatten(), dim=0))


@dataclass(frozen=True, slots=True)
class Explanation:
    """One image, noisy and restored, and what pulls at it.

    Attributes:
        states: ``clean``, ``degraded`` and ``restored``, each ``(C, H, W)``; the restored one is clipped.
        pulls: by the part, ``pixels``, ``perceptual``, ``recognition``; the perceptual one where there is a layer.
        answers: of a classifier, the class it names in each state; of a segmenter none.
        truth: the class that is to be recognized; empty for a segmenter.
    """

    states: dict[str, Tensor]
    pulls: dict[str, Pull]
    answers: dict[str, str]
    truth: str

    def as_json(self) -> dict[str, Any]:
        """Numbers and answers, for ``json.dumps``."""
        pixels = self.pulls["pixels"]
        parts = {
            name: {"value": pull.value, "norm": pull.norm, "cosine": round(pull.cosine(pixels), 6)}
            for name, pull in self.pulls.items()
        }
        return {"truth": self.truth, "answers": self.answers, "parts": parts}


def explain(
    x: Tensor,
    degradation: Pipeline,
    *,
    restorer: nn.Module,
    recognizer: nn.Module,
    layer: str | None = None,
    label: str | None = None,
    seed: int = 0,
) -> Explanation:
    """The gradient of each part of a guided loss with respect to the noisy image, as Fig. 3 of liu2020 shows it.

    The parts are those of :class:`~clearsight.objectives.Guidance`, with the mean squared error for the pixels. They
    are computed through the restorer, in float32.

    Args:
        x: the clean image, ``(C, H, W)`` in [0, 1].
        degradation: what is done to it.
        restorer: image → image.
        recognizer: image → logits.
        layer: whose features are compared; ``relu3_3`` where there is one if not given, else no features are.
        label: the class of the image; what the recognizer sees in the clean image if not given.
        seed: of the noise.

    Raises:
        ModelError: the restorer or the recognizer cannot take the image, or no gradient flows through them.
        InvalidArgumentError: there is no such class, the label is for a segmenter, or the image is too large.
        UnknownNameError: there is no such layer.
    """
    if x[0].numel() > MOST_PIXELS:
        raise InvalidArgumentError(
            f"gradients are of the whole image at once, of at most {MOST_PIXELS / 1e6:.1f} megapixels; this one has "
            f"{x[0].numel() / 1e6:.1f}: crop or shrink it"
        )
    if not any(True for _ in restorer.parameters()):
        raise ModelError(f"no gradient flows through {type(restorer).__name__}: give a restorer that is a network")
    cascade = Cascade(restorer.eval(), recognizer)
    cascade.check_images(*x.shape)
    labels = _label(cascade.recognition, label)
    guidance = Guidance(
        recognizer=cascade.frozen,
        pixels=nn.MSELoss(),
        perceptual=float(layer is not None or has_default_layer(cascade.recognizer)),
        recognition=1.0,
        layer=layer,
        labelled=labels is not None,
    )
    y, sigma = _degraded(x[None], degradation, restorer, seed)
    x_hat = restored(restorer, y.requires_grad_(), sigma)
    pulls = _pulls(guidance.parts(x_hat, x[None], labels), y)
    states = {"clean": x, "degraded": y.detach()[0], "restored": x_hat.detach()[0].clamp(0, 1)}
    if cascade.recognition.task == "segment":
        return Explanation(states, pulls, {}, "")
    answers = {name: _named(recognizer, state) for name, state in states.items()}
    return Explanation(states, pulls, answers, label or answers["clean"])


def _label(traits: RecognitionTraits, label: str | None) -> Tensor | None:
    if label is None:
        return None
    if traits.task == "segment":
        raise InvalidArgumentError("a label is of a whole image, but the recognizer is a segmenter: leave it out")
    if label not in traits.classes:
        known = ", ".join(traits.classes[:20]) + (", …" if len(traits.classes) > 20 else "")
        raise InvalidArgumentError(f"the recognizer knows no class {label!r}; it knows {known}")
    return torch.tensor([traits.classes.index(label)])


def _degraded(x: Tensor, degradation: Pipeline, restorer: nn.Module, seed: int) -> tuple[Tensor, Tensor | None]:
    generator, traits = torch.Generator().manual_seed(seed), cast(Restorer, restorer).traits
    if degradation.scale != traits.scale:
        raise ModelError(
            f"the restorer enlarges {traits.scale} times, but {degradation} shrinks {degradation.scale} times"
        )
    if traits.sigma == "required":
        return degradation.with_sigma(x, generator=generator)
    return degradation(x, generator=generator), None


def _pulls(parts: dict[str, Tensor], y: Tensor) -> dict[str, Pull]:
    found = {}
    for name, part in parts.items():
        if not part.requires_grad:
            raise ModelError(
                f"no gradient of the {name} part reaches the image: give a recognizer that detaches nothing"
            )
        (gradient,) = torch.autograd.grad(part, y, retain_graph=True)
        found[name] = Pull(part.item(), gradient[0])
    return found


@torch.no_grad()
def _named(recognizer: nn.Module, x: Tensor) -> str:
    logits = recognizer(x[None].clamp(0, 1))
    return cast(Recognizer, recognizer).traits.classes[int(logits.argmax())]
