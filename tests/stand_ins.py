"""What stands in for real networks and images in more than one test module."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from clearsight import images
from clearsight.contracts import RecognitionTraits
from clearsight.images import Picture
from clearsight.restorers import ResidualUNet

CLASSES = ("left", "middle", "right")
COLOURS = ("red", "green", "blue")
SIDE = 13


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=seeded(seed))


class Fickle(nn.Module):
    """A recognizer with all that moves in training: batch statistics, and units that are left out at random."""

    def __init__(self, *, channels: int = 1, task: str = "classify", width: int = 6) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.rectify = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Conv2d(width, 3, 1)
        self.norm.running_mean += rand(width) - 0.5
        self.traits = RecognitionTraits(task=cast(Any, task), classes=CLASSES, channels=channels)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(self.drop(self.rectify(self.norm(self.first(x)))))
        return logits if self.traits.task == "segment" else logits.mean((2, 3))


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def bit_equal(before: dict[str, Tensor], after: dict[str, Tensor]) -> bool:
    return before.keys() == after.keys() and all(before[name].equal(after[name]) for name in before)


def moved(network: nn.Module, seed: int = 0) -> nn.Module:
    """What starts at zero is moved, so that every weight has a say."""
    generator = seeded(seed)
    with torch.no_grad():
        for p in network.parameters():
            p += 0.05 * torch.randn(p.shape, generator=generator)
    return network


def small_unet(channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return moved(ResidualUNet(channels=channels, widths=[6, 8], blocks=[1, 1]))


def draw_bars(root: Path) -> Path:
    """Grey images with a bright bar on the left, in the middle or on the right; a part to train on, one to validate."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("val", 7)):
        for k, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = 0.3 * rng.random((SIDE, SIDE, 1))
                pixels[:, 4 * k + 1 : 4 * k + 4] += 0.5
                picture = Picture(pixels=images.from_unit(pixels, "uint8"))
                images.write(picture, root / part / name / f"{i}.png")
    return root


class Brightest(nn.Module):
    """Which of the three channels is the brightest: a perfect recognizer of colours, sure of itself."""

    def __init__(self, *, segments: bool = False, outputs: int = 3) -> None:
        super().__init__()
        self.segments, self.outputs = segments, outputs

    def forward(self, x: Tensor) -> Tensor:
        logits = 20 * torch.cat([x, x[:, :1].expand(-1, self.outputs - 3, -1, -1) - 1], dim=1)
        return logits if self.segments else logits.mean((2, 3))


def paint(root: Path, names: dict[str, int], n: int = 4) -> Path:
    """Noisy images of one colour each, the folder's, by the channel that is the brightest."""
    rng = np.random.default_rng(0)
    for name, channel in names.items():
        (root / name).mkdir(parents=True)
        for number in range(n):
            pixels = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            images.write(Picture(pixels=pixels), root / name / f"{name}{number}.png")
    return root


def files(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones as well, but for the outcomes of runs."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if ".outcomes" not in path.parts)


def one_line(err: str) -> str:
    """The one line that says what is wrong."""
    assert err.startswith("clearsight: "), err
    assert err.count("\n") == 1, err
    return err
