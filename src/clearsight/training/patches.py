"""Patches cut from images that are held in memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from clearsight.contracts import Batch
from clearsight.errors import RecipeError
from clearsight.images import find, read
from clearsight.seeds import generator_for
from clearsight.training.data import Data

__all__ = ["Patches", "find_images"]


def find_images(name: str) -> list[Path]:
    """The image files of a folder: a path, or the name of a folder below ``$CLEARSIGHT_DATA``.

    Raises:
        RecipeError: neither is there; the message names both.
    """
    home = os.environ.get("CLEARSIGHT_DATA", "")
    for folder in filter(Path.is_dir, (Path(name), Path(home) / name if home else Path(name))):
        return find([folder])
    raise RecipeError(
        f"there is no folder of images {name!r}, neither here nor below CLEARSIGHT_DATA ({home or 'not set'}): "
        "give data.images, or set CLEARSIGHT_DATA to the folder that holds it"
    )


def _load(path: Path, channels: int) -> Tensor:
    pixels = torch.from_numpy(read(path).colour)
    if pixels.dtype != torch.uint8:
        raise RecipeError(f"{path} is not an 8-bit image; training holds its images in memory as 8 bits")
    image = pixels.permute(2, 0, 1)
    if channels == 3:
        return image.expand(3, -1, -1)
    weights = torch.tensor([0.299, 0.587, 0.114]) if len(image) == 3 else torch.ones(1)
    return torch.einsum("c,chw->hw", weights, image.float()).round().byte()[None]


class Patches(Data):
    """Random square patches, flipped and turned, cut from 8-bit images that stay in memory.

    Args:
        images: a folder, or the name of one below ``$CLEARSIGHT_DATA``.
        channels: 1 (grey images, luma of colour ones) or 3.
        size: height and width of a patch.
        batch: patches in a batch.
        epoch: batches between two validations.
        hold_out: images, evenly spread over the sorted folder, that are kept for validation.
        validation_size: validation images are their centre, cropped to this height and width.
        seed: of the cuts.

    Raises:
        RecipeError: no folder, no image is large enough, or all of them are held out.
    """

    def __init__(
        self,
        *,
        images: str,
        channels: int = 3,
        size: int = 64,
        batch: int = 16,
        epoch: int = 500,
        hold_out: int = 12,
        validation_size: int = 256,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        self.source, self.channels, self.size, self.batch_size = images, channels, size, batch
        self.hold_out, self.validation_size = hold_out, validation_size
        self.train_images: list[Tensor] = []
        self.validation_images: list[Tensor] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self.train_images:
            return
        paths = find_images(self.source)
        every = max(len(paths) // max(self.hold_out, 1), 1)
        held = set(paths[::every][: self.hold_out])
        for path in paths:
            image = _load(path, self.channels)
            if min(image.shape[1:]) >= (self.validation_size if path in held else self.size):
                (self.validation_images if path in held else self.train_images).append(image)
        if not self.train_images or not self.validation_images:
            raise RecipeError(
                f"{self.source} has {len(paths)} images: too few or too small to train on patches of {self.size} "
                f"and to hold out {self.hold_out} of {self.validation_size} pixels"
            )

    def draw(self, step: int, rank: int = 0) -> Batch:
        """The patches of batch ``step``."""
        return Batch(self.patches(step, rank), None)

    def held_out(self) -> list[Batch]:
        """The centres of the held-out images, one at a time."""
        return [Batch(self._centre(image)[None], None) for image in self.validation_images]

    def patches(self, step: int, rank: int = 0) -> Tensor:
        """The 8-bit patches of batch ``step``, ``(B, C, size, size)``."""
        generator = generator_for(self.seed, step, rank, stream="patches")
        which = torch.randint(len(self.train_images), (self.batch_size,), generator=generator).tolist()
        places = torch.rand(self.batch_size, 2, generator=generator).tolist()
        turns = torch.randint(8, (self.batch_size,), generator=generator).tolist()
        return torch.stack(
            [self._cut(self.train_images[i], p, t) for i, p, t in zip(which, places, turns, strict=True)]
        )

    def _cut(self, image: Tensor, place: list[float], turn: int) -> Tensor:
        top, left = (int(p * (n - self.size + 1)) for p, n in zip(place, image.shape[1:], strict=True))
        patch = image[:, top : top + self.size, left : left + self.size]
        patch = patch.rot90(turn % 4, (1, 2))
        return patch.flip(2) if turn >= 4 else patch

    def _centre(self, image: Tensor) -> Tensor:
        top, left = ((n - self.validation_size) // 2 for n in image.shape[1:])
        return image[:, top : top + self.validation_size, left : left + self.validation_size]
