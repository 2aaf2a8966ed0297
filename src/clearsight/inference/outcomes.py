"""What became of each image of a run, a line of JSON each, beside the results; and what a run has come to.

The lines of a run lie in ``.outcomes/`` of the output folder: a file that grows or, in a store, parts one after the
other. The first line says how many images there are. They are a record alone: what is done is known by the results.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.errors import InvalidArgumentError
from clearsight.images.stores import Place, StorePath
from clearsight.inference.steps import Report

__all__ = ["Outcomes", "Status", "status"]

_FOLDER = ".outcomes"
_SECONDS_A_PART = 60.0
"""How long lines wait for one another before they go to a store."""


class Outcomes:
    """Writes down what becomes of the images of one run; that it cannot stops nothing.

    As a context manager it writes down the rest at the end. Nothing is written before the output folder is there.

    Args:
        out: the output folder.
        images: how many there are.

    Attributes:
        error: why the last lines could not be written.
    """

    def __init__(self, out: Place, images: int) -> None:
        self.error: OSError | None = None
        self._out, self._started, self._skipped = out, time.monotonic(), 0
        self._lines: list[dict[str, Any]] = [{"images": images}]
        self._run, self._part, self._written = "", 0, time.monotonic()

    def __enter__(self) -> Outcomes:
        return self

    def __exit__(self, *raised: object) -> None:
        self._say_skipped()
        self._write()

    def add(self, report: Report) -> None:
        """Write down what became of one image; those that were there already are counted."""
        if report.skipped:
            self._skipped += 1
            return
        self._say_skipped()
        line: dict[str, Any] = {"image": report.job.key, "state": "done" if report.error is None else "failed"}
        line |= {} if report.error is None else {"reason": report.error}
        line |= {"pixels": report.pixels, "seconds": round(report.seconds, 4)}
        self._lines.append(line | {"after": self._now})
        if isinstance(self._out, Path) or time.monotonic() - self._written > _SECONDS_A_PART:
            self._write()

    @property
    def _now(self) -> float:
        """Seconds since the start, which no change of the clock touches."""
        return round(time.monotonic() - self._started, 3)

    def _say_skipped(self) -> None:
        if self._skipped:
            self._lines.append({"skipped": self._skipped, "after": self._now})
            self._skipped = 0

    def _write(self) -> None:
        if not self._lines or (isinstance(self._out, Path) and not self._out.is_dir()):
            return
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        try:
            self._append(text)
        except OSError as error:
            self.error = error
        else:
            self.error, self._lines, self._written = None, [], time.monotonic()

    def _append(self, text: str) -> None:
        folder = self._out / _FOLDER
        self._run = self._run or f"{_next(folder):06}-{secrets.token_hex(4)}"
        if isinstance(folder, StorePath):
            (folder / f"{self._run}.{self._part:06}.jsonl").write(text.encode())
            self._part += 1
        else:
            folder.mkdir(exist_ok=True)
            with (folder / f"{self._run}.jsonl").open("a", encoding="utf-8") as file:
                file.write(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What the newest run into a folder has come to.

    Attributes:
        images: that it was asked for.
        done: whose results are there, by this run or by earlier ones.
        earlier: of these, whose results were there before it.
        failed: image and reason of each that failed.
        left: that it has not come to yet.
        seconds: from its start to its newest line.
        images_per_second: that it has done.
        megapixels_per_second: that it has done.
    """

    images: int
    done: int
    earlier: int
    failed: list[tuple[str, str]]
    left: int
    seconds: float
    images_per_second: float
    megapixels_per_second: float


def status(out: Place) -> Status:
    """What the newest run into a folder has come to, while it runs or afterwards.

    Raises:
        InvalidArgumentError: there was none.
    """
    folder = out / _FOLDER
    parts = _parts(folder)
    if not parts:
        raise InvalidArgumentError(f"{out} holds no outcomes of a run: name the output folder of `clearsight restore`")
    newest = parts[-1].name.partition(".")[0]
    totals, failed = Counter[str](), []
    for line in (line for part in parts if part.name.startswith(newest) for line in _lines(part)):
        totals.update(images=line.get("images", 0), skipped=line.get("skipped", 0))
        totals["seconds"] = line.get("after", 0)
        if line.get("state") == "done":
            totals.update(done=1, pixels=line["pixels"])
        elif line.get("state") == "failed":
            failed.append((line["image"], line["reason"]))
    images, done, skipped = totals["images"], totals["done"], totals["skipped"]
    seconds = max(float(totals["seconds"]), 1e-3)
    return Status(
        images=images,
        done=done + skipped,
        earlier=skipped,
        failed=failed,
        left=images - done - skipped - len(failed),
        seconds=seconds,
        images_per_second=round(done / seconds, 3),
        megapixels_per_second=round(totals["pixels"] / 1e6 / seconds, 3),
    )


def _parts(folder: Place) -> list[Place]:
    """The files of all runs, the newest run last: they are numbered, as clocks may be set back."""
    if isinstance(folder, StorePath):
        return [*folder.inside()]
    return sorted(folder.glob("*.jsonl"))


def _next(folder: Place) -> int:
    return max((int(part.name.partition("-")[0]) for part in _parts(folder)), default=0) + 1


def _lines(part: Place) -> Iterator[dict[str, Any]]:
    """Its lines; the last one of a run that was killed may be half."""
    content = part.read() if isinstance(part, StorePath) else part.read_bytes()
    for line in content.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
