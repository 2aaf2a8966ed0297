"""Patches cut from images that are held in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clearsight.contracts import Batch
from clearsight.datasets.drawings import Drawings
from clearsight.errors import ClearsightError, RecipeError
from clearsight.images.files import read
from clearsight.images.folders import find
from clearsight.images.intensities import as_unit
from clearsight.images.picture import Array
from clearsight.restorers.padding import enlarged
from clearsight.seeds import generator_for
from clearsight.training.data import Data
from clearsight.training.samples import compact, say, say_small

__all__ = ["Held", "Patches", "find_images", "held_as", "held_numbers", "image_folder"]

_HELD_OUT = 12
"""Images that are held out where nobody says how many."""


def find_images(name: str) -> list[Path]:
    """The image files of :func:`image_folder`."""
    return find([image_folder(name)])


def image_folder(name: str) -> Path:
    """A folder: a path, or the name of a folder below ``$CLEARSIGHT_DATA``.

    Raises:
        RecipeError: neither is there; the message names both.
    """
    home = os.environ.get("CLEARSIGHT_DATA", "")
    for folder in filter(Path.is_dir, (Path(name), Path(home) / name if home else Path(name))):
        return folder
    raise RecipeError(
        f"there is no folder of images {name!r}, neither here nor below CLEARSIGHT_DATA ({home or 'not set'}): "
        "give data.images, or set CLEARSIGHT_DATA to the folder that holds it"
    )


class Patches(Data):
    """Random square patches, flipped and turned, cut from images that stay in memory.

    8-bit images are held as 8 bits, others as float32 on the [0, 1] scale that
    :func:`~clearsight.images.as_unit` finds in each. What cannot be read is named on standard error and left out.
    Images that are smaller than a patch are enlarged to it by reflection; how many is said, too.

    Args:
        images: a folder, or the name of one below ``$CLEARSIGHT_DATA``.
        channels: 1 (grey images, luma of colour ones) or 3.
        size: height and width of a patch.
        batch: patches in a batch.
        epoch: batches between two validations.
        hold_out: images, evenly spread over the sorted folder, that are kept for validation; if not given 12, but no
            more than a quarter.
        validation_size: validation images are their centre, cropped to this height and width; a smaller one is taken
            whole.
        drawings: how many pictures of :class:`~clearsight.datasets.Drawings` are trained on beside the images.
        seed: of the cuts.

    Raises:
        RecipeError: no folder, no image that can be read, or all of them or none are held out.
    """

    def __init__(
        self,
        *,
        images: str,
        channels: int = 3,
        size: int = 64,
        batch: int = 16,
        epoch: int = 500,
        hold_out: int | None = None,
        validation_size: int = 256,
        drawings: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        self.source, self.channels, self.size, self.batch_size = images, channels, size, batch
        self.hold_out, self.validation_size, self.drawings = hold_out, validation_size, drawings
        self.train_images: list[Tensor] = []
        self.validation_images: list[Tensor] = []
        self._held: Held | None = None

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self.train_images:
            return
        found = self._read()
        held = held_numbers(len(found), self.hold_out, f"{self.source} has {len(found)} images that can be read")
        trained_on = [image for number, image in enumerate(found) if number not in held]
        validated_on = [found[number] for number in sorted(held)]
        say_small(trained_on, self.size, self.size, "training images", "enlarged by reflection")
        whole = self.validation_size
        say_small(validated_on, whole, whole, "held-out images", "validated on whole")
        trained_on += [
            _fitted(compact(Drawings(count=self.drawings)[n].x), self.channels) for n in range(self.drawings)
        ]
        self._held = Held([enlarged(image, self.size, self.size) for image in trained_on])
        self.train_images = self._held.images()
        least = min(self.size, self.validation_size)
        self.validation_images = [enlarged(image, least, least) for image in validated_on]

    def _read(self) -> list[Tensor]:
        """All images of the folder that can be read; the others are named."""
        images = []
        for path in self._paths():
            try:
                images.append(held_as(read(path).colour, self.channels))
            except (ClearsightError, OSError) as error:
                say(f"left out: {error}")
        return images

    def _paths(self) -> list[Path]:
        """The files that are read."""
        return find_images(self.source)

    def draw(self, step: int) -> Batch:
        """The patches of batch ``step``."""
        return Batch(self.patches(step), None)

    def held_out(self) -> list[Batch]:
        """The centres of the held-out images, one at a time."""
        return [Batch(self._centre(image)[None], None) for image in self.validation_images]

    def hold(self, device: torch.device) -> None:
        """Keep the images there, and cut them there."""
        assert self._held is not None
        self._held.to(device)

    def patches(self, step: int) -> Tensor:
        """The patches of batch ``step``, ``(B, C, size, size)``: 8 bits, or floats where one image is held so."""
        assert self._held is not None
        generator = generator_for(self.seed, step, stream="patches")
        which = torch.randint(len(self.train_images), (self.batch_size,), generator=generator)
        places = torch.rand(self.batch_size, 2, generator=generator)
        turns = torch.randint(8, (self.batch_size,), generator=generator)
        return self._held.cut(which, places, turns, self.size)

    def _centre(self, image: Tensor) -> Tensor:
        top, left = (max(n - self.validation_size, 0) // 2 for n in image.shape[1:])
        return image[:, top : top + self.validation_size, left : left + self.validation_size]


def held_numbers(total: int, wanted: int | None, has: str) -> set[int]:
    """Which of so many are held out, evenly spread: as many as are wanted, or 12, but no more than a quarter.

    Raises:
        RecipeError: all of them or none would be; ``has`` is the first half of the sentence.
    """
    n = max(min(_HELD_OUT, total // 4), 1) if wanted is None else wanted
    held = {number * total // n for number in range(n)}
    if not 0 < len(held) < total:
        raise RecipeError(f"{has}: too few to train on some and to hold out {n}")
    return held


class Held:
    """Images of any size, one after the other in memory: a batch of squares is one look into it, on any device."""

    def __init__(self, images: Sequence[Tensor]) -> None:
        self.sizes = torch.tensor([image.shape[1:] for image in images])
        ends = self.sizes.prod(1).cumsum(0)
        self.starts = ends - self.sizes.prod(1)
        joined = [image.flatten(1) for image in images]
        if len({image.dtype for image in images}) > 1:
            joined = [image / 255 if image.dtype == torch.uint8 else image for image in joined]
        self.pixels = torch.cat(joined, 1)

    def images(self) -> list[Tensor]:
        """Each of them, ``(C, H, W)``, in the same memory."""
        parts = torch.split(self.pixels, self.sizes.prod(1).tolist(), 1)
        return [part.view(-1, *size) for part, size in zip(parts, self.sizes.tolist(), strict=True)]

    def to(self, device: torch.device) -> None:
        """Hold the pixels on a device."""
        self.pixels = self.pixels.to(device)

    def cut(self, which: Tensor, places: Tensor, turns: Tensor, size: int) -> Tensor:
        """Squares ``(B, C, size, size)`` of some images.

        Args:
            which: the number of the image of each.
            places: of its corner among all that there are, row and column from 0 to 1, ``(B, 2)``.
            turns: quarters it is turned by, and 4 more where it is mirrored after that.
            size: height and width.
        """
        corners = (places.double() * (self.sizes[which] - size + 1)).long()
        strides = self.sizes[which, 1]
        first = self.starts[which] + corners[:, 0] * strides + corners[:, 1]
        device = self.pixels.device
        first, strides, turns = (each.to(device, non_blocking=True) for each in (first, strides, turns))
        rows, columns = _orientations(size, device)[:, turns]
        return self.pixels[:, first[:, None, None] + rows * strides[:, None, None] + columns].movedim(0, 1)


@cache
def _orientations(size: int, device: torch.device) -> Tensor:
    """Where the pixels of a square come from, row and column, in each of its eight orientations: ``(2, 8, S, S)``."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(size, device=device)] * 2, indexing="ij"))
    turned = [grid.rot90(turn, (1, 2)) for turn in range(4)]
    return torch.stack([*turned, *(each.flip(2) for each in turned)], 1)


def held_as(pixels: Array, channels: int, like: Array | None = None) -> Tensor:
    """Numbers of a picture, ``(H, W, C)``, as they are held: ``(channels, H, W)``, 8 bits, or float32 in [0, 1].

    Args:
        pixels: of the picture.
        channels: 1 or 3.
        like: numbers of the same type, whose black and white these have; their own if not given.
    """
    held = np.ascontiguousarray(pixels if pixels.dtype == np.uint8 else as_unit(pixels, like=like))
    return _fitted(torch.from_numpy(held).permute(2, 0, 1), channels)


def _fitted(image: Tensor, channels: int) -> Tensor:
    """Grey for three channels, luma for one."""
    if channels == 3:
        return image.expand(3, -1, -1)
    weights = torch.tensor([0.299, 0.587, 0.114]) if len(image) == 3 else torch.ones(1)
    luma = torch.einsum("c,chw->hw", weights, image.float())[None]
    return luma.round().byte() if image.dtype == torch.uint8 else luma
