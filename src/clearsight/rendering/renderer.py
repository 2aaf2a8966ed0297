"""Renders of rooms, as OpenEXR files with the albedo and the shading normal beside the radiance."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from clearsight.errors import InvalidArgumentError, MissingExtraError
from clearsight.images.exr import write_channels
from clearsight.images.files import atomically
from clearsight.images.picture import Array
from clearsight.rendering.scenes import draw_scene

__all__ = ["VARIANTS", "Plan", "render", "shot_names"]

VARIANTS = ("scalar_rgb", "llvm_ad_rgb")
"""Of Mitsuba: the first runs anywhere; the second is twice as fast and takes LLVM 16 or later, without which it ends
the process."""

_SMALLEST = 16
_HALF = 65504.0
_TWICE = "image."
"""What the radiance is called a second time among the channels that Mitsuba measures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is rendered.

    Attributes:
        scenes: how many rooms.
        shots: samples a pixel of each render of a room; as often as a number stands there, so often it is rendered,
            every time with random numbers of its own.
        size: height and width in pixels.
        seed: of the rooms and of the renders.
        variant: of Mitsuba.

    Raises:
        InvalidArgumentError: a number is too small, or there is no such variant.
    """

    scenes: int
    shots: Sequence[int]
    size: int = 96
    seed: int = 0
    variant: str = VARIANTS[0]

    def __post_init__(self) -> None:
        if self.scenes < 1 or not self.shots or min(self.shots) < 1:
            raise InvalidArgumentError("at least 1 scene is rendered, with at least 1 sample a pixel, such as 8,8,256")
        if self.size < _SMALLEST:
            raise InvalidArgumentError(f"renders are at least {_SMALLEST} pixels wide, got {self.size}")
        if self.variant not in VARIANTS:
            raise InvalidArgumentError(f"there is no variant {self.variant!r}; there is: {', '.join(VARIANTS)}")


def shot_names(shots: Sequence[int]) -> list[str]:
    """The files of a room's renders: samples a pixel, and a number that tells those of as many apart.

    Example:
        >>> shot_names([8, 8, 256])
        ['8spp-1.exr', '8spp-2.exr', '256spp-1.exr']
    """
    return [f"{spp}spp-{shots[: at + 1].count(spp)}.exr" for at, spp in enumerate(shots)]


def render(plan: Plan, out: Path) -> Iterator[Path]:
    """Render every room into a folder of its own, ``out/00000/8spp-1.exr``, …; what is there already is left alone.

    Channels are ``R G B``, ``albedo.R .G .B`` and ``normal.X .Y .Z``, in 16 bits: linear radiance without an upper end,
    reflectance, of some metals above 1, and unit vectors along the room's axes; all averaged over a pixel's samples.

    Yields:
        The folder of each room, when it is complete.

    Raises:
        MissingExtraError: something is to be rendered, and Mitsuba is not installed.
    """
    names = shot_names(plan.shots)
    for number in range(plan.scenes):
        folder = out / f"{number:05}"
        missing = [(spp, name) for spp, name in zip(plan.shots, names, strict=True) if not (folder / name).exists()]
        if missing:
            mitsuba = _mitsuba(plan.variant)
            folder.mkdir(parents=True, exist_ok=True)
            # Unmerged: merging leaves shapes, and so lamps, in the order of their addresses, and which lamp a random
            # number chooses would change from run to run.
            scene = mitsuba.load_dict(draw_scene(plan.seed, number, size=plan.size), optimize=False)
            for spp, name in missing:
                seed = random.Random(f"render/{plan.seed}/{number}/{name}").getrandbits(31)
                with atomically(folder / name) as part:
                    write_channels(_rendered(mitsuba, scene, spp, seed), part)
        yield folder


def _rendered(mitsuba: ModuleType, scene: Any, spp: int, seed: int) -> dict[str, Array]:
    """Each channel, ``(H, W)`` in 16 bits, by its name."""
    mitsuba.render(scene, spp=spp, seed=seed)
    developed = scene.sensors()[0].film().bitmap(raw=False)
    values = np.nan_to_num(np.array(developed).clip(-_HALF, _HALF)).astype(np.float16)
    names = [field.name for field in developed.struct_()]
    return {name: values[..., at] for at, name in enumerate(names) if not name.startswith(_TWICE)}


def _mitsuba(variant: str) -> ModuleType:
    try:
        import mitsuba
    except ImportError:
        raise MissingExtraError("rendering", "render") from None
    mitsuba.set_variant(variant)
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    module: ModuleType = mitsuba
    return module
