"""Engines that read whole pages: found lines, their text, in the order of reading."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from clearsight.contracts import Line, RecognitionTraits
from clearsight.errors import MissingExtraError, ModelError, reason

__all__ = ["RapidOCR", "Tesseract"]

_THREADS = ("intra", "inter")
_TRAITS = RecognitionTraits(task="read", classes=(), channels=None)


class RapidOCR(nn.Module):
    """RapidOCR: PaddleOCR's networks that find, turn and read lines, as ONNX graphs on the CPU.

    Its models come inside its package, Apache-2.0. Pages that lie on their side or stand on their head are read, too:
    where most lines do, the page is turned and read again. Source: https://github.com/RapidAI/RapidOCR.

    Raises:
        MissingExtraError: the package, or onnxruntime, is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import onnxruntime  # noqa: F401
            import rapidocr
        except ImportError:
            raise MissingExtraError("reading text", "ocr") from None
        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": torch.get_num_threads() for kind in _THREADS}
        self._engine = rapidocr.RapidOCR(params={"Global.log_level": "critical", **threads})

    @property
    def traits(self) -> RecognitionTraits:
        """Grey or colour, any size; it finds the lines itself."""
        return _TRAITS

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each image of ``(B, C, H, W)`` in [0, 1]."""
        return [self._page(image) for image in _bytes(x)]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: nothing in it changes, and a session cannot be copied."""
        return self

    def _page(self, image: NDArray[np.uint8]) -> tuple[Line, ...]:
        """As it lies, or turned by the quarters that make most lines run from left to right."""
        lines, heads = self._seen(image)
        quarters = 1 if 2 * sum(_height(line) > 1.5 * _width(line) for line in lines) > len(lines) else 0
        if quarters:
            lines, heads = self._seen(np.rot90(image))
        if 2 * heads > len(lines):
            quarters += 2
            lines, _ = self._seen(np.rot90(image, quarters))
        return tuple(_turned_back(line, quarters, *image.shape[:2]) for line in _in_order(lines))

    def _seen(self, image: NDArray[np.uint8]) -> tuple[list[Line], int]:
        """The lines of a page as it lies, and how many of them stand on their head."""
        engine, page = self._engine, np.ascontiguousarray(image)
        prepared, record = engine.preprocess_img(engine.load_img(page))
        boxes, turns, read, crops = engine.run_ocr_steps(prepared, record)
        heads = sum(label == "180" for label, _ in turns.cls_res or ())
        found: Any = engine.build_final_output(page, boxes, turns, read, crops, record)
        if getattr(found, "txts", None) is None or found.boxes is None:
            return [], 0
        rows = zip(found.txts, found.scores, found.boxes, strict=True)
        return [Line(text, float(score), _corners(box)) for text, score, box in rows], heads


class Tesseract(nn.Module):
    """Tesseract: the program of that name, where it is installed, with its English model.

    It tells by itself how a page lies, where its data ``osd`` is installed. Source: R. Smith, "An Overview of the
    Tesseract OCR Engine", 2007; https://github.com/tesseract-ocr/tesseract, Apache-2.0.

    Raises:
        ModelError: there is no such program.
    """

    def __init__(self) -> None:
        super().__init__()
        if shutil.which("tesseract") is None:
            raise ModelError(
                "the program tesseract is not installed: on Debian apt install tesseract-ocr, on a Mac brew install "
                "tesseract; or take the recognizer ocr"
            )
        languages = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout
        self._mode = "1" if "osd" in languages.split() else "3"

    @property
    def traits(self) -> RecognitionTraits:
        """Grey or colour, any size; it finds the lines itself."""
        return _TRAITS

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        """The lines of each image of ``(B, C, H, W)`` in [0, 1].

        Raises:
            ModelError: the program failed.
        """
        return [self._page(image) for image in _bytes(x)]

    def _page(self, image: NDArray[np.uint8]) -> tuple[Line, ...]:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", dpi=(150, 150))
        done = self._run(file.getvalue(), self._mode)
        if done.returncode and self._mode == "1":  # too few letters to tell how the page lies
            done = self._run(file.getvalue(), "3")
        if done.returncode:
            raise ModelError(f"tesseract failed: {reason(ChildProcessError(done.stderr.decode(errors='replace')))}")
        return _lines_of(done.stdout.decode("utf-8", errors="replace"))

    def _run(self, png: bytes, mode: str) -> subprocess.CompletedProcess[bytes]:
        command = ["tesseract", "stdin", "stdout", "-l", "eng", "--psm", mode, "tsv"]
        threads = {"OMP_THREAD_LIMIT": str(torch.get_num_threads())}  # of its own choice, they wait by spinning
        return subprocess.run(command, input=png, capture_output=True, check=False, env={**os.environ, **threads})


def _lines_of(table: str) -> tuple[Line, ...]:
    """What Tesseract prints, a word a row, as lines."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [row for row in rows if row["level"] == "5" and (row["text"] or "").strip()]
    lines = groupby(words, lambda row: tuple(row[key] for key in ("page_num", "block_num", "par_num", "line_num")))
    return tuple(_joined([*line]) for _, line in lines)


def _joined(words: Sequence[dict[str, str]]) -> Line:
    confidence = sum(float(word["conf"]) for word in words) / len(words) / 100
    left, top = (min(float(word[key]) for word in words) for key in ("left", "top"))
    right = max(float(word["left"]) + float(word["width"]) for word in words)
    bottom = max(float(word["top"]) + float(word["height"]) for word in words)
    box = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Line(" ".join(word["text"] for word in words), confidence, box)


def _bytes(x: Tensor) -> list[NDArray[np.uint8]]:
    """Each image in 8 bits, ``(H, W)`` or ``(H, W, 3)``."""
    levels = (255 * x.detach().clamp(0, 1)).round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    return [image[..., 0] if image.shape[-1] == 1 else image for image in levels]


def _corners(box: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in box)


def _height(line: Line) -> float:
    return max(y for _, y in line.box) - min(y for _, y in line.box)


def _width(line: Line) -> float:
    return max(x for x, _ in line.box) - min(x for x, _ in line.box)


def _middle(line: Line) -> float:
    return sum(y for _, y in line.box) / len(line.box)


def _in_order(lines: Iterable[Line]) -> list[Line]:
    """Row by row, from left to right: what stands beside one another, by half its height, is a row."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=_middle):
        if rows and _middle(line) - _middle(rows[-1][0]) < min(_height(line), _height(rows[-1][0])) / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: min(x for x, _ in line.box))]


def _turned_back(line: Line, quarters: int, height: int, width: int) -> Line:
    """A line of a page that was turned counter-clockwise by some quarters, where it is on the page of that size."""
    box = line.box
    for turn in reversed(range(quarters)):
        across = width if turn % 2 == 0 else height
        box = tuple((across - y, x) for x, y in box)
    return Line(line.text, line.confidence, box)
