"""Noise2Noise: the network, losses of targets that are not clean, and trainings on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from clearsight import images, weights
from clearsight.contracts import Batch
from clearsight.degradations import parse
from clearsight.errors import ModelError, RecipeError
from clearsight.images import Picture
from clearsight.objectives import AnnealedL0, HDRLoss, KnownMSE
from clearsight.restorers import FFDNet, Noise2NoiseUNet, restored
from clearsight.training import Noise2NoiseTask, NoisyPatches, RestorationTask, train
from clearsight.training.noise2noise import Neighbours
from stand_ins import rand, seeded, small_unet

pytestmark = pytest.mark.usefixtures("unchanged")

NOISE = "gaussian(sigma=0.1)"

TABLE = [
    ("first", 9, 48),
    *((f"encoder.{level}", 48, 48) for level in range(5)),
    ("code", 48, 48),
    ("decoder.0.first", 96, 96),
    ("decoder.0.second", 96, 96),
    *(row for at in (1, 2, 3) for row in ((f"decoder.{at}.first", 144, 96), (f"decoder.{at}.second", 96, 96))),
    ("last.0", 96 + 9, 64),
    ("last.1", 64, 32),
    ("tail", 32, 3),
]
"""Layers of the paper with n = 9 and m = 3: name, channels in and out."""


# The network


def test_layers_are_those_of_the_paper() -> None:
    layers = {name: m for name, m in Noise2NoiseUNet(channels=3, features=6).named_modules() if _is_conv(m)}
    assert [(name, m.in_channels, m.out_channels) for name, m in layers.items()] == TABLE
    assert {m.kernel_size for m in layers.values()} == {(3, 3)}


def _is_conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def test_resolutions_are_those_of_the_paper() -> None:
    sizes: dict[str, int] = {}
    model = Noise2NoiseUNet(channels=1, width=6)
    for name, layer in model.named_modules():
        if _is_conv(layer):
            layer.register_forward_hook(lambda m, i, o, name=name: sizes.update({name: o.shape[-1]}))
    assert model(rand(1, 1, 64, 64)).shape == (1, 1, 64, 64)
    down = [64, 64, 32, 16, 8, 4, 2]
    assert [*sizes.values()] == [*down, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 64]


def test_any_size_is_restored() -> None:
    assert restored(Noise2NoiseUNet(channels=3, width=6), rand(2, 3, 37, 50)).shape == (2, 3, 37, 50)


def test_features_are_shown_beside_the_image() -> None:
    model, y = Noise2NoiseUNet(channels=1, features=2, width=6), rand(1, 1, 32, 32)
    assert not model(y, features=rand(1, 2, 32, 32)).equal(model(y, features=rand(1, 2, 32, 32, seed=1)))
    with pytest.raises(ModelError, match="takes 2 features"):
        model(y)


# Losses


def minimiser(loss: nn.Module, targets: Tensor) -> float:
    """The constant with the least loss."""
    guesses = torch.linspace(0, 1, 401)
    values = torch.stack([loss(guess.expand_as(targets), targets) for guess in guesses])
    return guesses[values.argmin()].item()


def test_mean_median_and_mode() -> None:
    """80 % of the targets are replaced by anything in [0, 1], the others are 0.2."""
    targets = torch.where(rand(4000, seed=1) < 0.8, rand(4000), torch.full((4000,), 0.2))
    annealed = AnnealedL0()
    found = []
    for progress in (0, 0.5, 0.9):
        annealed.anneal(progress)
        found.append(minimiser(annealed, targets))
    mean, median = 0.8 * 0.5 + 0.2 * 0.2, 0.2 + (0.5 - 0.2 - 0.8 * 0.2) / 0.8
    assert found == pytest.approx([mean, median, 0.2], abs=0.02)
    assert minimiser(nn.MSELoss(), targets) == pytest.approx(mean, abs=0.02)


def test_the_relative_error_settles_at_the_mean() -> None:
    targets = torch.tensor([0.0, 0.0, 0.0, 4.0])
    x_hat = torch.ones(4).requires_grad_()
    HDRLoss()(x_hat, targets).backward()
    assert x_hat.grad.sum().item() == pytest.approx(0, abs=1e-6)
    x_hat = torch.tensor([2.0], requires_grad=True)
    HDRLoss()(x_hat, torch.tensor([1.0])).backward()
    assert x_hat.grad.item() == pytest.approx(2 / 2.01**2)


def test_what_is_missing_says_nothing() -> None:
    x = rand(2, 3, 8, 8) + 0.1
    kept = torch.rand(2, 1, 8, 8, generator=seeded(3)) < 0.5
    x_hat = (x + 0.1).requires_grad_()
    loss = KnownMSE()(x_hat, x * kept)
    loss.backward()
    assert loss.item() == pytest.approx(0.01, rel=1e-3)
    assert x_hat.grad.abs().sum(1, keepdim=True).ne(0).equal(kept)
    assert KnownMSE()(x, torch.zeros_like(x)).item() == 0


# Clean images, their targets degraded


def test_targets_are_degraded_by_a_draw_of_their_own() -> None:
    class Kept(nn.Module):
        def forward(self, x_hat: Tensor, x: Tensor) -> Tensor:
            self.targets = x
            return (x_hat - x).square().mean()

    batch, loss = Batch(rand(2, 1, 32, 32)), Kept()
    task = RestorationTask(
        restorer=small_unet(), degradation=NOISE, target_degradation=NOISE, validation=[NOISE], loss=loss
    )
    task.objective(batch, seeded())
    y = parse(NOISE)(batch.x, generator=seeded())
    noise, other = y - batch.x, loss.targets - batch.x
    assert other.std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.corrcoef(torch.stack([noise.flatten(), other.flatten()]))[0, 1].abs() < 0.1


def test_targets_keep_their_size() -> None:
    with pytest.raises(RecipeError, match="targets keep their size"):
        RestorationTask(
            restorer=small_unet(), degradation=NOISE, target_degradation="bicubic(scale=2)", validation=[NOISE]
        )


# Noisy images on disk


def scene(seed: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0.2, 0.8, (side // 8, side // 8, 3)).repeat(8, 0).repeat(8, 1)


def write(path: Path, clean: np.ndarray, seed: int, dtype: str = "uint8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noisy = clean + 0.05 * np.random.default_rng(seed).standard_normal(clean.shape)
    images.write(Picture(pixels=images.from_unit(noisy, dtype)), path)


def bursts(root: Path) -> None:
    for number in range(5):
        for shot in range(2 + number % 2):
            write(root / f"{number}/{shot}.png", scene(number), 10 * number + shot)


def twins(root: Path) -> None:
    for number in range(5):
        for shot in "ab":
            write(root / f"shot_{shot}/{number}.png", scene(number), 10 * number + ord(shot))


def singles(root: Path) -> None:
    for number in range(5):
        write(root / f"{number}.png", scene(number), number)


def patches(root: Path, **settings: object) -> NoisyPatches:
    settings = {"size": 32, "batch": 8, "epoch": 2, "validation_size": 32, **settings}
    data = NoisyPatches(images=str(root), **settings)
    data.setup("fit")
    return data


@pytest.mark.parametrize(("make", "said"), [(bursts, "5 scenes of 2 to 3 shots"), (twins, "5 scenes of 2 shots")])
def test_two_shots_are_cut_at_the_same_place(
    make: Callable[[Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path)
    data = patches(tmp_path)
    assert said in capsys.readouterr().err
    for batch in (data.draw(0), data.draw(1), *data.held_out()):
        one, other = batch.x.float() / 255, batch.target.float() / 255
        assert 0.05 < (one - other).std() < 0.09
    assert data.draw(0).x.equal(data.draw(0).x)
    assert len(data.held_out()) == 1


def test_any_two_shots_of_a_burst_meet(tmp_path: Path) -> None:
    for number in range(2):
        for shot in range(3):
            images.write(
                Picture(pixels=np.full((32, 32, 3), 100 * number + shot, np.uint8)), _shot(tmp_path, number, shot)
            )
    data = patches(tmp_path, hold_out=1)
    drawn = [data.draw(step) for step in range(12)]
    pairs = {
        (x, t) for b in drawn for x, t in zip(b.x[:, 0, 0, 0].tolist(), b.target[:, 0, 0, 0].tolist(), strict=True)
    }
    first = 100
    assert pairs == {(first + a, first + b) for a in range(3) for b in range(3) if a != b}


def _shot(root: Path, number: int, shot: int) -> Path:
    (root / str(number)).mkdir(exist_ok=True)
    return root / f"{number}/{shot}.png"


def test_single_images_have_no_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    singles(tmp_path)
    assert patches(tmp_path).draw(0).target is None
    assert "5 single noisy images" in capsys.readouterr().err


def test_shots_of_16_bits_share_black_and_white(tmp_path: Path) -> None:
    for shot, top in enumerate((3000, 6000)):
        for number in range(2):
            pixels = (1000 + 1000 * scene(number)[..., :1]).astype(np.uint16)
            pixels[0, 0] = top
            path = tmp_path / f"{number}/{shot}.png"
            path.parent.mkdir(exist_ok=True)
            images.write(Picture(pixels=pixels), path)
    batch = patches(tmp_path, channels=1, hold_out=1).held_out()[0]
    torch.testing.assert_close(batch.x, batch.target)


def other_size(root: Path) -> None:
    twins(root)
    write(root / "shot_b/3.png", scene(3, side=40), 0)


def one_frame(root: Path) -> None:
    bursts(root)
    (root / "0/1.png").unlink()


def no_twin(root: Path) -> None:
    twins(root)
    (root / "shot_b/2.png").unlink()


def unlike(root: Path) -> None:
    for number in range(6):
        write(root / f"{number % 2}/{number}.png", scene(number), number)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_size, r"shot_b/3.png has 40×40 pixels, .*shot_a/3.png 48×48: all shots of a scene"),
        (one_frame, "0/0.png is the only shot of its scene"),
        (no_twin, "shot_a/2.png is the only shot of its scene"),
        (unlike, "do not show the same"),
    ],
)
def test_what_is_no_burst_is_said(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(RecipeError, match=message) as caught:
        patches(tmp_path)
    assert "\n" not in str(caught.value)
    if make is unlike:
        assert patches(tmp_path, shots="single").draw(0).target is None


# The task


def test_neighbours_are_two_pixels_of_a_cell() -> None:
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(8.0), indexing="ij")
    y = torch.stack([rows, columns])[None]
    first, second = Neighbours.drawn(y, seeded()).of(y)
    assert first.shape == second.shape == (1, 2, 3, 4)
    assert (first // 2).equal(second // 2)
    assert (first - second).abs().sum(1).equal(torch.ones(1, 3, 4))
    assert Neighbours.drawn(rand(1, 3, 7, 5), seeded()).of(rand(1, 3, 7, 5))[0].shape == (1, 3, 3, 2)


def test_single_images_are_held_to_their_neighbours() -> None:
    """By hand, at half the training."""
    task, batch = Noise2NoiseTask(restorer=small_unet(3), gamma=2.0), Batch(rand(2, 3, 32, 32))
    task.progress = 0.5
    cells = Neighbours.drawn(batch.x, seeded())
    (first, second), (left, right) = cells.of(batch.x), cells.of(task.network(batch.x))
    error = task.network(first) - second
    expected = error.square().mean() + (error - (left - right)).square().mean()
    torch.testing.assert_close(task.objective(batch, seeded()), expected)


def test_psnr_is_estimated_from_noisy_shots() -> None:
    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.traits = small_unet(1).traits

        def forward(self, y: Tensor, sigma: Tensor | None = None) -> Tensor:
            return 0.5 * y + 0.25

    x, noise = 0.4 + 0.2 * rand(2, 1, 128, 128), parse("gaussian(sigma=0.05)")
    y, other = (noise(x, generator=seeded(seed)) for seed in (1, 2))
    task = Noise2NoiseTask(restorer=Same())
    found = task.scores(Batch(y, target=other), 0)
    true = -10 * (0.5 * y + 0.25 - x).square().mean().log10().item()
    assert task.figure("estimated_psnr", found["estimated_psnr"]["another noisy shot"]) == pytest.approx(true, abs=0.2)
    assert task.figure("noisy_psnr", found["noisy_psnr"]["another noisy shot"]) < true - 1


def test_a_restorer_that_is_told_sigma_is_refused() -> None:
    with pytest.raises(RecipeError, match="FFDNet does not"):
        Noise2NoiseTask(restorer=FFDNet(channels=1, depth=3, width=4))


@pytest.mark.parametrize("make", [twins, singles])
def test_a_folder_of_noisy_images_becomes_weights(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "noisy")
    content = {
        "summary": "Ours",
        "model": {
            "class_path": "clearsight.training.Noise2NoiseTask",
            "init_args": {
                "restorer": {
                    "class_path": "clearsight.restorers.Noise2NoiseUNet",
                    "init_args": {"channels": 3, "width": 6},
                }
            },
        },
        "data": {
            "class_path": "clearsight.training.NoisyPatches",
            "init_args": {"images": str(tmp_path / "noisy"), "size": 32, "batch": 2, "epoch": 2, "validation_size": 32},
        },
        "trainer": {"max_steps": 4, "accelerator": "cpu"},
    }
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(yaml.safe_dump(content))
    out = train(str(recipe), out=tmp_path / "run")
    figures = json.loads((out / "figures.json").read_text())
    assert list(figures["validation"]["noisy_psnr"]) == [
        "another noisy shot" if make is twins else "noisy neighbours, half the size"
    ]
    assert ("estimated_psnr" in figures["validation"]) == (make is twins)
    assert "noisy itself" in (out / "README.md").read_text()
    assert isinstance(weights.load(out), Noise2NoiseUNet)
