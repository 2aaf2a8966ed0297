"""Pages and lines that are rendered: what stands on them is what is said to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.datasets import FONTS, Lines, Pages, TextFolder, open_dataset
from clearsight.datasets.fonts import fonts_of
from clearsight.datasets.prose import sentences
from clearsight.errors import DataError, InvalidArgumentError

PARTS = ("train", "val", "test")


def test_parts_share_neither_fonts_nor_sentences() -> None:
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(FONTS[one]) & set(FONTS[other])
        assert not set(sentences(one)) & set(sentences(other))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_fonts_that_need_no_package(part: str) -> None:
    assert [path.stem for path in fonts_of(part)] == [
        name for name in FONTS[part] if name.startswith(("DejaVu", "STIX"))
    ]


def test_more_fonts_are_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "LiberationSans-Regular.ttf").write_bytes(fonts_of("test")[0].read_bytes())
    assert "LiberationSans-Regular" in [path.stem for path in fonts_of("test", root=tmp_path)]
    assert "LiberationSans-Regular" not in [path.stem for path in fonts_of("train", root=tmp_path)]


def test_a_page_has_the_size_of_its_paper() -> None:
    page = Pages(count=1, paper="a6", dpi=100)[0]
    assert page.x.shape == (1, 583, 413)
    assert page.name == "00000-STIXGeneralBol"


def test_pages_are_drawn_by_their_numbers() -> None:
    few, many = Pages(count=2, dpi=72), Pages(count=5, dpi=72)
    assert few[1].x.equal(many[1].x)
    assert few[1].text == many[1].text
    assert few[0].text != few[1].text
    assert Pages(count=2, dpi=72, seed=1)[1].text != few[1].text


def test_every_line_of_the_text_is_a_row_of_ink() -> None:
    page = Pages(count=3, part="val", dpi=150)[2]
    inked = (page.x[0] < 0.8).any(1).int()
    rows = int(((inked[1:] - inked[:-1]) == 1).sum())
    assert rows >= len((page.text or "").splitlines())
    assert page.x.amin() < 0.3
    assert page.x[0, 0].eq(1).all()


def test_lines_have_one_height_and_hold_all_their_letters() -> None:
    lines = Lines(count=20, height=24, letters=30)
    for line in lines:
        assert line.x.shape[1] == 24
        assert len(line.text or "") <= 30 or " " not in (line.text or "")
        border = torch.cat([line.x[0, :, 0], line.x[0, :, -1]])
        assert border.eq(1).all()
        assert line.x.amin() < 0.5


@pytest.mark.parametrize("wrong", [{"paper": "a0"}, {"dpi": 20}, {"dpi": []}, {"count": 0}])
def test_pages_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match="pages are a4, a5, a6 or a7 of 50 to 1200 dpi"):
        Pages(**wrong)


def test_a_folder_with_texts_is_recognized(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((8, 9), 200, np.uint8)).save(tmp_path / name)
    (tmp_path / "b.txt").write_bytes("\ufeffFaßbinder\nDöblin\n".encode())
    found = open_dataset(tmp_path)
    assert isinstance(found, TextFolder)
    assert [(sample.name, sample.text) for sample in found] == [("b.png", "Faßbinder\nDöblin\n")]


def test_a_text_of_another_encoding(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 9), 200, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("Döblin".encode("latin-1"))
    with pytest.raises(DataError, match="is not in UTF-8"):
        TextFolder(root=tmp_path)[0]


def test_a_folder_without_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images with their text, expected files such as"):
        TextFolder(root=tmp_path)
