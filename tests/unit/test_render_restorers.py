"""Denoisers of renders: linear light of any range, guided by what the file says of its surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import clearsight.datasets  # noqa: F401  (before lightning, which takes torchvision as it is)
from clearsight.contracts import Batch, Input, Traits
from clearsight.errors import RecipeError
from clearsight.images import Picture, open_image
from clearsight.images.exr import write_channels
from clearsight.images.layers import maps_of
from clearsight.inference import Restoration, plan, process
from clearsight.restorers import RelativeRenderUNet, RenderUNet, ResidualUNet, restored, tone_mapped
from clearsight.training import RenderTask
from stand_ins import moved, rand, seeded

pytest.importorskip("OpenEXR")
RNG = np.random.default_rng(0)


class Guided(nn.Module):
    """x_hat = y + 10·albedo + normal: what it was shown can be read off its answer."""

    traits = Traits(
        channels=3,
        receptive_radius=0,
        inputs=tuple(Input(name=name, channels=3, required=False) for name in ("albedo", "normal")),
        linear=True,
    )

    def forward(
        self, y: Tensor, sigma: Tensor | None = None, albedo: Tensor | None = None, normal: Tensor | None = None
    ) -> Tensor:
        return y + 10 * (0 if albedo is None else albedo) + (0 if normal is None else normal)


def layer(prefix: str, axes: str, low: float = 0.0, high: float = 1.0, dtype: str = "float16") -> dict[str, np.ndarray]:
    return {f"{prefix}{axis}": RNG.uniform(low, high, (33, 21)).astype(dtype) for axis in axes}


def stacked(channels: dict[str, np.ndarray], prefix: str, axes: str) -> np.ndarray:
    return np.dstack([channels[f"{prefix}{axis}"] for axis in axes])


NAMES = {
    "Mitsuba": ("", "albedo.", "RGB", "normal.", "XYZ"),
    "Mitsuba, as its manual has it": ("", "albedo.", "RGB", "nn.", "XYZ"),
    "Blender": (
        "ViewLayer.Combined.",
        "ViewLayer.Denoising Albedo.",
        "RGB",
        "ViewLayer.Denoising Normal.",
        "XYZ",
    ),
    "Arnold": ("", "denoise_albedo.", "RGB", "N.", "RGB"),
    "pbrt": ("", "Albedo.", "RGB", "Ns.", "XYZ"),
}


@pytest.mark.parametrize("renderer", NAMES)
def test_layers_of_renderers_are_found_and_all_come_back(renderer: str, tmp_path: Path) -> None:
    light, albedo, albedo_axes, normal, normal_axes = NAMES[renderer]
    channels = {
        **layer(light, "RGB", 0, 500, "float32"),
        **layer(albedo, albedo_axes),
        **layer(normal, normal_axes, -1, 1),
        "depth.Z": RNG.uniform(0, 9, (33, 21)).astype(np.float32),
    }
    write_channels(channels, tmp_path / "in.exr")
    restoration = Restoration(Guided(), tile=16)
    (report,) = process(plan([tmp_path / "in.exr"], tmp_path / "out.exr"), lambda _, picture: restoration(picture))
    assert (report.error, report.notes) == (None, ())
    after = open_image(tmp_path / "out.exr").read()
    shown = 10 * stacked(channels, albedo, albedo_axes) + stacked(channels, normal, normal_axes)
    before = stacked(channels, light, "RGB")
    assert after.pixels.dtype == np.float32
    np.testing.assert_allclose(after.pixels, np.maximum(before + shown, 0), atol=0.02)
    assert after.pixels.max() > 400
    rest = open_image(tmp_path / "out.exr", layer="depth.Z").read()
    assert np.array_equal(rest.pixels[..., 0], channels["depth.Z"])
    assert np.array_equal(after.maps["albedo"], stacked(channels, albedo, albedo_axes))


def test_what_guides_best_is_taken() -> None:
    names = [f"ViewLayer.{name}.{axis}" for name in ("Normal", "Denoising Normal") for axis in "XYZ"]
    assert maps_of([""], [names])["normal"] == (0, tuple(f"ViewLayer.Denoising Normal.{axis}" for axis in "XYZ"))
    assert maps_of(["a", "albedo"], [["R", "G", "B"], ["R", "G", "B"]]) == {"albedo": (1, ("R", "G", "B"))}
    assert maps_of([""], [["normal.X", "normal.Y", "R", "G", "B"]]) == {}


def test_what_a_file_lacks_is_said_and_done_without(tmp_path: Path) -> None:
    channels = {**layer("", "RGB", 0, 50), **layer("albedo.", "RGB")}
    write_channels(channels, tmp_path / "in.exr")
    picture = open_image(tmp_path / "in.exr").read()
    after = Restoration(Guided())(picture)
    assert after.notes == ("restored without normal, which would have told Guided more",)
    shown = stacked(channels, "", "RGB").astype(np.float32) + 10 * stacked(channels, "albedo.", "RGB")
    np.testing.assert_allclose(after.pixels, shown, rtol=2e-3)
    told = Restoration(Guided(), inputs={"normal": np.ones((33, 21, 3), np.float32)})(picture)
    assert told.notes == ()
    np.testing.assert_allclose(told.pixels, shown + 1, rtol=2e-3)


def test_linear_light_has_no_upper_end_and_integers_have() -> None:
    bright = Picture(pixels=np.full((4, 4, 3), 3000.0, np.float32))
    assert Restoration(Guided())(bright).pixels.max() == 3000
    dark = Picture(pixels=np.full((4, 4, 3), -3.0, np.float32))
    assert Restoration(Guided())(dark).pixels.max() == 0
    assert Restoration(Guided())(Picture(pixels=np.full((4, 4, 3), 255, np.uint8))).pixels.max() == 255


@pytest.mark.parametrize(
    "make", [lambda: RenderUNet(width=6), lambda: RelativeRenderUNet(widths=[6, 8], blocks=[1, 1])]
)
def test_tiles_show_the_network_what_the_whole_does(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = moved(make()).eval()
    reach = model.traits.receptive_radius
    size = (40, 2 * reach + 100)
    pixels = RNG.uniform(0, 20, (*size, 3)).astype(np.float32)
    maps = {name: RNG.uniform(0, 1, (*size, 3)).astype(np.float32) for name in ("albedo", "normal")}
    picture = Picture(pixels=pixels, maps=maps)
    whole, tiled = (Restoration(model, tile=tile)(picture).pixels for tile in ("off", 64))
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-3)
    assert not np.allclose(Restoration(model)(Picture(pixels=pixels)).pixels, whole, atol=1e-2)


def test_the_tone_curve_is_monotone_and_bounded() -> None:
    v = torch.tensor([-1.0, 0.0, 0.01, 1.0, 100.0, 65504.0])
    mapped = tone_mapped(v)
    assert mapped.diff().ge(0).all()
    assert 0 <= mapped[0] < 0.01
    assert mapped[-1] <= 1
    assert mapped[3].item() == pytest.approx(0.5 ** (1 / 2.2))


def batch(n: int = 4, size: int = 16) -> Batch:
    """Flat fields of their albedo's light under noise of mean zero that is now and then strong."""
    albedo = rand(n, 3, 1, 1).expand(n, 3, size, size)
    noise = torch.empty(4, 2, n, 3, size, size).exponential_(generator=seeded(1)).mean(0)
    y, target = 2 * albedo * noise
    return Batch(x=y, target=target, inputs={"albedo": albedo, "normal": torch.zeros_like(albedo)})


