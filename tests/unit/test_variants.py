"""The eight data sets of vincent2010: drawn by their rules, the same from the same seed; and files of a user's own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from clearsight.datasets import AMat, Tzanetakis, Variants
from clearsight.datasets.backgrounds import draw_patches
from clearsight.datasets.shapes import draw_rectangles, draw_regions, is_convex
from clearsight.datasets.variants import KINDS, Kind, _turned
from clearsight.errors import DataError, InvalidArgumentError
from stand_ins import seeded

DIGITS = 60


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty digits, of which each pixel of the middle is the digit's number times 20."""
    home = tmp_path_factory.mktemp("data")
    raw = home / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for start, labels in (("train", np.arange(DIGITS - 10) % 10), ("t10k", np.arange(10))):
        images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
        images[:, 8:20, 8:20] = (20 * labels + 40)[:, None, None]
        (raw / f"{start}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, *images.shape) + images.tobytes())
        head = struct.pack(">2i", 2049, len(labels))
        (raw / f"{start}-labels-idx1-ubyte").write_bytes(head + labels.astype(np.uint8).tobytes())
    return home


def drawn(kind: Kind, mnist: Path, part: str = "train", **arguments: object) -> tuple[Tensor, Tensor]:
    found = Variants(kind=kind, part=part, root=mnist, **{"limit": 40, **arguments})  # type: ignore[arg-type]
    return torch.stack([found[i].x[0] for i in range(len(found))]), found.labels


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same(kind: Kind, mnist: Path) -> None:
    images, labels = drawn(kind, mnist)
    again, more = drawn(kind, mnist), drawn(kind, mnist, limit=50)
    assert torch.equal(images, again[0])
    assert torch.equal(images, more[0][: len(images)])
    assert torch.equal(labels, more[1][: len(labels)])
    assert not torch.equal(images, drawn(kind, mnist, seed=1)[0])


def test_digits_are_dealt_out_once(mnist: Path) -> None:
    sizes = {part: Variants(kind="basic", part=part, root=mnist).labels for part in ("train", "val", "test")}
    assert {part: len(labels) for part, labels in sizes.items()} == {"train": 42, "val": 6, "test": 12}
    assert torch.cat(list(sizes.values())).bincount().tolist() == [6] * 10


def test_digits_lie_on_their_backgrounds(mnist: Path) -> None:
    for kind in ("basic", "bg-rand", "bg-img"):
        images, labels = drawn(kind, mnist)  # type: ignore[arg-type]
        assert (images[:, 8:20, 8:20] >= (20 * labels + 40)[:, None, None] / 255 - 1e-6).all()
    border = drawn("bg-rand", mnist)[0][:, :8]
    assert border.mean() == pytest.approx(0.5, abs=4 / (12 * border.numel()) ** 0.5)
    assert drawn("bg-img", mnist)[0][:, :8].std((1, 2)).mean() > 0.05
    assert not drawn("basic", mnist)[0][:, :8].any()


def test_a_quarter_turn() -> None:
    image = torch.zeros(1, 28, 28)
    image[0, :14, :14] = 1
    turned = _turned(image, torch.tensor([torch.pi / 2]))
    torch.testing.assert_close(turned, image.rot90(1, (1, 2)), rtol=0, atol=1e-5)
    assert not torch.allclose(turned, image)


@pytest.mark.parametrize("filled", [True, False])
def test_rectangles_keep_their_rules(filled: bool) -> None:
    found = draw_rectangles(500, filled=filled, generator=seeded())
    height, width = found.inside.any(2).sum(1), found.inside.any(1).sum(1)
    assert torch.equal(found.inside.sum((1, 2)), height * width)
    assert torch.equal(found.labels, (height > width).long())
    assert (height - width).abs().min() == (5 if filled else 3)
    area = height * width / 28**2
    assert not filled or (area.min() >= 0.25 and area.max() <= 0.75 and min(height.min(), width.min()) >= 10)
    core = (height - 2).clamp(min=0) * (width - 2).clamp(min=0)
    assert torch.equal(found.outline.sum((1, 2)), height * width - core)
    assert found.labels.float().mean() == pytest.approx(0.5, abs=0.1)


def test_convex_regions_are_convex_and_no_smaller_than_others() -> None:
    regions, labels = draw_regions(400, generator=seeded())
    assert torch.equal(is_convex(regions).long(), labels)
    pixels = regions.sum((1, 2)).float()
    assert pixels.min() >= 10
    assert pixels[labels == 1].mean() == pytest.approx(pixels[labels == 0].mean().item(), abs=60)


def test_convexity_against_the_hull() -> None:
    regions, _ = draw_regions(80, generator=seeded(1))
    places = torch.cartesian_prod(torch.arange(28), torch.arange(28)).numpy()
    for region, convex in zip(regions.flatten(1).numpy(), is_convex(regions).tolist(), strict=True):
        edges = ConvexHull(places[region]).equations
        inside = (places @ edges[:, :2].T + edges[:, 2] <= 1e-9).all(1)
        assert (inside.sum() == region.sum()) == convex


def test_patches_are_of_the_photographs_and_not_flat() -> None:
    ramp = torch.arange(1200.0).view(30, 40) / 1200
    patches = draw_patches([ramp, torch.zeros(20, 20)], 50, 8, spread=0.01, generator=seeded())
    steps = torch.tensor([patch.diff(dim=1).mean() for patch in patches])
    torch.testing.assert_close(steps, torch.full((50,), 1 / 1200), rtol=1e-3, atol=0)
    assert len(patches.flatten(1).unique(dim=0)) > 30


def test_photographs_of_ones_own(mnist: Path) -> None:
    from PIL import Image

    (mnist / "photos").mkdir(exist_ok=True)
    Image.fromarray((255 * (np.indices((40, 40)).sum(0) % 2)).astype(np.uint8)).save(mnist / "photos" / "board.png")
    images, _ = drawn("rect-img", mnist, photographs=mnist / "photos")
    assert set(images.unique().tolist()) == {0.0, 1.0}


def _amat(folder: Path, name: str, rows: int, columns: int = 5) -> None:
    folder.mkdir(exist_ok=True)
    lines = (" ".join([f"{row / rows:.4f}"] * (columns - 1) + [str(row % 3)]) for row in range(rows))
    (folder / name).write_text("\n".join(lines) + "\n")


def test_files_of_ones_own(tmp_path: Path) -> None:
    _amat(tmp_path / "mine", "mine_train_valid.amat", 1200)
    _amat(tmp_path / "mine", "mine_test.amat", 7)
    sizes = [len(AMat(root=tmp_path / "mine", part=part, size=(2, 2))) for part in ("train", "val", "test")]
    assert sizes == [1000, 200, 7]
    last = AMat(root=tmp_path / "mine", part="val", size=(2, 2))[199]
    assert (last.label, last.x.shape) == (1199 % 3, (1, 2, 2))
    assert last.x[0, 0, 0] == pytest.approx(1199 / 1200, abs=1e-4)


def _broken(folder: Path, text: str, **arguments: object) -> Callable[[], object]:
    folder.mkdir(exist_ok=True)
    (folder / "x_test.amat").write_text(text)
    return lambda: AMat(root=folder, **{"size": (2, 2), **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0 0 1 1\n0 0 0 1\n", r"has 4 columns in line 2, expected 5: 4 values and the label; is one missing\?"),
        ("0 0 0 0.5\n", "has 4 columns in line 1, expected 5"),
        ("0 0 0 1 0.5\n", "holds no labels: expected a whole number in the last of 5 columns"),
        ("0 0 0 255 1\n", r"has pixels from 0 to 255, expected \[0, 1\]"),
        ("0 0 0 a 1\n", "cannot be read as an .amat file"),
        ("", "is empty, expected rows of 5 columns"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _broken(tmp_path / "x", text)()


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds 0 files \*train.amat or \*train_valid.amat, expected one"):
        _broken(tmp_path / "x", "0 0 0 1 1\n", part="train")()


def test_features_are_scaled_by_what_is_trained_on(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 593))
    rows[:, -1] = np.arange(100) % 10
    np.savetxt(tmp_path / "tzanetakis.amat", rows, fmt="%.4g")
    parts = {part: Tzanetakis(root=tmp_path, part=part) for part in ("train", "val", "test")}
    assert {part: len(found) for part, found in parts.items()} == {"train": 80, "val": 10, "test": 10}
    assert parts["test"][0].x.shape == (1, 1, 592)
    low, high = parts["train"].values.flatten(1).aminmax(dim=0)
    assert torch.equal(low, torch.zeros(592))
    assert torch.equal(high, torch.ones(592))
    labels = torch.cat([found.labels for found in parts.values()])
    assert labels.bincount().tolist() == [10] * 10


def test_a_kind_that_is_not_there() -> None:
    with pytest.raises(InvalidArgumentError, match=r"kind is one of basic, rot, .*; got 'round'"):
        Variants(kind="round")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="at least 1; got 0"):
        Variants(kind="rect", limit=0)
