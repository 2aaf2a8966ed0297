"""Slices of volumes: which part each belongs to, what is black and white, what is up."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from clearsight.datasets import BrainSlices, open_dataset
from clearsight.errors import DataError, MissingExtraError
from stand_ins import seeded

nibabel = pytest.importorskip("nibabel")
needs_brain = pytest.mark.skipif(find_spec("nilearn") is None, reason="nilearn is not installed")


def volume(path: Path, slices: int = 100) -> np.ndarray:
    """Each voxel says which slice it is of, the first column is twice as bright, the front row 0."""
    voxels = np.tile(np.arange(slices, dtype=np.int16), (4, 5, 1))
    voxels[0] *= 2
    voxels[:, -1] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(path)
    return voxels


def numbers(dataset: BrainSlices) -> list[int]:
    return [int(sample.name.rpartition("/")[2]) for sample in dataset]


def test_parts_are_blocks_with_gaps_between_what_is_trained_on_and_what_is_not(tmp_path: Path) -> None:
    volume(tmp_path / "a.nii.gz")
    parts = {part: numbers(BrainSlices(root=tmp_path / "a.nii.gz", part=part)) for part in ("train", "val", "test")}
    assert [len(part) for part in parts.values()] == [30, 8, 18]
    held = {*parts["val"], *parts["test"]}
    assert min(abs(one - other) for one in parts["train"] for other in held) > 2
    assert not set(parts["val"]) & set(parts["test"])
    assert numbers(BrainSlices(root=tmp_path / "a.nii.gz", part="all")) == list(range(10, 90))


def test_white_is_of_the_whole_volume_and_the_front_is_up(tmp_path: Path) -> None:
    voxels = volume(tmp_path / "a.nii")
    sample = BrainSlices(root=tmp_path, part="all")[30]
    white = np.percentile(voxels, 99.9)
    assert sample.x.shape == (1, 5, 4)
    torch.testing.assert_close(sample.x[0], torch.tensor(voxels[:, ::-1, 40].T / white).clamp(0, 1).float())
    assert not sample.x[0, 0].any()


def test_folders_of_parts(tmp_path: Path) -> None:
    volume(tmp_path / "train" / "a.nii")
    volume(tmp_path / "train" / "b.nii")
    volume(tmp_path / "test" / "c.nii", slices=20)
    assert len(BrainSlices(root=tmp_path, part="train")) == 160
    assert next(iter(BrainSlices(root=tmp_path, part="test"))).name == "c.nii/002"


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        BrainSlices(root=tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no volumes, expected files ending in \.nii or \.nii\.gz"):
        BrainSlices(root=tmp_path)
    (tmp_path / "a.nii").write_bytes(b"a list of patients")
    with pytest.raises(DataError, match="holds something else"):
        BrainSlices(root=tmp_path)
    with pytest.raises(DataError, match="no part 'third'"):
        BrainSlices(part="third")


def test_without_nilearn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearsight.datasets.volumes.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the mean brain needs the optional part 'brains'"):
        BrainSlices()


@needs_brain
def test_the_mean_brain() -> None:
    sizes = {part: len(open_dataset("brain-slices", part=part)) for part in ("train", "val", "test")}
    assert sizes == {"train": 54, "val": 17, "test": 32}
    sample = open_dataset("brain-slices", part="test")[20]
    assert sample.x.shape == (1, 233, 197)
    assert 0.15 < float(sample.x.mean()) < 0.6
    chosen = torch.randint(32, (3,), generator=seeded())
    assert len({open_dataset("brain-slices")[int(one)].name for one in chosen}) == 3
