"""The experiments of liu2020, on a few pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from clearsight import weights
from clearsight.contracts import Sample
from clearsight.datasets.pairs import Untouched
from clearsight.datasets.subset import Centres, Squares
from clearsight.experiments import RunConfig, catalogue
from clearsight.experiments.experiment import published
from clearsight.experiments.liu2020 import figure7
from clearsight.experiments.liu2020.architectures import RECIPE, counted, overrides
from clearsight.experiments.liu2020.colour import SIGMAS, Part, judged
from clearsight.experiments.liu2020.methods import METHODS, engines
from clearsight.experiments.liu2020.noisy import Noisy
from clearsight.images import Picture, write
from clearsight.inference import Engine
from clearsight.metrics import psnr
from clearsight.restorers import TNRD, DnCNN, MultiscaleDenoiser, Wiener
from clearsight.training import train


class Ramps:
    """Two images, of different sizes."""

    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        x = torch.linspace(0.2, 0.8, 24 + 8 * index).expand(3, 20, -1)
        return Sample(name=str(index), x=x, label=None)


CONFIG = RunConfig("smoke", 0, Path("runs"), lambda line: None)


def test_all_of_them_have_a_name_and_a_cost() -> None:
    names = {f"liu2020/{name}" for name in ("table1", "table2", "table3", "figure4", "figure7")}
    assert names <= set(catalogue())
    assert all(set(catalogue()[name].cost) == {"smoke", "cpu", "paper"} for name in names)


def test_every_published_method_has_its_row() -> None:
    figures = published("liu2020")
    assert {*figures["kodak24"], *figures["cbsd68"]} <= {method.name for method in METHODS}
    assert all(len(row) == len(SIGMAS) for data in ("kodak24", "cbsd68") for row in figures[data].values())


@pytest.mark.parametrize(("scales", "encoder", "decoder", "thousands"), [(3, 128, 128, 592), (3, 128, 256, 1026)])
def test_parameters_are_counted_as_the_paper_counts_them(
    scales: int, encoder: int, decoder: int, thousands: int
) -> None:
    model = MultiscaleDenoiser(scales=scales, encoder_width=encoder, decoder_width=decoder)
    assert round(counted(model) / 1000) == thousands


def test_table1_trains_each_row_by_the_recipe(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for name in ("a", "b", "c"):
        write(Picture(pixels=rng.integers(0, 255, (40, 40, 3), np.uint8)), tmp_path / "images" / f"{name}.png")
    row = {"scales": 2, "skip": False, "encoder": 16, "decoder": 16}
    data = {
        "images": str(tmp_path / "images"),
        "hold_out": 1,
        "validation_size": 32,
        "epoch": 1,
        "batch": 1,
        "size": 16,
    }
    small = [part for key, value in data.items() for part in (f"--data.{key}", str(value))]
    folder = train(RECIPE, [*overrides(row), *small, "--trainer.max_steps", "1"], out=tmp_path / "run")
    model = weights.load(folder)
    assert (model.traits.multiple, model.skip, len(model.encoder)) == (2, False, 1)
    assert list(model.figures["validation"]["psnr"]) == ["gaussian(sigma=35/255)"]


def test_all_methods_see_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    forward = Wiener.forward

    def noted(self: Wiener, y: Tensor, sigma: Tensor | None = None) -> Tensor:
        if y.shape[2] == 20:  # and no trial of the engine's
            seen.append(y.clone())
        return forward(self, y, sigma)

    monkeypatch.setattr(Wiener, "forward", noted)
    methods = {name: Engine(Wiener(radius=radius), device="cpu") for name, radius in (("near", 1), ("far", 3))}
    rows = judged(Ramps(), 25, methods, CONFIG)
    assert [row.shape[3] for row in seen] == [24, 24, 32, 32]
    assert seen[0].equal(seen[1])
    assert seen[2].equal(seen[3])
    noisy = [float(psnr(y.clamp(0, 1), Ramps()[i].x[None])) for i, y in enumerate((seen[0], seen[2]))]
    assert rows["noisy"].figures["psnr"].value == pytest.approx(sum(noisy) / 2, abs=1e-4)
    assert rows["far"].figures["psnr"].value > rows["near"].figures["psnr"].value


def test_centres_are_the_middle() -> None:
    middle = Centres(Ramps(), 8)
    assert middle[1].x.equal(Ramps()[1].x[:, 6:14, 12:20])
    assert [sample.name for sample in (middle[0], middle[1])] == ["0", "1"]


def test_centres_of_pairs_are_of_one_place() -> None:
    wide = Ramps()[1]
    (middle,) = Centres([replace(wide, target=wide.x + 0.1)], 8)  # type: ignore[arg-type]
    assert middle.target.equal(middle.x + 0.1)


@pytest.mark.parametrize(("height", "width"), [(256, 300), (90, 60), (300, 700)])
def test_squares_are_the_middle_of_images_whose_shorter_side_is_as_wanted(height: int, width: int) -> None:
    slope = (torch.arange(height)[:, None] / height + torch.arange(width) / width).expand(3, -1, -1) / 2
    square = Squares([Sample(name="a", x=slope, label=4)])[0]  # type: ignore[arg-type]
    assert (square.x.shape, square.label) == ((3, 224, 224), 4)
    least, top, left = min(height, width), *((n - 7 / 8 * min(height, width)) / 2 for n in (height, width))
    at = (torch.arange(224) + 0.5) * least / 256 - 0.5
    expected = ((at[:, None] + top) / height + (at + left) / width) / 2
    assert (square.x - expected).abs().max() < (1e-6 if least == 256 else 0.01)


def test_sigma_is_estimated_or_told_on_real_noise() -> None:
    noise = torch.Generator().manual_seed(0)
    clean = [Ramps()[index] for index in range(2)]
    real = [replace(one, x=one.x + 0.1 * torch.randn(one.x.shape, generator=noise), target=one.x) for one in clean]
    engines = {"wiener": Engine(Wiener(), device="cpu"), "blind": Engine(DnCNN(channels=3, width=4, depth=2))}
    part = Part(title="whole", images=None, size=None, quick=True)
    rows, shown = figure7.judged(Noisy("real", real, Untouched()), part, engines, CONFIG)  # type: ignore[arg-type]
    assert list(rows) == ["noisy", "wiener", "wiener, told σ", "blind"]
    assert [one.sample.x.equal(same.x) for one, same in zip(shown, clean, strict=True)] == [True, True]
    for name, level in (("wiener", None), ("wiener, told σ", (real[0].x - clean[0].x).square().mean().sqrt()[None])):
        expected = engines["wiener"].restore_batch(real[0].x[None], level).clamp(0, 1)[0]
        torch.testing.assert_close(shown[0].states[name], expected)
    assert not shown[0].states["wiener"].equal(shown[0].states["wiener, told σ"])


def test_what_was_trained_here_gets_a_row(tmp_path: Path) -> None:
    assert "liu2020" not in engines(25, tmp_path, quick=True)
    model = MultiscaleDenoiser(encoder_width=8, decoder_width=8, stem_width=8)
    weights.save(model, tmp_path / "liu2020-25/weights", figures={"name": "liu2020-25"}, card="")
    weights.save(TNRD(stages=1, size=3), tmp_path / "tnrd-35/weights", figures={"name": "tnrd-35"}, card="")
    assert engines(25, tmp_path, quick=True)["liu2020"].name == "liu2020-25"
    assert engines(35, tmp_path, quick=True)["TNRD"].name == "tnrd-35"
    assert "liu2020" not in engines(35, tmp_path, quick=True)
    assert {"CBM3D", "MCWNNM"}.isdisjoint(engines(25, tmp_path, quick=True))
