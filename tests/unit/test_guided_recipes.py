"""The shipped recipes of guided restorers and of their twins, for two steps on small data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from torch import nn

from clearsight import images, weights
from clearsight.images import Picture
from clearsight.recognizers import CRNN, ResidualNet, SegmentationNet
from clearsight.restorers import ResidualUNet
from clearsight.training import shipped_recipes, train

pytest.importorskip("lightning")
pytest.importorskip("jsonargparse")

pytestmark = pytest.mark.usefixtures("unchanged")

KINDS = ("cifar", "camvid", "imagenet", "text")
RECOGNIZERS: dict[str, nn.Module] = {
    "cifar": ResidualNet(widths=[4, 6, 8], blocks=[0, 0, 1]),
    "camvid": SegmentationNet(widths=[4, 6, 8], blocks=[0, 1, 1], head=5),
    "imagenet": ResidualNet(widths=[4], blocks=[0], classes=["cat", "cow", "dog"]),
    "text": CRNN(widths=[4, 6, 8], hidden=5),
}


def write(path: Path, *shape: int, most: int = 256) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, most, shape, dtype=np.uint8)
    images.write(Picture(pixels=pixels), path)


def data(kind: str, root: Path) -> dict[str, object]:
    """Small data in the place of what the recipe is for."""
    if kind == "cifar":
        for k in range(10):
            write(root / str(k) / "a.png", 32, 32, 3)
        folder: dict[str, Any] = {"root": str(root), "part": None}
        named: dict[str, Any] = {"class_path": "clearsight.datasets.ImageFolder", "init_args": folder}
        return {"train": named, "validation": named}
    if kind == "camvid":
        for i in range(2):
            write(root / f"images/{i}.png", 34, 45, 3)
            write(root / f"labels/{i}.png", 34, 45, 1, most=11)
        folder = {"root": str(root), "part": None, "classes": 11}
        named = {"class_path": "clearsight.datasets.SegmentationFolder", "init_args": folder}
        return {"train": named, "validation": named, "size": [22, 30]}
    if kind == "text":
        named = {"class_path": "clearsight.datasets.Lines", "init_args": {"part": "val", "count": 2, "letters": 6}}
        return {"train": named, "validation": named}
    for name in ("cat", "dog"):
        write(root / name / "a.png", 40, 50, 3)
    folder = {"root": str(root), "part": None}
    named = {"class_path": "clearsight.datasets.ImageFolder", "init_args": folder}
    return {"train": named, "validation": named, "size": 22}


def arguments(name: str) -> dict[str, Any]:
    content = yaml.safe_load(shipped_recipes()[name].read_text(encoding="utf-8"))
    found: dict[str, Any] = content["model"]["init_args"]
    return found


NAMES = [name for name in shipped_recipes() if name.startswith(("guided-", "separate-", "retrained-"))]
METRICS = {
    "guided": ["departure", "misread", "psnr"],
    "guided-text": ["misread", "psnr"],
    "separate": ["psnr"],
    "retrained": ["departure"],
}


@pytest.mark.parametrize("name", NAMES)
def test_shipped_recipes_train(name: str, tmp_path: Path) -> None:
    kind = "text" if name.endswith("-lines") else next(kind for kind in KINDS if kind in name)
    settings = {f"data.{key}": value for key, value in data(kind, tmp_path / "data").items()}
    settings |= {"data.batch": 2, "data.epoch": 2, "trainer.max_steps": 2, "trainer.accelerator": "cpu"}
    given, small = arguments(name), {"figures": {"name": "small", "summary": "Small"}, "card": ""}
    if isinstance(given.get("restorer"), dict):
        settings |= {"model.restorer.init_args.widths": [4, 6, 8], "model.restorer.init_args.blocks": [1, 1, 1]}
    elif "restorer" in given:
        weights.save(ResidualUNet(widths=[4, 6, 8], blocks=[1, 1, 1]), tmp_path / "front", **small)
        settings |= {"model.restorer": str(tmp_path / "front")}
    if "start" in given:
        start = ResidualUNet(channels=1 if kind == "text" else 3, widths=[4, 6, 8], blocks=[1, 1, 1])
        weights.save(start, tmp_path / "start", **small)
        settings |= {"model.start": str(tmp_path / "start")}
    if kind == "imagenet" and "layer" in given:
        settings |= {"model.layer": "features.0"}
    if "recognizer" in given:
        weights.save(RECOGNIZERS[kind], tmp_path / "small", **small)
        settings |= {"model.recognizer": str(tmp_path / "small")}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()}
    folder = train(name, [text for key, value in texts.items() for text in (f"--{key}", value)], out=tmp_path / "run")
    found = weights.load_recognizer(folder) if name.startswith("retrained") else weights.load(folder)
    assert found.figures["steps"] == 2
    assert list(found.figures["validation"])[1:-1] == (METRICS.get(name) or METRICS[name.partition("-")[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_is_the_same_but_for_the_guidance(kind: str) -> None:
    files = (shipped_recipes()[f"{half}-{kind}"] for half in ("guided", "separate"))
    guided, separate = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    own = {"recognizer", "labelled", "perceptual", "recognition", "layer"}
    theirs = guided["model"]["init_args"]
    assert {key: value for key, value in theirs.items() if key not in own} == separate["model"]["init_args"]
    assert own & theirs.keys() >= {"recognizer", "recognition"}
    for part in ("data", "trainer", "seed_everything"):
        assert guided[part] == separate[part]
