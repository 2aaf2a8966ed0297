"""Images that were degraded by the world, each with what it is to become: real noise and its clean twin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scipy.io import loadmat
from torch import Tensor, from_numpy

from clearsight.contracts import Sample
from clearsight.datasets.files import Files, Folder, explained
from clearsight.datasets.images import decoded, grey, on_one_scale
from clearsight.datasets.roots import DataRoot, check_part, find_folder, part_of
from clearsight.errors import DataError
from clearsight.registry import DATASETS

__all__ = ["CC15", "SIDD", "WORDS", "PairFolder", "Paired", "PolyU", "is_paired"]

Words = tuple[str, str]
"""What the path of a degraded image holds, and what that of its clean twin holds instead."""

WORDS: tuple[Words, ...] = (("noisy", "clean"), ("NOISY", "GT"), ("_real", "_mean"))
"""Those that are tried where nobody tells any."""

_POLYU = DataRoot(
    what="PolyU",
    names=("polyu", "CroppedImages"),
    page="https://github.com/csjunxu/PolyU-Real-World-Noisy-Images-Dataset",
)
_CC15 = DataRoot(
    what="CC15",
    names=("cc15", "Real_ccnoise_denoised_part"),
    page="https://github.com/csjunxu/MCWNNM-ICCV2017",
)
_SIDD = DataRoot(what="SIDD", names=("sidd", "SIDD"), page="https://abdokamel.github.io/sidd/")


@dataclass(frozen=True, slots=True, eq=False)
class TwinFiles:
    """Pairs of image files.

    Attributes:
        files: where they lie.
        pairs: the name of each degraded image and of its clean twin.
        grey: whether both are read as grey.
    """

    files: Files
    pairs: list[tuple[str, str]]
    grey: bool = False

    @property
    def names(self) -> list[str]:
        """One name a pair: that of the degraded image."""
        return [noisy for noisy, _ in self.pairs]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Read and decode one pair.

        Raises:
            DataError: a file is gone or unreadable, or the two differ in size or channels.
        """
        pictures = []
        for name in self.pairs[index]:
            with explained(self.files.where(name), "an image"):
                pictures.append(decoded(self.files.read(name), self.files.where(name)))
        x, target = on_one_scale(*pictures)
        if self.grey:
            x, target = grey(x), grey(target)
        if x.shape != target.shape:
            noisy, clean = self.pairs[index]
            raise DataError(
                f"{self.files.where(clean)} is {_size(target)}, its noisy twin {noisy} {_size(x)}: "
                "they have to be of one size and have the same channels"
            )
        return x, target


def _size(image: Tensor) -> str:
    return f"{image.shape[2]}×{image.shape[1]} in {len(image)} channel{'s' if len(image) > 1 else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class TwinBlocks:
    """Pairs of small images in memory.

    Attributes:
        names: of the pairs.
        noisy: ``(N, H, W, C)`` uint8.
        clean: the same of their twins.
    """

    names: list[str]
    noisy: Tensor
    clean: Tensor

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """One pair."""
        x, target = (blocks[index].movedim(2, 0).float() / 255 for blocks in (self.noisy, self.clean))
        return x, target


class Paired:
    """Degraded images with their clean twins: ``x`` is the degraded one, ``target`` what is to come out."""

    classes: tuple[str, ...] = ()

    def __init__(self, twins: TwinFiles | TwinBlocks) -> None:
        self.twins = twins
        self.names = twins.names

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read one.

        Raises:
            DataError: a file is gone or unreadable, or the two differ in size or channels.
            IndexError: there are fewer.
        """
        name = self.names[index]
        x, target = self.twins[index]
        return Sample(name=name, x=x, label=None, target=target)


@DATASETS.register("pair-folder", tiny={"root": "pair-folder"})
class PairFolder(Paired):
    """Noisy images of your own with their clean twins: ``DIR/{noisy,clean}/NAME`` or ``NAME_{noisy,clean}``.

    Two images are a pair where the path of one, below the folder and without its suffix, becomes that of the other by
    one word in place of another. 8 bits mean what they always do; of other numbers, what is black and white in the
    noisy image is so in its twin.

    Args:
        root: the folder, relative to here or to ``$CLEARSIGHT_DATA``.
        part: a subfolder such as ``"test"`` to take alone.
        words: the two words; without them the first of noisy and clean, NOISY and GT, _real and _mean that pair all.

    Raises:
        DataError: no such folder or part, or images that do not pair up.
    """

    def __init__(self, *, root: str | Path | None = None, part: str | None = None, words: Words | None = None) -> None:
        folder = find_folder(root)
        inner, files = part_of(folder, part), Folder(folder)
        tried = {pair: _matched(files.names(part or ""), pair) for pair in ((words,) if words else WORDS)}
        best = min(tried, key=lambda pair: (len(tried[pair][1]), -len(tried[pair][0])))
        super().__init__(TwinFiles(files, _checked(str(inner), *tried[best], words or WORDS[0])))


def is_paired(names: Sequence[str]) -> bool:
    """Whether all images of a folder are pairs by some of the known words.

    Example:
        >>> is_paired(["noisy/1.jpg", "clean/1.png"]), is_paired(["a_noisy.png", "a_clean.png", "b.png"])
        (True, False)
    """
    return any(pairs and not alone for pairs, alone in (_matched(names, words) for words in WORDS))


def _matched(names: Sequence[str], words: Words) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs of noisy and clean names, and the names that belong to none."""
    stems = {_stem(name): name for name in names}
    found = []
    for name in names:
        twin = next((stem for stem in _twins(_stem(name), *words) if stem in stems), None)
        found += [] if twin is None else [(name, stems[twin])]
    used = {name for pair in found for name in pair}
    return found, [name for name in names if name not in used]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _twins(stem: str, noisy: str, clean: str) -> Iterator[str]:
    """What the twin may be called: one word for the other everywhere, or at its first place, or at its last."""
    if noisy in stem:
        yield stem.replace(noisy, clean)
        yield stem.replace(noisy, clean, 1)
        yield clean.join(stem.rsplit(noisy, 1))


