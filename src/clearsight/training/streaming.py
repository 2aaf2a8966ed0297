"""Patches of folders and shards larger than memory: images are read while the network trains, by other processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from clearsight.contracts import Batch
from clearsight.errors import ClearsightError, RecipeError
from clearsight.images.files import read
from clearsight.images.folders import walk
from clearsight.images.picture import Picture
from clearsight.images.shards import ShardImage, shard_images
from clearsight.restorers.padding import enlarged
from clearsight.seeds import generator_for
from clearsight.training.data import batch_number
from clearsight.training.patches import Held, Patches, find_images, held_as, held_numbers, image_folder
from clearsight.training.samples import say

__all__ = ["StreamedPatches"]


class StreamedPatches(Patches):
    """Random square patches, flipped and turned, cut from images that are read when they are needed.

    As with :class:`Patches` what batch ``k`` holds depends on the seed and ``k`` alone. All images are read once, in
    random order, before any is read again. The patches of a batch are of different images; the same images are cut anew
    for ``cuts`` batches that follow one another, so a patch costs that share of reading an image. Memory holds the
    validation images, and a few batches for each worker.

    Args:
        images: a folder, or the name of one below ``$CLEARSIGHT_DATA``; where ``.tar`` files lie in it, such as
            shards of WebDataset, the images in those.
        channels: 1 (grey images, luma of colour ones) or 3.
        size: height and width of a patch.
        batch: patches in a batch.
        epoch: batches between two validations.
        cuts: batches in a row that are cut from the same images; of several processes that train each reads them
            all, so take as many times more.
        workers: processes that read ahead; 0 to read in the one that trains.
        hold_out: images, evenly spread over the sorted folder, that are kept for validation; if not given 12, but no
            more than a quarter.
        validation_size: validation images are their centre, cropped to this height and width; a smaller one is taken
            whole.
        seed: of the order and the cuts.

    Raises:
        RecipeError: no folder, no image in its shards, all of them or none are held out, or ``cuts`` is less than 1.
        ClearsightError: no image in the folder, a shard or a held-out image cannot be read, or ten in a row of the
            others.
    """

    def __init__(
        self,
        *,
        images: str,
        channels: int = 3,
        size: int = 64,
        batch: int = 16,
        epoch: int = 500,
        cuts: int = 8,
        workers: int = 1,
        hold_out: int | None = None,
        validation_size: int = 256,
        seed: int = 0,
    ) -> None:
        super().__init__(
            images=images,
            channels=channels,
            size=size,
            batch=batch,
            epoch=epoch,
            hold_out=hold_out,
            validation_size=validation_size,
            seed=seed,
        )
        if cuts < 1:
            raise RecipeError(f"data.cuts must be at least 1, got {cuts}")
        self.cuts, self.workers = cuts, workers
        self._blocks: _Blocks | None = None

    def setup(self, stage: str) -> None:
        """Look for the images, and read those that are held out."""
        if self._blocks is not None:
            return
        found = _sources(self.source)
        held = held_numbers(len(found), self.hold_out, f"{self.source} has {len(found)} images")
        least = min(self.size, self.validation_size)
        validated_on = [held_as(_read(found[number]).colour, self.channels) for number in sorted(held)]
        self.validation_images = [self._centre(enlarged(image, least, least)) for image in validated_on]
        trained_on = [source for number, source in enumerate(found) if number not in held]
        self._blocks = _Blocks(trained_on, self.channels, self.size, self.batch_size, self.cuts, self.seed)

    def patches(self, step: int) -> Tensor:
        """The patches of batch ``step``, ``(B, C, size, size)``: 8 bits, or floats where one image is held so."""
        assert self._blocks is not None
        return self._blocks[step // self.cuts][step % self.cuts]

    def hold(self, device: torch.device) -> None:
        """Nothing is held."""

    def train_dataloader(self) -> Any:
        """The batches themselves, from the one on that the run has come to."""
        assert self.trainer is not None
        assert self._blocks is not None
        return _Stream(self._blocks, self.trainer, self.epoch, self.workers)


def _sources(name: str) -> list[Path | ShardImage]:
    """The images of a folder, or of the tar files in it."""
    shards = sorted(path for path in walk(image_folder(name)) if path.suffix == ".tar")
    return [image for shard in shards for image in shard_images(shard)] if shards else [*find_images(name)]


def _read(source: Path | ShardImage) -> Picture:
    return read(source) if isinstance(source, Path) else source.read()


@dataclass(frozen=True)
class _Blocks(Dataset[list[Tensor]]):
    """Batches that are cut from the same images, as 8 bits or floats: block ``j`` is a function of ``j``."""

    sources: list[Path | ShardImage]
    channels: int
    size: int
    batch: int
    cuts: int
    seed: int

    def __getitem__(self, block: int) -> list[Tensor]:
        """So many batches, each ``(B, C, size, size)``."""
        images = Held([self._image(block * self.batch + slot) for slot in range(self.batch)])
        return [self._cut(images, block * self.cuts + cut) for cut in range(self.cuts)]

    def _cut(self, images: Held, number: int) -> Tensor:
        generator = generator_for(self.seed, number, stream="streamed patches")
        places = torch.rand(self.batch, 2, generator=generator, dtype=torch.float64)
        turns = torch.randint(8, (self.batch,), generator=generator)
        return images.cut(torch.arange(self.batch), places, turns, self.size)

    def _image(self, number: int) -> Tensor:
        """The image of that number in one random order after another; for one that cannot be read, the next."""
        n = len(self.sources)
        first = int(_order(n, self.seed, number // n)[number % n])
        for source in (self.sources[(first + further) % n] for further in range(min(n, 10))):
            try:
                image = held_as(_read(source).colour, self.channels)
                return enlarged(image, self.size, self.size)
            except (ClearsightError, OSError) as error:
                failed = error
                say(f"left out: {error}")
        raise failed


@lru_cache(maxsize=2)
def _order(n: int, seed: int, number: int) -> Tensor:
    return torch.randperm(n, generator=generator_for(seed, number, stream="streamed order"))


@dataclass(frozen=True)
class _Stream:
    """The batches of an epoch, read ahead: from that on which the trainer has come to, those of its process."""

    blocks: _Blocks
    trainer: lightning.Trainer
    epoch: int
    workers: int

    def __len__(self) -> int:
        return self.epoch

    def __iter__(self) -> Iterator[Batch]:
        first, cuts = batch_number(self.trainer, 0), self.blocks.cuts
        numbers = [first + index * self.trainer.world_size for index in range(self.epoch)]
        wanted = list(dict.fromkeys(number // cuts for number in numbers))
        loader = DataLoader(self.blocks, sampler=wanted, batch_size=None, num_workers=self.workers)
        for block, batches in zip(wanted, loader, strict=True):
            yield from (Batch(batches[number % cuts]) for number in numbers if number // cuts == block)
