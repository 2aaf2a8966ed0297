"""LSTM layers that write an image row by row, each row fed back to the next: the loop, forward and backward."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LOGIT_OF_INK", "RowDecoder"]

LOGIT_OF_INK = -1.9
"""Where the bias of a last layer before a sigmoid starts: 13 % grey, the mean of digits.

From ½ the way to black, which most pixels are, is shorter than any that is learned: rectifiers before it die on that
way, and what is left is a black image."""


class RowDecoder(nn.Module):
    """Stacked LSTM layers, one image row a step; the bottom one also reads a code and the row written before.

    With gates i, f, o and new state c̃, each W·[what comes from below, h_{t−1}] + b, a layer's states are
    c_t = c_{t−1} ∘ σ(f) + tanh(c̃) ∘ σ(i) and h_t = tanh(c_t) ∘ σ(o), both zero before the first row. Below the bottom
    layer lie x_t, v and y_{t−1}; y_t = σ(W h_t + b) of the top layer. Source: islam2018, eq. 8–14; its eq. 13 has the
    input gate in place of o, which no LSTM has and its eq. 10 would be there for nothing: a misprint.

    The rows cannot be computed at once, since each needs the one before. So the loop does no more than it must: what
    x and v give to the gates of all rows is one product before it, the four gates and both inputs of a cell are one
    product in it, all that it writes lies in buffers of its own, and the gradient is written out by hand: those of
    the weights are one product a layer after the loop, over all rows. It is computed in the weights' precision, also
    under autocast. ``benchmarks/recurrence.py`` compares it with a plain loop.

    Args:
        width: of the rows.
        code: units of the code.
        hidden: units of each layer.
        layers: how many.
    """

    def __init__(self, *, width: int, code: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.entry = nn.Linear(width + code, 4 * hidden)
        below = [width, *[hidden] * (layers - 1)]
        self.weights = nn.ParameterList(_gates(n, hidden) for n in below)
        self.biases = nn.ParameterList(torch.zeros(4 * hidden) for _ in below[1:])
        self.output = nn.Linear(hidden, width)
        with torch.no_grad():
            for gate in self.entry.weight.chunk(4):
                nn.init.xavier_uniform_(gate)
            self.output.bias.fill_(LOGIT_OF_INK)
            for bias in (self.entry.bias, *self.biases):
                bias[hidden : 2 * hidden] = 1  # remember, to begin with

    def forward(self, x: Tensor, code: Tensor, previous: Tensor | None = None) -> Tensor:
        """Write images.

        Args:
            x: what is read row by row, ``(B, H, W)``.
            code: ``(B, K)``.
            previous: teacher forcing: images whose rows are fed in place of those that were written, ``(B, H, W)``;
                no gradient flows to them.

        Returns:
            ``(B, H, W)`` in (0, 1).
        """
        with torch.autocast(x.device.type, enabled=False):
            weight, width = self.entry.weight, x.shape[2]
            dtype = weight.dtype
            read = F.linear(x.to(dtype).transpose(0, 1), weight[:, :width])
            read = read + F.linear(code.to(dtype), weight[:, width:], self.entry.bias)
            fed = None if previous is None else previous.to(dtype).transpose(0, 1)
            layers = (self.output.weight, self.output.bias, *self.weights, *self.biases)
            rows: Tensor = (
                _Loop.apply(read, fed, *layers)  # type: ignore[no-untyped-call]
                if torch.is_grad_enabled()
                else _written(read, fed, _Layers.of(layers), keep=False).y
            )
        return rows.transpose(0, 1)


def _gates(below: int, hidden: int) -> Tensor:
    """Starting weights ``(4·hidden, below + hidden)``: orthogonal from the layer's own state, from below Glorot's.

    The latter doubled: at first the gates are half open, and images would differ less from layer to layer.
    """
    from_below = [nn.init.xavier_uniform_(torch.empty(hidden, below), gain=2) for _ in range(4)]
    from_own = [nn.init.orthogonal_(torch.empty(hidden, hidden)) for _ in range(4)]
    return torch.cat([torch.cat(from_below), torch.cat(from_own)], dim=1)


class _Layers(NamedTuple):
    """Weights of the output and of the cells; the bottom cell's bias is in what is read."""

    output: Tensor
    output_bias: Tensor
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    @classmethod
    def of(cls, tensors: tuple[Tensor, ...]) -> _Layers:
        """Output's weight and bias, L weights, L − 1 biases."""
        output, output_bias, *cells = tensors
        n = (len(cells) + 1) // 2
        return cls(output, output_bias, tuple(cells[:n]), tuple(cells[n:]))


