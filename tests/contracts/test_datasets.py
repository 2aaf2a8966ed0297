"""What every registered data set promises, checked on a few made-up images."""

from __future__ import annotations

import inspect
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torch import Tensor

import clearsight.datasets  # noqa: F401  (fills the registry)
from clearsight.contracts import VOID, Dataset, Sample
from clearsight.errors import DataError
from clearsight.registry import DATASETS

RNG = np.random.default_rng(0)
LABELLED = [
    name
    for name in DATASETS
    if name
    in {
        *("alphadigits", "amat", "cifar10", "image-folder"),
        *("imagenet", "imagenet-sample", "mnist", "tzanetakis", "variants"),
    }
]


def picture(path: Path, *, high: int = 256, channels: int = 3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = RNG.integers(high, size=(6, 8, channels), dtype=np.uint8)
    Image.fromarray(values.squeeze()).save(path)


def mnist(home: Path) -> None:
    raw = home / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images, labels = RNG.integers(256, size=(20, 28, 28), dtype=np.uint8), np.arange(20, dtype=np.uint8) % 10
    (raw / "t10k-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, *images.shape) + images.tobytes())
    (raw / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, len(labels)) + labels.tobytes())


def alphadigits(home: Path) -> None:
    drawings = RNG.integers(2, size=(36 * 5, 320), dtype=np.uint8)
    savemat(home / "binaryalphadigs.mat", {"fea": drawings, "gnd": np.arange(1, 37).repeat(5)[:, None]})


def class_folders(folder: Path) -> None:
    for name in ("cat", "dog", "dog/more"):
        picture(folder / name / "1.png")


def imagenet_sample(folder: Path) -> None:
    lines = ["image,class,wnid,name"]
    for name, wnid in (("b.jpg", "n01443537"), ("a.jpg", "n01440764")):
        picture(folder / "test" / name)
        lines.append(f"{name},0,{wnid},fish")
    (folder / "test.csv").write_text("\n".join(lines))


def segmentation(folder: Path, images: str = "images", labels: str = "labels") -> None:
    for name in ("a", "b"):
        picture(folder / images / f"{name}.jpg")
        picture(folder / labels / f"{name}.png", high=11, channels=1)


def photographs(folder: Path) -> None:
    picture(folder / "colour.png")
    picture(folder / "more" / "grey.png", channels=1)


def pairs(folder: Path, *names: tuple[str, str]) -> None:
    for noisy, clean in names:
        for name in (noisy, clean):
            picture(folder / name)


def sidd(folder: Path) -> None:
    for kind in ("Noisy", "Gt"):
        blocks = RNG.integers(256, size=(2, 3, 6, 8, 3), dtype=np.uint8)
        savemat(folder / f"Validation{kind}BlocksSrgb.mat", {f"Validation{kind}BlocksSrgb": blocks})


def voc2012(folder: Path) -> None:
    segmentation(folder, "JPEGImages", "SegmentationClass")
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets" / "Segmentation" / "val.txt").write_text("a\nb\n")


def amat(path: Path, rows: int, features: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.arange(rows)[:, None] % 2
    np.savetxt(path, np.hstack([RNG.uniform(0.6, 1, size=(rows, features)), labels]), fmt="%.4g")


def volumes(folder: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    folder.mkdir()
    for name in ("a.nii.gz", "b.nii"):
        voxels = RNG.integers(100, size=(8, 6, 20)).astype(np.int16)
        nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(folder / name)


def renders(folder: Path) -> None:
    exr = pytest.importorskip("OpenEXR")
    folder.mkdir(parents=True)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    names = ("R", "G", "B", "albedo.R", "albedo.G", "albedo.B", "normal.X", "normal.Y", "normal.Z")
    for name in ("8spp-1", "8spp-2"):
        channels = {name: RNG.uniform(0.6, 1, size=(6, 8)).astype(np.float16) for name in names}
        exr.File(header, channels).write(str(folder / f"{name}.exr"))


def text_folder(folder: Path) -> None:
    for name in ("a", "more/b", "without"):
        picture(folder / f"{name}.png", channels=1)
    for name in ("a", "more/b"):
        (folder / f"{name}.txt").write_text(f"page {name}\n")


def iam(folder: Path) -> None:
    lines = [f"a01-000u-0{n}" for n in range(2)]
    for line in lines:
        picture(folder / "lines" / "a01" / "a01-000u" / f"{line}.png", channels=1)
    (folder / "ascii").mkdir()
    rows = [f"{line} ok 154 19 408 746 1661 89 A|MOVE|to|{line}" for line in lines]
    (folder / "ascii" / "lines.txt").write_text("\n".join(["#--- lines.txt", *rows]))
    (folder / "task").mkdir()
    (folder / "task" / "testset.txt").write_text("\n".join(lines))


def rimes(folder: Path) -> None:
    picture(folder / "images_gray" / "eval2011-0.png", channels=1)
    boxes = ("Top='0' Left='-2' Bottom='3' Right='8'", "Top='3' Left='0' Bottom='6' Right='8'")
    lines = "".join(f"<Line {box} Value='n\u00b0 {n} l&amp;#39;eau \u00a4'/>" for n, box in enumerate(boxes))
    page = f"<SinglePage FileName='images_gray/eval2011-0.png'><Paragraph>{lines}</Paragraph></SinglePage>"
    (folder / "eval_2011_annotated.xml").write_text(f"<DataList>{page}</DataList>", encoding="utf-8")


def sroie(folder: Path) -> None:
    for name in ("a", "b"):
        picture(folder / "test" / "img" / f"{name}.jpg")
    (folder / "test" / "box").mkdir()
    for name in ("a", "b"):
        rows = f"1,2,3,2,3,4,1,4,TAN, {name}\r\n1,5,3,5,3,6,1,6,RM 9.00 \u00a3\r\n"
        (folder / "test" / "box" / f"{name}.txt").write_bytes(rows.encode("cp1252"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few images in the layout of each data set, all below one folder."""
    home = tmp_path_factory.mktemp("data")
    mnist(home)
    alphadigits(home)
    photographs(home / "photographs")
    text_folder(home / "text-folder")
    voc2012(home / "VOCdevkit" / "VOC2012")
    amat(home / "amat" / "tiny_test.amat", 4, 6)
    amat(home / "tzanetakis.amat", 40, 592)
    for name in ("cifar10/test", "image-folder", "imagenet/val"):
        class_folders(home / name)
    imagenet_sample(home / "imagenet-sample")
    for name in ("camvid/test", "segmentation"):
        segmentation(home / name)
    pairs(home / "pair-folder", ("noisy/a.jpg", "clean/a.png"), ("noisy/more/b.png", "clean/more/b.png"))
    for name in ("polyu", "cc15"):
        pairs(home / name, ("a_1_real.JPG", "a_1_mean.JPG"), ("b_2_real.JPG", "b_2_mean.JPG"))
    pairs(
        home / "dibco",
        ("DIBCO2009_Test_images/H01.bmp", "DIBCO2009-GT-Test-images/H01.tiff"),
        ("DIBCO11-printed/PR1.png", "DIBCO11-printed/PR1_GT.tiff"),
        ("2012/H01.png", "2012/H01_estGT.tif"),
    )
    for name, write in {"iam": iam, "rimes": rimes, "sroie": sroie}.items():
        write(home / name)
    (home / "sidd").mkdir()
    sidd(home / "sidd")
    volumes(home / "volumes")
    renders(home / "renders" / "train" / "00000")
    return home


Make = Callable[[str], Dataset]


@pytest.fixture
def make(home: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(home))
    return lambda name: DATASETS[name].cls(**DATASETS[name].tiny)


@pytest.fixture(params=list(DATASETS))
def dataset(request: pytest.FixtureRequest, make: Make) -> Dataset:
    return make(request.param)


@pytest.fixture(params=LABELLED)
def labelled(request: pytest.FixtureRequest, make: Make) -> Dataset:
    return make(request.param)


def same(one: Sample, other: Sample) -> bool:
    labels = (one.label, other.label)
    alike = torch.equal(*labels) if all(isinstance(label, Tensor) for label in labels) else labels[0] == labels[1]
    targets = [sample.target for sample in (one, other) if sample.target is not None]
    known = one.name == other.name and one.text == other.text
    return known and torch.equal(one.x, other.x) and alike and (not targets or torch.equal(*targets))


def test_keeps_the_contract(dataset: Dataset) -> None:
    assert isinstance(dataset, Dataset)
    assert len(dataset) > 1
    assert len(set(dataset.classes)) == len(dataset.classes)


def test_images_are_one_or_three_channels_in_the_unit_interval(dataset: Dataset) -> None:
    for sample in dataset:
        assert sample.x.dtype == torch.float32
        assert sample.x.ndim == 3
        assert len(sample.x) in (1, 3)
        assert sample.x.min() >= 0
        assert 0.5 < sample.x.max() <= 1


def test_names_are_unique(dataset: Dataset) -> None:
    names = [sample.name for sample in dataset]
    assert len(set(names)) == len(dataset)
    assert all(isinstance(name, str) and name for name in names)


@pytest.mark.parametrize("name", ["cc15", "dibco", "pair-folder", "polyu", "sidd"])
def test_degraded_images_have_a_clean_twin(name: str, make: Make) -> None:
    for sample in make(name):
        assert sample.target.dtype == torch.float32
        assert sample.target.shape == sample.x.shape
        assert 0 <= sample.target.min() <= sample.target.max() <= 1
        assert not sample.target.equal(sample.x)


def test_labels_stand_for_classes(dataset: Dataset) -> None:
    for sample in dataset:
        if isinstance(sample.label, Tensor):
            assert sample.label.dtype == torch.int64
            assert sample.label.shape == sample.x.shape[1:]
            numbers = set(sample.label.unique().tolist()) - {VOID}
        else:
            assert sample.label is None or type(sample.label) is int
            numbers = set() if sample.label is None else {sample.label}
        assert numbers <= set(range(len(dataset.classes)))
        assert (sample.label is None) == (not dataset.classes)


def test_labels_are_there_without_reading_an_image(labelled: Dataset) -> None:
    assert labelled.labels.dtype == torch.int64
    assert labelled.labels.tolist() == [sample.label for sample in labelled]


@pytest.mark.parametrize("name", ["iam", "lines", "pages", "rimes", "sroie", "text-folder"])
def test_texts_are_known(name: str, make: Make) -> None:
    assert all(sample.text and sample.text.strip() for sample in make(name))


def test_reads_the_same_again(dataset: Dataset) -> None:
    assert all(same(dataset[i], dataset[i]) for i in range(len(dataset)))


def test_ends(dataset: Dataset) -> None:
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_is_the_same_in_another_process(dataset: Dataset) -> None:
    moved = pickle.loads(pickle.dumps(dataset))
    assert moved.classes == dataset.classes
    assert all(same(one, other) for one, other in zip(moved, dataset, strict=True))


@pytest.mark.parametrize("name", DATASETS)
def test_is_configured_by_name(name: str) -> None:
    parameters = inspect.signature(DATASETS[name].cls).parameters
    assert {"root", "part"} <= parameters.keys()
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters.values())


@pytest.mark.parametrize("name", DATASETS)
def test_has_a_summary_that_fits_a_line(name: str) -> None:
    assert DATASETS[name].summary.endswith(".")
    assert len(DATASETS[name].summary) < 110


@pytest.mark.parametrize("name", DATASETS)
def test_says_which_parts_there_are(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(home))
    with pytest.raises(DataError, match=r"has no part 'tset'; there is: \w+"):
        DATASETS[name].cls(**{**DATASETS[name].tiny, "part": "tset"})


@pytest.mark.parametrize("name", DATASETS)
def test_says_where_it_was_looked_for(name: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(DataError, match=f"^there is no .* ?{re.escape(str(missing))}.*CLEARSIGHT_DATA"):
        DATASETS[name].cls(root=missing)
