"""Figures 6 and 7: what one layer learns from patches of photographs, with weight decay and with noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from clearsight.contracts import Degradation
from clearsight.datasets.backgrounds import draw_patches, grey_photographs
from clearsight.degradations.impulse import SaltAndPepper
from clearsight.degradations.masks import Erase
from clearsight.degradations.noise import Gaussian
from clearsight.errors import DataError
from clearsight.evaluation.figures import write_figure
from clearsight.experiments.chen2016.cache import Cache
from clearsight.experiments.experiment import Experiment, Result, RunConfig
from clearsight.experiments.vincent2010.budgets import FILTERS, FilterBudget
from clearsight.restorers.stacked import DenoisingLayer, train_layer
from clearsight.seeds import generator_for

__all__ = ["FILTER_FIGURES", "orientation"]

SIDE = 12
HIDDEN = 200

_VARIANCE = 0.1
"""Of whitened pixels, as in the images of Olshausen and Field."""

_CUTOFF = 0.4
"""Of the whitening filter f·exp(−(f/f₀)⁴), in cycles a pixel; theirs."""

_START = 0.1
"""Share of the usual random weights that training starts from: larger ones stay, and look like noise."""

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Extremes:
    """Salt and pepper for numbers around 0: a share of them becomes as large or as small as they get.

    Attributes:
        amount: the share.
        peak: the largest, and minus the smallest.
    """

    amount: float
    peak: float
    scale: int = 1

    def __call__(self, x: Tensor, *, generator: torch.Generator) -> Tensor:
        """Corrupt ``(B, C, H, W)``."""
        unit = SaltAndPepper(amount=self.amount)(x / (2 * self.peak) + 0.5, generator=generator)
        return (unit - 0.5) * (2 * self.peak)


_NOISE: Mapping[str, Degradation] = {
    "Gaussian noise, σ = 0.5": Gaussian(sigma=0.5),
    "10 % salt and pepper": _Extremes(0.1, 3 * _VARIANCE**0.5),
    "55 % masking": Erase(probability=0.55),
}


def orientation(weight: Tensor) -> Tensor:
    """Orientation energy of filters: how much of a filter's power lies along one direction of its spectrum.

    abs(Σ P(f)·exp(2iθ(f))) / Σ P(f) over all frequencies f but 0, where θ is the direction of f and P its power: 1 for
    a grating, 0 for a round blob; white noise comes to 0.09.

    Args:
        weight: ``(H, 144)``.

    Returns:
        ``(H,)``, 0 to 1.

    Example:
        >>> grating = torch.cos(torch.arange(12.0) * 1.5).expand(12, 12)
        >>> orientation(grating.reshape(1, 144)) > 0.9
        tensor([True])
    """
    power = torch.fft.fft2(weight.view(-1, SIDE, SIDE), s=(2 * SIDE, 2 * SIDE)).abs().square()
    power[:, 0, 0] = 0
    frequencies = torch.fft.fftfreq(2 * SIDE)
    direction = torch.atan2(frequencies[:, None], frequencies[None, :])
    cos, sin = ((power * part(2 * direction)).sum((1, 2)) for part in (torch.cos, torch.sin))
    energy: Tensor = torch.hypot(cos, sin) / power.sum((1, 2)).clamp(min=1e-12)
    return energy


def _run(config: RunConfig) -> Result:
    budget, (patches, source) = FILTERS[config.preset], _patches(config)
    layers = _Layers(patches, budget, config)
    plain = {f"weight decay {decay:g}": layers.trained(None, decay) for decay in (0.0, *budget.decays)}
    noisy = {name: layers.trained(corruption, 0.0) for name, corruption in _NOISE.items()}
    energies = {name: float(orientation(net.weight).mean()) for name, net in {**plain, **noisy}.items()}
    best = max(list(plain)[1:], key=energies.__getitem__)
    rows: list[dict[str, Any]] = [
        {"layer": name, "orientation": round(energy, 4), "ratio": round(energy / energies[best], 3)}
        for name, energy in energies.items()
    ]
    shown = {best: plain[best], **noisy}
    record = {"photographs": source, "patches": len(patches), "hidden": HIDDEN, "rows": rows, "without_noise": best}
    header = ["layer of 200 units on 12×12 patches", "orientation energy", "times that of the best weight decay"]
    cells = [[row["layer"], f"{row['orientation']:.3f}", f"{row['ratio']:.1f}"] for row in rows]
    return Result(header, cells, record, _headline(rows), partial(_draw, shown))


def _headline(rows: Sequence[Mapping[str, Any]]) -> str:
    ratios = [f"{row['ratio']:.1f}" for row in rows if row["layer"] in _NOISE]
    return f"orientation energy with noise {', '.join(ratios)} times that of weight decay"


def _patches(config: RunConfig) -> tuple[Tensor, str]:
    """Whitened, ``(N, 144)``, and which photographs they are from."""
    try:
        photographs, source = grey_photographs("bsds432"), "bsds432"
    except DataError:
        photographs, source = grey_photographs(), "scikit-image"
    generator = generator_for(config.seed, 0, stream="vincent2010/patches")
    whitened = [_whitened(one) for one in photographs]
    return draw_patches(whitened, FILTERS[config.preset].patches, SIDE, generator=generator).flatten(1), source


def _whitened(photograph: Tensor) -> Tensor:
    height, width = photograph.shape
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    spectrum = torch.fft.rfft2(photograph) * f * torch.exp(-((f / _CUTOFF) ** 4))
    flat: Tensor = torch.fft.irfft2(spectrum, s=(height, width))
    scaled: Tensor = flat / flat.std() * _VARIANCE**0.5
    return scaled


class _Layers:
    """Trains layers on the same patches, and keeps them."""

    def __init__(self, patches: Tensor, budget: FilterBudget, config: RunConfig) -> None:
        self._patches, self._stage, self._config = patches, budget.stage, config
        self._cache = Cache(config.runs / "vincent2010" / f"{config.preset}-{config.seed}" / "filters")

    def trained(self, corruption: Degradation | None, decay: float) -> DenoisingLayer:
        """Tied weights, linear output, squared error."""
        name = "plain" if corruption is None else type(corruption).__name__.strip("_").lower()
        layer = DenoisingLayer(
            n_visible=SIDE**2, n_hidden=HIDDEN, visible="gaussian", generator=self._generator("start")
        )
        layer.weight.data *= _START

        def train() -> None:
            run = train_layer(
                layer,
                self._patches,
                corruption=corruption,
                loss="squared",
                epochs=self._stage.epochs,
                batch=self._stage.batch,
                rate=self._stage.rates[0],
                momentum=self._stage.momentum,
                weight_cost=decay,
                generator=self._generator(name),
            )
            *_, last = run
            self._config.report(f"{name}, weight decay {decay:g}: loss {last:.3f}")

        self._cache.fill(f"{name}-{decay:g}", layer, train, terms=f"{len(self._patches)} patches, {self._stage}")
        return layer.requires_grad_(False)

    def _generator(self, name: str) -> torch.Generator:
        return generator_for(self._config.seed, 0, stream=f"vincent2010/filters/{name}")


def _draw(layers: Mapping[str, DenoisingLayer], path: Path) -> None:
    """The first hundred filters of each layer."""
    figure = Figure(figsize=(3.2 * len(layers), 3.5), dpi=150)
    for axes, (name, layer) in zip(figure.subplots(1, len(layers)), layers.items(), strict=True):
        axes.imshow(_sheet(layer.weight).numpy(), cmap="gray", vmin=-1, vmax=1)
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    figure.tight_layout()
    write_figure(figure, path)


def _sheet(weight: Tensor) -> Tensor:
    """Filters in rows, each scaled to [−1, 1], a white line between them."""
    filters = weight[: _SHOWN**2].view(_SHOWN, _SHOWN, SIDE, SIDE)
    filters = filters / filters.abs().amax((2, 3), keepdim=True).clamp(min=1e-12)
    framed = torch.nn.functional.pad(filters, (0, 1, 0, 1), value=1.0)
    return framed.transpose(1, 2).reshape(_SHOWN * (SIDE + 1), -1)


FILTER_FIGURES = Experiment(
    "vincent2010/filters",
    "Figures 6 and 7: filters learnt from patches of photographs, with weight decay and with three kinds of noise",
    {"smoke": "seconds", "cpu": "ten minutes on two cores", "paper": "two hours on two cores"},
    _run,
)
