"""Recipes name what they are made of without a file, and those that still name one go on."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from clearsight import images, training, weights
from clearsight.errors import MissingExtraError
from clearsight.images import Picture
from clearsight.registry import JOINT, RECOGNIZERS, RESTORERS
from clearsight.training.recipes import RENAMED, renewed, shipped_recipes

pytest.importorskip("lightning")
pytest.importorskip("jsonargparse")

pytestmark = pytest.mark.usefixtures("unchanged")

CARDS = {stored.name: stored.folder / "README.md" for stored in weights.shipped(RESTORERS, RECOGNIZERS, JOINT)}
TEXTS = {f"{name}: {path.name}": path for files in (shipped_recipes(), CARDS) for name, path in files.items()}
OLD = """
summary: A small network
model:
  class_path: clearsight.training.restoration.RestorationTask
  init_args:
    restorer: {class_path: clearsight.restorers.ResidualUNet, init_args: {channels: 3, widths: [8], blocks: [1]}}
    degradation: gaussian(sigma=0.1)
    validation: [gaussian(sigma=0.1)]
    schedule: {class_path: clearsight.training.schedules.Cosine, init_args: {warmup: 2}}
data:
  class_path: clearsight.training.patches.Patches
  init_args: {images: IMAGES, size: 8, batch: 1, epoch: 2, hold_out: 1, validation_size: 16}
trainer: {max_steps: 4, accelerator: cpu}
"""


def found(path: str) -> object:
    """What an import path leads to."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_every_name_leads_to_a_class(old: str, new: str) -> None:
    assert isinstance(found(new), type)
    assert found(renewed(f"class_path: {old}").removeprefix("class_path: ")) is found(new)
    assert renewed(new) == new


@pytest.mark.parametrize("name", TEXTS)
def test_recipes_and_cards_use_the_names_of_today(name: str) -> None:
    text = TEXTS[name].read_text(encoding="utf-8")
    assert renewed(text) == text
    for path in re.findall(r"class_path: ([\w.]+)", text):
        assert found(path)


def test_a_longer_name_is_another_name() -> None:
    for text in ("clearsight.training.muon.Muons", "my.clearsight.training.muon", "clearsight.training.muon"):
        assert renewed(text) == text
    assert renewed("{class_path: clearsight.training.muon.Muon}, …") == "{class_path: clearsight.training.Muon}, …"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """By the names of before."""
    (tmp_path / "images").mkdir()
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        images.write(Picture(pixels=pixels), tmp_path / f"images/{seed}.png")
    path = tmp_path / "old.yaml"
    path.write_text(OLD.replace("IMAGES", str(tmp_path / "images")), encoding="utf-8")
    return path


def test_a_recipe_and_a_run_of_old_names_go_on(recipe: Path, tmp_path: Path) -> None:
    override = "--model.init_args.optimizer.class_path=clearsight.training.muon.Muon"
    folder = training.train(str(recipe), [override], out=tmp_path / "run")
    kept = folder.with_name("recipe.yaml")
    whole = kept.read_text(encoding="utf-8")
    assert yaml.safe_load(whole)["model"]["class_path"] == "clearsight.training.RestorationTask"
    assert whole == renewed(whole)
    older = whole
    for old, new in RENAMED.items():
        older = re.sub(rf"{re.escape(new)}\b", old, older)
    assert older != whole
    kept.write_text(older, encoding="utf-8")
    assert training.train(str(recipe), [override], out=tmp_path / "run") == folder
    assert kept.read_text(encoding="utf-8") == whole


def test_training_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.lazy.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"training needs .*pip install 'clearsight\[train\]'"):
        _ = training.train
    with pytest.raises(AttributeError, match="no attribute 'Guided'"):
        _ = training.Guided