class _Held(NamedTuple):
    """What the loop writes; where the gradient is not asked for, S = 1 row is all that is held of each but ``y``.

    Attributes:
        y: the rows, ``(H, B, W)``.
        inputs: of each layer, ``(S + 1, B, below + hidden)``: what comes from below, then the layer's own state.
        gates: after their activations, in the order i, f, o, c̃, ``(L, S, B, 4·hidden)``.
        states: c, ``(L, S + 1, B, hidden)``, the zeros at the start first.
        squashed: tanh(c), ``(L, S, B, hidden)``.
    """

    y: Tensor
    inputs: tuple[Tensor, ...]
    gates: Tensor
    states: Tensor
    squashed: Tensor


def _written(read: Tensor, fed: Tensor | None, layers: _Layers, *, keep: bool) -> _Held:
    """All rows; ``read`` is what x and v give to the bottom gates, ``(H, B, 4·hidden)``."""
    steps, batch, units = read.shape
    depth, hidden, held = len(layers.weights), units // 4, steps if keep else 1
    found = _Held(
        read.new_empty(steps, batch, len(layers.output)),
        tuple(read.new_zeros(held + keep, batch, weight.shape[1]) for weight in layers.weights),
        read.new_empty(depth, held, batch, units),
        read.new_zeros(depth, held + keep, batch, hidden),
        read.new_empty(depth, held, batch, hidden),
    )
    views = [_views(found, row, row + keep) for row in range(held)]
    weights, output = [weight.t() for weight in layers.weights], layers.output.t()
    for row, y in enumerate(found.y):
        cells, first = views[row if keep else 0]
        biases = (read[row], *layers.biases)
        for cell, weight, bias in zip(cells, weights, biases, strict=True):
            _step(cell, weight, bias)
        torch.addmm(layers.output_bias, cells[-1].own, output, out=y).sigmoid_()
        first.copy_(y if fed is None else fed[row])
    return found


class _Cell(NamedTuple):
    """Where one layer reads and writes at one row."""

    inputs: Tensor
    gates: Tensor
    logistic: Tensor
    i: Tensor
    f: Tensor
    o: Tensor
    new: Tensor
    before: Tensor
    after: Tensor
    squashed: Tensor
    own: Tensor
    above: Tensor | None


def _views(held: _Held, row: int, following: int) -> tuple[list[_Cell], Tensor]:
    """Of every layer from the bottom up, and where the row that is written goes."""
    depth, hidden = len(held.inputs), held.states.shape[-1]
    cells = []
    for layer in range(depth):
        gates, states = held.gates[layer, row], held.states[layer]
        i, f, o, new = gates.chunk(4, 1)
        above = held.inputs[layer + 1][row, :, :hidden] if layer + 1 < depth else None
        cells.append(
            _Cell(
                held.inputs[layer][row],
                gates,
                gates[:, : 3 * hidden],
                i,
                f,
                o,
                new,
                states[row],
                states[following],
                held.squashed[layer, row],
                held.inputs[layer][following, :, -hidden:],
                above,
            )
        )
    return cells, held.inputs[0][following, :, :-hidden]


def _step(cell: _Cell, weight: Tensor, bias: Tensor) -> None:
    """One layer at one row."""
    torch.addmm(bias, cell.inputs, weight, out=cell.gates)
    torch.sigmoid(cell.logistic, out=cell.logistic)
    torch.tanh(cell.new, out=cell.new)
    torch.mul(cell.f, cell.before, out=cell.after).addcmul_(cell.i, cell.new)
    torch.tanh(cell.after, out=cell.squashed)
    torch.mul(cell.o, cell.squashed, out=cell.own)
    if cell.above is not None:
        cell.above.copy_(cell.own)


