"""Layouts of published text and documents: what is read of them, and what is said where they are not whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clearsight.datasets import DIBCO, IAM, RIMES, SROIE
from clearsight.errors import DataError


def picture(path: Path, height: int = 6, width: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.arange(height, dtype=np.uint8)[:, None] * 20
    Image.fromarray(np.broadcast_to(rows, (height, width)).copy()).save(path)


def iam(folder: Path, table: str, listed: str) -> Path:
    (folder / "task").mkdir(parents=True)
    (folder / "lines.txt").write_text(table)
    for name in ("testset.txt", "trainset.txt", "validationset1.txt", "validationset2.txt"):
        (folder / "task" / name).write_text(listed if name != "validationset2.txt" else "")
    return folder


def test_lines_of_iam(tmp_path: Path) -> None:
    root = iam(tmp_path / "iam", "# a\na01-003-00 err 1 2 3 4 5 6 Mr.|Gaitskell|,\n", "a01-003-00\n")
    picture(root / "a01" / "a01-003" / "a01-003-00.png")
    for part in ("train", "val", "test"):
        (line,) = IAM(root=root, part=part)
        assert (line.name, line.text, line.x.shape) == ("a01-003-00", "Mr. Gaitskell ,", (1, 6, 8))


@pytest.mark.parametrize(
    ("table", "listed", "says"),
    [
        ("a01-003-00 ok 1 2 3 4\n", "a01-003-00", "line 1 of .*lines.txt is none of IAM's"),
        ("a01-003-00 ok 1 2 3 4 5 6 a\n", "a01-003-01", "lists the line a01-003-01, of which .* has no text"),
        ("a01-003-00 ok 1 2 3 4 5 6 a\n", "a01-003-00", "a01-003-00.png does not exist, expected an image"),
    ],
)
def test_iam_that_is_not_whole(tmp_path: Path, table: str, listed: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        IAM(root=iam(tmp_path / "iam", table, listed))[0]


def test_iam_without_its_parts(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "lines.txt").write_text("a01-003-00 ok 1 2 3 4 5 6 a\n")
    with pytest.raises(DataError, match=r"holds no testset.txt, neither itself nor in a folder"):
        IAM(root=tmp_path)


def rimes(folder: Path, *boxes: str, file: str = "eval_2011_annotated.xml") -> Path:
    lines = "".join(f"<Line {box} Value='ligne {n}'/>" for n, box in enumerate(boxes))
    folder.mkdir(exist_ok=True)
    pages = "".join(f"<SinglePage FileName='{n}.png'>{lines}</SinglePage>" for n in range(102))
    (folder / file).write_text(f"<DataList>{pages}</DataList>")
    return folder


def test_lines_of_rimes_are_cut_out_of_their_pages(tmp_path: Path) -> None:
    root = rimes(tmp_path / "rimes", "Top='2' Left='-3' Bottom='4' Right='5'", "Top='4' Left='0' Bottom='4' Right='5'")
    picture(root / "0.png")
    found = RIMES(root=tmp_path)
    assert (len(found), found[0].text, found[0].x.shape) == (102, "ligne 0", (1, 2, 5))  # one of no height is left out
    assert found[0].x[0, :, 0].mul(255).round().tolist() == [40, 60]


def test_pages_of_rimes_to_validate_on(tmp_path: Path) -> None:
    root = rimes(tmp_path / "rimes", "Top='0' Left='0' Bottom='4' Right='5'", file="training_2011.xml")
    for n in (1, 2):
        picture(root / f"{n}.png")
    train, val = (RIMES(root=root, part=part) for part in ("train", "val"))
    assert (len(train), len(val)) == (2, 100)
    assert (train[1].name, val[0].name) == ("1-00", "2-00")


def test_a_line_of_rimes_beyond_its_page(tmp_path: Path) -> None:
    root = rimes(tmp_path / "rimes", "Top='7' Left='0' Bottom='9' Right='5'")
    picture(root / "0.png")
    with pytest.raises(DataError, match=r"0.png ends before the line 0-00"):
        RIMES(root=root)[0]


def test_pages_of_rimes_that_are_damaged(tmp_path: Path) -> None:
    root = rimes(tmp_path / "rimes")
    (root / "eval_2011_annotated.xml").write_text("<DataList><SinglePage>")
    with pytest.raises(DataError, match="cannot be read as the pages of RIMES"):
        RIMES(root=root)


def test_receipts_of_sroie(tmp_path: Path) -> None:
    folder = tmp_path / "SROIE2019" / "train"
    for name in ("a", "b"):
        picture(folder / "img" / f"{name}.jpg")
    with pytest.raises(DataError, match="holds no receipts with their text"):
        SROIE(root=tmp_path, part="train")
    (folder / "box").mkdir()
    (folder / "box" / "b.txt").write_text("1,2,3,2,3,4,1,4,NO. 5, JALAN\n\n1,5,3,5,3,6,1,6,£ 9\n", encoding="utf-8")
    (receipt,) = SROIE(root=tmp_path, part="train")
    assert receipt.text == "NO. 5, JALAN\n£ 9"


def test_documents_of_dibco_of_several_years(tmp_path: Path) -> None:
    files = {
        "DIBCO2009_Test_images-handwritten/H01.bmp": "DIBCO2009-GT-Test-images_handwritten/H01.tiff",
        "H_DIBCO2010_test_images/H01.tif": "H_DIBCO2010_GT/H01_estGT.tiff",
        "DIPCO2016_dataset/1.bmp": "DIPCO2016_Dataset_GT/1_gt.bmp",
        "2017/Dataset/1.bmp": "2017/GT/1_gt.bmp",
        "2013/OriginalImages/HW01.bmp": "2013/GTimages/HW01_estGT.tiff",
        "2011/weights.png": "2011/weights_GT.tiff",
    }
    for name in (*files, *files.values(), "2013/GTimages/HW01_skelGT.tiff", "2014/alone.png"):
        picture(tmp_path / "dibco" / name)
    found = DIBCO(root=tmp_path)
    assert dict(found.twins.pairs) == files
    assert all(sample.target.equal(sample.x) for sample in found)


def test_documents_of_dibco_are_grey(tmp_path: Path) -> None:
    page = np.random.default_rng(0).integers(255, size=(6, 8, 3), dtype=np.uint8)
    Image.fromarray(page).save(tmp_path / "a.png")
    Image.fromarray(page[..., 0] > 100).save(tmp_path / "a_GT.tiff")
    (tmp_path / "a.png").rename(tmp_path / "a.bmp")
    root = tmp_path.rename(tmp_path.with_name("dibco"))
    (sample,) = DIBCO(root=root)
    assert sample.x.shape == sample.target.shape == (1, 6, 8)
    assert set(sample.target.unique().tolist()) == {0, 1}


def test_documents_of_dibco_with_two_truths(tmp_path: Path) -> None:
    for name in ("H01.png", "H01_GT.png", "H01_estGT.png"):
        picture(tmp_path / "dibco" / name)
    with pytest.raises(DataError, match=r"both tell what is ink in H01\.png"):
        DIBCO(root=tmp_path)
    (tmp_path / "more" / "dibco").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no document with its truth"):
        DIBCO(root=tmp_path / "more")