def test_noisy_targets_teach_the_mean() -> None:
    torch.manual_seed(0)
    task = RenderTask(restorer=RelativeRenderUNet(widths=[8], blocks=[1]), stops=1.0)
    data = batch()
    optimizer = torch.optim.Adam(task.parameters(), lr=0.003)
    for step in range(60):
        optimizer.zero_grad()
        task.objective(data, seeded(step)).backward()
        nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():
        x_hat = restored(task.network, data.x, inputs=data.inputs)
    clean = 2 * data.inputs["albedo"]
    assert (x_hat - clean).square().mean() < 0.3 * (data.x - clean).square().mean()
    assert x_hat.mean() / clean.mean() == pytest.approx(1, abs=0.25)


def test_images_are_lit_and_coloured_with_their_targets_and_maps_left_out() -> None:
    seen = []

    class Spy(RelativeRenderUNet):
        def forward(self, y: Tensor, sigma: Tensor | None = None, **maps: Tensor) -> Tensor:
            seen.append((y, maps))
            return super().forward(y, sigma, **maps)

    class Heard(nn.MSELoss):
        def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
            seen.append((x, {}))
            return super().forward(x_hat, x)

    task = RenderTask(restorer=Spy(widths=[8], blocks=[1]), loss=Heard(), blind=0.5)
    data = batch(n=32)
    task.objective(data._replace(target=3 * data.x), seeded())
    (y, maps), (target, _) = seen
    torch.testing.assert_close(target, 3 * y)
    gains = y.sum((1, 2, 3)) / data.x.sum((1, 2, 3))
    assert 0.25 <= gains.min() < 0.5
    assert 2 < gains.max() <= 4
    left_out = maps["albedo"].flatten(1).sum(1) == 0
    assert 5 < left_out.sum() < 27
    for image, before in zip(maps["albedo"][~left_out], data.inputs["albedo"][~left_out], strict=True):
        assert sorted(image[:, 0, 0].tolist()) == sorted(before[:, 0, 0].tolist())


def test_what_is_shown_is_compared() -> None:
    """Untrained, the network treats all colours alike, so their order does not matter."""
    task = RenderTask(
        restorer=RelativeRenderUNet(widths=[8], blocks=[1]), loss=nn.MSELoss(), tone_mapped=True, stops=0.0, blind=0.0
    )
    data = batch()
    shown = (tone_mapped(each) for each in (restored(task.network, data.x, inputs=data.inputs), data.reference))
    torch.testing.assert_close(task.objective(data, seeded()), nn.functional.mse_loss(*shown))


def test_restorers_of_pictures_are_refused() -> None:
    with pytest.raises(RecipeError, match="renders train a restorer of linear light, and ResidualUNet takes"):
        RenderTask(restorer=ResidualUNet(widths=[8], blocks=[1]))
