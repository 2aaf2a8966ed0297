"""Denoising autoencoders of one layer, and stacks of them that are trained greedily."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from clearsight.boltzmann.rbm import HiddenKind, VisibleKind
from clearsight.boltzmann.stack import bounded, train_greedily
from clearsight.contracts import Degradation, Traits
from clearsight.errors import InvalidArgumentError
from clearsight.registry import RESTORERS
from clearsight.restorers.autoencoder import rows

__all__ = ["DenoisingLayer", "Reconstruction", "StackedAutoencoder", "train_layer"]

Reconstruction = Literal["cross-entropy", "squared"]
"""The loss, summed over units: −Σ v·log v_hat + (1 − v)·log(1 − v_hat), or Σ (v_hat − v)²."""


class DenoisingLayer(nn.Module):
    """Autoencoder of one layer: h = σ(c + Wv), v_hat = f(a + W'h), W' = Wᵀ where the weights are tied.

    Source: P. Vincent et al., "Stacked Denoising Autoencoders: Learning Useful Representations in a Deep Network with a
    Local Denoising Criterion", JMLR 2010, section 3.

    Attributes:
        weight: W, ``(H, V)``.
        hidden_bias: c, ``(H,)``.
        visible_bias: a, ``(V,)``.
        decoder: W', ``(V, H)``; ``None`` where it is Wᵀ.

    Args:
        n_visible: V.
        n_hidden: H.
        visible: f is logistic for ``"bernoulli"`` units, in [0, 1]; ``"gaussian"`` ones are real, f is the identity.
        tied: whether W' is Wᵀ.
        generator: draws the weights, uniform within ±4·√(6 / (V + H)); without one torch's own does.

    Raises:
        InvalidArgumentError: there is no such kind of unit, or a layer has no unit.

    Example:
        >>> layer = DenoisingLayer(n_visible=6, n_hidden=3, generator=torch.Generator().manual_seed(0))
        >>> layer.visible(layer.hidden(torch.zeros(2, 6))).shape
        torch.Size([2, 6])
    """

    hidden_kind: HiddenKind = "bernoulli"

    def __init__(
        self,
        *,
        n_visible: int,
        n_hidden: int,
        visible: VisibleKind = "bernoulli",
        tied: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if visible not in get_args(VisibleKind):
            raise InvalidArgumentError(f"visible units are one of {', '.join(get_args(VisibleKind))}; got {visible!r}")
        if min(n_visible, n_hidden) < 1:
            raise InvalidArgumentError(f"a layer needs at least one unit on either side, got {n_visible}, {n_hidden}")
        self.visible_kind = visible
        self.weight = nn.Parameter(_drawn(n_hidden, n_visible, generator))
        self.decoder = None if tied else nn.Parameter(_drawn(n_visible, n_hidden, generator))
        self.hidden_bias = nn.Parameter(torch.zeros(n_hidden))
        self.visible_bias = nn.Parameter(torch.zeros(n_visible))

    @property
    def downward(self) -> Tensor:
        """The weights of the way down, ``(V, H)``."""
        return self.weight.T if self.decoder is None else self.decoder

    def hidden(self, v: Tensor) -> Tensor:
        """h: ``(B, V)`` to ``(B, H)``, in [0, 1]."""
        return torch.sigmoid(F.linear(v, self.weight, self.hidden_bias))

    def visible(self, h: Tensor) -> Tensor:
        """v_hat: ``(B, H)`` to ``(B, V)``."""
        total = self.total(h)
        return torch.sigmoid(total) if self.visible_kind == "bernoulli" else total

    def total(self, h: Tensor) -> Tensor:
        """What the units below are told, a + W'h, logits of logistic ones: ``(B, H)`` to ``(B, V)``."""
        return F.linear(h, self.downward, self.visible_bias)


def _drawn(after: int, before: int, generator: torch.Generator | None) -> Tensor:
    return nn.init.xavier_uniform_(torch.empty(after, before), gain=4, generator=generator)


def train_layer(
    layer: DenoisingLayer,
    data: Tensor,
    *,
    corruption: Degradation | None = None,
    loss: Reconstruction = "cross-entropy",
    epochs: int,
    batch: int = 100,
    rate: float = 0.1,
    momentum: float = 0.0,
    weight_cost: float = 0.0,
    generator: torch.Generator,
) -> Iterator[float]:
    """Teach a layer to make its data out of corrupted copies; every step of the iterator it returns is one epoch.

    Stochastic gradient descent on the loss of v_hat = visible(hidden(corruption(v))) against v, corrupted anew each
    time.

    Args:
        layer: the layer, changed in place.
        data: ``(N, V)`` on the layer's device.
        corruption: such as ``Erase``, the paper's masking noise, ``Gaussian``, ``SaltAndPepper``; without one it is an
            ordinary autoencoder.
        loss: the sum over units of the cross-entropy, of data in [0, 1] alone, or of the squared error.
        epochs: passes over the data.
        batch: rows a step.
        rate: of the descent along the mean over rows.
        momentum: share of the last step that is taken again.
        weight_cost: λ of λ·½‖W‖² on the weights, not the biases.
        generator: of the order, and of the corruption.

    Returns:
        The mean loss of a row over each epoch, before each step.

    Raises:
        InvalidArgumentError: the data do not fit, the loss has no meaning for such units, or the weights have grown
            without bound.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> layer = DenoisingLayer(n_visible=2, n_hidden=4, generator=generator)
        >>> data = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(50, 1)
        >>> first, *_, last = train_layer(layer, data, epochs=40, batch=10, rate=0.5, generator=generator)
        >>> first > 0.5, last < 0.1
        (True, True)
    """
    _check(layer, data, loss)
    weights = [one for one in (layer.weight, layer.decoder) if one is not None]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": weight_cost},
        {"params": [layer.hidden_bias, layer.visible_bias]},
    ]
    descent = torch.optim.SGD(groups, lr=rate, momentum=momentum)
    for epoch in range(epochs):
        total = torch.zeros((), device=data.device)
        order = torch.randperm(len(data), generator=generator, device=generator.device)
        for chosen in torch.split(order.to(data.device), batch):
            v = data[chosen]
            descent.zero_grad()
            value = _loss(layer, v, _corrupted(v, corruption, generator), loss)
            (value / len(v)).backward()  # type: ignore[no-untyped-call]
            descent.step()
            total += value.detach()
        yield bounded(float(total) / len(data), epoch)


