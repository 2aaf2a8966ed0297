"""Text files of every origin, and text on every terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from clearsight import cli
from clearsight.cli.terminal import print_json
from clearsight.contracts import RecognitionTraits
from clearsight.errors import DataError, RecipeError, WeightsError
from clearsight.guarding import classes
from clearsight.recognizers.description import Description
from clearsight.text import printable, read_text

ENCODINGS = ("ascii", "cp1252", "latin-1", "utf-8", "cp437", "utf-16")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_is_read_with_and_without_a_mark(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(mark + "größe\r\nσ".encode())
    assert read_text(tmp_path / "a.txt", DataError) == "größe\r\nσ"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("ok\ncafé".encode("latin-1"), "byte 0xE9 in line 2"),
        ("σ".encode("utf-16"), "byte 0xFF in line 1"),
        (b"\x80", "byte 0x80 in line 1"),
    ],
)
def test_another_encoding_is_said(tmp_path: Path, content: bytes, where: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(RecipeError, match=rf"a\.txt is not in UTF-8 \({where}\): save it as UTF-8"):
        read_text(tmp_path / "a.txt", RecipeError)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_text(tmp_path, DataError)


TRAITS = RecognitionTraits(task="classify", classes=("cat", "café"), channels=1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_labels_as_spreadsheets_save_them(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a.csv").write_bytes(end.join(["ü.png,cat", "b.png,café", ""]).encode(encoding))
    table = classes._read_table(tmp_path / "a.csv", TRAITS)
    assert table == {"ü.png": "cat", "b.png": "café"}


@pytest.mark.parametrize(
    ("content", "says"),
    [("b.png,café".encode("latin-1"), "save it as UTF-8"), (b'"' + b"x" * 200_000, "no CSV file"), (b"a", "image,cl")],
)
def test_labels_that_cannot_be_read(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=says):
        classes._read_table(tmp_path / "a.csv", TRAITS)


def test_what_is_said_of_a_recognizer(tmp_path: Path) -> None:
    said = '{"classes": ["chat", "café"]}'
    (tmp_path / "a.pt.json").write_text(said, encoding="utf-8-sig")
    assert Description.beside(tmp_path / "a.pt").classes == ["chat", "café"]
    (tmp_path / "a.pt.json").write_text(said, encoding="latin-1")
    with pytest.raises(WeightsError, match="save it as UTF-8"):
        Description.beside(tmp_path / "a.pt")


def test_nothing_a_terminal_obeys_is_printable() -> None:
    assert printable("a\nb\x1b[2J\x9b\x7f\u2028\udcff.png") == r"a\nb\x1b[2J\x9b\x7f\u2028\udcff.png"
    assert printable("σ, 日本, é 👩‍🔬") == "σ, 日本, é 👩‍🔬"


# On any terminal


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, work: Callable[[], object]) -> str:
    """What the work prints where standard output has that encoding."""
    content = BytesIO()
    stream = TextIOWrapper(content, encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        work()
    stream.flush()
    return content.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", ["σ = 25/255", "é", "👩", "caf\udce9.png", "a\nb"])
def test_json_stays_json_in_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str, value: str) -> None:
    text = printed(monkeypatch, encoding, lambda: print_json([{"file": value}]))
    assert json.loads(text) == [{"file": value}]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("verb", ["models", "degradations", "reproduce"])
def test_every_listing_is_printed_in_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str, verb: str) -> None:
    monkeypatch.setattr(sys, "argv", ["clearsight", verb])

    def work() -> None:
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 0

    assert len(printed(monkeypatch, encoding, work).splitlines()) > 5
