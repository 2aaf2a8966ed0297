"""The networks that tables 4 and 5 and Figure 6 judge, trained where they are not there yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from clearsight import weights
from clearsight.experiments.experiment import RunConfig
from clearsight.recognizers.loading import PACKAGED
from clearsight.registry import RECOGNIZERS, RESTORERS
from clearsight.training import train

__all__ = ["Trained"]

_DATASETS = {
    "cifar": "clearsight.datasets.CIFAR10",
    "camvid": "clearsight.datasets.CamVid",
    "imagenet": "clearsight.datasets.ImageNetSample",
}
"""By a word of the names of the recipes that are trained on them."""

_RECOGNIZERS = {"cifar": "cifar-resnet", "camvid": "camvid-segmenter", "imagenet": "efficientnet-lite0"}
"""By a word of the names of the recipes that need them."""

_STARTS = {"cifar": "denoise-color-narrow"}
"""The recipes, not shipped, whose networks other recipes go on from, by a word of the names of these."""


class Trained:
    """Weights by their recipes: those that are shipped, those of an earlier run, or those of a new one.

    Args:
        config: preset, folder of runs, and whom to tell.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config, self._smoke = config, config.preset == "smoke"
        self._there = {*(stored.name for stored in weights.shipped(RESTORERS, RECOGNIZERS)), *PACKAGED}

    def recognizer(self, recipe: str) -> str:
        """Trained on clean images."""
        return self._made(recipe)

    def restorer(self, recipe: str) -> str:
        """Guided, or trained for the image alone."""
        reader = self._read_by(recipe) if recipe.startswith("guided") else []
        return self._made(recipe, [*reader, *self._start(recipe)])

    def retrained(self, recipe: str, front: str | None) -> str:
        """The recognizer on degraded images, or on those that the restorer of a recipe gives."""
        restored = [] if front is None else [f"--model.init_args.restorer={self.restorer(front)}"]
        return self._made(recipe, [*self._read_by(recipe), *restored])

    def _read_by(self, recipe: str) -> list[str]:
        name = next(name for word, name in _RECOGNIZERS.items() if word in recipe)
        return [f"--model.init_args.recognizer={self.recognizer(name)}"]

    def _start(self, recipe: str) -> list[str]:
        needed = next((start for word, start in _STARTS.items() if word in recipe), None)
        if needed is None or self._found(recipe):
            return []
        start = "denoise-color" if self._smoke else self._made(needed)
        return [f"--model.init_args.start={start}"]

    def _made(self, recipe: str, overrides: Sequence[str] = ()) -> str:
        found = self._found(recipe)
        if found is None:
            self._config.report(f"training {recipe}")
            found = str(train(recipe, [*overrides, *(_few(recipe) if self._smoke else [])], out=self._run(recipe)))
        return found

    def _found(self, recipe: str) -> str | None:
        if recipe in self._there:
            return recipe
        folder = self._run(recipe) / "weights"
        return str(folder) if folder.is_dir() else None

    def _run(self, recipe: str) -> Path:
        return self._config.runs / (f"{recipe}-smoke" if self._smoke else recipe)


def _few(recipe: str) -> list[str]:
    """Two steps on eight images; photographs are made small."""
    images = next(path for word, path in _DATASETS.items() if word in recipe)
    few = {
        "class_path": "clearsight.datasets.take",
        "init_args": {"dataset": {"class_path": images, "init_args": {"part": "val"}}, "n": 8},
    }
    data = [f"--data.{part}={json.dumps(few)}" for part in ("train", "validation")]
    small = ["--data.size=64"] if "imagenet" in recipe else []
    return [*data, *small, "--data.batch=2", "--data.epoch=1", "--trainer.max_steps=2"]