def _checked(where: str, pairs: list[tuple[str, str]], alone: Sequence[str], words: Words) -> list[tuple[str, str]]:
    """The pairs.

    Raises:
        DataError: there is none, or an image has no twin.
    """
    if pairs and not alone:
        return pairs
    without = f", and {len(alone)} images without a twin, such as {alone[0]}" if alone else ""
    noisy, clean = words
    raise DataError(
        f"{where} holds {len(pairs)} pairs{without}: expected two images for each, whose names differ by "
        f"{noisy} and {clean}, or in two folders of these names"
    )


def _published(root: DataRoot, given: str | Path | None, words: Words) -> TwinFiles:
    """The pairs of a published folder, in which there may be other images besides."""
    files = Folder(root.require(given))
    pairs, others = _matched(files.names(), words)
    alone = [name for name in others if any(word in _stem(name) for word in words)]
    return TwinFiles(files, _checked(str(files.path), pairs, alone, words))


@DATASETS.register("polyu")
class PolyU(Paired):
    """PolyU: real noise of five cameras; 100 crops 512×512 of photographs, each with the mean of many shots.

    ``*_real.JPG`` and ``*_mean.JPG``. To test on, never to train, choose or tune on. Source: Xu et al., "Real-world
    Noisy Image Denoising: A New Benchmark", 2018.

    Args:
        part: ``"test"``, the only one.
        root: the folder ``polyu``, or ``CroppedImages`` as it is published, or the one it lies in; without it
            ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there or incomplete, or there is no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("polyu", part, ("test",))
        super().__init__(_published(_POLYU, root, ("_real", "_mean")))


@DATASETS.register("cc15")
class CC15(Paired):
    """CC15: real noise of three cameras; 15 crops 512×512 of photographs, each with the mean of many shots.

    ``*_real.png`` and ``*_mean.png``, as the authors of MCWNNM published them, cut from the photographs of Nam et al.;
    other files beside them, such as ``*_ours.png``, are left alone. To test on. Source: Nam et al., "A Holistic
    Approach to Cross-Channel Image Noise Modeling and its Application to Image Denoising", 2016.

    Args:
        part: ``"test"``, the only one.
        root: the folder ``cc15``, or ``Real_ccnoise_denoised_part`` as it is published, or the one it lies in;
            without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there or incomplete, or there is no such part.
    """

    def __init__(self, *, part: str = "test", root: str | Path | None = None) -> None:
        check_part("cc15", part, ("test",))
        super().__init__(_published(_CC15, root, ("_real", "_mean")))


@DATASETS.register("sidd", tiny={"part": "val"})
class SIDD(Paired):
    """SIDD: real noise of five telephones; photographs to train on, 1,280 blocks 256×256 to validate on.

    The clean images of its test part are not public. Source: Abdelhamed et al., "A High-Quality Denoising Dataset for
    Smartphone Cameras", 2018.

    Args:
        part: ``"val"``, the two files ``ValidationNoisyBlocksSrgb.mat`` and ``ValidationGtBlocksSrgb.mat``, which are
            read whole; or ``"train"``, the files ``*NOISY_SRGB*`` and ``*GT_SRGB*`` of SIDD-Small or SIDD-Medium, at
            any depth below the folder.
        root: the folder ``sidd`` or the one it lies in; without it ``$CLEARSIGHT_DATA``.

    Raises:
        DataError: it is not there, is incomplete or damaged, or has no such part.
    """

    def __init__(self, *, part: str = "val", root: str | Path | None = None) -> None:
        check_part("sidd", part, ("train", "val"))
        folder = _SIDD.require(root)
        super().__init__(_blocks(folder) if part == "val" else _published(_SIDD, folder, ("NOISY_SRGB", "GT_SRGB")))


def _blocks(folder: Path) -> TwinBlocks:
    """The validation blocks; each file holds 32 blocks of each of 40 photographs."""
    found = []
    for name in ("ValidationNoisyBlocksSrgb", "ValidationGtBlocksSrgb"):
        path = folder / f"{name}.mat"
        with explained(str(path), "validation blocks of SIDD"), path.open("rb") as file:
            found.append(from_numpy(loadmat(file)[name]))
    photographs, each = found[0].shape[:2]
    names = [f"{photograph:02}/{block:02}" for photograph in range(photographs) for block in range(each)]
    return TwinBlocks(names, *(blocks.flatten(0, 1) for blocks in found))
