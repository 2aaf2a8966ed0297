"""Where the fully connected nets start: at stacks that are trained layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight.boltzmann.dbn import DBN
from clearsight.boltzmann.divergence import train_rbm
from clearsight.boltzmann.joint_rbm import JointRBM
from clearsight.boltzmann.rbm import RBM, HiddenKind
from clearsight.boltzmann.stack import Layer, build_decoder, build_encoder
from clearsight.errors import InvalidArgumentError
from clearsight.joint.three_pathway import ThreePathwayNet
from clearsight.objectives.labels import check_labels
from clearsight.recognizers.mlp import MLP
from clearsight.restorers.autoencoder import CodeKind, DenoisingAutoencoder, rows

__all__ = ["build_autoencoder", "pretrain", "start_classifier"]

_HIDDEN: dict[CodeKind, HiddenKind] = {"linear": "linear", "logistic": "bernoulli"}
_CODE = {kind: code for code, kind in _HIDDEN.items()}

_RIDGE = 1e-3
"""Added to the variance of each feature, ¼ at most, where the code is fitted to them."""


class _Stack(NamedTuple):
    """The machines of a pathway from its data up, and the mean-field features ``(N, V)`` that the highest makes."""

    machines: list[RBM]
    features: Tensor


def pretrain(
    net: ThreePathwayNet,
    noisy: Tensor,
    clean: Tensor,
    labels: Tensor | None = None,
    *,
    epochs: int = 50,
    generator: torch.Generator,
    report: Callable[[str, int, int, float], object] = lambda part, layer, epoch, error: None,
) -> None:
    """Start a three-pathway net at Boltzmann machines, in place; fine-tuning is what follows.

    1. Each pathway is a stack of machines from its own data up to the code, the encoder's on noisy images, the
       restoration's on clean ones, the classification's on labels as one-hot vectors. All but the highest are trained
       greedily, by CD-1 with the published schedule.
    2. The highest share their hidden layer, the code: one :class:`~clearsight.boltzmann.JointRBM`, the code inferred
       from all branches by mean field, the weights of each branch moved by CD-1.
    3. The encoder is the pass up its stack, either decoder the pass down its own: transposed weights.
    4. The encoder has to do without the other branches, so its code layer is fitted to the code that was inferred from
       all of them, by least squares on the features of the noisy images.

    Without labels the code is that of the two branches with images. The classification's hidden layers then start at
    the transposed weights of the encoder's machines if they mirror the encoder, and stay as they are if they do not;
    the output layer stays as it is, at random.

    Args:
        net: the net.
        noisy: degraded images ``(N, 1, H, W)`` in [0, 1], on the net's device.
        clean: the same images clean.
        labels: their classes ``(N,)``; ``None`` where they are not known.
        epochs: passes over the data for each layer.
        generator: of all random numbers.
        report: called after each epoch with the pathway (``"encoder"``, ``"restoration"``, ``"classification"``, or
            ``"code"``, the layer they share), the layer and the epoch, counted from 0, and the reconstruction error.

    Raises:
        InvalidArgumentError: the images or labels differ in number.
        DataError: a label is out of range.
        ModelError: the images are of another size than the net takes.

    Source:
        Chen et al., "Joint Visual Denoising and Classification using Deep Learning", 2016, section 3.2, which leaves
        open what the code is where only the noisy image is there: step 4 is ours. So is that the highest machines are
        trained together only, not each on its own before, and that labels are logistic units here and a softmax's in
        the net. The authors' release has no stack but the encoder's and starts both decoders at its transposed weights,
        as we do with the classification where labels are missing.
    """
    data = _data(net, noisy, clean, labels)
    stacks = {
        part: _stack(_units(net, part)[:-1], v, epochs, generator, partial(report, part)) for part, v in data.items()
    }
    with torch.no_grad():
        joint, v = _join(net, [stack.features for stack in stacks.values()], generator)
        for epoch, error in enumerate(train_rbm(joint, v, epochs=epochs, generator=generator)):
            report("code", 0, epoch, error)
        for stack, top in zip(stacks.values(), joint.branches(), strict=True):
            stack.machines.append(top)
        _load(net, {part: stack.machines for part, stack in stacks.items()})
        _fit(net.encoder, stacks["encoder"].features, F.linear(v, joint.weight, joint.hidden_bias))


def _data(net: ThreePathwayNet, noisy: Tensor, clean: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
    """What each pathway starts from or leads to, ``(N, V)``."""
    counts = [len(given) for given in (noisy, clean, labels) if given is not None]
    if len(set(counts)) > 1:
        raise InvalidArgumentError(f"expected as many noisy images as clean ones and labels, got {counts}")
    classes = len(net.recognition.classes)
    data = {"encoder": rows(noisy, net.size), "restoration": rows(clean, net.size)}
    if labels is not None:
        check_labels(labels, classes)
        data["classification"] = F.one_hot(labels, classes).to(noisy)
    return data


def _units(net: ThreePathwayNet, part: str) -> list[int]:
    """Of each layer of a pathway, from the data to the code."""
    linears = [layer for layer in getattr(net, part) if isinstance(layer, nn.Linear)]
    units = [linears[0].in_features, *(linear.out_features for linear in linears)]
    return units if part == "encoder" else units[::-1]


def _stack(
    sizes: Sequence[int],
    data: Tensor,
    epochs: int,
    generator: torch.Generator,
    report: Callable[[int, int, float], object],
) -> _Stack:
    if len(sizes) < 2:
        return _Stack([], data)
    dbn = DBN(sizes=sizes, generator=generator).to(data)
    dbn.pretrain(data, epochs=epochs, generator=generator, report=report)
    return _Stack(dbn.rbms, dbn.activations(data))


def _join(net: ThreePathwayNet, features: Sequence[Tensor], generator: torch.Generator) -> tuple[JointRBM, Tensor]:
    """The machine of the code over the features of all pathways, and these side by side."""
    code, kind = _units(net, "encoder")[-1], _HIDDEN[net.code]
    branches = [RBM(n_visible=v.shape[1], n_hidden=code, hidden=kind, generator=generator).to(v) for v in features]
    joint = JointRBM(branches=branches)
    return joint, joint.side_by_side(features)


def _load(net: ThreePathwayNet, machines: dict[str, list[RBM]]) -> None:
    net.encoder.load_state_dict(build_encoder(machines["encoder"]).state_dict())
    net.restoration.load_state_dict(build_decoder(machines["restoration"]).state_dict())
    if "classification" in machines:
        net.classification.load_state_dict(build_decoder(machines["classification"]).state_dict())
    elif _units(net, "classification")[1:] == _units(net, "encoder")[1:]:
        mirrored = build_decoder(machines["encoder"])
        net.classification[:-1].load_state_dict(mirrored[:-2].state_dict())


def _fit(encoder: nn.Sequential, features: Tensor, code: Tensor) -> None:
    """Least squares: the code layer's weights and bias for which W·features + b comes nearest to the code."""
    layer = [layer for layer in encoder if isinstance(layer, nn.Linear)][-1]
    v, h = features - features.mean(0), code - code.mean(0)
    covariance = v.T @ v / len(v) + _RIDGE * torch.eye(v.shape[1]).to(v)
    layer.weight.copy_(torch.linalg.solve(covariance, v.T @ h / len(v)).T)
    layer.bias.copy_(code.mean(0) - layer.weight @ features.mean(0))


