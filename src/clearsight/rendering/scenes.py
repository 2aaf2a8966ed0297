"""Rooms that nobody built, as dictionaries that Mitsuba loads: walls, solids, lamps and materials drawn at random."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_scene"]

_BOUNCES = 6
_ROUGHEN = 3
"""Bounces after which paths end at random."""

_METALS = ("Al", "Au", "Cu", "Cr", "W")
_TEXELS = 64

Node = dict[str, Any]
Colour = list[float]


def draw_scene(seed: int, number: int, *, size: int) -> Node:
    """Room ``number`` of a seed: three to five walls, some solids, one to three lamps, each of its own material.

    Diffuse, textured, glossy, metallic and glass surfaces; lamps from small and bright to wide and dim, some rooms open
    to a grey sky.

    Args:
        seed: of all rooms.
        number: of this one; every number is another room.
        size: height and width of the film in pixels.

    Returns:
        What ``mitsuba.load_dict`` takes; radiance, albedo and shading normal are what it measures.
    """
    return _Builder(random.Random(f"room/{seed}/{number}")).scene(size)


class _Builder:
    """Draws the parts of one room, whose floor lies at y = 0 and whose open side faces the camera, along +z."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.half, self.height, self.depth = rng.uniform(1.6, 2.8), rng.uniform(2.0, 3.2), rng.uniform(1.6, 2.8)
        self.hue = rng.random()

    def scene(self, size: int) -> Node:
        walls = {f"wall {n}": wall for n, wall in enumerate(self.walls())}
        solids = {f"solid {n}": self.solid() for n in range(self.rng.randint(3, 8))}
        lamps = {f"lamp {n}": lamp for n, lamp in enumerate(self.lamps())}
        return {
            "type": "scene",
            "integrator": {
                "type": "aov",
                "aovs": "albedo:albedo,normal:sh_normal",
                "image": {"type": "path", "max_depth": _BOUNCES, "rr_depth": _ROUGHEN},
            },
            "sensor": self.camera(size),
            **walls,
            **solids,
            **lamps,
        }

    def camera(self, size: int) -> Node:
        rng = self.rng
        origin = [rng.uniform(-0.6, 0.6) * self.half, rng.uniform(0.3, 0.8) * self.height, rng.uniform(3.0, 4.5)]
        target = [rng.uniform(-0.3, 0.3) * self.half, rng.uniform(0.2, 0.5) * self.height, -0.3 * self.depth]
        return {
            "type": "perspective",
            "fov": rng.uniform(38, 62),
            "to_world": _transform().look_at(origin=origin, target=target, up=[0, 1, 0]),
            "film": {
                "type": "hdrfilm",
                "width": size,
                "height": size,
                "rfilter": {"type": "box"},
                "pixel_format": "rgb",
                "component_format": "float32",
            },
            "sampler": {"type": "independent"},
        }

    def walls(self) -> list[Node]:
        """Floor and back always, the others as it falls; each a rectangle of its own material."""
        half, high, deep, rng = self.half, self.height, self.depth, self.rng
        places = [_placed([0, 0, 0], [half, deep, 1], (1, 0, 0), -90)]
        places.append(_placed([0, high / 2, -deep], [half, high / 2, 1], (0, 1, 0), 0))
        if rng.random() < 0.8:
            places.append(_placed([-half, high / 2, 0], [deep, high / 2, 1], (0, 1, 0), 90))
        if rng.random() < 0.8:
            places.append(_placed([half, high / 2, 0], [deep, high / 2, 1], (0, 1, 0), -90))
        if rng.random() < 0.6:
            places.append(_placed([0, high, 0], [half, deep, 1], (1, 0, 0), 90))
        return [{"type": "rectangle", "to_world": place, "bsdf": _matt(self.paint())} for place in places]

    def solid(self) -> Node:
        """A sphere, a box, a cylinder or a disk that stands, lies or hangs somewhere."""
        rng, kind = self.rng, self.rng.choice(("sphere", "sphere", "cube", "cube", "cylinder", "disk"))
        radius = math.exp(rng.uniform(math.log(0.15), math.log(0.8)))
        stretch = [radius * rng.uniform(0.6, 1.6) for _ in range(3)] if kind == "cube" else [radius] * 3
        at = [rng.uniform(-0.8, 0.8) * self.half, stretch[1], rng.uniform(-0.8, 0.6) * self.depth]
        if rng.random() < 0.25:
            at[1] = rng.uniform(0.2, 0.8) * self.height
        tilt = rng.uniform(-180, 180)
        axis = (0, 1, 0) if rng.random() < 0.7 else (rng.uniform(-1, 1), rng.uniform(-1, 1), 1)
        bsdf = self.material(plain=kind == "sphere")
        return {"type": kind, "to_world": _placed(at, stretch, axis, tilt), "bsdf": bsdf}

    def lamps(self) -> list[Node]:
        """Together as bright as a room is, times a factor from a quarter to four; the smaller, the brighter."""
        rng, found = self.rng, list[Node]()
        power = 4.0 * self.half * self.depth * 2 ** rng.uniform(-1, 2)
        n = rng.choice((1, 1, 2, 2, 3))
        for _ in range(n):
            side = math.exp(rng.uniform(math.log(0.08), math.log(0.9)))
            at = [rng.uniform(-0.7, 0.7) * self.half, rng.uniform(0.75, 0.97) * self.height]
            at.append(rng.uniform(-0.7, 0.9) * self.depth)
            light = [channel * power / n / (4 * side**2) for channel in self.colour(0.3)]
            emitter = {"type": "area", "radiance": {"type": "rgb", "value": light}}
            if rng.random() < 0.7:
                found.append({"type": "rectangle", "to_world": _placed(at, [side] * 3, (1, 0, 0), 90)})
            else:
                found.append({"type": "sphere", "center": at, "radius": side / 2})
            found[-1]["emitter"] = emitter
        if rng.random() < 0.35:
            sky = [channel * rng.uniform(0.1, 0.8) for channel in self.colour(0.3)]
            found.append({"type": "constant", "radiance": {"type": "rgb", "value": sky}})
        return found

    def material(self, *, plain: bool) -> Node:
        """Of a solid: half of them matt, the others glossy, metallic or of glass; plain ones have no texture.

        Textured spheres come out as NaN here and there, for their angles are of rounded sines.
        """
        rng, draw = self.rng, self.rng.random()
        paint = self.plain() if plain else self.paint()
        if draw < 0.5:
            return _matt(paint)
        if draw < 0.7:
            return {"type": "roughplastic", "diffuse_reflectance": paint, "alpha": rng.uniform(0.05, 0.4)}
        if draw < 0.92:
            return {"type": "roughconductor", "material": rng.choice(_METALS), "alpha": rng.uniform(0.05, 0.5)}
        return {"type": "dielectric", "int_ior": rng.uniform(1.3, 1.6)}

    def paint(self) -> Node:
        """One colour, a chessboard, or a pattern of waves."""
        rng, draw = self.rng, self.rng.random()
        if draw < 0.55:
            return self.plain()
        if draw < 0.75:
            both = {f"color{n}": self.plain() for n in (0, 1)}
            return {
                "type": "checkerboard",
                **both,
                "to_uv": _transform().scale([rng.randint(2, 9), rng.randint(2, 9), 1]),
            }
        return {"type": "bitmap", "bitmap": _bitmap(self.waves()), "raw": True}

    def plain(self) -> Node:
        return {"type": "rgb", "value": self.colour(0.9)}

    def waves(self) -> NDArray[np.float32]:
        """A texture between two colours: stripes, or a sum of waves of any direction, ``(H, W, 3)``."""
        rng = self.rng
        v, u = np.mgrid[:_TEXELS, :_TEXELS] / _TEXELS
        total = np.zeros_like(u)
        for _ in range(rng.choice((1, 2, 6))):
            across, along, phase = rng.uniform(-9, 9), rng.uniform(-9, 9), rng.uniform(0, 2 * math.pi)
            total += np.sin(2 * math.pi * (across * u + along * v) + phase)
        share = 1 / (1 + np.exp(-rng.choice((1.5, 12.0)) * total))[..., None]
        mixed: NDArray[np.float32] = (share * self.colour(0.9) + (1 - share) * self.colour(0.9)).astype(np.float32)
        return mixed

    def colour(self, chroma: float) -> Colour:
        """Reflectances from 0.05 to 0.9, mostly near one hue of the room."""
        rng = self.rng
        value, strength = rng.uniform(0.15, 0.9), chroma * rng.random()
        hue = self.hue + rng.gauss(0, 0.15) if rng.random() < 0.6 else rng.random()
        waves = [0.5 + 0.5 * math.cos(2 * math.pi * (hue - n / 3)) for n in range(3)]
        return [max(value * (1 - strength + strength * wave), 0.03) for wave in waves]


def _matt(paint: Node) -> Node:
    return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": paint}}


def _transform() -> Any:
    import mitsuba

    return mitsuba.ScalarTransform4f()


def _bitmap(texels: NDArray[np.float32]) -> Any:
    import mitsuba

    return mitsuba.Bitmap(texels)


def _placed(at: Sequence[float], stretch: Sequence[float], axis: Sequence[float], degrees: float) -> Any:
    """Stretched, then turned, then moved."""
    return _transform().translate(list(at)).rotate(list(axis), degrees).scale(list(stretch))
