"""What visitors can ask for, file in, files out; the page is only their face. They run in the worker's process."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import torch

from clearsight import weights
from clearsight.contracts import Prediction
from clearsight.degradations.language import parse
from clearsight.errors import ClearsightError, InvalidArgumentError
from clearsight.images.files import open_image, write
from clearsight.images.intensities import Intensities, as_unit, from_unit
from clearsight.images.picture import Picture
from clearsight.inference.arguments import Draws
from clearsight.inference.degrading import degrade_picture
from clearsight.inference.files import Report, process
from clearsight.inference.jobs import Job, plan
from clearsight.inference.manifests import is_manifest
from clearsight.inference.recognizing import Predictor
from clearsight.inference.restoring import AUTO, Restoration
from clearsight.inference.sampling import mean_and_spread, visible_spread
from clearsight.registry import RESTORERS
from clearsight.seeds import generator_for
from clearsight.web.limits import Limits

__all__ = [
    "Read",
    "Restored",
    "Sampled",
    "Tried",
    "degrade_and_restore",
    "models",
    "prepare",
    "read_twice",
    "restore",
    "restore_all",
    "sample",
    "samplers",
]

SHOWN = 1400
"""Height and width at most of what the slider shows, the middle, at 100 %."""

_DRAWS = 16
_CLASSES = 5


class Restored(NamedTuple):
    """A file that was restored.

    Attributes:
        file: the result, what ``clearsight restore`` writes.
        before: a PNG of the middle of what came in.
        after: the same of the result.
        notes: what the file held and the result does not.
    """

    file: Path
    before: Path
    after: Path
    notes: tuple[str, ...]


class Read(NamedTuple):
    """What a recognizer reads before and after.

    Attributes:
        before: class → confidence, the most likely first.
        after: the same of the restored image.
    """

    before: dict[str, float]
    after: dict[str, float]


class Tried(NamedTuple):
    """An image that was degraded on purpose.

    Attributes:
        degraded: a PNG of its middle.
        restored: the same of what was made of it.
        psnr: of both, in dB, where they have the size of the image.
    """

    degraded: Path
    restored: Path
    psnr: tuple[float, float] | None


class Sampled(NamedTuple):
    """What an image may have been.

    Attributes:
        samples: PNGs of each.
        mean: a PNG of their mean.
        spread: a PNG of their standard deviation, enlarged.
    """

    samples: list[Path]
    mean: Path
    spread: Path


def prepare() -> None:
    """Restore something small, so that what takes its time only once has taken it before the first visitor comes."""
    with suppress(ClearsightError):  # which those who come are told
        _restoration(AUTO, 1.0)(Picture(pixels=np.full((64, 64, 3), 128, np.uint8)))


def models() -> list[str]:
    """What a visitor can restore with: names only, so that nobody asks for a folder or the hub."""
    return [AUTO, *(one.name for one in weights.shipped()), *(one.name for one in weights.weightless())]


def samplers() -> list[str]:
    """Those of them that sample."""
    return [one.name for one in weights.shipped(RESTORERS) if hasattr(_architecture(one), "sample")]


def _architecture(stored: weights.Stored) -> type:
    return RESTORERS[stored.config()["architecture"]].cls


def _planned(sources: Sequence[Path], folder: Path) -> list[Job]:
    """The files themselves: a list of images would have this machine read what the list names."""
    for source in sources:
        if is_manifest(source):
            raise InvalidArgumentError(f"{source.name} is a list of images, expected images: send those")
    return plan(sources, folder)


def restore(source: Path, folder: Path, model: str, strength: float, limits: Limits) -> Iterator[Restored]:
    """Restore a file as the command does: the same bytes, format and metadata."""
    with _in_words(source.parent, folder):
        limits.check([source])
        (job,) = _planned([source], folder)
        (report,) = process([job], _transform(model, strength), workers=1)
        if report.error is not None:
            raise ClearsightError(report.error)
        target = Path(str(job.target))
        before, after = _shown(_picture(source), _picture(target), folder)
    yield Restored(target, before, after, report.notes)


def restore_all(
    sources: Sequence[Path], folder: Path, model: str, strength: float, limits: Limits
) -> Iterator[tuple[int, Path | None, list[str]]]:
    """Restore files into a zip: how many are done, the zip at the end, and a line for each that failed."""
    with _in_words(*(source.parent for source in sources), folder) as in_words:
        limits.check(sources)
        jobs = _planned(sources, folder / "restored")
        lines: list[str] = []
        done: list[Report] = []
        for report in process(jobs, _transform(model, strength), workers=1):
            done.append(report)
            lines += [in_words(report.error)] if report.error is not None else []
            yield len(done), None, lines
        archive = folder / "restored.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
            for report in done:
                if report.error is None:
                    file.write(str(report.job.target), report.job.key)
        if len(lines) == len(done):
            raise ClearsightError("; ".join(lines))
    yield len(done), archive, lines


def read_twice(
    source: Path, folder: Path, recognizer: str, model: str, strength: float, limits: Limits
) -> Iterator[Read]:
    """Ask a recognizer before and after."""
    with _in_words(source.parent, folder):
        limits.check([source])
        picture, predictor = _picture(source), _predictor(recognizer)
        restored = _restoration(model, strength)(picture)
        found = Read(*(_likely(predictor.predict(one)) for one in (picture, restored)))
    yield found


def degrade_and_restore(
    source: Path, folder: Path, degradation: str, seed: int, model: str, strength: float, limits: Limits
) -> Iterator[Tried]:
    """Degrade an image on purpose, as ``clearsight degrade`` does, and restore it."""
    with _in_words(source.parent, folder):
        limits.check([source])
        clean = _picture(source)
        degraded = degrade_picture(clean, parse(degradation), generator_for(seed, 0, stream=source.name))
        restored = _restoration(model, strength)(degraded)
        scores = None
        if clean.colour.shape == degraded.colour.shape == restored.colour.shape:
            scores = _score(degraded, clean), _score(restored, clean)
        before, after = _shown(degraded, restored, folder)
    yield Tried(before, after, scores)


def sample(source: Path, folder: Path, model: str, n: int, seed: int, limits: Limits) -> Iterator[Sampled]:
    """Draw restorations of an image, of a model that samples."""
    with _in_words(source.parent, folder):
        limits.check([source])
        if not 1 <= n <= _DRAWS:
            raise InvalidArgumentError(f"samples are between 1 and {_DRAWS} here, got {n}")
        drawn = _restoration(model, 1.0).draw(_picture(source), Draws(n, seed))
        mean, spread = mean_and_spread(drawn)
        names = [f"sample {k + 1}" for k in range(n)] + ["mean", "spread"]
        files = [folder / f"{name}.png" for name in names]
        folder.mkdir(parents=True, exist_ok=True)
        for one, file in zip([*drawn, mean, visible_spread(mean, spread)], files, strict=True):
            write(_in_8_bits(one, one), file)
    yield Sampled(files[:-2], files[-2], files[-1])


@lru_cache(4)
def _restoration(model: str, strength: float) -> Restoration:
    if model not in models():
        raise InvalidArgumentError(f"no model here is named {model!r}: choose one of the list")
    restoration = Restoration(model, strength=strength)
    restoration.check()
    return restoration


@lru_cache(2)
def _predictor(recognizer: str) -> Predictor:
    return Predictor(recognizer)


def _transform(model: str, strength: float) -> Callable[[Job, Picture], Picture]:
    restoration = _restoration(model, strength)
    return lambda job, picture: restoration(picture)


def _picture(path: Path) -> Picture:
    """An image, or the first plane of a stack."""
    return open_image(path).read()


def _likely(prediction: Prediction) -> dict[str, float]:
    ordered = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    return dict(ordered[:_CLASSES])


def _score(picture: Picture, clean: Picture) -> float:
    from clearsight.metrics.pixels import psnr  # whose torchmetrics takes as long to import as torch

    one, other = (torch.from_numpy(as_unit(p.colour)).movedim(-1, 0)[None] for p in (picture, clean))
    return float(psnr(one, other))


def _shown(before: Picture, after: Picture, folder: Path) -> tuple[Path, Path]:
    """Both in PNG files of one size, quickly made; what is smaller is enlarged by whole pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = max(len(after.pixels) // len(before.pixels), 1)
    found = []
    for name, picture, factor in (("before", before, scale), ("after", after, 1)):
        pixels = _in_8_bits(picture, before).pixels.repeat(factor, 0).repeat(factor, 1)
        top, left = (max(n - SHOWN, 0) // 2 for n in pixels.shape[:2])
        middle = Picture(pixels=pixels[top : top + SHOWN, left : left + SHOWN])
        file = folder / f"{name}.png"
        file.write_bytes(imagecodecs.png_encode(middle.samples, level=1, filter=imagecodecs.PNG.FILTER.SUB))
        found.append(file)
    return found[0], found[1]


def _in_8_bits(picture: Picture, like: Picture) -> Picture:
    """As a network sees it, by what the numbers of ``like`` mean."""
    seen, _ = Intensities.of(like.colour).seen(picture.colour)
    return Picture(pixels=from_unit(seen, np.uint8))


@contextmanager
def _in_words(*folders: Path) -> Iterator[Callable[[str], str]]:
    """What is raised names files as the visitor knows them, without the folders that they lie in here."""

    def told(text: str) -> str:
        for folder in folders:
            text = text.replace(f"{folder}/", "")
        return text

    try:
        yield told
    except ClearsightError as error:
        raise ClearsightError(told(str(error))) from None
