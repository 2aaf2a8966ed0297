"""Batches by number: what batch ``k`` holds depends on the seed and ``k`` alone; of whole images, for a start."""

from __future__ import annotations

from collections.abc import Sequence

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from clearsight.contracts import Batch, Dataset, Input
from clearsight.datasets.subset import renumbered
from clearsight.errors import RecipeError
from clearsight.seeds import generator_for
from clearsight.training.samples import batch_of, check_alike, is_map, read_samples

__all__ = ["Data", "WholeImages", "batch_number", "shifted"]

_VALIDATION_BATCH = 250


def batch_number(trainer: lightning.Trainer, index: int) -> int:
    """The number of a batch since the start of a run, however long the epochs before it were.

    Processes that train together take turns: what so many see in a step is what one sees that accumulates so many
    batches before a step.

    Args:
        trainer: of the run.
        index: of the batch in its epoch.
    """
    every = trainer.accumulate_grad_batches
    return (trainer.global_step * every + index % every) * trainer.world_size + trainer.global_rank


class Data(lightning.LightningDataModule):
    """Images held in memory, and batches cut from them on the way to the device.

    As batch ``k`` is a function of ``k``, a run that resumes sees what it would have seen.

    Args:
        epoch: batches between two validations.
        seed: of what the batches hold.

    Attributes:
        channels: of the images.
        classes: what the labels stand for; ``None`` where nothing is labelled.
        declared: what the restorer that is trained takes besides, set before :meth:`setup`; it says which inputs of the
            samples are maps. Without it those are that have the size of the image.
    """

    channels: int
    classes: tuple[str, ...] | None = None
    declared: tuple[Input, ...] = ()

    def __init__(self, *, epoch: int, seed: int) -> None:
        super().__init__()
        self.epoch, self.seed = epoch, seed
        self._wanted: tuple[str, ...] | None = None

    def match(self, classes: Sequence[str]) -> None:
        """Number labels as a recognizer numbers these classes of its own, when the images are read."""
        self._wanted = tuple(classes)

    def matched(self, dataset: Dataset) -> Dataset:
        """A data set to be read, its labels numbered as is asked for.

        Raises:
            DataError: the names of the classes do not fit.
        """
        return dataset if self._wanted is None else renumbered(dataset, self._wanted)

    def draw(self, step: int) -> Batch:
        """Batch ``step``, its images as they are held: 8 bits or float32."""
        raise NotImplementedError

    def held_out(self) -> Sequence[Batch]:
        """What is validated on, its images as they are held."""
        raise NotImplementedError

    def hold(self, device: torch.device) -> None:
        """Keep what batches are drawn from on a device, before each :meth:`draw`; by default it stays where it is."""

    def train_dataloader(self) -> DataLoader[int]:
        """Batch numbers; :meth:`on_after_batch_transfer` makes the batches."""
        return DataLoader(range(self.epoch), batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Batch]:
        """The held-out batches."""
        return DataLoader(self.held_out(), batch_size=None)  # type: ignore[arg-type]

    def on_after_batch_transfer(self, batch: int | Batch, dataloader_idx: int) -> Batch:
        """A batch number becomes its batch; images are scaled to [0, 1]."""
        assert self.trainer is not None
        if isinstance(batch, Batch):
            return batch.scaled()
        number, device = batch_number(self.trainer, int(batch)), self.trainer.strategy.root_device
        self.hold(device)
        return self.draw(number).to(device).scaled()


