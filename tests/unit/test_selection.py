"""Restore, or not: the mean of two answers, a gate between them, and what fits it."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from clearsight.contracts import Line, RecognitionTraits, Sample, Traits
from clearsight.datasets import Subset
from clearsight.errors import DataError, InvalidArgumentError
from clearsight.evaluation import evaluate
from clearsight.evaluation.selection import CLEAN, applies, select
from clearsight.joint import Gate, Mean, Selective
from clearsight.restorers import FFDNet
from stand_ins import rand

NOISY = "gaussian(sigma=40/255)"


class Dimming(nn.Module):
    """A restorer that takes all noise off, and a little light: wrong of dusk."""

    def __init__(self) -> None:
        super().__init__()
        self.traits = Traits(channels=1, receptive_radius=None)
        self.lost = nn.Parameter(torch.tensor(0.04))

    def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        return (y.mean((2, 3), keepdim=True) - self.lost).expand_as(y)


class Daylight(nn.Module):
    """Sees day in what is brighter than grey, and in any noise."""

    def __init__(self, *, segments: bool = False) -> None:
        super().__init__()
        self.segments = segments
        task = "segment" if segments else "classify"
        self.traits = RecognitionTraits(task=task, classes=("night", "day"), channels=1)

    def forward(self, x: Tensor) -> Tensor:
        noise = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))
        evidence = 100 * (x.mean((1, 2, 3)) - 0.5) + 300 * noise
        logits = torch.stack([-evidence, evidence], 1)
        return logits[..., None, None].expand(-1, -1, *x.shape[2:]) if self.segments else logits


class Hours:
    """Images of even brightness, by night and by day; some of the day are of dusk."""

    classes = ("night", "day")

    def __init__(self, *, segments: bool = False) -> None:
        self.segments = segments

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Sample:
        label, brightness = index % 2, (0.3, 0.52, 0.4, 0.7)[index % 4]
        x = torch.full((1, 16, 16), brightness)
        return Sample(name=str(index), x=x, label=torch.full((16, 16), label) if self.segments else label)


@torch.no_grad()
def test_what_a_selective_recognizer_answers() -> None:
    y = torch.cat([rand(2, 1, 8, 8), torch.full((1, 1, 8, 8), 0.5)])
    reader = Selective(Dimming(), Daylight(), rule=Mean())
    views, sigma = reader.look(y), (y - y.mean((2, 3), keepdim=True) + 0.04).square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(views.noise().exp(), sigma)
    torch.testing.assert_close(views.as_is, Daylight()(y).softmax(1))
    torch.testing.assert_close(reader(y).exp(), (views.as_is + views.restored) / 2)
    gated = Selective(Dimming(), Daylight(), rule=Gate(threshold=math.log(0.1)))(y).exp()
    torch.testing.assert_close(gated, torch.cat([views.restored[:2], views.as_is[2:]]))
    assert reader.traits.classes == ("night", "day")


@torch.no_grad()
def test_a_gate_counts_which_answer_is_surer() -> None:
    views = Selective(Dimming(), Daylight(), rule=Mean()).look(torch.full((1, 1, 8, 8), 0.51))
    level, surer = float(views.noise()), float(views.surer())
    assert surer == pytest.approx(float(views.restored.max().log() - views.as_is.max().log()))
    assert surer > 0.05
    assert Gate(threshold=level + 0.5 * surer - 0.01, slope=0.5)(views).item() == 1
    assert Gate(threshold=level + 0.5 * surer + 0.01, slope=0.5)(views).item() == 0


@pytest.mark.parametrize("segments", [False, True], ids=["classes", "pixels"])
def test_a_gate_is_fitted(segments: bool) -> None:
    """Clean dusk needs the image as it is, a noisy night the restored one."""
    images, recognizer = Hours(segments=segments), Daylight(segments=segments)
    found = select(Dimming(), recognizer, images, [NOISY])
    assert set(found.departures) == {"as it is", "restored", "mean", "gate"}
    assert found.best == "gate"
    assert sorted(found.departures.values())[1] > found.departures["gate"] + 5
    assert math.log(0.04) < found.gate.threshold < math.log(40 / 255)
    assert found.departures == select(Dimming(), recognizer, images, [NOISY]).departures


def test_it_is_a_row_of_an_evaluation() -> None:
    dimming, daylight = Dimming(), Daylight()
    found = select(dimming, daylight, Hours(), [NOISY])
    judged = partial(evaluate, Hours(), model={"dimming": dimming}, recognizer=daylight, ways=found.rules)
    clean, noisy = ({row.name: row.figures["error"].value for row in judged(way).rows} for way in (CLEAN, NOISY))
    assert list(noisy) == ["clean", "degraded", "dimming", "mean", "gate"]
    assert clean["gate"] == clean["clean"] == 0 < clean["dimming"]
    assert noisy["gate"] <= noisy["dimming"] < noisy["degraded"]


def test_a_way_answers_as_its_recognizer_does() -> None:
    """The row is made of what came of the image as it is and restored; nobody restores or recognizes once more."""
    dimming, daylight = Dimming(), Daylight()
    ways = select(dimming, daylight, Hours(), [NOISY]).rules
    judged = partial(evaluate, Hours(), NOISY, recognizer=daylight)
    derived = {row.name: row.figures for row in judged(model=dimming, ways=ways).rows}
    asked = {row.name: row.figures for row in judged(read_by={name: (None, way) for name, way in ways.items()}).rows}
    for name in ("mean", "gate"):
        assert {key: derived[name][key] for key in derived[name]} == {key: asked[name][key] for key in derived[name]}
    with pytest.raises(InvalidArgumentError, match="restored by a model, for the recognizer"):
        judged(model=Dimming(), ways=ways)


def test_a_gate_may_never_restore() -> None:
    found = select(Dimming(), Daylight(), Subset(Hours(), [3, 7]), [NOISY])  # broad day
    assert found.departures["as it is"] == found.departures["gate"] == pytest.approx(0, abs=1e-4)


def test_what_has_to_be_told_more_is_left_alone() -> None:
    assert applies(Dimming())
    assert not applies(FFDNet(channels=1, depth=3, width=4))


class Bright(nn.Module):
    """Reads a number: how bright the image is, of 9; ten times that where there is noise."""

    traits = RecognitionTraits(task="read", classes=(), channels=1)

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        noisy = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3)) > 0.03
        said = [f"{9 * one.mean():.0f}{'0' * bool(each)}" for one, each in zip(x, noisy, strict=True)]
        return [(Line(each, 1.0, ()),) for each in said]


class Numbers(Hours):
    """The same, and how bright they are."""

    classes = ()

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return Sample(name=sample.name, x=sample.x, label=None, text=f"{9 * sample.x.mean():.0f}")


def test_in_front_of_a_reader_the_noise_decides() -> None:
    pytest.importorskip("jiwer")
    dimming, bright = Dimming(), Bright()
    found = select(dimming, bright, Numbers(), [NOISY])
    assert [*found.rules] == [found.best] == ["gate"]
    assert found.gate.slope == 0
    assert found.departures["gate"] < min(found.departures["as it is"], found.departures["restored"])
    gated, clean = found.rules["gate"], Numbers()[3].x[None]
    noisy = clean + 40 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    both = torch.cat([clean, noisy.clamp(0, 1)])
    read = gated.read(both)
    assert read[0] == Bright().read(clean)[0]
    assert read[1] == Bright().read(Dimming()(both[1:]))[0]
    judged = partial(evaluate, Numbers(), NOISY, recognizer=bright)
    derived, asked = judged(model=dimming, ways=found.rules), judged(read_by={"gate": (None, gated)})
    assert derived.rows[-1].figures == asked.rows[-1].figures


def test_what_is_read_must_be_known() -> None:
    with pytest.raises(DataError, match="has no text, by which a reader is judged"):
        select(Dimming(), Bright(), Hours(), [NOISY])
