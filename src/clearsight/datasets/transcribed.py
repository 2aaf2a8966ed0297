"""Handwriting and receipts that others have transcribed, in the layouts in which they are given away."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

from torch import Tensor

from clearsight.contracts import Sample
from clearsight.datasets.files import Folder, explained
from clearsight.datasets.images import ImageFiles
from clearsight.datasets.roots import DataRoot, check_part, part_of
from clearsight.errors import DataError
from clearsight.registry import DATASETS
from clearsight.text import read_text

__all__ = ["IAM", "RIMES", "SROIE"]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are one past the last."""

_IAM = DataRoot(what="IAM", names=("iam", "IAM"), page="https://fki.tic.heia-fr.ch/databases/iam-handwriting-database")
_RIMES = DataRoot(
    what="RIMES", names=("rimes", "RIMES"), page="http://www.a2ialab.com/doku.php?id=rimes_database:start"
)
_SROIE = DataRoot(what="SROIE", names=("sroie", "SROIE2019", "SROIE"), page="https://rrc.cvc.uab.es/?ch=13")

_SPLITS = {"train": ("trainset.txt",), "val": ("validationset1.txt", "validationset2.txt"), "test": ("testset.txt",)}
"""Of IAM: the files of the task of lines that list what belongs to each part."""

_PAGES_TO_VALIDATE_ON = 100
"""Of RIMES: the last pages of its training part."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A transcribed image, or a part of one.

    Attributes:
        name: unique within its data set.
        file: the image.
        text: what is to be read.
        box: where in the image; ``None`` for all of it.
    """

    name: str
    file: str
    text: str
    box: Box | None = None


class _Passages:
    """Images with their text: of files, or of parts of them."""

    classes: tuple[str, ...] = ()

    def __init__(self, folder: Path, passages: list[Passage]) -> None:
        self._files, self._passages = Folder(folder), passages

    def __len__(self) -> int:
        """How many there are."""
        return len(self._passages)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: a file is gone or unreadable, or the part of it that is asked for lies outside.
            IndexError: there are fewer.
        """
        one = self._passages[index]
        return Sample(name=one.name, x=_seen(self._files, one), label=None, text=one.text)


def _seen(files: Folder, one: Passage) -> Tensor:
    if one.box is None:
        return ImageFiles([one.file], files)[0]
    left, top, right, bottom = one.box
    x = _page(files, one.file)[:, max(top, 0) : bottom, max(left, 0) : right].clone()
    if not x.numel():
        raise DataError(f"{files.where(one.file)} ends before the line {one.name}: is it another image of that name?")
    return x


@lru_cache(maxsize=2)
def _page(files: Folder, name: str) -> Tensor:
    """An image whose parts are asked for one after the other."""
    return ImageFiles([name], files)[0]


@DATASETS.register("iam")
class IAM(_Passages):
    """IAM: 13,353 lines of English handwriting by 657 people, with their text.

    Words and punctuation marks are parted by spaces, as its table has them. The parts are those of the published task
    of lines, no writer in two of them. Source: Marti and Bunke, "The IAM-database: an English sentence database for
    offline handwriting recognition", 2002.

    Args:
        part: ``"train"``, ``"val"`` (both validation sets of the task) or ``"test"``.
        root: a folder ``iam`` with ``lines/a01/a01-000u/a01-000u-00.png``, with ``lines.txt`` and the task's
            ``trainset.txt``, ``validationset1.txt``, ``validationset2.txt`` and ``testset.txt``, in it or in any folder
            in it, or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, is incomplete or damaged, or has no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("iam", part, _SPLITS)
        folder = _IAM.require(root)
        table = _found(folder, "lines.txt")
        texts = dict(_rows(table))
        above = "lines/" if (folder / "lines").is_dir() else ""
        passages = []
        for split in (_found(folder, name) for name in _SPLITS[part]):
            for line in read_text(split, DataError).split():
                if line not in texts:
                    raise DataError(f"{split} lists the line {line}, of which {table} has no text: are both whole?")
                form = line.rpartition("-")[0]
                file = f"{above}{form.partition('-')[0]}/{form}/{line}.png"
                passages.append(Passage(line, file, texts[line]))
        super().__init__(folder, passages)


