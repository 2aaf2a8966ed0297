"""``joint-digits``, one net behind two commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch

from clearsight import images
from clearsight.datasets import MNIST
from clearsight.degradations import parse
from clearsight.images import Picture
from clearsight.metrics import psnr


def test_one_name_restores_and_recognizes(command: Callable, tmp_path: Path) -> None:
    """The joint model of digits, by the same option of both commands."""
    digit = MNIST(part="val")[0]
    strokes = parse("strokes(kind=heavy)")(digit.x[None], generator=torch.Generator().manual_seed(0))[0]
    images.write(Picture(pixels=(255 * strokes).byte().movedim(0, -1).numpy()), tmp_path / "noisy.png")
    restored = command("restore", "noisy.png", "-o", "clean.png", "--model", "joint-digits")
    assert restored.status == 0
    x_hat = torch.from_numpy(images.read(tmp_path / "clean.png").pixels).movedim(-1, 0)[None] / 255
    assert psnr(x_hat, digit.x[None]) > psnr(strokes[None], digit.x[None]) + 8
    read = command("recognize", "noisy.png", "--model", "joint-digits", "--json")
    assert json.loads(read.out)[0]["label"] == str(digit.label)
