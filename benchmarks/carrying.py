"""Whether what a guide asks of an image helps a recognizer that nothing was trained with, too.

python benchmarks/carrying.py [--preset smoke]         # some minutes on one core

Held-out images of CIFAR-10. ``restored``: by ``guided-cifar`` beside its twin ``separate-cifar``. ``steps``: images
that ``separate-cifar`` restored are moved a step of one length, the L2 norm of an image, against the gradient of a
loss of ``cifar-resnet``. Both recognizers read what comes of it. Where the guide looks at an image moved and
mirrored, or with other contrast, light and a little noise as well, or with channels of its features dropped, the
gradient is the mean of four draws. Differences are of the same images with the same noise; margins are 1.96 standard
errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import clearsight
from clearsight.contracts import VOID
from clearsight.datasets import CIFAR10, take
from clearsight.metrics import departure, psnr
from clearsight.metrics.recognition import hit
from clearsight.objectives import Perceptual
from clearsight.seeds import generator_for
from measuring import is_rehearsal, save

GUIDE, SECOND = "cifar-resnet", "cifar-all-conv"
TWINS = ("separate-cifar", "guided-cifar")
SIGMAS, STEPPED = (15, 30, 45, 60), 45
"""Noise levels, in grey levels: of what is restored, and of what the steps start from."""

COUNT, BATCH, VIEWS, LENGTH = 300, 100, 4, 0.5
BLOCKS = tuple(f"features.{index}" for index in range(4))

Shown = Callable[[Tensor], Tensor]
Look = Callable[[Tensor, torch.Generator], Shown]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Images = tuple[list[str], Tensor, Tensor]
"""Names, clean images, labels."""


def plain(x: Tensor, generator: torch.Generator) -> Shown:
    """As it is."""
    return lambda image: image


def moved(x: Tensor, generator: torch.Generator) -> Shown:
    """By up to four pixels, what is beyond the edge reflected, and mirrored or not."""
    down, right, mirrored = (int(torch.randint(n, (), generator=generator)) for n in (9, 9, 2))
    height, width = x.shape[2:]

    def view(image: Tensor) -> Tensor:
        cut = F.pad(image, (4, 4, 4, 4), mode="reflect")[:, :, down : down + height, right : right + width]
        return cut.flip(3) if mirrored else cut

    return view


def lit(x: Tensor, generator: torch.Generator) -> Shown:
    """Moved, contrast times 0.74 to 1.35, each channel up to a tenth brighter or darker, noise of σ up to 10/255."""
    place = moved(x, generator)
    gain = (0.3 * (2 * torch.rand(len(x), 1, 1, 1, generator=generator) - 1)).exp()
    light = 0.1 * (2 * torch.rand(*x.shape[:2], 1, 1, generator=generator) - 1)
    sigma = 10 / 255 * torch.rand(len(x), 1, 1, 1, generator=generator)
    noise = sigma * torch.randn(x.shape, generator=generator)
    return lambda image: (place(image) - 0.5) * gain + 0.5 + light + noise


@contextmanager
def dropped(network: nn.Module, share: float, generator: torch.Generator) -> Iterator[None]:
    """Some channels of all features are 0, the same in every pass; the others are larger for it."""
    masks: dict[nn.Module, Tensor] = {}

    def drop(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        if module not in masks:
            masks[module] = torch.rand(*output.shape[:2], 1, 1, generator=generator).gt(share) / (1 - share)
        return output * masks[module]

    with ExitStack() as stack:
        for name in BLOCKS if share else ():
            stack.callback(network.get_submodule(name).register_forward_hook(drop).remove)
        yield


def recognition(network: nn.Module) -> Loss:
    """Of the labels."""
    return lambda x_hat, x, labels: F.cross_entropy(network(x_hat), labels, ignore_index=VOID)


def features(network: nn.Module, *layers: str) -> Loss:
    """Of the features, the gradients of several layers of one norm."""
    losses = [Perceptual(network=network, layer=layer) for layer in layers]

    def loss(x_hat: Tensor, x: Tensor, labels: Tensor) -> Tensor:
        parts = [one(x_hat, x) for one in losses]
        slopes = [torch.autograd.grad(part, x_hat, retain_graph=True)[0].norm() for part in parts]
        return torch.stack([part / slope for part, slope in zip(parts, slopes, strict=True)]).sum()

    return loss


def direction(
    loss: Loss, network: nn.Module, x_hat: Tensor, x: Tensor, labels: Tensor, *, look: Look = plain, drop: float = 0.0
) -> Tensor:
    """The gradient of a loss, of length 1 for each image; its mean over views where these are drawn."""
    total, views = torch.zeros_like(x_hat), 1 if look is plain and not drop else VIEWS
    for number in range(views):
        generator = generator_for(0, number, stream="carrying/views")
        shown, leaf = look(x_hat, generator), x_hat.clone().requires_grad_()
        with dropped(network, drop, generator):
            total += torch.autograd.grad(loss(shown(leaf), shown(x), labels), leaf)[0]
    return total / total.flatten(1).norm(dim=1).clamp(min=1e-20)[:, None, None, None]


@torch.no_grad()
def read(networks: dict[str, nn.Module], x_hat: Tensor, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Of each image, in percent or dB: whether it is recognized, the probability of what it is, and its PSNR."""
    logits = {name: network(x_hat) for name, network in networks.items()}
    found = {f"{name}, top-1 %": 100 * hit(answer, labels) for name, answer in logits.items()}
    found |= {f"{name}, p %": 100 * (1 - departure(answer, labels)) for name, answer in logits.items()}
    return {**found, "psnr dB": psnr(x_hat, x)}


