"""Degraded documents with what is ink in them: the contests of document binarization."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from clearsight.datasets.files import Folder
from clearsight.datasets.paired import Paired, TwinFiles
from clearsight.datasets.roots import DataRoot, check_part
from clearsight.errors import DataError
from clearsight.registry import DATASETS

__all__ = ["DIBCO"]

_DIBCO = DataRoot(what="DIBCO", names=("dibco", "DIBCO"), page="https://vc.ee.duth.gr/dibco2019/")

_TRUTH = re.compile(r"[-_ ](est)?gt$", re.IGNORECASE)
"""What the name of an image of the truth ends in: ``HW1_GT``, ``H01_estGT``, ``1_gt``."""

_FOLDER_OF_TRUTHS = re.compile(r"(^|[-_ .])gt([-_ .]|images?|$)", re.IGNORECASE)
"""What the folder of such images is called: ``GT``, ``GTimages``, ``DIBCO2009-GT-Test-images_printed_tiff``."""

_NO_PAGE = re.compile(r"skel(eton)?gt|[rp]weights", re.IGNORECASE)
"""Of images that are neither, such as skeletons of the letters."""


@DATASETS.register("dibco")
class DIBCO(Paired):
    """DIBCO: old documents, print and handwriting, each with what is ink and what is paper; grey.

    The images of all years, or of one, below one folder, as the archives of the contests unpack: the truth of
    ``HW1.png`` is called ``HW1_GT``, ``HW1_estGT`` or ``HW1_gt``, or has the same name and lies in a folder with GT in
    its own; of several images of that name the one with most of its path in common is meant. Source: Gatos,
    Ntirogiannis and Pratikakis, "ICDAR 2009 Document Image Binarization Contest", 2009, and those that followed.

    Args:
        part: ``"test"``, the only one.
        root: the folder ``dibco`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, or holds no pairs, or there is no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("dibco", part, ("test",))
        files = Folder(_DIBCO.require(root))
        pairs = _with_truth(files.names())
        if not pairs:
            raise DataError(f"{files.path} holds no document with its truth: expected two such as H01.png, H01_GT.png")
        super().__init__(TwinFiles(files, pairs, grey=True))


def _with_truth(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each document that has a truth, and that.

    Raises:
        DataError: two truths are of one document.
    """
    pages = [name for name in names if not _NO_PAGE.search(name)]
    truths = {name: _stem(name) for name in pages if _is_truth(name)}
    documents: dict[str, list[str]] = {}
    for name in pages:
        if name not in truths:
            documents.setdefault(_stem(name), []).append(name)
    found: dict[str, str] = {}
    for truth, stem in truths.items():
        if stem in documents:
            page = max(documents[stem], key=lambda name: _in_common(name.lower(), truth.lower()))
            if page in found:
                raise DataError(f"{found[page]} and {truth} both tell what is ink in {page}: keep the years apart")
            found[page] = truth
    return [(page, found[page]) for page in pages if page in found]


def _stem(name: str) -> str:
    return _TRUTH.sub("", PurePosixPath(name).stem).lower()


def _in_common(one: str, other: str) -> int:
    """How many letters both begin with."""
    return sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(one, other, strict=False)))


def _is_truth(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(_TRUTH.search(path.stem)) or any(_FOLDER_OF_TRUTHS.search(part) for part in path.parent.parts)
