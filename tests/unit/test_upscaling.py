"""Super-resolution: networks as published, the plain one folded, judged as the field does."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import clearsight
from clearsight import weights
from clearsight.contracts import Sample
from clearsight.datasets import Pairs, Photographs
from clearsight.datasets.subset import Multiples
from clearsight.degradations import parse
from clearsight.errors import DataError, InvalidArgumentError, UnknownNameError
from clearsight.experiments import RunConfig, catalogue
from clearsight.experiments.lim2017 import table
from clearsight.inference import ONNX_TOLERANCE, export_onnx
from clearsight.inference.device import fused
from clearsight.metrics import Outcome, luma, luma_metrics
from clearsight.restorers import EDSR, MDSR, Bicubic, MNISTUpscaler, PlainUpscaler
from clearsight.training import train
from stand_ins import seeded


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def moved(network: nn.Module) -> nn.Module:
    """What starts at zero has a say."""
    with torch.no_grad():
        for p in network.parameters():
            p += 0.05 * torch.randn(p.shape, generator=seeded())
    return network.eval()


def test_edsr_and_mdsr_have_the_published_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert parameters(EDSR()) / 1e6 == pytest.approx(1.37, abs=0.005)
        assert parameters(EDSR(width=256, blocks=32, scaling=0.1)) / 1e6 == pytest.approx(40.7, abs=0.05)
        assert parameters(EDSR(width=256, blocks=32, scaling=0.1, scale=4)) / 1e6 == pytest.approx(43.1, abs=0.05)
        assert parameters(MDSR()) / 1e6 == pytest.approx(8.0, abs=0.05)


def test_edsr_scales_what_its_blocks_add() -> None:
    full, scaled = EDSR(width=8, blocks=1), EDSR(width=8, blocks=1, scaling=0.1)
    scaled.load_state_dict(full.state_dict())
    x = torch.rand(1, 8, 5, 6, generator=seeded())
    added, less = (network.trunk[0](x) - x for network in (full, scaled))
    torch.testing.assert_close(less, 0.1 * added)


def test_mdsr_shares_its_trunk() -> None:
    model = moved(MDSR(width=8, blocks=1))
    thrice = model.at(3)
    assert (model.traits.scale, thrice.traits.scale) == (2, 3)
    assert thrice.trunk is model.trunk
    y = torch.rand(1, 3, 5, 6, generator=seeded())
    assert thrice(y).shape == (1, 3, 15, 18)
    assert model(y).equal(model.at(2)(y))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EDSR(scale=5), "scales there are: 2, 3, 4; got 5"),
        (lambda: EDSR(channels=2), "1 for grey or 3 for RGB, got 2"),
        (lambda: MDSR(scales=[2, 3], scale=4), "scales there are: 2, 3; got 4"),
        (lambda: MDSR(scales=[2, 6]), "scales there are: 2, 3, 4; got 6"),
        (lambda: MDSR(width=4, blocks=1).at(5), "scales there are: 2, 3, 4; got 5"),
        (lambda: PlainUpscaler(scale=1), "from 2 to 8, got 1"),
    ],
)
def test_other_scales_are_refused(make: object, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        make()  # type: ignore[operator]


def test_the_lecture_upscaler_has_its_layers() -> None:
    model = MNISTUpscaler()
    convolutions = [layer for layer in (*model.encoder, *model.decoder) if not isinstance(layer, nn.ReLU)]
    kinds = [(type(c).__name__, c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in convolutions]
    assert kinds == [
        ("Conv2d", 1, 32, 5, 1),
        ("Conv2d", 32, 32, 5, 1),
        ("Conv2d", 32, 32, 4, 1),
        ("Conv2d", 32, 32, 3, 1),
        ("ConvTranspose2d", 32, 32, 4, 1),
        ("ConvTranspose2d", 32, 32, 3, 2),
        ("ConvTranspose2d", 32, 32, 4, 2),
        ("ConvTranspose2d", 32, 32, 5, 1),
        ("ConvTranspose2d", 32, 1, 5, 1),
    ]
    assert model.encoder(torch.zeros(1, 1, 14, 14)).shape == (1, 32, 1, 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_plain_one_starts_as_bicubic_interpolation(scale: int) -> None:
    y = torch.rand(1, 3, 14, 15, generator=seeded())
    inside = (..., slice(2 * scale, -2 * scale), slice(2 * scale, -2 * scale))
    expected = Bicubic(scale=scale)(y)[inside]
    torch.testing.assert_close(PlainUpscaler(scale=scale, width=8, depth=1)(y)[inside], expected, atol=1e-5, rtol=0)


def test_the_plain_one_folded_is_the_same(tmp_path: Path) -> None:
    branched = moved(PlainUpscaler(channels=1, width=8, depth=2))
    y = torch.rand(2, 1, 9, 10, generator=seeded())
    plain = fused(branched)
    assert {type(layer) for layer in plain.inner} == {nn.Conv2d}
    torch.testing.assert_close(plain(y), branched(y), atol=1e-5, rtol=0)
    weights.save(plain, tmp_path, figures={"summary": "folded"}, card="# Folded\n")
    assert parameters(weights.load(tmp_path)) == parameters(plain) < parameters(branched)


@pytest.mark.skipif(not find_spec("onnxscript") or not find_spec("onnxruntime"), reason="takes the extra onnx")
def test_the_plain_one_is_exported(tmp_path: Path) -> None:
    assert export_onnx(moved(PlainUpscaler(width=8, depth=2)), tmp_path / "upscale.onnx") <= ONNX_TOLERANCE


def test_a_training_exports_single_convolutions(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(2):
        pixels = torch.randint(256, (40, 40, 3), generator=seeded(), dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(images / f"{number}.png")
    overrides = [f"--data.images={images}", "--data.hold_out=1", "--data.batch=1", "--data.epoch=1", "--data.size=24"]
    small = "--model.init_args.restorer.init_args"
    net = [f"{small}.width=4", f"{small}.depth=1", "--trainer.max_steps=1", "--trainer.accelerator=cpu"]
    found = weights.load(train("upscale-x2", [*overrides, *net], out=tmp_path / "run"))
    assert isinstance(found, PlainUpscaler)
    assert {type(layer) for layer in found.inner} == {nn.Conv2d}


def test_the_plain_one_takes_a_fifth_of_the_multiply_adds_of_edsr() -> None:
    """At the input's resolution, where nearly all of either are: a multiply-add for each weight and pixel."""
    assert parameters(PlainUpscaler(branches=False)) < parameters(EDSR()) / 5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_pictures_are_enlarged_by_name(scale: int) -> None:
    picture = np.full((9, 7, 3), 100, np.uint8)
    for eightfold in (False, True):
        large = clearsight.restore(picture, model=f"upscale-x{scale}", self_ensemble=eightfold)
        assert large.shape == (9 * scale, 7 * scale, 3)
        assert large.dtype == np.uint8
        assert abs(large.astype(int) - 100).max() <= 6