def restored(restorer: nn.Module, names: Sequence[str], x: Tensor, sigma: int) -> Tensor:
    """From the noise of each image's name, clipped."""
    drawn = [torch.randn(x.shape[1:], generator=generator_for(sigma, 0, stream=f"carrying/{name}")) for name in names]
    with torch.no_grad():
        return restorer(x + sigma / 255 * torch.stack(drawn)).clamp(0, 1)


def paired(old: Tensor, new: Tensor) -> dict[str, float]:
    """Of a figure of each image: before, and by how much it is more after, with half the width of the interval."""
    margin = 1.96 * float((new - old).std()) / len(old) ** 0.5
    return {"before": float(old.mean()), "gain": float((new - old).mean()), "margin": margin}


def rounded(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """To as many digits as are kept."""
    return {key: {name: round(value, 3) for name, value in row.items()} for key, row in rows.items()}


def summary(before: list[dict[str, Tensor]], after: list[dict[str, Tensor]]) -> dict[str, dict[str, float]]:
    """By figure, :func:`paired`."""
    names = before[0]
    return rounded(
        {key: paired(*(torch.cat([part[key] for part in parts]) for parts in (before, after))) for key in names}
    )


def pixels(x_hat: Tensor, x: Tensor, labels: Tensor) -> Tensor:
    """The mean absolute difference."""
    return F.l1_loss(x_hat, x)


def variants(guide: nn.Module) -> dict[str, tuple[Loss, dict[str, Any]]]:
    """By name: a loss, and how the guide looks."""
    label, last = recognition(guide), features(guide, BLOCKS[-1])
    return {
        "pixels": (pixels, {}),
        "labels": (label, {}),
        "labels, moved": (label, {"look": moved}),
        "labels, moved and lit": (label, {"look": lit}),
        "labels, a fifth of the channels dropped": (label, {"drop": 0.2}),
        **{name: (features(guide, name), {}) for name in BLOCKS},
        f"{BLOCKS[1]} to {BLOCKS[-1][-1]}": (features(guide, *BLOCKS[1:]), {}),
        f"{BLOCKS[-1]}, moved": (last, {"look": moved}),
    }


def steps(networks: dict[str, nn.Module], batches: list[Images], x_hats: list[Tensor]) -> dict[str, Any]:
    """What a step against each gradient brings."""
    before = [read(networks, x_hat, x, labels) for x_hat, (_, x, labels) in zip(x_hats, batches, strict=True)]
    found = {}
    for name, (loss, options) in variants(networks[GUIDE]).items():
        after = []
        for x_hat, (_, x, labels) in zip(x_hats, batches, strict=True):
            step = LENGTH * direction(loss, networks[GUIDE], x_hat, x, labels, **options)
            after.append(read(networks, (x_hat - step).clamp(0, 1), x, labels))
        found[name] = summary(before, after)
        print(name, found[name], flush=True)
    return found


def twins(networks: dict[str, nn.Module], batches: list[Images], sigma: int) -> dict[str, Any]:
    """What guidance brings at a noise level."""
    scores = []
    for name in TWINS:
        restorer = clearsight.load(name).eval()
        scores.append([read(networks, restored(restorer, n, x, sigma), x, labels) for n, x, labels in batches])
    found = summary(*scores)
    print(sigma, found, flush=True)
    return found


def main() -> None:
    """Measure."""
    rehearsal, started = is_rehearsal(__doc__), time.monotonic()
    count, sigmas = (8, SIGMAS[-1:]) if rehearsal else (COUNT, SIGMAS)
    torch.set_num_threads(1)
    samples = list(take(CIFAR10(part="val"), count))
    batches = []
    for start in range(0, count, BATCH):
        part = samples[start : start + BATCH]
        labels = torch.tensor([sample.label for sample in part])
        batches.append(([sample.name for sample in part], torch.stack([sample.x for sample in part]), labels))
    networks = {name: clearsight.load_recognizer(name).eval() for name in (GUIDE, SECOND)}
    by_twins = {f"{sigma}/255": twins(networks, batches, sigma) for sigma in sigmas}
    separate = clearsight.load(TWINS[0]).eval()
    x_hats = [restored(separate, names, x, STEPPED) for names, x, _ in batches]
    by_steps = steps(networks, batches, x_hats)
    result = {"images": count, "length": LENGTH, "sigma": f"{STEPPED}/255", "restored": by_twins, "steps": by_steps}
    save("carrying", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
