"""Recognizers that read: what is judged, how it is printed, and the engines where they are installed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from clearsight.contracts import Line, Prediction, Reader, RecognitionTraits, Sample
from clearsight.datasets import Pages
from clearsight.errors import DataError, MissingExtraError, ModelError
from clearsight.evaluation.protocol import evaluate
from clearsight.guarding.run import guard
from clearsight.inference import Predictor
from clearsight.metrics.metric import recognition_metrics
from clearsight.metrics.reading import edits
from clearsight.recognizers import RapidOCR, Tesseract
from clearsight.recognizers.ocr import _in_order, _lines_of, _turned_back

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 4.0), (0.0, 4.0))
needs_jiwer = pytest.mark.skipif(importlib.util.find_spec("jiwer") is None, reason="needs clearsight[ocr]")
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs the program tesseract")


class Clerk(nn.Module):
    """Reads dark pages as ``dark``, all others as two lines."""

    traits = RecognitionTraits(task="read", classes=(), channels=None)

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        lines = (Line("bright", 0.9, BOX), Line("day", 0.5, BOX))
        return [lines if float(image.mean()) > 0.5 else (Line("dark", 0.8, BOX),) for image in x]


PAGES = [
    Sample(name="a", x=torch.full((1, 16, 16), 0.9), label=None, text="bright\nday\n"),
    Sample(name="b", x=torch.full((1, 16, 16), 0.1), label=None, text="dork"),
]


class Held:
    """A data set of these samples."""

    classes: tuple[str, ...] = ()

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def box(left: float, top: float, width: float = 8, height: float = 4) -> tuple[tuple[float, float], ...]:
    return ((left, top), (left + width, top), (left + width, top + height), (left, top + height))


@needs_jiwer
def test_edits_are_counted_in_letters_and_words() -> None:
    assert edits(["Cail me Ishmael"], ["Call me\nIshmael."], unit="letters").tolist() == [[16, 2]]
    assert edits(["Cail me Ishmael", "a  b"], ["Call me\nIshmael.", "a b"], unit="words").tolist() == [[3, 2], [2, 0]]
    assert edits(["noise"], [""], unit="letters").tolist() == [[0, 5]]
    assert edits([""], ["four"], unit="letters").tolist() == [[4, 4]]
    assert edits(["ﬁne１"], ["fine1"], unit="letters").tolist() == [[5, 0]]


def test_without_jiwer_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clearsight\[ocr\]'"):
        edits(["a"], ["b"], unit="letters")


def test_an_answer_is_a_text_with_its_confidence() -> None:
    assert isinstance(Clerk(), Reader)
    answer, _ = Predictor(Clerk(), device="cpu").read(torch.stack([sample.x for sample in PAGES]))
    assert answer.label == "bright\nday"
    assert answer.confidence == pytest.approx((6 * 0.9 + 3 * 0.5) / 9)
    assert answer.lines is not None
    assert Prediction.of(()) == Prediction("", 0.0, {}, lines=())


@needs_jiwer
def test_readers_are_judged_by_letters_and_words() -> None:
    found = evaluate(Held(PAGES), "quantize", recognizer=Clerk(), device="cpu")
    assert [metric.key for metric in recognition_metrics(Clerk.traits)] == ["cer", "wer"]
    assert [row.name for row in found.rows] == ["clean", "degraded"]
    assert found.rows[0].figures["cer"].value == pytest.approx(100 * 1 / 14)
    assert found.rows[1].figures["wer"].value == pytest.approx(100 * 1 / 3)
    assert found.rows[1].figures["cer"].low <= found.rows[1].figures["cer"].value


def test_pages_of_unknown_text_cannot_be_judged() -> None:
    silent = Held([Sample(name="a", x=torch.ones(1, 16, 16), label=None)])
    with pytest.raises(DataError, match="the images have no text, by which a reader is judged: write what"):
        evaluate(silent, "quantize", recognizer=Clerk(), device="cpu")


def test_an_engine_guides_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Clerk gives text, and no logits through which gradients could flow"):
        guard(Clerk(), tmp_path, out=tmp_path / "out")


def test_what_stands_side_by_side_is_read_from_left_to_right() -> None:
    lines = [Line("c", 1, box(0, 10)), Line("b", 1, box(20, 0.5)), Line("a", 1, box(0, 0)), Line("d", 1, box(20, 9))]
    assert "".join(line.text for line in _in_order(lines)) == "abcd"


@pytest.mark.parametrize("quarters", range(4))
def test_boxes_of_a_turned_page_are_where_they_are_on_the_page(quarters: int) -> None:
    page = np.zeros((40, 60), np.uint8)
    page[5:9, 10:30] = 1
    rows, columns = np.nonzero(np.rot90(page, quarters))
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    line = Line("a", 1, ((left, top), (right, top), (right, bottom), (left, bottom)))
    corners = _turned_back(line, quarters, 40, 60).box
    assert {(float(x), float(y)) for x, y in corners} == {(10, 5), (30, 5), (30, 9), (10, 9)}


def test_words_of_tesseract_become_lines() -> None:
    head = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
    rows = (
        "4\t1\t1\t1\t1\t0\t5\t5\t50\t10\t-1\t",
        '5\t1\t1\t1\t1\t1\t5\t5\t20\t10\t90\t"Oh',
        "5\t1\t1\t1\t1\t2\t30\t6\t25\t9\t70\tdear",
        "5\t1\t1\t1\t2\t1\t5\t20\t20\t10\t50\tme",
        "5\t1\t1\t1\t3\t1\t5\t40\t20\t10\t95\t ",
    )
    first, second = _lines_of("\n".join([head, *rows, ""]))
    assert first == Line('"Oh dear', pytest.approx(0.8), ((5, 5), (55, 5), (55, 15), (5, 15)))
    assert second.text == "me"
    assert _lines_of(head) == ()


def test_without_rapidocr_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match=r"reading text needs .*: pip install 'clearsight\[ocr\]'"):
        RapidOCR()


def test_without_tesseract_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match="the program tesseract is not installed: on Debian apt install tesseract-ocr"):
        Tesseract()


@pytest.fixture(scope="module")
def sheet() -> Sample:
    """The first lines of a page."""
    whole = Pages(count=1, dpi=150, paper="a6")[0]
    lines = (whole.text or "").splitlines()[:3]
    inked = (whole.x[0] < 0.8).any(1)
    starts = [int(row) for row in torch.nonzero(inked[1:] & ~inked[:-1])]
    return Sample(name="sheet", x=whole.x[:, : starts[3] - 1], label=None, text="\n".join(lines))


def read(engine: Reader, x: Tensor) -> str:
    return Prediction.of(engine.read(x[None])[0]).label


def test_rapidocr_reads_pages_as_they_lie_and_on_their_head(sheet: Sample) -> None:
    pytest.importorskip("rapidocr")
    engine = RapidOCR()
    for x in (sheet.x, sheet.x.rot90(2, (1, 2))):
        assert read(engine, x).split() == (sheet.text or "").split()
    assert engine.read(torch.ones(1, 3, 40, 60)) == [()]


@needs_tesseract
def test_tesseract_reads_pages(sheet: Sample) -> None:
    engine = Tesseract()
    assert read(engine, sheet.x).split() == (sheet.text or "").split()
    assert engine.read(torch.ones(1, 1, 40, 60)) == [()]