class _Loop(torch.autograd.Function):
    """The loop with its gradient."""

    @staticmethod
    def forward(ctx: Any, read: Tensor, fed: Tensor | None, *tensors: Tensor) -> Tensor:
        """Rows ``(H, B, W)``, from what :func:`_written` takes."""
        layers = _Layers.of(tensors)
        held = _written(read, fed, layers, keep=True)
        ctx.save_for_backward(*tensors, held.y, held.gates, held.states, held.squashed, *held.inputs)
        ctx.count, ctx.forced = len(tensors), fed is not None
        return held.y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of what was read and of all weights."""
        layers = _Layers.of(ctx.saved_tensors[: ctx.count])
        y, gates, states, squashed, *inputs = ctx.saved_tensors[ctx.count :]
        held = _Held(y, tuple(inputs), gates, states, squashed)
        of_output, of_gates = _unwound(held, layers, slope, forced=ctx.forced)
        top = held.inputs[-1][1:, :, -states.shape[-1] :]
        of_weights = [
            slopes.flatten(0, 1).t() @ given[:-1].flatten(0, 1)
            for slopes, given in zip(of_gates, held.inputs, strict=True)
        ]
        return (
            of_gates[0],
            None,
            of_output.flatten(0, 1).t() @ top.flatten(0, 1),
            of_output.sum((0, 1)),
            *of_weights,
            *(slopes.sum((0, 1)) for slopes in of_gates[1:]),
        )


def _unwound(held: _Held, layers: _Layers, slope: Tensor, *, forced: bool) -> tuple[Tensor, Tensor]:
    """The gradients of all sums before their activations: of the outputs ``(H, B, W)``, of the gates as they lie."""
    depth, steps, batch, units = held.gates.shape
    hidden = units // 4
    of_output, of_gates = torch.empty_like(held.y), torch.empty_like(held.gates)
    of_own = [slope.new_zeros(batch, hidden) for _ in layers.weights]
    of_state = [slope.new_zeros(batch, hidden) for _ in layers.weights]
    wanted, scratch = slope.new_empty(batch, 3 * hidden), slope.new_empty(batch, hidden)
    fed: Tensor | float = 0.0
    for row in reversed(range(steps)):
        torch.ops.aten.sigmoid_backward(slope[row] + fed, held.y[row], grad_input=of_output[row])
        below = of_output[row] @ layers.output
        for layer in reversed(range(depth)):
            found = of_gates[layer, row]
            _step_back(held, layer, row, of_own[layer].add_(below), of_state[layer], found, wanted, scratch)
            given = found @ layers.weights[layer]
            below, of_own[layer] = given[:, :-hidden], given[:, -hidden:]
        fed = 0.0 if forced else below
    return of_output, of_gates


def _step_back(
    held: _Held, layer: int, row: int, own: Tensor, state: Tensor, found: Tensor, wanted: Tensor, scratch: Tensor
) -> None:
    """From the gradient of h, which is ``own``, those of the gates, into ``found``; ``state`` is c's, of this row's."""
    gates, squashed = held.gates[layer, row], held.squashed[layer, row]
    hidden = squashed.shape[1]
    i, f, o, new = gates.chunk(4, 1)
    state.add_(torch.ops.aten.tanh_backward(torch.mul(own, o, out=scratch), squashed))
    torch.mul(state, new, out=wanted[:, :hidden])
    torch.mul(state, held.states[layer, row], out=wanted[:, hidden : 2 * hidden])
    torch.mul(own, squashed, out=wanted[:, 2 * hidden :])
    torch.ops.aten.sigmoid_backward(wanted, gates[:, : 3 * hidden], grad_input=found[:, : 3 * hidden])
    torch.ops.aten.tanh_backward(torch.mul(state, i, out=scratch), new, grad_input=found[:, 3 * hidden :])
    state.mul_(f)
