"""Recipes: those that come with clearsight, the names they may use, and what is wrong with one."""

from __future__ import annotations

import re
from pathlib import Path

from clearsight.errors import RecipeError

__all__ = ["RENAMED", "check_trained", "parse_error", "renewed", "shipped_recipes"]

_PACKAGE = "clearsight.training"
RENAMED = {
    f"{_PACKAGE}.{old}": f"{_PACKAGE}.{new}"
    for old, new in {
        "crops.Crops": "RandomCrops",
        "guidance.GuidedTask": "GuidedTask",
        "joint.JointTask": "JointTask",
        "muon.Muon": "Muon",
        "patches.Patches": "Patches",
        "recognition.RecognitionTask": "RecognitionTask",
        "regions.Regions": "RandomResizedCrops",
        "restoration.RestorationTask": "RestorationTask",
        "retraining.RetrainingTask": "RetrainingTask",
        "schedules.Cosine": "Cosine",
        "schedules.Staircase": "Staircase",
        "whole.WholeImages": "WholeImages",
    }.items()
}
"""What recipes used to call what they are made of: old → new. Recipes and runs of either spelling go on."""

_KEY = re.compile(r'Parser key "(?P<key>.+)":')
_CLASS = re.compile(r"Problem with given class_path '(?P<path>.+)':")
_NOISE = re.compile(
    r"Does not validate|Subtypes:|Errors:|Expected a <class 'NoneType'>|Given value|Subclass types expect"
    r"|a class path \(str\)|a dict with"
)
_LONGEST = 300


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with clearsight: name → file."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}


def renewed(text: str) -> str:
    """A recipe, or a part of one, by the names of today.

    Example:
        >>> renewed("class_path: clearsight.training.regions.Regions")
        'class_path: clearsight.training.RandomResizedCrops'
    """
    return re.sub(rf"\b{re.escape(_PACKAGE)}[.\w]+", lambda name: RENAMED.get(name[0], name[0]), text)


def check_trained(start: str) -> None:
    """A shipped recipe may go on from the run of another.

    Raises:
        RecipeError: ``start`` is such a run, and is still to be done.
    """
    runs, recipe, kind = ("", "", "", *Path(start).parts)[-3:]
    if (runs, kind) == ("runs", "weights") and recipe in shipped_recipes() and not Path(start).is_dir():
        raise RecipeError(f"this recipe goes on from another one's run: `clearsight train {recipe}` writes {start}")


def parse_error(error: Exception) -> str:
    r"""The key that is wrong and why, out of the nested report of everything that was tried.

    Example:
        >>> parse_error(ValueError("Problem with given class_path 'a.Net':\n    Option 'width' is not accepted"))
        "a.Net: Option 'width' is not accepted"
    """
    keys, paths, said = [], [], []
    for line in (line.strip().removeprefix("- ") for line in str(error).splitlines()):
        if key := _KEY.fullmatch(line):
            keys.append(key["key"])
        elif path := _CLASS.fullmatch(line):
            paths.append(path["path"])
        elif not _NOISE.match(line):
            said.append(line)
    parts = [".".join(keys), *paths[-1:], " ".join(" ".join(said).split())]
    return ": ".join(filter(None, parts))[:_LONGEST]
