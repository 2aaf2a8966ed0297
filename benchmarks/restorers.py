"""Time, memory and work of every registered restorer at its default size, each in a process of its own.

python benchmarks/restorers.py [--preset smoke]

One noisy 512×768 image, RGB, or grey for those that take nothing else; a restorer that takes one size only gets an
image of that. It runs as ``clearsight restore`` runs it: folded, channels last, tiled, and told σ where it takes one.
Memory is what the process holds at its most above what it held before, a small image having been restored. What needs
a package that is not installed is left out, and named.
"""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import clearsight.restorers  # noqa: F401  (fills the registry)
from clearsight.contracts import Restorer, Traits
from clearsight.errors import MissingExtraError
from clearsight.inference import Engine
from clearsight.registry import RESTORERS
from measuring import alone, extra_memory, fastest, is_rehearsal, noisy, save

SIZE, REPEATS = (512, 768), 3
SMALL, SMALL_REPEATS = (16, 24), 1
SIGMA = 25 / 255


def image(traits: Traits, size: tuple[int, int]) -> np.ndarray:
    """A noisy image of the kind that the restorer takes, ``(H, W, C)``, float32."""
    return noisy(*(traits.size or size))[..., : traits.channels or 3].astype(np.float32) / 255


@torch.no_grad()
def multiply_adds(model: nn.Module, traits: Traits) -> float | None:
    """Multiply-adds an input pixel of all its products and convolutions; none for what is no network."""
    if next(model.parameters(), None) is None:
        return None
    y = torch.zeros(1, traits.channels or 3, *(traits.size or [16 * traits.multiple] * 2))
    with FlopCounterMode(display=False) as counter:
        model.eval()(y, None if traits.sigma == "blind" else torch.full((1,), SIGMA))
    return counter.get_total_flops() / 2 / y[0, 0].numel()


def measured(name: str, size: tuple[int, int], repeats: int) -> dict[str, Any]:
    """One row of the table."""
    model = RESTORERS[name].cls()
    traits = cast(Restorer, model).traits
    engine, sigma = Engine(model), None if traits.sigma == "blind" else SIGMA
    pixels, work = image(traits, size), multiply_adds(model, traits)
    engine.restore_pixels(image(traits, SMALL), sigma)
    memory = extra_memory(lambda: engine.restore_pixels(pixels, sigma))
    seconds = fastest(lambda: engine.restore_pixels(pixels, sigma), repeats)
    height, width, channels = pixels.shape
    return {
        "image": [height, width],
        "channels": channels,
        "seconds_per_megapixel": round(seconds / (height * width / 1e6), 4),
        "peak_extra_megabytes": round(memory, 1),
        "multiply_adds_per_pixel": None if work is None else round(work),
    }


def main() -> None:
    """Measure every restorer that can be made."""
    rehearsal = is_rehearsal(__doc__)
    size, repeats = (SMALL, SMALL_REPEATS) if rehearsal else (SIZE, REPEATS)
    started = time.monotonic()
    rows, missing = {}, []
    for name in RESTORERS:
        try:
            rows[name] = alone(measured, name, size, repeats)
        except MissingExtraError:
            missing.append(name)
    result = {"image": list(size), "rows": rows, "not_installed": missing}
    save("restorers", result, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
