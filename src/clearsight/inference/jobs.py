"""Which file is read and which are written for it, before any work is done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from clearsight.errors import ImageReadError, ImageWriteError, InvalidArgumentError
from clearsight.images.files import check_writable
from clearsight.images.folders import find, left_out
from clearsight.images.formats import SUFFIXES, by_suffix, suffix_of
from clearsight.images.stores import Place, StorePath, place
from clearsight.inference import manifests

__all__ = ["Job", "output_folder", "plan", "unread"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read and one to write.

    Attributes:
        source: the input.
        target: the output.
        key: the input's name below the folder it was found in: the same wherever that folder lies.
        others: further outputs, written after the first.
    """

    source: Place
    target: Place
    key: str
    others: tuple[Place, ...] = ()

    @property
    def targets(self) -> tuple[Place, ...]:
        """All of its outputs."""
        return self.target, *self.others


def plan(
    inputs: Sequence[str | Path], out: str | Path, *, suffix: str | None = None, parts: Sequence[str] = ()
) -> list[Job]:
    """Pair each input file with its output: folders keep their inner paths, names and formats stay.

    What is only read, camera raw, becomes TIFF.

    Args:
        inputs: files, folders, and manifests, whose names end in ``.csv``; here, or in a store as URIs.
        out: a folder; or, for a single input file and where it has a suffix and does not end in ``/``, the output file
            itself.
        suffix: another format for all outputs, such as ``.png``.
        parts: names of several outputs for each input, which come before their suffix: ``("1", "2")`` for
            ``image.1.png`` and ``image.2.png``.

    Raises:
        ImageReadError: an input is not there, or a folder holds no image.
        InvalidArgumentError: two inputs would be written to one file, or an input onto itself; ``out`` is a file
            of another format than ``suffix``, or the name of an image where there are several inputs; a manifest is
            none, or a URI is of no store.
        ImageWriteError: the format cannot be written.
    """
    folder = output_folder(inputs, out)
    if folder is None:
        _check_name(place(out), suffix)
    elif not _is_folder(out) and suffix_of(folder) in SUFFIXES:
        raise InvalidArgumentError(f"{out} is the name of one image, but the inputs may be several: name a folder")
    if suffix is not None:
        check_writable(place(out) / f"image{suffix}")
    jobs = []
    for path in map(place, inputs):
        for source, key in _sources(path, place(out)):
            renamed = _renamed(key, suffix)
            target = place(out) if folder is None else folder / renamed
            stem, end = _split(target)
            targets = [target.with_name(f"{stem}.{part}{end}") for part in parts] or [target]
            jobs.append(Job(source, targets[0], key.as_posix(), tuple(targets[1:])))
    _refuse_collisions(jobs)
    return jobs


def output_folder(inputs: Sequence[str | Path], out: str | Path) -> Place | None:
    """The folder that the results go to; ``None`` where ``out`` names the one result."""
    several = len(inputs) != 1 or manifests.is_manifest(place(inputs[0])) or place(inputs[0]).is_dir()
    return place(out) if several or _is_folder(out) else None


def unread(inputs: Sequence[str | Path]) -> dict[str, int]:
    """How many files in local folders among the inputs are of a kind that is not read, by suffix."""
    counts: Counter[str] = Counter()
    for folder in map(place, inputs):
        if isinstance(folder, Path) and folder.is_dir():
            counts.update(left_out(folder))
    return dict(counts)


def _is_folder(out: str | Path) -> bool:
    """Whether it names a folder: one that is there, or that is to be made."""
    return str(out).endswith(("/", os.sep)) or not PurePath(str(out)).suffix or place(out).is_dir()


def _check_name(out: Place, suffix: str | None) -> None:
    """Whether an output file can be what its name says."""
    try:
        check_writable(out)
    except ImageWriteError as error:
        raise ImageWriteError(f"{error}, or end the name of a folder in /") from None
    if suffix is not None and suffix_of(out) != suffix:
        check_writable(Path(f"image{suffix}"))
        raise InvalidArgumentError(f"{out} is no {suffix} file: leave --format out, or name a folder")


def _sources(path: Place, out: Place) -> Iterator[tuple[Place, Path]]:
    """The images of an input and their names below it; results that lie inside it, or that it links to, are none."""
    if manifests.is_manifest(path):
        yield from manifests.rows(path)
    elif isinstance(path, StorePath):
        yield from _objects(path, out)
    elif not path.is_dir():
        yield from ((source, Path(source.name)) for source in find([path]))
    else:
        results, inside = out.resolve(), path.resolve()
        for source in find([path]):
            if results in (inside, *inside.parents) or results not in source.resolve().parents:
                yield source, source.relative_to(path)


def _objects(path: StorePath, out: Place) -> Iterator[tuple[Place, Path]]:
    """The images of a store, as those of a folder."""
    if suffix_of(path) in SUFFIXES and not path.is_dir():
        yield path, Path(path.name)
        return
    below = f"{path}".rstrip("/") + "/"
    inside = f"{out}/".startswith(below) and f"{out}/" != below
    names = (str(one) for one in path.inside() if suffix_of(one) in SUFFIXES)
    found = [name for name in names if not (inside and name.startswith(f"{out}/"))]
    keys = [Path(name.removeprefix(below)) for name in found]
    if not keys:
        raise ImageReadError(f"{path} holds no images, expected objects ending in {', '.join(SUFFIXES)}")
    yield from ((path / key, key) for key in keys if not any(part.startswith(".") for part in key.parts))


def _renamed(key: Path, suffix: str | None) -> Path:
    form = by_suffix(key)
    new = suffix or (form.instead if form else "")
    return key.with_name(f"{_split(key)[0]}{new}") if new else key


def _split(path: Place) -> tuple[str, str]:
    """The name without its suffix, and that as it is written."""
    at = len(path.name) - len(suffix_of(path))
    return path.name[:at], path.name[at:]


def _refuse_collisions(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    seen: dict[Place, Place] = {}
    for source, target in ((job.source, target) for job in jobs for target in job.targets):
        path = target.resolve()
        if path in sources:
            raise InvalidArgumentError(f"{source} would be written over an input, {target}: choose another output")
        if seen.setdefault(path, source) != source:
            raise InvalidArgumentError(
                f"{seen[path]} and {source} would both be written to {target}: restore them to two outputs"
            )
