"""Images of every kind, half of them damaged, through ``clearsight restore``; a longer run of a short test.

python tests/fuzz_images.py [--files 500] [--seed 0] [--keep DIR]

Files are drawn from every format that is written, and every kind of number, channels and metadata that it holds, stacks
among them; of every second one some random bytes are changed, cut off or doubled. A result has to have the size, the
channels and the depth of what is read from its file, and of the picture that was written, where the file is not
damaged; what fails has to say so in a sentence, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from clearsight import images
from clearsight.errors import ClearsightError
from clearsight.images import Metadata, Picture
from clearsight.images.format import Format
from clearsight.images.formats import FORMATS
from clearsight.images.picture import COLOUR, GREY, Meaning
from clearsight.inference import Job, Restoration, process

CHANNELS: tuple[tuple[Meaning, ...], ...] = (
    GREY,
    COLOUR,
    (*GREY, "alpha"),
    (*COLOUR, "alpha"),
    (*COLOUR, "premultiplied alpha"),
    (*GREY, "other"),
    (*COLOUR, "other", "alpha"),
)


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        name: its name.
        shape: height, width and channels of what was written, in each plane.
        dtype: of its numbers.
        planes: how many.
        damaged: how; empty if it is whole.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    planes: int
    damaged: str


def drawn(folder: Path, files: int, seed: int) -> Iterator[Case]:
    """Write so many files, format by format, and tell what is in them."""
    written = [form for form in FORMATS if form.dtypes]
    for number in range(files):
        rng = np.random.default_rng([seed, number])
        form = written[number // 2 % len(written)]
        path = folder / f"{number:05}{rng.choice(form.suffixes)}"
        if form.name == "TIFF" and rng.random() < 0.3:
            shape, dtype, planes = _stack(path, rng)
        else:
            picture = _picture(form, rng)
            images.write(picture, path)
            shape, dtype, planes = picture.pixels.shape, picture.pixels.dtype.name, 1
        yield Case(path.name, shape, dtype, planes, _damaged(path, rng) if number % 2 else "")


def failures(folder: Path, cases: list[Case]) -> Iterator[str]:
    """Restore the files and tell what is wrong with what came of them."""
    restoration, out = Restoration("wiener"), folder / "out"
    jobs = [Job(folder / case.name, out / case.name, case.name) for case in cases]
    reports = process(jobs, lambda job, picture: restoration(picture))
    for case in cases:
        try:
            report = next(reports)
        except Exception as error:  # a defect: the rest of the files cannot be told from it
            yield f"{case}: {type(error).__name__}: {error}"
            return
        there = report.job.target.exists()
        if report.error is not None:
            if there:
                yield f"{case}: failed, but left a file: {report.error}"
            elif not case.damaged:
                yield f"{case}: {report.error}"
            elif "\n" in report.error or "Traceback" in report.error:
                yield f"{case}: no sentence: {report.error}"
        else:
            yield from (f"{case}: {wrong}" for wrong in _wrong(case, report.job))
    left = [path.name for path in out.glob(".*")] if out.exists() else []
    if left:
        yield f"half-written files: {', '.join(left)}"


def _wrong(case: Case, job: Job) -> Iterator[str]:
    """What of a result is not as in its file."""
    try:
        after = _summary(job.target)
    except ClearsightError as error:
        yield f"the result cannot be read: {error}"
        return
    before = _summary(job.source)
    if before != after:
        yield f"{before} became {after}"
    if not case.damaged and not _is(case, *after[:3]):
        yield f"read as {after}"
    elsewhere = _elsewhere(job.source)
    if elsewhere is not None and elsewhere != after[0][:2]:
        yield f"another reader finds {elsewhere} pixels, not {after[0][:2]}"


def _is(case: Case, shape: tuple[int, ...], dtype: str, planes: int) -> bool:
    """Whether that is what was written; grey may have become colours in a format that has no grey."""
    more = shape[2] - case.shape[2] if len(case.shape) == len(shape) else 0
    same = more == 0 or (more == 2 and case.shape[2] < 3)
    return shape[:2] == case.shape[:2] and same and (dtype, planes) == (case.dtype, case.planes)


def _elsewhere(path: Path) -> tuple[int, int] | None:
    """Height and width by Pillow, where it reads the file."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            image.load()
            return image.height, image.width
    except Exception:  # whatever a damaged file makes of it
        return None


def _summary(path: Path) -> tuple[tuple[int, ...], str, int, tuple[Meaning, ...], str]:
    file = images.open_image(path)
    planes = list(file.planes())
    first = planes[0]
    return first.pixels.shape, first.pixels.dtype.name, len(planes), first.channels, file.format.name


def _picture(form: Format, rng: np.random.Generator) -> Picture:
    """Some picture that the format holds."""
    for _ in range(1000):
        channels = CHANNELS[rng.integers(len(CHANNELS))]
        size = rng.integers(1, 48, 2)
        metadata = Metadata(dpi=(72.0, 72.0)) if rng.random() < 0.3 else Metadata()
        numbers = rng.uniform(0, 1, (*size, len(channels))) * rng.choice([1, 1, 0.01])
        pixels = images.from_unit(numbers, rng.choice(form.dtypes))
        picture = Picture(pixels=pixels, channels=channels, metadata=metadata)
        if not form.lacks(picture) and (form.premultiplied is None or "premultiplied alpha" not in channels):
            return picture
    raise AssertionError(f"{form.name} holds nothing")


def _stack(path: Path, rng: np.random.Generator) -> tuple[tuple[int, ...], str, int]:
    """A stack of grey slices as microscopes write them."""
    shape, kind = (*map(int, rng.integers((2, 8, 8), (5, 40, 40))),), rng.choice(["", "imagej", "ome"])
    stack = rng.integers(100, 4000, shape).astype(rng.choice(["uint8", "uint16"]))
    options = {"imagej": {"imagej": True}, "ome": {"ome": True}}.get(kind, {"metadata": None})
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    return (*shape[1:], 1), stack.dtype.name, shape[0]


def _damaged(path: Path, rng: np.random.Generator) -> str:
    """Change some bytes, cut the file off, or double a piece of it; tell which."""
    content, how = bytearray(path.read_bytes()), rng.choice(["changed", "cut", "doubled", "zeroed"])
    at, n = int(rng.integers(len(content))), int(rng.integers(1, 20))
    if how == "changed":
        for i in rng.integers(0, len(content), n):
            content[i] = rng.integers(256)
    elif how == "cut":
        del content[at:]
    elif how == "doubled":
        content[at:at] = content[at : at + n]
    else:
        content[at : at + n] = bytes(len(content[at : at + n]))
    path.write_bytes(content)
    return str(how)


def run(folder: Path, files: int, seed: int) -> tuple[list[Case], list[str]]:
    """The files and what is wrong with what became of them."""
    cases = list(drawn(folder, files, seed))
    return cases, list(failures(folder, cases))


def main() -> None:
    """Run it, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files, which stay there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cases, wrong = run(folder, options.files, options.seed)
    print("\n".join(wrong))
    damaged = sum(bool(case.damaged) for case in cases)
    kinds = Counter(Path(case.name).suffix for case in cases)
    print(f"{len(cases)} files, {damaged} damaged, {len(wrong)} wrong; {dict(sorted(kinds.items()))}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
