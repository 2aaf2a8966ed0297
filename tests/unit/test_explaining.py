"""What pulls at a noisy image: the gradients of the parts of a guided loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clearsight import images
from clearsight.contracts import RecognitionTraits
from clearsight.degradations import parse
from clearsight.errors import ClearsightError
from clearsight.evaluation import Explanation, explain
from clearsight.evaluation.figures import draw_pulls
from clearsight.restorers import FFDNet, ResidualUNet, Wiener

NOISE = parse("gaussian(sigma=0.2)")
CLASSES = ("cat", "dog", "cow")


class Small(nn.Module):
    """A recognizer that names its own layers, or not."""

    def __init__(self, *, task: str = "classify", layers: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 3, 1)
        if layers:
            self.layers = {"relu3_3": self.first}
        self.traits = RecognitionTraits(task=task, classes=CLASSES, channels=3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = 9 * self.last(self.first(x).relu())
        return logits if self.traits.task == "segment" else logits.mean((2, 3))


def restorer(channels: int = 3) -> nn.Module:
    torch.manual_seed(1)
    model = ResidualUNet(channels=channels, widths=[6, 8], blocks=[1, 1])
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn_like(p)
    return model


X = torch.rand(3, 13, 10, generator=torch.Generator().manual_seed(0))


def explained(**options: object) -> Explanation:
    return explain(X, NOISE, **{"restorer": restorer(), "recognizer": Small(), **options})  # type: ignore[arg-type]


def test_the_gradients_are_those_of_the_parts() -> None:
    found, network, model = explained(label="cow"), Small(), restorer().eval()
    y = NOISE(X[None], generator=torch.Generator().manual_seed(0)).requires_grad_()
    padded = F.pad(y, (0, 2, 0, 3), mode="reflect")
    x_hat = model(padded)[..., :13, :10]
    shown = x_hat.clamp(0, 1)
    parts = {
        "pixels": F.mse_loss(x_hat, X[None]),
        "perceptual": F.mse_loss(network.first(shown), network.first(X[None])),
        "recognition": F.cross_entropy(network(shown), torch.tensor([2])),
    }
    assert list(found.pulls) == list(parts)
    for name, part in parts.items():
        (expected,) = torch.autograd.grad(part, y, retain_graph=True)
        torch.testing.assert_close(found.pulls[name].gradient, expected[0], rtol=1e-3, atol=1e-8)
        assert found.pulls[name].value == pytest.approx(part.item(), rel=1e-5)
        assert found.pulls[name].norm == pytest.approx(expected.norm().item(), rel=1e-4)
    assert found.states["clean"].equal(X)
    assert found.states["degraded"].equal(y.detach()[0])
    torch.testing.assert_close(found.states["restored"], shown.detach()[0])
    assert found.answers["restored"] == CLASSES[int(network(shown).argmax())]
    assert found.truth == "cow"
    record = found.as_json()
    assert record["parts"]["pixels"]["cosine"] == 1
    assert -1 <= record["parts"]["recognition"]["cosine"] < 1


def test_without_a_label_the_clean_answer_is_right() -> None:
    found = explained()
    assert found.truth == found.answers["clean"] == CLASSES[int(Small()(X[None]).argmax())]
    assert found.pulls["recognition"].value > 0


def test_without_a_layer_no_features_are_compared() -> None:
    assert list(explained(recognizer=Small(layers=False)).pulls) == ["pixels", "recognition"]
    assert list(explained(recognizer=Small(layers=False), layer="last").pulls) == [
        "pixels",
        "perceptual",
        "recognition",
    ]


def test_a_segmenter_and_a_restorer_that_is_told_sigma() -> None:
    model = FFDNet(channels=3, depth=3, width=6)
    found = explained(recognizer=Small(task="segment"), restorer=model)
    assert (found.answers, found.truth) == ({}, "")
    assert all(pull.norm > 0 for pull in found.pulls.values())


def test_the_picture(tmp_path: Path) -> None:
    for number, found in enumerate([explained(), explained(recognizer=Small(task="segment"))]):
        draw_pulls(found, tmp_path / f"{number}.png")
        pixels = images.read(tmp_path / f"{number}.png").pixels
        assert pixels.shape[1] > 5 * pixels.shape[0] / 1.5
        assert pixels.std() > 30


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: explained(label="cwo"), "the recognizer knows no class 'cwo'; it knows cat, dog, cow"),
        (lambda: explained(recognizer=Small(task="segment"), label="cat"), "but the recognizer is a segmenter"),
        (lambda: explained(layer="frist"), "no layer of the network is named 'frist'; did you mean 'first'"),
        (lambda: explained(restorer=restorer(1)), "the restorer gives images of 1 channels, the recognizer takes 3"),
        (lambda: explained(restorer=Wiener()), "no gradient flows through Wiener: give a restorer that is a network"),
        (lambda: explain(X[:1], NOISE, restorer=restorer(), recognizer=Small()), "takes images of 3 channels, got 1"),
        (
            lambda: explain(X, parse("area(scale=2)"), restorer=restorer(), recognizer=Small()),
            "the restorer enlarges 1 times, but area",
        ),
        (
            lambda: explain(X[:, :1, :1].expand(3, 3000, 2000), NOISE, restorer=restorer(), recognizer=Small()),
            "of at most 4.2 megapixels; this one has 6.0: crop or shrink it",
        ),
    ],
)
def test_what_cannot_be_explained_is_explained(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ClearsightError) as raised:
        call()
    assert says in str(raised.value)