class WholeImages(Data):
    """The images of a data set in random order, shifted and flipped at random; they stay in memory.

    Targets and maps are shifted and flipped with the images, values and whole inputs stay as they are. Held are 8 bits
    where all images have no more, else float32.

    Args:
        train: what is trained on; all of one size.
        validation: what is held out.
        batch: images in a batch.
        epoch: batches between two validations.
        shift: images are moved by up to so many pixels both ways, and filled up with 0.
        flip: mirror every other image, left to right.
        seed: of the choice, the shifts and the flips.

    Raises:
        RecipeError: a data set is empty, labelled otherwise than by one class an image, or its images differ in size.
        DataError: a data set is not there.
    """

    def __init__(
        self,
        *,
        train: Dataset,
        validation: Dataset,
        batch: int = 128,
        epoch: int = 400,
        shift: int = 0,
        flip: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(epoch=epoch, seed=seed)
        self.train_set, self.validation_set, self.batch_size = train, validation, batch
        self.shift, self.flip = shift, flip
        self.train: Batch | None = None

    def setup(self, stage: str) -> None:
        """Read every image once."""
        if self.train is None:
            train, validation = self.matched(self.train_set), self.matched(self.validation_set)
            self.train, self.validation = self._held(train), self._held(validation)
            self.channels, self.classes = self.train.x.shape[1], tuple(train.classes)

    def draw(self, step: int) -> Batch:
        """The next images, each shifted and flipped by its own draw."""
        assert self.train is not None
        generator, which = generator_for(self.seed, step, stream="images"), self._next(step)
        drawn = _taken(self.train, which)
        places = _places(len(which), self.shift, generator)
        mirrored = torch.rand(len(which), 1, 1, 1, generator=generator) < 0.5 if self.flip else None

        def change(values: Tensor) -> Tensor:
            moved = _moved(values, self.shift, places)
            return moved if mirrored is None else torch.where(mirrored, moved.flip(3), moved)

        maps = {
            name: change(value) for name, value in drawn.inputs.items() if is_map(name, value, drawn.x, self.declared)
        }
        return drawn._replace(
            x=change(drawn.x),
            target=None if drawn.target is None else change(drawn.target),
            inputs={**drawn.inputs, **maps},
        )

    def _next(self, step: int) -> Tensor:
        """The numbers of the images of a batch: all of them once, in one random order after another."""
        assert self.train is not None
        first, n = step * self.batch_size, len(self.train.x)
        orders = [
            torch.randperm(n, generator=generator_for(self.seed, number, stream="order"))
            for number in range(first // n, (first + self.batch_size - 1) // n + 1)
        ]
        return torch.cat(orders)[first % n :][: self.batch_size]

    def held_out(self) -> list[Batch]:
        """The validation images, a few hundred at a time."""
        whole = self.validation
        return [_taken(whole, which) for which in torch.split(torch.arange(len(whole.x)), _VALIDATION_BATCH)]

    def _held(self, dataset: Dataset) -> Batch:
        samples = read_samples(dataset, self.declared)
        shapes = {tuple(sample.x.shape) for sample in samples}
        if len(shapes) != 1:
            raise RecipeError(
                f"training on whole images takes images of one size, and at least one; {type(dataset).__name__} "
                f"has {len(shapes)} sizes in {len(samples)} images"
            )
        kinds = {type(sample.label) for sample in samples}
        if kinds not in ({int}, {type(None)}):
            raise RecipeError(f"training on whole images takes one class an image; {type(dataset).__name__} has others")
        check_alike(samples, self.declared)
        return batch_of(samples)


def _taken(batch: Batch, which: Tensor) -> Batch:
    """Some of its images, by number."""

    def taken(values: Tensor | None) -> Tensor | None:
        return None if values is None else values[which]

    return Batch(
        x=batch.x[which],
        labels=taken(batch.labels),
        target=taken(batch.target),
        names=tuple(batch.names[number] for number in which.tolist()),
        inputs={name: value[which] for name, value in batch.inputs.items()},
    )


def shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image of ``(B, C, H, W)`` moved by up to ``most`` pixels down or up and right or left, filled up with 0."""
    return _moved(x, most, _places(len(x), most, generator))


def _places(n: int, most: int, generator: torch.Generator) -> Tensor:
    """Where each of ``n`` images is cut from itself with a margin of ``most``: rows and columns, ``(2, n)``."""
    return torch.randint(2 * most + 1, (2, n), generator=generator) if most else torch.zeros(2, n, dtype=torch.long)


def _moved(x: Tensor, most: int, places: Tensor) -> Tensor:
    if not most:
        return x
    n, _, height, width = x.shape
    rows = (places[0][:, None] + torch.arange(height))[:, :, None]
    columns = (places[1][:, None] + torch.arange(width))[:, None, :]
    padded = F.pad(x, (most, most, most, most)).movedim(1, -1)
    return padded[torch.arange(n)[:, None, None], rows, columns].movedim(-1, 1)
