"""Which file is read and which are written for it, before any work is done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.errors import ImageWriteError, InvalidArgumentError
from clearsight.images.files import check_writable
from clearsight.images.folders import find, left_out
from clearsight.images.formats import SUFFIXES, by_suffix, suffix_of

__all__ = ["Job", "plan", "unread"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read and one to write.

    Attributes:
        source: the input.
        target: the output.
        key: the input's name below the folder it was found in: the same wherever that folder lies.
        others: further outputs, written after the first.
    """

    source: Path
    target: Path
    key: str
    others: tuple[Path, ...] = ()

    @property
    def targets(self) -> tuple[Path, ...]:
        """All of its outputs."""
        return self.target, *self.others


def plan(
    inputs: Sequence[str | Path], out: str | Path, *, suffix: str | None = None, parts: Sequence[str] = ()
) -> list[Job]:
    """Pair each input file with its output: folders keep their inner paths, names and formats stay.

    What is only read, camera raw, becomes TIFF.

    Args:
        inputs: files and folders.
        out: a folder; or, for a single input file and where it has a suffix and does not end in ``/``, the output file
            itself.
        suffix: another format for all outputs, such as ``.png``.
        parts: names of several outputs for each input, which come before their suffix: ``("1", "2")`` for
            ``image.1.png`` and ``image.2.png``.

    Raises:
        ImageReadError: an input is not there, or a folder holds no image.
        InvalidArgumentError: two inputs would be written to one file, or an input onto itself; ``out`` is a file
            of another format than ``suffix``, or the name of an image where there are several inputs.
        ImageWriteError: the format cannot be written.
    """
    paths, named = [Path(path) for path in inputs], not _is_folder(out)
    single = named and len(paths) == 1 and not paths[0].is_dir()
    if single:
        _check_name(Path(out), suffix)
    elif named and suffix_of(Path(out)) in SUFFIXES:
        raise InvalidArgumentError(f"{out} is the name of one image, but the inputs may be several: name a folder")
    out = Path(out)
    if suffix is not None:
        check_writable(out / f"image{suffix}")
    jobs = []
    for path in paths:
        for source, key in _sources(path, out):
            target = out if single else out / _renamed(key, suffix)
            stem, end = _split(target)
            targets = [target.with_name(f"{stem}.{part}{end}") for part in parts] or [target]
            jobs.append(Job(source, targets[0], key.as_posix(), tuple(targets[1:])))
    _refuse_collisions(jobs)
    return jobs


def unread(inputs: Sequence[str | Path]) -> dict[str, int]:
    """How many files in folders among the inputs are of a kind that is not read, by suffix."""
    counts: Counter[str] = Counter()
    for folder in filter(Path.is_dir, map(Path, inputs)):
        counts.update(left_out(folder))
    return dict(counts)


def _is_folder(out: str | Path) -> bool:
    """Whether it names a folder: one that is there, or that is to be made."""
    return Path(out).is_dir() or not Path(out).suffix or str(out).endswith(("/", os.sep))


def _check_name(out: Path, suffix: str | None) -> None:
    """Whether an output file can be what its name says."""
    try:
        check_writable(out)
    except ImageWriteError as error:
        raise ImageWriteError(f"{error}, or end the name of a folder in /") from None
    if suffix is not None and suffix_of(out) != suffix:
        check_writable(Path(f"image{suffix}"))
        raise InvalidArgumentError(f"{out} is no {suffix} file: leave --format out, or name a folder")


def _sources(path: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """The images of an input and their names below it; results that lie inside it, or that it links to, are none."""
    if not path.is_dir():
        yield from ((source, Path(source.name)) for source in find([path]))
        return
    results, inside = out.resolve(), path.resolve()
    for source in find([path]):
        if results in (inside, *inside.parents) or results not in source.resolve().parents:
            yield source, source.relative_to(path)


def _renamed(key: Path, suffix: str | None) -> Path:
    form = by_suffix(key)
    new = suffix or (form.instead if form else "")
    return key.with_name(f"{_split(key)[0]}{new}") if new else key


def _split(path: Path) -> tuple[str, str]:
    """The name without its suffix, and that as it is written."""
    at = len(path.name) - len(suffix_of(path))
    return path.name[:at], path.name[at:]


def _refuse_collisions(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    seen: dict[Path, Path] = {}
    for source, target in ((job.source, target) for job in jobs for target in job.targets):
        path = target.resolve()
        if path in sources:
            raise InvalidArgumentError(f"{source} would be written over an input, {target}: choose another output")
        if seen.setdefault(path, source) != source:
            raise InvalidArgumentError(
                f"{seen[path]} and {source} would both be written to {target}: restore them to two outputs"
            )
