"""The networks of islam2018: equations, gradients, and what they can see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from clearsight.datasets.mnist import MNIST
from clearsight.datasets.subset import take
from clearsight.degradations import parse
from clearsight.restorers import CNNLSTM, ConvAutoencoder, RowDecoder
from stand_ins import moved, rand

SIZES = {"width": 3, "code": 2, "hidden": 4, "layers": 3}


def decoder() -> RowDecoder:
    torch.manual_seed(0)
    return RowDecoder(**SIZES).double()


def given(n: int = 2) -> tuple[Tensor, Tensor]:
    return rand(n, 5, 3, seed=1).double(), rand(n, 2, seed=2).double() - 0.5


def plain(rows: RowDecoder, x: Tensor, code: Tensor, previous: Tensor | None = None) -> Tensor:
    """Equations 8 to 14 gate by gate, the bottom layer reading x_t, v and y_{t-1}, by cells of torch."""
    hidden = rows.output.in_features
    order = [slice(k * hidden, (k + 1) * hidden) for k in (0, 1, 3, 2)]  # torch: i, f, new, o

    def sorted_(gates: Tensor) -> Tensor:
        return torch.cat([gates[part] for part in order])

    cells = []
    for layer, weight in enumerate(rows.weights):
        below = torch.cat([rows.entry.weight, weight[:, :-hidden]], 1) if layer == 0 else weight[:, :-hidden]
        cell = nn.LSTMCell(below.shape[1], hidden).double()
        bias = rows.entry.bias if layer == 0 else rows.biases[layer - 1]
        values = {"weight_ih": below, "weight_hh": weight[:, -hidden:], "bias_ih": bias}
        cell.load_state_dict({name: sorted_(v) for name, v in values.items()} | {"bias_hh": torch.zeros(4 * hidden)})
        cells.append(cell)
    states = [(x.new_zeros(len(x), hidden), x.new_zeros(len(x), hidden)) for _ in cells]
    y, written = x.new_zeros(len(x), x.shape[2]), []
    for row in range(x.shape[1]):
        below = torch.cat([x[:, row], code, y], 1)
        for layer, cell in enumerate(cells):
            states[layer] = cell(below, states[layer])
            below = states[layer][0]
        written.append(rows.output(below).sigmoid())
        y = written[-1] if previous is None else previous[:, row]
    return torch.stack(written, 1)


@pytest.mark.parametrize("forced", [False, True])
def test_it_computes_the_equations(forced: bool) -> None:
    rows, (x, code) = decoder(), given()
    previous = rand(2, 5, 3, seed=3).double() if forced else None
    expected = plain(rows, x, code, previous)
    torch.testing.assert_close(rows(x, code, previous), expected)
    with torch.no_grad():
        torch.testing.assert_close(rows(x, code, previous), expected)


@pytest.mark.parametrize("forced", [False, True])
def test_its_gradient_is_that_of_the_equations(forced: bool) -> None:
    rows, (x, code) = decoder(), given()
    previous = rand(2, 5, 3, seed=3).double() if forced else None
    x.requires_grad_()
    code.requires_grad_()

    def written(x: Tensor, code: Tensor, *weights: Tensor) -> Tensor:
        return rows(x, code, previous)

    assert torch.autograd.gradcheck(written, (x, code, *rows.parameters()), fast_mode=True)


def test_a_row_sees_no_row_below_it_but_through_the_code() -> None:
    rows, (x, code) = decoder(), given()
    changed = x.clone()
    changed[:, 3] += 1
    before, after = rows(x, code), rows(changed, code)
    assert after[:, :3].equal(before[:, :3])
    assert (after[:, 3:] != before[:, 3:]).all()


def test_what_is_written_is_fed_back_unless_other_rows_are() -> None:
    model, y, clean = moved(CNNLSTM(size=(6, 5), code=3, hidden=4, layers=2)).eval(), rand(2, 1, 6, 5), rand(2, 1, 6, 5)
    free, forced = model(y), model(y, previous=clean)
    assert free[:, :, 0].equal(forced[:, :, 0])
    assert not torch.allclose(free[:, :, 1:], forced[:, :, 1:], atol=1e-4)
    torch.testing.assert_close(model(y, previous=free), free)


def test_the_counts_of_the_papers_tables() -> None:
    """Table 1, and the symmetric deconvolutions."""
    encoder = 32 * (25 + 1) + 64 * (32 * 25 + 1)
    lstm, published = CNNLSTM(), ConvAutoencoder()
    assert sum(p.numel() for p in [*lstm.encoder.parameters(), *lstm.thought.parameters()]) == encoder + 3137 * 100
    assert len(lstm.decoder.weights) == 5
    assert sum(p.numel() for p in published.parameters()) == encoder + 32 * (64 * 25) + 32 + 32 * 25 + 1
    assert lstm.encoder(torch.zeros(1, 1, 28, 28)).shape == (1, 64, 7, 7)


def test_dropout_is_for_training_alone() -> None:
    y = rand(1, 1, 28, 28).expand(2, -1, -1, -1)
    for network in (CNNLSTM(hidden=8, layers=1), ConvAutoencoder(), ConvAutoencoder(code=20)):
        first, second = network.train()(y)
        assert not first.equal(second)
        first, second = network.eval()(y)
        torch.testing.assert_close(first, second)


def test_without_a_code_convolutions_see_their_surroundings_only() -> None:
    y = rand(1, 1, 40, 40).requires_grad_()
    ConvAutoencoder(size=(40, 40)).eval()(y)[0, 0, 20, 20].backward()
    assert y.grad is not None
    assert (y.grad[0, 0].nonzero() - 20).abs().max() <= 15


def test_digits_mostly_black_do_not_make_it_black() -> None:
    torch.manual_seed(0)
    digits = take(MNIST(part="val"), 200)
    x = torch.stack([digits[at].x for at in range(len(digits))])
    y = parse("salt-and-pepper(amount=0.1)")(x, generator=torch.Generator().manual_seed(0))
    restorer = ConvAutoencoder()
    optimizer = torch.optim.Adam(restorer.parameters(), lr=0.002)
    for step in range(50):
        shown = slice(step % 4 * 50, step % 4 * 50 + 50)
        optimizer.zero_grad()
        (restorer(y[shown]) - x[shown]).square().mean().sqrt().backward()
        optimizer.step()
    error = (restorer.eval()(y) - x).square().mean()
    assert error < 0.7 * x.var()