def _corrupted(v: Tensor, corruption: Degradation | None, generator: torch.Generator) -> Tensor:
    """Units count as pixels, whatever they stand for."""
    return v if corruption is None else corruption(v[:, None, None], generator=generator)[:, 0, 0]


def _loss(layer: DenoisingLayer, v: Tensor, corrupted: Tensor, loss: Reconstruction) -> Tensor:
    total = layer.total(layer.hidden(corrupted))
    if loss == "cross-entropy":
        return F.binary_cross_entropy_with_logits(total, v, reduction="sum")
    v_hat = torch.sigmoid(total) if layer.visible_kind == "bernoulli" else total
    return F.mse_loss(v_hat, v, reduction="sum")


def _check(layer: DenoisingLayer, data: Tensor, loss: Reconstruction) -> None:
    n_visible = len(layer.visible_bias)
    if data.ndim != 2 or data.shape[1] != n_visible or not len(data):
        raise InvalidArgumentError(f"expected data of shape (N, {n_visible}), got {tuple(data.shape)}")
    if loss not in get_args(Reconstruction):
        raise InvalidArgumentError(f"loss is one of {', '.join(get_args(Reconstruction))}; got {loss!r}")
    if loss == "cross-entropy" and layer.visible_kind == "gaussian":
        raise InvalidArgumentError("gaussian units have no cross-entropy: expected loss='squared'")


@RESTORERS.register("stacked-autoencoder", tiny={"size": [8, 6], "hidden": [12, 5]})
class StackedAutoencoder(nn.Module, PyTorchModelHubMixin, library_name="clearsight"):
    """Stack of denoising autoencoders of small grey images, 784-1000-1000-1000 and back by default.

    Each layer is trained greedily to restore its input, what the layer below makes of clean images, from a corrupted
    copy. As a restorer it goes up the stack and down again; :func:`clearsight.joint.start_classifier` makes a
    recognizer of it. Source: P. Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 3.5.

    Args:
        size: height and width of the images.
        hidden: units of each layer from the image up.
        tied: whether the weights of the way down are those of the way up.
        depth: layers that an image goes up when it is restored, 1 for the first alone; ``None`` for all.

    Raises:
        InvalidArgumentError: ``depth`` is not one of the layers, or one of them has no unit.

    Example:
        >>> StackedAutoencoder(hidden=(50, 20), depth=1)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        *,
        size: Sequence[int] = (28, 28),
        hidden: Sequence[int] = (1000, 1000, 1000),
        tied: bool = True,
        depth: int | None = None,
    ) -> None:
        super().__init__()
        if depth is not None and not 1 <= depth <= len(hidden):
            raise InvalidArgumentError(f"depth counts layers, 1 to {len(hidden)}, got {depth}")
        height, width = size
        self.stack = nn.ModuleList(
            DenoisingLayer(n_visible=below, n_hidden=above, tied=tied)
            for below, above in pairwise([height * width, *hidden])
        )
        self.depth = depth or len(hidden)
        self.size = height, width

    @property
    def layers(self) -> list[DenoisingLayer]:
        """From the image up."""
        return [cast(DenoisingLayer, layer) for layer in self.stack]

    @property
    def traits(self) -> Traits:
        """Blind; grey images of one size, each pixel out of all."""
        return Traits(channels=1, receptive_radius=None, size=self.size)

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Restore ``(B, 1, H, W)`` to [0, 1]; σ is not used.

        Raises:
            ModelError: the images are of another shape.
        """
        v = rows(y, self.size)
        for layer in self.layers[: self.depth]:
            v = layer.hidden(v)
        for layer in reversed(self.layers[: self.depth]):
            v = layer.visible(v)
        return v.view_as(y)

    def pretrain(
        self,
        images: Tensor,
        *,
        corruption: Degradation | None = None,
        loss: Reconstruction = "cross-entropy",
        epochs: int,
        batch: int = 100,
        rate: float = 0.1,
        momentum: float = 0.0,
        generator: torch.Generator,
        report: Callable[[int, int, float], object] = lambda layer, epoch, error: None,
    ) -> None:
        """Train layer by layer with :func:`train_layer`, in place.

        Args:
            images: clean, ``(N, 1, H, W)`` in [0, 1], on the network's device.
            corruption: of what each layer sees; without one it is a stack of ordinary autoencoders.
            loss: of every layer.
            epochs: passes over the images for each layer.
            batch: images a step.
            rate: of every layer.
            momentum: of every layer.
            generator: of all random numbers.
            report: called after each epoch with the layer and the epoch, counted from 0, and the mean loss.

        Raises:
            ModelError: the images are of another shape.
        """
        train_greedily(
            self.layers,
            rows(images, self.size),
            lambda layer, v: train_layer(
                layer,
                v,
                corruption=corruption,
                loss=loss,
                epochs=epochs,
                batch=batch,
                rate=rate,
                momentum=momentum,
                generator=generator,
            ),
            report,
        )