def test_other_factors_are_no_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no restorer is named 'upscale-x5'.*upscale-x4"):
        weights.load("upscale-x5")


# How it is judged


def test_luma_is_that_of_studio_swing() -> None:
    colours = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])[..., None, None]
    assert (255 * luma(colours)).flatten().tolist() == pytest.approx([16, 235, 81.481, 144.553, 40.966], abs=1e-3)


def judged(x_hat: torch.Tensor, x: torch.Tensor, border: int) -> list[float]:
    outcome = Outcome(x_hat, x, torch.empty(0), torch.empty(0))
    return [metric.value(metric.statistic(outcome).sum(0)).item() for metric in luma_metrics(border)]


def test_the_border_and_the_colour_do_not_count() -> None:
    x = torch.rand(1, 3, 32, 32, generator=seeded()).mul(255).round() / 255
    x_hat = x.clone()
    x_hat[..., :2, :], x_hat[..., -2:] = 0, 1
    assert judged(x_hat, x, 2)[1] == pytest.approx(1, abs=1e-4)
    assert judged(x_hat, x, 2)[0] > 100
    assert judged(x_hat, x, 1)[0] < 30
    assert judged(x + 0.4 / 255, x, 2)[0] > 100, "it is rounded to 8 bits first"
    with pytest.raises(InvalidArgumentError, match="32×32 pixels has nothing left without a border of 16"):
        judged(x, x, 16)


