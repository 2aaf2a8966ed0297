"""Small networks with random weights in files as MatConvNet writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

Layer = dict[str, Any]
RNG = np.random.default_rng(0)


def conv(into: int, out: int, **other: Any) -> Layer:
    filters = 0.3 * RNG.standard_normal((3, 3, into, out)).astype(np.float32)
    weights = cell(filters, RNG.standard_normal((1, out)).astype(np.float32))
    return {"type": "conv", "weights": weights, "pad": 1.0, "stride": np.ones((1, 2)), **other}


def bnorm(width: int) -> Layer:
    gamma, beta, mean = (RNG.standard_normal((width, 1)).astype(np.float32) for _ in range(3))
    deviation = RNG.uniform(0.5, 2, (width, 1)).astype(np.float32)
    return {"type": "bnorm", "weights": cell(gamma, beta, np.hstack([mean, deviation]))}


def relu(**other: Any) -> Layer:
    return {"type": "relu", "leak": 0.0, **other}


def cell(*values: object) -> np.ndarray:
    found = np.empty((1, len(values)), object)
    found[0, :] = values
    return found


def dncnn(channels: int = 3) -> list[Layer]:
    return [conv(channels, 6), relu(), conv(6, 6), bnorm(6), relu(), conv(6, channels)]


def ffdnet(channels: int = 3) -> list[Layer]:
    inside = [conv(4 * channels + 1, 6), relu(), conv(6, 6), relu(), conv(6, 4 * channels)]
    return [{"type": "SubP", "scale": 0.5}, {"type": "concat"}, *inside, {"type": "SubP", "scale": 2.0}]


def save_5(path: Path, layers: list[Layer]) -> None:
    savemat(path, {"net": {"layers": cell(*layers)}})
