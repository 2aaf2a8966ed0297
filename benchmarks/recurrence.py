"""Rows a second of the LSTM decoder of CNN-LSTM, beside a plain loop of torch's cells and a scripted one.

python benchmarks/recurrence.py [--preset smoke]

One thread, float32, images of 28×28, five layers of 128 units. Each row is a way to compute the same equations: a loop
of ``nn.LSTMCell`` over layers and rows; the loop with gates and inputs fused, by TorchScript; ``RowDecoder``, whose
loop writes to buffers of its own and has its gradient written out. *Training* is forward and backward. The ways take
turns, and the fastest run of each counts, in seconds of the processor: other programs take none of them. The share is
of the rate of a product as large as that of one upper cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from clearsight.restorers import RowDecoder
from measuring import is_rehearsal, save

SIDE, CODE, HIDDEN, LAYERS = 28, 100, 128, 5
BATCHES = (1, 10, 100)
PRODUCTS = 100
MULTIPLY_ADDS = 4 * HIDDEN * (2 * SIDE + CODE + HIDDEN + (LAYERS - 1) * 2 * HIDDEN) + HIDDEN * SIDE
"""Of a row."""

Way = Callable[[Tensor, Tensor], Tensor]


class PlainLoop(nn.Module):
    """Equations 8 to 14, as one would write them first."""

    def __init__(self) -> None:
        super().__init__()
        below = [2 * SIDE + CODE, *[HIDDEN] * (LAYERS - 1)]
        self.cells = nn.ModuleList(nn.LSTMCell(n, HIDDEN) for n in below)
        self.output = nn.Linear(HIDDEN, SIDE)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``(B, H, W)`` and ``(B, K)`` to ``(B, H, W)``."""
        zeros = x.new_zeros(len(x), HIDDEN)
        states, y, rows = [(zeros, zeros)] * LAYERS, x.new_zeros(len(x), SIDE), []
        for row in range(x.shape[1]):
            below = torch.cat([x[:, row], code, y], 1)
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(below, states[layer])
                below = states[layer][0]
            y = self.output(below).sigmoid()
            rows.append(y)
        return torch.stack(rows, 1)


def fused_loop(
    x: Tensor, code: Tensor, weights: list[Tensor], biases: list[Tensor], output: Tensor, bias: Tensor
) -> Tensor:
    """The same with one product a cell, in the subset of Python that TorchScript takes."""
    hidden = weights[0].shape[0] // 4
    y = torch.zeros(x.shape[0], x.shape[2])
    h = [torch.zeros(x.shape[0], hidden) for _ in weights]
    c = [torch.zeros(x.shape[0], hidden) for _ in weights]
    rows: list[Tensor] = []
    for row in range(x.shape[1]):
        below = torch.cat([x[:, row], code, y], 1)
        for layer in range(len(weights)):
            gates = torch.addmm(biases[layer], torch.cat([below, h[layer]], 1), weights[layer].t())
            i, f, o, new = gates.chunk(4, 1)
            c[layer] = f.sigmoid() * c[layer] + i.sigmoid() * new.tanh()
            h[layer] = o.sigmoid() * c[layer].tanh()
            below = h[layer]
        y = torch.addmm(bias, below, output.t()).sigmoid()
        rows.append(y)
    return torch.stack(rows, 1)


def scripted() -> Way:
    """It, with weights of its own."""
    below = [2 * SIDE + CODE, *[HIDDEN] * (LAYERS - 1)]
    weights = [nn.Parameter(0.05 * torch.randn(4 * HIDDEN, n + HIDDEN)) for n in below]
    biases = [nn.Parameter(torch.zeros(4 * HIDDEN)) for _ in below]
    output = nn.Linear(HIDDEN, SIDE)
    loop = torch.jit.script(fused_loop)
    return lambda x, code: loop(x, code, weights, biases, output.weight, output.bias)


def restore(way: Way, x: Tensor, code: Tensor) -> None:
    """Forward alone."""
    with torch.inference_mode():
        way(x, code)


def train(way: Way, x: Tensor, code: Tensor) -> None:
    """Forward and backward."""
    (way(x, code) - x).square().mean().backward()


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor, after a run that is not counted."""
    work()
    started = time.process_time()
    work()
    return time.process_time() - started


def measured(ways: dict[str, Way], batch: int, repeats: int) -> dict[str, dict[str, float]]:
    """Rows a second of every way, in restoring and in training."""
    x, code = torch.rand(batch, SIDE, SIDE), torch.randn(batch, CODE)
    tasks = {
        (name, kind): partial(work, way, x, code)
        for name, way in ways.items()
        for kind, work in (("restoring", restore), ("training", train))
    }
    seconds = dict.fromkeys(tasks, float("inf"))
    for _ in range(repeats):
        seconds = {key: min(best, spent(tasks[key])) for key, best in seconds.items()}
    return {
        name: {kind: round(batch * SIDE / seconds[name, kind], 1) for kind in ("restoring", "training")}
        for name in ways
    }


def product_rate(batch: int, repeats: int) -> float:
    """Multiply-adds a second of the product of an upper cell."""
    inputs, weight = torch.rand(batch, 2 * HIDDEN), torch.rand(4 * HIDDEN, 2 * HIDDEN).t()

    def products() -> None:
        for _ in range(PRODUCTS):
            inputs @ weight

    return PRODUCTS * batch * 8 * HIDDEN**2 / min(spent(products) for _ in range(repeats))


def main() -> None:
    """All ways, all batches."""
    rehearsal = is_rehearsal(__doc__)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started, repeats = time.monotonic(), 1 if rehearsal else 12
    decoder = RowDecoder(width=SIDE, code=CODE, hidden=HIDDEN, layers=LAYERS)
    ways: dict[str, Way] = {"nn.LSTMCell, plain loop": PlainLoop(), "fused, TorchScript": scripted(), "ours": decoder}
    rows: dict[str, dict[str, Any]] = {}
    for batch in BATCHES:
        rates, best = measured(ways, batch, repeats), product_rate(batch, repeats)
        share = rates["ours"]["restoring"] * MULTIPLY_ADDS / best
        rows[str(batch)] = {"rows_per_second": rates, "share_of_product_rate": round(share, 3)}
    record = {"image": [SIDE, SIDE], "layers": LAYERS, "hidden": HIDDEN, "batches": rows}
    save("recurrence", record, time.monotonic() - started, rehearsal=rehearsal)


if __name__ == "__main__":
    main()
