"""``clearsight recognize`` of what reads: lines with their confidence, boxes in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from clearsight import weights
from clearsight.contracts import Line, RecognitionTraits
from clearsight.recognizers import CRNN
from clearsight.recognizers.loading import PACKAGED, Packaged

BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 4.0), (0.0, 4.0))


class Clerk(nn.Module):
    """Reads one line in dark pages, two in bright ones, none in grey ones."""

    traits = RecognitionTraits(task="read", classes=(), channels=None)

    def read(self, x: Tensor) -> list[tuple[Line, ...]]:
        bright, dark = (Line("bright", 0.9, BOX), Line("day", 0.5, BOX)), (Line("dark", 0.8, BOX),)
        return [bright if image.mean() > 0.6 else dark if image.mean() < 0.4 else () for image in x]


def test_the_command_prints_lines_or_boxes(command: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, "clerk", Packaged(Clerk, "Reads"))  # type: ignore[arg-type]
    for name, level in (("a.png", 230), ("b.png", 20), ("c.png", 128)):
        Image.fromarray(np.full((8, 9), level, np.uint8)).save(tmp_path / name)
    done = command("recognize", ".", "--recognizer", "clerk")
    assert done.out.splitlines() == [
        "a.png  2 lines  0.767",
        "  0.900  bright",
        "  0.500  day",
        "b.png  1 line  0.800",
        "  0.800  dark",
        "c.png  no text  0.000",
    ]
    told = json.loads(command("recognize", "a.png", "--recognizer", "clerk", "--json").out)
    assert told[0]["text"] == "bright\nday"
    assert told[0]["lines"][0] == {"text": "bright", "confidence": 0.9, "box": [list(corner) for corner in BOX]}


def test_a_reader_that_was_trained_here_is_taken_by_its_folder(command: Callable, tmp_path: Path) -> None:
    pytest.importorskip("jiwer")
    torch.manual_seed(0)
    weights.save(CRNN(widths=[4, 6, 8], hidden=5), tmp_path / "mine", figures={"name": "mine"}, card="")
    Image.new("L", (60, 32), 255).save(tmp_path / "white.png")
    assert command("recognize", "white.png", "--recognizer", "mine/").out == "white.png  no text  0.000\n"
    table = command("evaluate", "--data", "lines", "--with", "document(severity=3)", "-r", "mine/", "--limit", "3")
    assert "CER %" in table.out