def start_classifier(net: MLP, layers: Sequence[Layer]) -> None:
    """Start the hidden layers of a classifier, in place, at a stack: Boltzmann machines or denoising autoencoders.

    The output layer stays as it is; fine-tuning the whole is what follows.

    Args:
        net: of logistic units, as the layers are.
        layers: from the images up, one for each hidden layer; their weights are copied.

    Raises:
        InvalidArgumentError: the layers are of other sizes than the classifier's.

    Source:
        P. Vincent et al., "Stacked Denoising Autoencoders", JMLR 2010, section 3.5.

    Example:
        >>> dbn = DBN(sizes=(48, 12, 5), generator=torch.Generator().manual_seed(0))
        >>> net = MLP(size=(8, 6), hidden=(12, 5), activation="logistic")
        >>> start_classifier(net, dbn.rbms)
        >>> net.hidden[1].weight.equal(dbn.rbms[1].weight)
        True
    """
    expected = [tuple(cast(nn.Linear, layer).weight.shape) for layer in net.hidden]
    given = [tuple(layer.weight.shape) for layer in layers]
    if expected != given:
        raise InvalidArgumentError(f"expected layers with weights of shapes {expected}, got {given}")
    for linear, layer in zip(net.hidden, layers, strict=True):
        linear.load_state_dict({"weight": layer.weight, "bias": layer.hidden_bias})


def build_autoencoder(rbms: Sequence[RBM], *, size: Sequence[int], loops: int = 1) -> DenoisingAutoencoder:
    """The autoencoder that a stack of machines unrolls into: the pass up, then the pass down with transposed weights.

    Args:
        rbms: machines from the images up, each on the hidden units of the one before; their weights are copied.
        size: height and width of the images.
        loops: passes through the network, as :class:`~clearsight.restorers.DenoisingAutoencoder` has it.

    Returns:
        The autoencoder, on the machines' device; its code is linear where theirs is.

    Raises:
        InvalidArgumentError: the lowest machine is not one of images of that size in [0, 1].

    Source:
        G. E. Hinton and R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 2006.

    Example:
        >>> dbn = DBN(sizes=(48, 12, 5), code="linear", generator=torch.Generator().manual_seed(0))
        >>> build_autoencoder(dbn.rbms, size=(8, 6))(torch.zeros(2, 1, 8, 6)).shape
        torch.Size([2, 1, 8, 6])
    """
    kind, units = rbms[0].visible_kind, len(rbms[0].visible_bias)
    if kind != "bernoulli" or units != math.prod(size):
        raise InvalidArgumentError(
            f"expected a stack on bernoulli units, one for each of {'×'.join(map(str, size))} pixels; "
            f"got {units} {kind} units"
        )
    encoder = [len(rbm.hidden_bias) for rbm in rbms]
    net = DenoisingAutoencoder(size=size, encoder=encoder, code=_CODE[rbms[-1].hidden_kind], loops=loops)
    net.encoder.load_state_dict(build_encoder(rbms).state_dict())
    net.decoder.load_state_dict(build_decoder(rbms).state_dict())
    return net.to(rbms[0].weight)