def _found(folder: Path, name: str) -> Path:
    """A file in a folder, or in one in it."""
    found = next(chain(folder.glob(name), sorted(folder.glob(f"*/{name}"))), None)
    if found is None:
        raise DataError(f"{folder} holds no {name}, neither itself nor in a folder: copy what is published beside it")
    return found


def _rows(table: Path) -> Iterator[tuple[str, str]]:
    """The name of each line and its text: ``a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to``."""
    for number, row in enumerate(read_text(table, DataError).splitlines(), 1):
        if row and not row.startswith("#"):
            fields = row.split(" ", 8)
            if len(fields) < 9:
                raise DataError(f"line {number} of {table} is none of IAM's: expected eight values and the text")
            yield fields[0], fields[8].replace("|", " ")


@DATASETS.register("rimes")
class RIMES(_Passages):
    """RIMES: 12,111 lines of French letters by hand, cut out of their pages, with their text.

    What nobody could read, which its authors mark by ¤, is left out of the text. Source: Grosicki and El Abed, "ICDAR
    2011: French handwriting recognition competition", 2011; the parts are those of Coquenet et al., "End-to-end
    Handwritten Paragraph Text Recognition Using a Vertical Attention Network", 2022.

    Args:
        part: ``"train"``, ``"val"`` (the last 100 pages of the published training part) or ``"test"``.
        root: a folder ``rimes`` with ``training_2011.xml``, ``eval_2011_annotated.xml`` and the images that they name,
            or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, is incomplete or damaged, or has no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("rimes", part, ("train", "val", "test"))
        folder = _RIMES.require(root)
        path = folder / ("eval_2011_annotated.xml" if part == "test" else "training_2011.xml")
        with explained(str(path), "the pages of RIMES"):
            pages = list(ElementTree.parse(path).getroot().iter("SinglePage"))
            wanted = {"train": slice(-_PAGES_TO_VALIDATE_ON), "val": slice(-_PAGES_TO_VALIDATE_ON, None)}
            lines = [line for page in pages[wanted.get(part, slice(None))] for line in _lines(page)]
        super().__init__(folder, lines)


def _lines(page: ElementTree.Element) -> Iterator[Passage]:
    """Those of a page that have a text and an area."""
    file = page.attrib["FileName"]
    for number, line in enumerate(page.iter("Line")):
        left, top, right, bottom = (int(line.attrib[side]) for side in ("Left", "Top", "Right", "Bottom"))
        text = " ".join(html.unescape(line.attrib["Value"]).replace("¤", " ").split())
        if text and right > left and bottom > top:
            yield Passage(f"{Path(file).stem}-{number:02}", file, text, (left, top, right, bottom))


@DATASETS.register("sroie")
class SROIE(_Passages):
    """SROIE: 973 scanned receipts, with all that is printed on them.

    Source: Huang et al., "ICDAR2019 Competition on Scanned Receipt OCR and Information Extraction", 2019.

    Args:
        part: ``"train"`` or ``"test"``.
        root: a folder ``sroie``, or ``SROIE2019``, with ``{train,test}/img/….jpg`` and ``{train,test}/box/….txt``, or
            the one it lies in; without it ``$CLEARSIGHT_DATA``. Images without a text are left out.

    Raises:
        DataError: it is not there, is incomplete or damaged, or has no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("sroie", part, ("train", "test"))
        folder = part_of(_SROIE.require(root), part)
        beside = ((name, folder / "box" / f"{Path(name).stem}.txt") for name in Folder(folder).names("img"))
        receipts = [Passage(Path(name).stem, name, _printed(path)) for name, path in beside if path.is_file()]
        if not receipts:
            raise DataError(f"{folder} holds no receipts with their text, expected img/a.jpg and box/a.txt")
        super().__init__(folder, receipts)


def _printed(path: Path) -> str:
    """The text of a receipt: of each line of the file what comes after the eight coordinates of its box."""
    with explained(str(path), "a receipt's text"):
        content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:  # a few of the published files
        text = content.decode("cp1252", errors="replace")
    return "\n".join(fields[8] for line in text.splitlines() if len(fields := line.split(",", 8)) == 9)
