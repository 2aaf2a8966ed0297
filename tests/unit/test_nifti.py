"""NIfTI: what nibabel writes is restored slice by slice, and nibabel reads what comes of it."""

from __future__ import annotations

import gzip
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from clearsight import images
from clearsight.errors import ImageReadError, ImageWriteError, MissingExtraError
from clearsight.images import Picture
from clearsight.inference import plan
from clearsight.inference.files import Job, Report, process

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[-2.0, 0, 0.1, 90], [0, 2, 0, -126], [0, 0.2, 3, -72], [0, 0, 0, 1]])
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
SUFFIXES = (".nii", ".nii.gz")


def voxels(shape: tuple[int, ...] = (7, 5, 4), dtype: str = "int16") -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, shape).astype(dtype)


def volume(path: Path, data: np.ndarray, *, version: int = 1, big: bool = False) -> np.ndarray:
    """Written by nibabel, with a comment and in millimetres and seconds."""
    kind, image = {1: (nibabel.Nifti1Header, nibabel.Nifti1Image), 2: (nibabel.Nifti2Header, nibabel.Nifti2Image)}[
        version
    ]
    header = kind(endianness=">" if big else "<")
    header.set_data_dtype(data.dtype)
    header["descrip"] = b"a head"
    header.set_xyzt_units("mm", "sec")
    header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"by hand"))
    header.set_slope_inter(0.5, -3)
    made = image(data * 0.5 - 3 if data.dtype.kind != "f" else data, AFFINE, header)
    made.to_filename(path)
    return np.asanyarray(nibabel.load(path).dataobj.get_unscaled())


def darker(source: Path, target: Path) -> Report:
    """A restorer that takes one from each number."""
    (report,) = process(
        [Job(source, target, source.name)],
        lambda _, picture: Picture(pixels=picture.pixels - picture.pixels.dtype.type(1), metadata=picture.metadata),
    )
    return report


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_a_volume_is_restored_slice_by_slice(tmp_path: Path, suffix: str, dtype: str, big: bool) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    stored = volume(source, voxels(dtype=dtype), big=big)
    assert images.open_image(source).header == (7, 5, 1, 4, 1)
    assert darker(source, target).error is None
    before, after = nibabel.load(source), nibabel.load(target)
    np.testing.assert_array_equal(after.dataobj.get_unscaled(), stored - stored.dtype.type(1))
    assert before.header == after.header
    assert after.header.extensions[0].get_content() == b"by hand"


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 1), (7, 5, 4, 3), (1, 1, 2)])
@pytest.mark.parametrize("version", [1, 2])
def test_any_number_of_axes_and_both_versions(tmp_path: Path, shape: tuple[int, ...], version: int) -> None:
    source, target = tmp_path / "in.nii.gz", tmp_path / "out.nii.gz"
    stored = volume(source, voxels(shape), version=version)
    file = images.open_image(source)
    assert file.header.planes == int(np.prod(shape[2:]))
    slices = np.stack([plane.pixels[..., 0].T for plane in file.planes()], axis=-1)
    np.testing.assert_array_equal(slices, stored.reshape(*shape[:2], -1, order="F"))
    assert darker(source, target).error is None
    np.testing.assert_array_equal(nibabel.load(target).dataobj.get_unscaled(), stored - 1)
    assert nibabel.load(target).header == nibabel.load(source).header


def test_a_photograph_becomes_a_slice(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).random((5, 7, 1), np.float32)
    images.write(Picture(pixels=grey), tmp_path / "x.nii")
    loaded = nibabel.load(tmp_path / "x.nii")
    np.testing.assert_array_equal(loaded.get_fdata(dtype=np.float32)[..., 0].T, grey[..., 0])
    np.testing.assert_array_equal(images.read(tmp_path / "x.nii").pixels, grey)
    with pytest.raises(ImageWriteError, match=r"NIfTI cannot hold colour, write \.png or"):
        images.write(Picture(pixels=np.zeros((5, 7, 3), np.uint16)), tmp_path / "y.nii")


def test_a_slice_in_another_format_says_what_it_lost(tmp_path: Path) -> None:
    volume(tmp_path / "in.nii", voxels((7, 5, 1)))
    (report,) = process([Job(tmp_path / "in.nii", tmp_path / "out.tif", "in.nii")], lambda _, picture: picture)
    assert report.error is None
    assert report.notes == ("the NIfTI header left out, which TIFF does not hold",)


def test_a_volume_stays_one(tmp_path: Path) -> None:
    volume(tmp_path / "in.nii", voxels())
    report = darker(tmp_path / "in.nii", tmp_path / "out.tif")
    assert "is a stack, which stays NIfTI: end its name in .nii" in str(report.error)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_finite_is_refused_in_one_sentence(tmp_path: Path, suffix: str) -> None:
    data = voxels(dtype="float32")
    data[2, 3, 2] = np.nan
    volume(tmp_path / f"in{suffix}", data)
    report = darker(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
    assert report.error == (
        f"{tmp_path}/in{suffix} holds NaN or infinity in 1 of 35 pixels, expected finite numbers: replace them first"
    )
    assert [path.name for path in tmp_path.iterdir()] == [f"in{suffix}"], "written whole or not at all"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_volume_leaves_nothing(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"in{suffix}"
    volume(path, voxels((40, 30, 6)))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert darker(path, tmp_path / f"out{suffix}").error is not None
    assert [one.name for one in tmp_path.iterdir()] == [f"in{suffix}"]


@pytest.mark.parametrize("dtype", ["complex64", "int64"])
def test_voxels_that_are_no_picture(tmp_path: Path, dtype: str) -> None:
    nibabel.Nifti1Image(np.ones((4, 4, 2), dtype), AFFINE, dtype=dtype).to_filename(tmp_path / "x.nii")
    with pytest.raises(ImageReadError, match=f"voxels of {dtype}, expected integers of 8, 16, 32 bits"):
        images.open_image(tmp_path / "x.nii")


def test_other_gzipped_files_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(b"a list of patients" * 40))
    (tmp_path / "y.gz").write_bytes(b"\x1f\x8b broken")
    for name in ("x.nii.gz", "y.gz"):
        with pytest.raises(ImageReadError, match="holds something else"):
            images.open_image(tmp_path / name)


def test_content_in_memory(tmp_path: Path) -> None:
    stored = volume(tmp_path / "x.nii.gz", voxels())
    file = images.open_image(BytesIO((tmp_path / "x.nii.gz").read_bytes()), name="standard input")
    np.testing.assert_array_equal(next(file.planes()).pixels[..., 0].T, stored[..., 0])


def test_both_suffixes_are_found_and_kept(tmp_path: Path) -> None:
    for name in ("a.nii", "b.nii.gz", "c.gz", "d.txt"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    jobs = plan([tmp_path / "in"], tmp_path / "out")
    assert [job.target.name for job in jobs] == ["a.nii", "b.nii.gz"]
    jobs = plan([tmp_path / "in"], tmp_path / "out", suffix=".tif", parts=["mean", "spread"])
    assert [one.name for job in jobs for one in job.targets][2:] == ["b.mean.tif", "b.spread.tif"]


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume(tmp_path / "x.nii", voxels())
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(
        MissingExtraError, match=r"NIfTI needs the optional part 'mri': pip install 'clearsight\[mri\]'"
    ):
        images.open_image(tmp_path / "x.nii")
