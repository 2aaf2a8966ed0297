"""Which images of a folder show the same: bursts, a scene each, or single images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clearsight.errors import RecipeError

__all__ = ["check_alike", "described", "scenes_of"]

_SHOT = "shot_"
"""What the names of folders begin with that hold one shot each of all scenes."""

_THUMBNAIL = 8
_ALIKE = 0.5
"""Least correlation of the thumbnails of two shots of a scene."""

_FLAT = 0.02
"""Standard deviation of a thumbnail that says nothing."""


def scenes_of(folder: Path, paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The images of a folder by their scenes.

    ``shot_a/NAME``, ``shot_b/NAME``, … are shots of the scene NAME; images in other folders below are shots of one
    scene a folder; images that lie in the folder itself are single.

    Args:
        folder: that they lie in.
        paths: of the images, in and below it.

    Raises:
        RecipeError: a scene has one shot, or images lie beside folders of others.
    """
    inner = [path.relative_to(folder) for path in paths]
    if all(len(path.parts) == 1 for path in inner):
        return {path.name: [folder / path] for path in inner}
    scenes = defaultdict[str, list[Path]](list)
    by_name = all(path.parts[0].startswith(_SHOT) for path in inner)
    for path in inner:
        name = path.relative_to(path.parts[0]).with_suffix("") if by_name else path.parent
        scenes[name.as_posix()].append(folder / path)
    alone = next((name for name, shots in scenes.items() if len(shots) == 1), None)
    if alone is not None:
        raise RecipeError(
            f"{scenes[alone][0]} is the only shot of its scene, expected two or more of each, as SCENE/1.png and "
            "SCENE/2.png or shot_a/NAME and shot_b/NAME: add others or remove it, or set data.shots single"
        )
    return dict(scenes)


def described(folder: str, scenes: dict[str, list[Path]]) -> str:
    """One line: what a folder was taken for, and what follows of it."""
    counts = [len(shots) for shots in scenes.values()]
    if max(counts) == 1:
        return (
            f"{folder}: {len(counts)} single noisy images: one of two neighbouring pixels is predicted from the other"
        )
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f"{folder}: {len(counts)} scenes of {span} shots: one noisy shot is predicted from another"


def check_alike(shots: Sequence[Tensor], paths: Sequence[Path]) -> None:
    """Say which shots of a scene cannot be.

    Args:
        shots: ``(C, H, W)`` each.
        paths: of them.

    Raises:
        RecipeError: they differ in size, or do not show the same.
    """
    for shot, path in zip(shots[1:], paths[1:], strict=True):
        first = shots[0]
        if shot.shape != first.shape:
            raise RecipeError(
                f"{path} has {shot.shape[2]}×{shot.shape[1]} pixels, {paths[0]} {first.shape[2]}×{first.shape[1]}: "
                "all shots of a scene have to be of one size"
            )
        if not _show_the_same(first, shot):
            raise RecipeError(
                f"{paths[0]} and {path} do not show the same, but a folder in {path.parent.parent} is one scene: "
                "align them, or set data.shots single where images are single ones"
            )


def _show_the_same(first: Tensor, second: Tensor) -> bool:
    """Whether thumbnails correlate, or one is too plain to tell."""
    thumbnails = [F.adaptive_avg_pool2d(shot[None].float(), _THUMBNAIL).flatten() for shot in (first, second)]
    scale = 255 if first.dtype == torch.uint8 else 1
    if min(thumbnail.std().item() for thumbnail in thumbnails) < _FLAT * scale:
        return True
    return torch.corrcoef(torch.stack(thumbnails))[0, 1].item() > _ALIKE
