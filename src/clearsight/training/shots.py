"""Patches of images that nobody has clean: of two noisy shots at the same place, or of single noisy images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from clearsight.contracts import Batch
from clearsight.errors import ClearsightError, RecipeError
from clearsight.images.files import read
from clearsight.images.folders import find
from clearsight.images.picture import Array
from clearsight.restorers.padding import enlarged
from clearsight.seeds import generator_for
from clearsight.training.patches import Held, Patches, held_as, held_numbers, image_folder
from clearsight.training.samples import say, say_small
from clearsight.training.scenes import check_alike, described, scenes_of

__all__ = ["NoisyPatches"]


class NoisyPatches(Patches):
    """Random square patches of noisy images, which stay in memory; of a scene with several shots, of two at one place.

    What a folder holds follows from its folders, and is said in one line: images in the folder itself are single ones;
    those in folders below are shots of one scene a folder, or ``shot_a/NAME`` and ``shot_b/NAME`` of the scene NAME. In
    each patch the two shots are drawn anew, and are cut, mirrored and turned alike. Whole scenes are held out. Held and
    enlarged as :class:`~clearsight.training.Patches` does.

    Args:
        images: a folder, or the name of one below ``$CLEARSIGHT_DATA``.
        channels: 1 (grey images, luma of colour ones) or 3.
        size: height and width of a patch.
        batch: patches in a batch.
        epoch: batches between two validations.
        hold_out: scenes, evenly spread, that are kept for validation; if not given 12, but no more than a quarter.
        validation_size: validation images are their centre, cropped to this height and width.
        shots: ``"single"`` where images in folders below are single ones.
        seed: of the shots and the cuts.

    Raises:
        RecipeError: no folder, no image that can be read, all scenes or none are held out, a scene has one shot, or
            shots of a scene differ in size or do not show the same.
    """

    def __init__(
        self,
        *,
        images: str,
        channels: int = 3,
        size: int = 128,
        batch: int = 8,
        epoch: int = 250,
        hold_out: int | None = None,
        validation_size: int = 256,
        shots: Literal["auto", "single"] = "auto",
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
        self.shots = shots
        self.paired = False
        self._validation: list[list[Tensor]] = []

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self._held is not None:
            return
        scenes = self._scenes()
        held = held_numbers(len(scenes), self.hold_out, f"{self.source} has {len(scenes)} scenes that can be read")
        trained_on = [scene for number, scene in enumerate(scenes) if number not in held]
        least = min(self.size, self.validation_size)
        validated_on = [[enlarged(shot, least, least) for shot in scenes[number]] for number in sorted(held)]
        say_small([scene[0] for scene in trained_on], self.size, self.size, "training scenes", "enlarged by reflection")
        self._counts = torch.tensor([len(scene) for scene in trained_on])
        self._firsts = self._counts.cumsum(0) - self._counts
        self._held = Held([enlarged(shot, self.size, self.size) for scene in trained_on for shot in scene])
        self.train_images, self._validation = self._held.images(), validated_on

    def _scenes(self) -> list[list[Tensor]]:
        """The shots of every scene that can be read."""
        folder = image_folder(self.source)
        paths = find([folder])
        scenes = {str(path): [path] for path in paths} if self.shots == "single" else scenes_of(folder, paths)
        say(described(self.source, scenes))
        self.paired = any(len(shots) > 1 for shots in scenes.values())
        found = [self._shots(shots) for shots in scenes.values()]
        return [scene for scene in found if len(scene) > self.paired]

    def _shots(self, paths: list[Path]) -> list[Tensor]:
        """Those of a scene that can be read, black and white being those of the first one; the others are named."""
        found = dict[Path, Array]()
        for path in paths:
            try:
                found[path] = read(path).colour
            except (ClearsightError, OSError) as error:
                say(f"left out: {error}")
        if len({pixels.dtype for pixels in found.values()}) > 1:
            raise RecipeError(f"the shots in {paths[0].parent} differ in bit depth: convert them to one")
        like = next(iter(found.values()), None)
        shots = [held_as(pixels, self.channels, like) for pixels in found.values()]
        check_alike(shots, [*found])
        return shots

    def draw(self, step: int) -> Batch:
        """The patches of batch ``step``; of scenes with several shots, another one is the target."""
        assert self._held is not None
        generator = generator_for(self.seed, step, stream="patches")
        scenes = torch.randint(len(self._counts), (self.batch_size,), generator=generator)
        places = torch.rand(self.batch_size, 2, generator=generator)
        turns = torch.randint(8, (self.batch_size,), generator=generator)
        first, second = self._two(scenes, generator)
        x = self._held.cut(self._firsts[scenes] + first, places, turns, self.size)
        if not self.paired:
            return Batch(x)
        return Batch(x, target=self._held.cut(self._firsts[scenes] + second, places, turns, self.size))

    def _two(self, scenes: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two different shots of each scene, any one as likely; of a single one, that."""
        counts = self._counts[scenes]
        drawn = torch.rand(2, len(scenes), generator=generator, dtype=torch.float64)
        first = (drawn[0] * counts).long()
        return first, (first + 1 + (drawn[1] * (counts - 1)).long()) % counts

    def held_out(self) -> list[Batch]:
        """The centres of the first two shots of each held-out scene, one scene at a time."""
        centres = [[self._centre(shot)[None] for shot in scene[:2]] for scene in self._validation]
        return [Batch(scene[0], target=scene[1] if self.paired else None) for scene in centres]