def test_multiples_lose_their_last_rows_and_columns() -> None:
    image = Sample(name="a", x=torch.arange(35.0).view(1, 5, 7), label=None)
    assert Multiples([image], 3)[0].x.equal(image.x[:, :3, :6])
    with pytest.raises(DataError, match="a has 5×7 pixels, expected at least 6"):
        Multiples([image], 6)[0]


PUBLISHED = {"set5": {2: 33.66, 3: 30.39, 4: 28.42}, "set14": {2: 30.24, 3: 27.55, 4: 26.00}}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", PUBLISHED)
def test_bicubic_interpolation_has_the_published_figures(name: str, scale: int) -> None:
    """They were computed on luma of 8 bits, shrunk and enlarged by itself."""
    if not (Path(os.environ.get("CLEARSIGHT_DATA", "")) / name).is_dir():
        pytest.skip(f"there is no {name} here")
    pairs = Pairs(Luma(Multiples(Photographs(root=name), scale)), parse(f"bicubic(scale={scale}) | quantize"), seed=0)
    found = [
        judged(Bicubic(scale=scale)(pair.y[None]).clamp(0, 1), pair.sample.x[None], scale)[0]
        for pair in (pairs[index] for index in range(len(pairs)))
    ]
    assert sum(found) / len(found) == pytest.approx(PUBLISHED[name][scale], abs=0.02)


class Luma:
    """A data set's luma in 8 bits."""

    classes = ()

    def __init__(self, dataset: Multiples) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        sample = self.dataset[index]
        return Sample(name=sample.name, x=(255 * luma(sample.x[None])[0]).round() / 255, label=None)


# What is reproduced


def run(name: str, tmp_path: Path) -> dict[str, Any]:
    config = RunConfig(preset="smoke", seed=0, runs=tmp_path, report=lambda text: None)
    found = catalogue()[name].run(config)
    assert all(len(row) == len(found.header) for row in found.rows)
    return dict(found.record)


@pytest.mark.skipif("CLEARSIGHT_DATA" not in os.environ, reason="Set5, Set14 and photographs to train on are not here")
def test_the_table_of_lim2017(tmp_path: Path) -> None:
    record = run("lim2017/table", tmp_path)
    assert list(record["parts"]) == ["set5 ×2", "set5 ×4", "set14 ×2", "set14 ×4"]
    for rows in record["parts"].values():
        assert rows["bicubic"]["multiply_adds_per_pixel"] is None
        once, eight = (rows[name]["multiply_adds_per_pixel"] for name in ("EDSR-baseline", "EDSR-baseline+"))
        assert eight == pytest.approx(8 * once, rel=1e-3)
        assert rows["bicubic"]["psnr"]["value"] > 20


def test_multiply_adds_are_those_of_the_convolutions() -> None:
    network = PlainUpscaler(width=8, depth=2, branches=False)
    convolved = sum(p.numel() for p in network.parameters() if p.ndim > 1) + network.get_buffer("bicubic").numel()
    assert table.multiply_adds(network) == convolved / 4
    assert table.multiply_adds(Bicubic(scale=2)) is None


def test_digits_enlarged(tmp_path: Path) -> None:
    record = run("fleuret_dlc/upscale", tmp_path)
    rows = {row["method"]: row for row in record["rows"]}
    assert list(rows) == ["bilinear", "lecture", "plain-upscaler"]
    assert rows["plain-upscaler"]["psnr"]["value"] > rows["bilinear"]["psnr"]["value"]
